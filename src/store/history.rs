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

/// Whose changes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A transfer.
    Transfer,
    /// A shop's account.
    Account,
    /// A refund; each reason names its step.
    Refund,
    /// A payout.
    Payout,
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Account => "account",
            Self::Refund => "refund",
            Self::Payout => "payout",
        }
    }
}

/// The changes of one row, oldest first.
pub async fn of(conn: &mut Connection, subject: Subject, id: i64) -> Result<Vec<Change>> {
    let changes = sqlx::query_as!(
        Change,
        "select at, from_status, to_status, reason, attempt, stripe_request_id
         from history where subject = $1 and subject_id = $2 order by id",
        subject.as_str(),
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}

/// Why a row was refused, the last time that it stood anywhere but on its way to Stripe; `None` when it
/// stood there for another cause. A refusal for the same reason is no news.
pub async fn last_refusal(
    conn: &mut Connection,
    subject: Subject,
    id: i64,
) -> Result<Option<String>> {
    let reason = sqlx::query_scalar!(
        r"select case when to_status like '%\_FAILED' then reason end
          from history
          where subject = $1 and subject_id = $2 and to_status not like '%\_PENDING'
          order by id desc limit 1",
        subject.as_str(),
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(reason.flatten())
}
