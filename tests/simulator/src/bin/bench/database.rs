//! Databases of their own on the server of `DATABASE_URL`, and the statements that were executed in
//! them.

use std::cell::OnceCell;

use simulator::drive::{self, Psql};

use crate::common::Result;
use crate::common::captures::Row;

/// The server, and the `psql` that asks it.
pub struct Server {
    drive: drive::Server,
    psql: Psql,
    url: String,
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
        let counts = [
            "create extension if not exists pg_stat_statements",
            "select from pg_stat_statements limit 1",
        ];
        let counts = counts.iter().all(|sql| psql.execute(&url, sql).is_ok());
        Ok(Self {
            drive: drive::Server::at(&url)?,
            psql,
            url,
            counts,
        })
    }
}

/// A database that is dropped in the end.
pub struct Database<'a> {
    server: &'a Server,
    drive: drive::Database<'a>,
}

impl Database<'_> {
    /// As `DATABASE_URL` names it.
    pub fn url(&self) -> &str {
        &self.drive.url
    }

    /// What it knows of captures.
    pub fn captures(&self) -> Result<Vec<Row>> {
        Row::all(&self.server.psql, self.url())
    }

    /// Carries out statements in it.
    pub fn execute(&self, sql: &str) -> Result<()> {
        self.server.psql.execute(self.url(), sql)
    }

    /// How many changes of status it has recorded.
    pub fn history(&self) -> Result<String> {
        let sql = "select count(*) from history";
        self.server.psql.read(self.url(), sql)
    }

    /// From now on statements are counted anew.
    pub fn count_anew(&self) -> Result<()> {
        let sql = "select pg_stat_statements_reset()";
        match self.server.counts {
            true => self.server.psql.execute(&self.server.url, sql),
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

    /// The statements that were executed most, or took the server longest.
    pub fn most_frequent(&self) -> Result<String> {
        let sql = format!(
            "select calls, round(total_exec_time) || ' ms', rows,
                    left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
             {} order by greatest(calls, total_exec_time * 10) desc limit 25",
            self.counted()
        );
        match self.server.counts {
            true => self.server.psql.read(&self.server.url, &sql),
            false => Ok("the server counts no statements".to_owned()),
        }
    }

    fn counted(&self) -> String {
        let path = self.url().split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        format!("from pg_stat_statements join pg_database on oid = dbid where datname = '{name}'")
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
            let drive = server.drive.create()?;
            let new = Database { server, drive };
            fill(&new).await?;
            self.0.get_or_init(|| new)
        };
        let drive = server.drive.copy(&template.drive)?;
        Ok(Database { server, drive })
    }
}
