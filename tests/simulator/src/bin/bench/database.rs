//! Databases of their own on the server of `DATABASE_URL`, made by `psql`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::Result;

/// Where packages put the programs that belong to a server.
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/opt/homebrew/opt"];

/// The server, and the `psql` that speaks to it.
pub struct Server {
    psql: PathBuf,
    url: String,
    made: AtomicU32,
}

impl Server {
    /// The server of `DATABASE_URL`.
    pub fn find() -> Result<Self> {
        let url = std::env::var("DATABASE_URL").map_err(
            |_| "DATABASE_URL is not set: `make bench` brings a server, where databases can be made",
        )?;
        Ok(Self {
            psql: find_psql()?,
            url,
            made: AtomicU32::new(0),
        })
    }

    /// A new, empty database.
    pub fn create(&self) -> Result<Database<'_>> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("mirakl_stripe_bench_{}_{number}", id());
        let url = with_name(&self.url, &name)?;
        self.execute(&format!("create database {name}"))?;
        let server = self;
        Ok(Database { server, name, url })
    }

    fn execute(&self, sql: &str) -> Result<()> {
        let output = Command::new(&self.psql)
            .args(["--quiet", "--no-psqlrc", "--command", sql, &self.url])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("psql could not {sql}: {said}").into())
    }
}

/// A database that is dropped in the end.
pub struct Database<'a> {
    server: &'a Server,
    name: String,
    /// As `DATABASE_URL` names it.
    pub url: String,
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // One that is left over takes room and does no harm.
        let _ = self.server.execute(&sql);
    }
}

/// The same server, another database.
fn with_name(url: &str, name: &str) -> Result<String> {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = path.split_once("://").ok_or("DATABASE_URL is no address")?;
    let server = rest.split_once('/').map_or(rest, |(server, _)| server);
    Ok(format!("{scheme}://{server}/{name}{query}"))
}

/// On the PATH, or where packages put it.
fn find_psql() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path);
    let packaged = FOLDERS
        .iter()
        .flat_map(|folder| versions(Path::new(folder)));
    let mut candidates = on_path.chain(packaged).map(|folder| folder.join("psql"));
    candidates
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            "psql is missing: it makes a database for each scenario. It comes with Postgres \
         (package postgresql-client)"
                .into()
        })
}

fn versions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join("bin")).collect()
}
