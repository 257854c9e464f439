//! The schema's version: `migrate` brings it up to date, every job checks it.

use sqlx::migrate::Migrator;

use super::{Connection, Result, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Creates or upgrades the schema. Returns the versions that were applied.
pub async fn migrate(conn: &mut Connection) -> Result<Vec<i64>> {
    let before = applied(conn).await?;
    MIGRATIONS
        .run(&mut *conn)
        .await
        .map_err(|error| StoreError::Schema(format!("the schema cannot be upgraded: {error}")))?;
    let after = applied(conn).await?;
    Ok(after.into_iter().filter(|v| !before.contains(v)).collect())
}

/// Fails unless the schema is exactly the one this program was built for.
pub async fn check(conn: &mut Connection) -> Result<()> {
    let applied = applied(conn).await?;
    let known: Vec<i64> = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .collect();
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        return Err(StoreError::Schema(format!(
            "the database's schema (version {newer}) is newer than this program: install the newer program"
        )));
    }
    if known.iter().any(|version| !applied.contains(version)) {
        return Err(StoreError::Schema(
            "the database's schema is missing or outdated: run `mirakl-stripe migrate`".to_owned(),
        ));
    }
    Ok(())
}

async fn applied(conn: &mut Connection) -> Result<Vec<i64>> {
    // Asked at run time: the table belongs to the migrator and may not exist yet.
    let versions = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(conn)
        .await;
    match versions {
        Ok(versions) => Ok(versions),
        Err(error) if is_undefined_table(&error) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("42P01")
}
