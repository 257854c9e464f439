//! Databases of their own on the server of `DATABASE_URL`, made by `psql`, and the statements that
//! the server was asked.

use std::cell::OnceCell;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::Result;
use crate::common::captures::Row;
use crate::common::psql::Psql;

/// The server, and the `psql` that speaks to it.
pub struct Server {
    psql: Psql,
    url: String,
    made: AtomicU32,
    /// Whether it counts statements.
    counts: bool,
}

impl Server {
    /// The server of `DATABASE_URL`.
    pub fn find() -> Result<Self> {
        let url = std::env::var("DATABASE_URL").map_err(
            |_| "DATABASE_URL is not set: `make bench` brings a server, where databases can be made",
        )?;
        let psql = Psql::find()?;
        let extension = "create extension if not exists pg_stat_statements";
        let counts = psql.execute(&url, extension).is_ok()
            && psql
                .execute(&url, "select from pg_stat_statements limit 1")
                .is_ok();
        Ok(Self {
            psql,
            url,
            made: AtomicU32::new(0),
            counts,
        })
    }

    /// A new, empty database.
    pub fn create(&self) -> Result<Database<'_>> {
        self.create_by("")
    }

    /// A new database that holds what another one holds.
    pub fn copy_of(&self, other: &Database<'_>) -> Result<Database<'_>> {
        self.create_by(&format!(" template {}", other.name))
    }

    fn create_by(&self, how: &str) -> Result<Database<'_>> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("mirakl_stripe_bench_{}_{number}", id());
        let url = with_name(&self.url, &name)?;
        self.execute(&format!("create database {name}{how}"))?;
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

    /// Carries out statements in it.
    pub fn execute(&self, sql: &str) -> Result<()> {
        self.server.psql.execute(&self.url, sql)
    }

    /// The changes of status that it has recorded.
    pub fn history(&self) -> Result<String> {
        let sql = "select count(*) from history";
        self.server.psql.read(&self.url, sql)
    }

    /// From now on the statements in it are counted anew.
    pub fn count_anew(&self) -> Result<()> {
        match self.server.counts {
            true => self.server.execute("select pg_stat_statements_reset()"),
            false => Ok(()),
        }
    }

    /// The statements that were executed in it, `begin` and `commit` among them; none where the
    /// server does not count.
    pub fn statements(&self) -> Result<Option<u64>> {
        if !self.server.counts {
            return Ok(None);
        }
        let sql = format!("select coalesce(sum(calls), 0) {}", self.counted());
        let number = self.server.psql.read(&self.server.url, &sql)?;
        Ok(Some(number.trim().parse()?))
    }

    /// The statements that were executed most, and those that took the server longest.
    pub fn most_frequent(&self) -> Result<String> {
        let sql = format!(
            "select calls, round(total_exec_time) || ' ms', rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
             {} order by greatest(calls, total_exec_time * 10) desc limit 25",
            self.counted()
        );
        match self.server.counts {
            true => self.server.psql.read(&self.server.url, &sql),
            false => Ok("the server counts no statements".to_owned()),
        }
    }

    fn counted(&self) -> String {
        let name = &self.name;
        format!("from pg_stat_statements join pg_database on oid = dbid where datname = '{name}'")
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // One that is left over takes room and does no harm.
        let _ = self.server.execute(&sql);
    }
}

/// A database that is made when it is first asked for, and copied from then on.
#[derive(Default)]
pub struct Template<'a>(OnceCell<Database<'a>>);

impl<'a> Template<'a> {
    /// A copy; `fill` fills the template.
    pub async fn copy(
        &self,
        server: &'a Server,
        fill: impl AsyncFnOnce(&Database<'a>) -> Result<()>,
    ) -> Result<Database<'a>> {
        let template = if let Some(template) = self.0.get() {
            template
        } else {
            let new = server.create()?;
            fill(&new).await?;
            self.0.get_or_init(|| new)
        };
        server.copy_of(template)
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
