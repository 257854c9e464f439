//! Databases of their own on the server of `DATABASE_URL`, made by `psql`.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::Result;
use crate::common::captures::Row;
use simulator::drive::Psql;

/// The server, and the `psql` that speaks to it.
pub struct Server {
    psql: Psql,
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
            psql: Psql::find()?,
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
        self.psql.execute(&self.url, sql)
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
    /// What it knows of captures.
    pub fn captures(&self) -> Result<Vec<Row>> {
        Row::all(&self.server.psql, &self.url)
    }

    /// Carries out one statement in it.
    pub fn execute(&self, sql: &str) -> Result<()> {
        self.server.psql.execute(&self.url, sql)
    }
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
