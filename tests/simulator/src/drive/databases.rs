//! Databases of their own on one server, made, copied and dropped by `psql`.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Psql, Result};

static MADE: AtomicU32 = AtomicU32::new(0);

/// The server, and the `psql` that speaks to it.
pub struct Server {
    psql: Psql,
    url: String,
}

impl Server {
    /// The server of an address such as `DATABASE_URL`, on which databases may be made.
    pub fn at(url: &str) -> Result<Self> {
        let psql = Psql::find()?;
        let url = url.to_owned();
        Ok(Self { psql, url })
    }

    /// A new, empty database.
    pub fn create(&self) -> Result<Database<'_>> {
        self.make("")
    }

    /// A copy of a database that nobody is connected to.
    pub fn copy(&self, of: &Database<'_>) -> Result<Database<'_>> {
        self.make(&format!(" template {}", of.name))
    }

    fn make(&self, from: &str) -> Result<Database<'_>> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("mirakl_stripe_drive_{}_{number}", id());
        let url = with_name(&self.url, &name)?;
        self.psql
            .execute(&self.url, &format!("create database {name}{from}"))?;
        let server = self;
        Ok(Database { server, name, url })
    }
}

/// A database that is dropped in the end.
pub struct Database<'a> {
    server: &'a Server,
    name: String,
    /// As `DATABASE_URL` names it.
    pub url: String,
}

impl Database<'_> {
    /// Ends everybody's connections to it, as a server that restarts does.
    pub fn disconnect(&self) -> Result<()> {
        let sql = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'",
            self.name
        );
        self.server.psql.execute(&self.server.url, &sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // One that is left over takes room and does no harm.
        let _ = self.server.psql.execute(&self.server.url, &sql);
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
