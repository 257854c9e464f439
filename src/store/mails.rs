//! Mails of which there is at most one within a time, whatever jobs run.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// The mail about an operator's server that does not take notifications.
pub const ENDPOINT_DOWN: &str = "endpoint_down";

/// Takes the right to send a mail of this kind; false when one was sent after `sent_before`, or when
/// somebody else is sending one. The right ends at `until`, so that nobody who died keeps it.
pub async fn claim(
    conn: &mut Connection,
    kind: &str,
    now: DateTime<Utc>,
    sent_before: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool> {
    let claimed = sqlx::query!(
        "insert into mails (kind, claimed_until) values ($1, $4)
         on conflict (kind) do update set claimed_until = excluded.claimed_until
         where (mails.sent_at is null or mails.sent_at <= $3)
           and (mails.claimed_until is null or mails.claimed_until <= $2)",
        kind,
        now,
        sent_before,
        until
    )
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Gives the right back: the mail server took the mail at `sent_at`, or did not take it.
pub async fn release(
    conn: &mut Connection,
    kind: &str,
    sent_at: Option<DateTime<Utc>>,
) -> Result<()> {
    sqlx::query!(
        "update mails set claimed_until = null, sent_at = coalesce($2, sent_at) where kind = $1",
        kind,
        sent_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
