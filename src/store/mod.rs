//! All SQL: one file or folder per table, free functions over a connection.

pub mod accounts;
pub mod adoptions;
pub mod alerts;
pub mod captures;
pub mod checkpoints;
pub mod debits;
pub mod history;
pub mod identity;
pub mod lock;
pub mod mails;
pub mod notifications;
pub mod old_movements;
pub mod onboardings;
pub mod payments;
pub mod payouts;
pub mod refunds;
pub mod runs;
pub mod schema;
pub mod shops;
pub mod sweep;
pub mod transfers;

use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool};

/// What can go wrong with the store, where somebody acts on it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be used. The driver's message holds its own causes.
    #[error("the database cannot be used: {0}")]
    Database(sqlx::Error),
    /// The schema is older or newer than this program.
    #[error("{0}")]
    Schema(String),
    /// A row is no longer as it was when the change was decided.
    #[error(
        "{what} {id} was changed by another run or a person meanwhile; the next run goes on with it as it is now"
    )]
    Changed {
        /// The table's word for a row.
        what: &'static str,
        /// Its internal id.
        id: i64,
    },
    /// Rows that cannot be written as JSON; a mistake of this program.
    #[error("rows could not be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// The store's result.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Connections for the statements of one run; opened when first needed.
pub fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(15))
        // A connection that broke shows itself at its next statement; asking first costs a trip.
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Rows as one JSON parameter: columns are matched by name, so that none can be swapped.
fn rows<T: Serialize>(rows: &[T]) -> Result<String> {
    Ok(serde_json::to_string(rows)?)
}

/// Fails unless exactly one row was changed.
fn one(changed: u64, what: &'static str, id: i64) -> Result<()> {
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::Changed { what, id }),
    }
}

/// A connection, or a transaction seen as one.
pub type Connection = PgConnection;
