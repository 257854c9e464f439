//! Which span of Stripe's own lists the store is known to hold.

use chrono::{DateTime, Utc};

use super::{Connection, Result};
use crate::domain::ids::AccountId;

/// One of Stripe's own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// `GET /v1/transfers`
    Transfers,
    /// `GET /v1/accounts`
    Accounts,
    /// `GET /v1/refunds`
    Refunds,
    /// `GET /v1/events` of refunds that failed
    RefundFailures,
}

impl Listed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Accounts => "accounts",
            Self::Refunds => "refunds",
            Self::RefundFailures => "refund_failures",
        }
    }
}

/// A span of Stripe's creation times in which nothing of ours is unknown to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
}

/// The span; `None` as long as no list has been taken over completely.
pub async fn get(conn: &mut Connection, list: Listed) -> Result<Option<Covered>> {
    let covered = sqlx::query_as!(
        Covered,
        r#"select covered_from as "from", covered_until as "until"
           from adoptions where stream = $1"#,
        list.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(covered)
}

/// Widens the span.
pub async fn cover(
    conn: &mut Connection,
    list: Listed,
    covered: Covered,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into adoptions (stream, covered_from, covered_until, updated_at)
         values ($4, $1, $2, $3)
         on conflict (stream) do update
         set covered_from = least(adoptions.covered_from, excluded.covered_from),
             covered_until = greatest(adoptions.covered_until, excluded.covered_until),
             updated_at = excluded.updated_at",
        covered.from,
        covered.until,
        now,
        list.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The span of one account's own lists; `None` as long as they were not taken over completely.
pub async fn of_account(conn: &mut Connection, account: &AccountId) -> Result<Option<Covered>> {
    let covered = sqlx::query_as!(
        Covered,
        r#"select covered_from as "from", covered_until as "until"
           from account_adoptions where account = $1"#,
        account.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(covered)
}

/// Widens the span of one account's own lists.
pub async fn cover_account(
    conn: &mut Connection,
    account: &AccountId,
    covered: Covered,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into account_adoptions (account, covered_from, covered_until, updated_at)
         values ($4, $1, $2, $3)
         on conflict (account) do update
         set covered_from = least(account_adoptions.covered_from, excluded.covered_from),
             covered_until = greatest(account_adoptions.covered_until, excluded.covered_until),
             updated_at = excluded.updated_at",
        covered.from,
        covered.until,
        now,
        account.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that something of ours was found at Stripe that the store did not know.
pub async fn found_unknown(conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into unknown_found (at) values ($1) on conflict (only_row) do update set at = $1",
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether anything of ours was found at Stripe since then that the store did not know.
pub async fn has_found_unknown(conn: &mut Connection, since: DateTime<Utc>) -> Result<bool> {
    let found = sqlx::query!(
        r#"select exists(select from unknown_found where at >= $1) as "found!""#,
        since
    )
    .fetch_one(conn)
    .await?;
    Ok(found.found)
}
