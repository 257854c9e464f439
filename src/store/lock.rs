//! One run per job: an advisory lock, held by a transaction of its own.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::Mutex;

use super::Result;

/// A lock that is held as long as its connection lives.
#[derive(Debug)]
pub struct JobLock {
    // Open for the whole run, but it never writes: the lock is all it holds.
    connection: Mutex<PgConnection>,
}

impl JobLock {
    /// Takes the lock of a job; `None` when another run holds it.
    ///
    /// A transaction-level lock works through any pooler, and ends with the process however that
    /// ends. Keepalives let the server notice within two minutes when a machine has vanished.
    pub async fn try_take(options: &PgConnectOptions, job: &str) -> Result<Option<Self>> {
        let mut connection = options.clone().connect().await?;
        sqlx::query!("begin").execute(&mut connection).await?;
        sqlx::query!(
            "select set_config(name, value, true) from (values
                 ('idle_in_transaction_session_timeout', '0'),
                 ('tcp_keepalives_idle', '60'),
                 ('tcp_keepalives_interval', '20'),
                 ('tcp_keepalives_count', '3')) as setting (name, value)"
        )
        .fetch_all(&mut connection)
        .await?;
        let name = format!("mirakl-stripe:{job}");
        let taken = sqlx::query_scalar!(
            r#"select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "taken!""#,
            name
        )
        .fetch_one(&mut connection)
        .await?;
        if taken {
            Ok(Some(Self {
                connection: Mutex::new(connection),
            }))
        } else {
            connection.close().await?;
            Ok(None)
        }
    }

    /// Fails when the lock may have been lost: a run must not go on without it.
    pub async fn check(&self) -> Result<()> {
        let mut connection = self.connection.lock().await;
        sqlx::query!("select 1 as alive")
            .fetch_one(&mut *connection)
            .await?;
        Ok(())
    }

    /// Gives the lock back.
    pub async fn release(self) {
        let connection = self.connection.into_inner();
        // The server ends the lock with the connection, whether or not this farewell arrives.
        let _ = connection.close().await;
    }
}
