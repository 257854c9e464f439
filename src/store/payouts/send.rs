//! Requests for payouts, and what Stripe said.

use chrono::{DateTime, Utc};

use super::Ready;
use crate::domain::ids::{AccountId, InvoiceId, PayoutId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::store::history::{self, Subject};
use crate::store::{Connection, Result, one};

/// Makes a payout pending, with the body of its request; returns the number of the try, or none when a
/// person has just decided otherwise.
pub async fn pend(
    conn: &mut Connection,
    row: &Ready,
    body: &str,
    failures: u32,
    now: DateTime<Utc>,
) -> Result<Option<u32>> {
    let attempt = sqlx::query_scalar!(
        "update payouts
         set status = 'PAYOUT_PENDING', status_reason = null, reason_code = null, missing = null,
             looks = $3, next_look_at = null, request_body = $2, updated_at = $4
         where id = $1 and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')
         returning attempt",
        row.id,
        body,
        i32::try_from(failures).unwrap_or(i32::MAX),
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(attempt.map(|attempt| u32::try_from(attempt).unwrap_or(1)))
}

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPayout {
    /// Its internal id.
    pub id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The account.
    pub account: AccountId,
    /// What is to be paid.
    pub amount: Money,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals in a row before this attempt.
    pub failures: u32,
}

/// The requests that are in doubt, or were decided since `fresh_since`; of one shop or all, of one
/// account or all; oldest invoice first.
pub async fn pending(
    conn: &mut Connection,
    fresh_since: DateTime<Utc>,
    shop: Option<ShopId>,
    account: Option<&AccountId>,
) -> Result<Vec<PendingPayout>> {
    let stored = sqlx::query!(
        r#"select id, mirakl_invoice_id, shop_id, account as "account!", amount as "amount!",
                  currency as "currency!: String", attempt, request_body as "request_body!",
                  sent_at, looks
           from payouts
           where status = 'PAYOUT_PENDING' and (sent_at is not null or updated_at >= $1)
             and ($2::bigint is null or shop_id = $2) and ($3::text is null or account = $3)
           order by invoice_created_at, mirakl_invoice_id"#,
        fresh_since,
        shop.map(|shop| shop.0),
        account.map(AccountId::as_str)
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(PendingPayout {
            id: row.id,
            invoice: InvoiceId(row.mirakl_invoice_id),
            shop_id: row.shop_id.map(ShopId),
            account: AccountId(row.account),
            amount: Money::from_minor(row.amount, currency),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
        })
    });
    Ok(pending.collect())
}

/// Notes that a request is about to leave; keeps the time of the first try.
pub async fn mark_sent(conn: &mut Connection, id: i64, now: DateTime<Utc>) -> Result<()> {
    let changed = sqlx::query!(
        "update payouts set sent_at = coalesce(sent_at, $2)
         where id = $1 and status = 'PAYOUT_PENDING'",
        id,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", id)
}

/// A payout that Stripe has made for a pending row.
#[derive(Debug, Clone)]
pub struct MadePayout<'a> {
    /// The row.
    pub id: i64,
    /// The payout.
    pub payout_id: &'a PayoutId,
    /// What Stripe says it pays.
    pub amount: Money,
    /// Stripe's word for where it is.
    pub stripe_status: &'a str,
    /// When it reaches the bank, as Stripe expects.
    pub arrival: Option<DateTime<Utc>>,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// When it is read again.
    pub follow_at: Option<DateTime<Utc>>,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// What Stripe did otherwise than asked.
    pub difference: Option<&'a str>,
}

/// Settles a pending row as created. False: it is a payout that is known to have failed, of an earlier
/// attempt, so that this one was not made.
pub async fn made(conn: &mut Connection, row: &MadePayout<'_>, now: DateTime<Utc>) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select $2 = any (failed_payout_ids) as "failed!" from payouts where id = $1"#,
        row.id,
        row.payout_id.as_str()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if failed == Some(true) {
        return Ok(false);
    }
    let currency = row.amount.currency();
    let changed = sqlx::query!(
        "update payouts
         set status = 'PAYOUT_CREATED', status_reason = null, reason_code = null, looks = 0,
             stripe_payout_id = $2, amount = $3, currency = $4, stripe_status = $5,
             arrival_date = $6, stripe_created_at = $7, follow_at = $8, stripe_request_id = $9,
             difference = coalesce($10, difference), updated_at = $11
         where id = $1 and status = 'PAYOUT_PENDING'",
        row.id,
        row.payout_id.as_str(),
        row.amount.minor(),
        currency.code(),
        row.stripe_status,
        row.arrival,
        row.stripe_created_at,
        row.follow_at,
        row.request_id,
        row.difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", row.id)?;
    Ok(true)
}

/// A definite refusal of a pending row.
#[derive(Debug, Clone)]
pub struct RefusedPayout<'a> {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code, or the kind of reason.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again; none: a person decides.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Settles a pending row as refused: the next try has a new key. Returns whether that is news: the
/// last time that the row stood anywhere but at Stripe's door, it was not refused for this reason.
pub async fn refused(
    conn: &mut Connection,
    row: &RefusedPayout<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let before = history::last_refusal(&mut *conn, Subject::Payout, row.id).await?;
    let news = before.as_deref() != Some(row.reason);
    let changed = sqlx::query!(
        "update payouts
         set status = 'PAYOUT_FAILED', status_reason = $2, reason_code = $3,
             stripe_request_id = $4, next_look_at = $5, attempt = attempt + 1, looks = looks + 1,
             sent_at = null, request_body = null, updated_at = $6
         where id = $1 and status = 'PAYOUT_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        row.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", row.id)?;
    Ok(news)
}
