//! Whom this database serves.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// The marketplace, the platform and the mode that a database belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The Mirakl host, with its port if unusual.
    pub mirakl_host: String,
    /// The Stripe platform's account.
    pub stripe_account_id: String,
    /// Live or test mode.
    pub livemode: bool,
    /// SHA-256 of the key that was last checked, in hexadecimal.
    pub key_fingerprint: String,
}

/// The identity; `None` before the first run.
pub async fn get(conn: &mut Connection) -> Result<Option<Identity>> {
    let identity = sqlx::query_as!(
        Identity,
        "select mirakl_host, stripe_account_id, livemode, key_fingerprint from identity"
    )
    .fetch_optional(conn)
    .await?;
    Ok(identity)
}

/// Stores the first identity, or the fingerprint of a new key of the same one.
///
/// Returns the identity that the database then has, which another first run may have set.
pub async fn put(
    conn: &mut Connection,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<Identity> {
    sqlx::query!(
        "insert into identity (mirakl_host, stripe_account_id, livemode, key_fingerprint, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         on conflict (only_row) do update
         set key_fingerprint = excluded.key_fingerprint, updated_at = excluded.updated_at
         where identity.mirakl_host = excluded.mirakl_host
           and identity.stripe_account_id = excluded.stripe_account_id
           and identity.livemode = excluded.livemode",
        identity.mirakl_host,
        identity.stripe_account_id,
        identity.livemode,
        identity.key_fingerprint,
        now
    )
    .execute(&mut *conn)
    .await?;
    let stored = get(conn).await?;
    Ok(stored.unwrap_or_else(|| identity.clone()))
}
