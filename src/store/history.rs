//! Every change of a status, as the database itself wrote it down.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When, in UTC.
    pub at: DateTime<Utc>,
    /// The status before; null for the first.
    pub from_status: Option<String>,
    /// The status after.
    pub to_status: String,
    /// Why.
    pub reason: Option<String>,
    /// The attempt that the row was at.
    pub attempt: i32,
    /// The id under which Stripe knows the request that caused it.
    pub stripe_request_id: Option<String>,
}

/// The changes of one transfer, oldest first.
pub async fn of_transfer(conn: &mut Connection, id: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "select at, from_status, to_status, reason, attempt, stripe_request_id
         from history where subject = 'transfer' and subject_id = $1 order by id",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}

/// The changes of one refund, oldest first; each reason names the step.
pub async fn of_refund(conn: &mut Connection, id: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "select at, from_status, to_status, reason, attempt, stripe_request_id
         from history where subject = 'refund' and subject_id = $1 order by id",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}

/// The changes of one payout, oldest first.
pub async fn of_payout(conn: &mut Connection, id: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "select at, from_status, to_status, reason, attempt, stripe_request_id
         from history where subject = 'payout' and subject_id = $1 order by id",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}

/// The changes of one shop's account, oldest first.
pub async fn of_account(conn: &mut Connection, id: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "select at, from_status, to_status, reason, attempt, stripe_request_id
         from history where subject = 'account' and subject_id = $1 order by id",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}
