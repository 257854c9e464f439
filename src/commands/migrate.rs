//! `migrate`: creates or upgrades the schema.

use sqlx::{ConnectOptions as _, Connection as _};

use crate::settings::DatabaseSettings;
use crate::store::{StoreError, schema};

/// Brings the schema up to date; returns what to tell the operator.
pub async fn run(database: &DatabaseSettings) -> anyhow::Result<String> {
    let mut conn = database.options.connect().await.map_err(StoreError::from)?;
    let applied = schema::migrate(&mut conn).await?;
    conn.close().await?;
    Ok(match applied.as_slice() {
        [] => "the schema is up to date".to_owned(),
        [only] => format!("the schema is up to date; migration {only} was applied"),
        many => format!(
            "the schema is up to date; {} migrations were applied",
            many.len()
        ),
    })
}
