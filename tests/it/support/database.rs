//! A database of one's own, copied from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A migrated database that nobody else uses; dropped with the test.
#[derive(Debug)]
pub struct Database {
    pub name: String,
}

fn server_url() -> String {
    std::env::var("DATABASE_URL")
        .expect("DATABASE_URL names a Postgres server for tests; `make test` brings one")
}

fn options(name: &str) -> PgConnectOptions {
    let options: PgConnectOptions = server_url().parse().expect("DATABASE_URL");
    options.database(name)
}

async fn server() -> PgConnection {
    let options: PgConnectOptions = server_url().parse().expect("DATABASE_URL");
    options.connect().await.expect("the test server")
}

fn fresh_name() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("mirakl_stripe_test_{}_{number}", std::process::id())
}

async fn execute(sql: String) {
    let mut server = server().await;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut server)
        .await
        .unwrap();
    server.close().await.unwrap();
}

impl Database {
    /// A database with the schema of this version.
    pub async fn migrated() -> Self {
        let template = TEMPLATE
            .get_or_init(|| async {
                let name = fresh_name();
                execute(format!("create database {name}")).await;
                let mut conn = options(&name).connect().await.unwrap();
                mirakl_stripe::store::schema::migrate(&mut conn)
                    .await
                    .unwrap();
                conn.close().await.unwrap();
                name
            })
            .await;
        Self::copy_of(template).await
    }

    /// A database without any schema.
    pub async fn empty() -> Self {
        let name = fresh_name();
        execute(format!("create database {name}")).await;
        Self { name }
    }

    /// A backup: what the database holds now.
    pub async fn backup(&self) -> Self {
        Self::copy_of(&self.name).await
    }

    async fn copy_of(template: &str) -> Self {
        let name = fresh_name();
        execute(format!("create database {name} template {template}")).await;
        Self { name }
    }

    pub fn url(&self) -> String {
        let url = server_url();
        let (before, query) = url
            .split_once('?')
            .map_or((url.as_str(), None), |(a, b)| (a, Some(b)));
        let (server, _) = before.rsplit_once('/').expect("a database in DATABASE_URL");
        match query {
            Some(query) => format!("{server}/{}?{query}", self.name),
            None => format!("{server}/{}", self.name),
        }
    }

    pub async fn connect(&self) -> PgConnection {
        options(&self.name).connect().await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // A test's runtime may be gone or busy by now, so the farewell has a thread of its own.
        let farewell = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(execute(sql));
        });
        let _ = farewell.join();
    }
}
