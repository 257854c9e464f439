//! `psql`, where time or a database has to be made up: it comes with every Postgres server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;

/// Where packages put the programs that belong to a server.
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/opt/homebrew/opt"];

/// The client.
pub struct Psql {
    path: PathBuf,
}

impl Psql {
    /// On the PATH, or where packages put it.
    pub fn find() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path);
        let packaged = FOLDERS
            .iter()
            .flat_map(|folder| versions(Path::new(folder)));
        let mut candidates = on_path.chain(packaged).map(|folder| folder.join("psql"));
        let found = candidates.find(|candidate| candidate.is_file());
        let path =
            found.ok_or("psql is missing: it comes with Postgres (package postgresql-client)")?;
        Ok(Self { path })
    }

    /// Carries out one statement.
    pub fn execute(&self, url: &str, sql: &str) -> Result<()> {
        self.read(url, sql).map(drop)
    }

    /// The one value that a statement returns.
    pub fn read(&self, url: &str, sql: &str) -> Result<String> {
        let output = Command::new(&self.path)
            .args(["--quiet", "--no-psqlrc", "--tuples-only", "--no-align"])
            .args(["--command", sql, url])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("psql could not {sql}: {said}").into())
    }
}

fn versions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join("bin")).collect()
}
