//! What becomes of each authorised payment: what was decided, sent, and what came of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Connection, Result, one, rows};
use crate::domain::ids::CommercialOrderId;
use crate::domain::money::{Currency, Money};

/// What is asked of Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "capture_action", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureAction {
    /// Take money.
    Capture,
    /// Release all of it.
    Cancel,
}

/// Where the end of a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "capture_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureStatus {
    /// Waits; looked at again.
    CaptureOnHold,
    /// To be sent, or sent without an answer.
    CapturePending,
    /// Done.
    CaptureCreated,
    /// Stripe refused it; tried again.
    CaptureFailed,
}

/// What the store knows of a payment's end when its basket is seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCapture {
    /// Where it stands.
    pub status: CaptureStatus,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// Earlier looks that found the same reason, or refusals in a row.
    pub looks: u32,
    /// When it is due for another look.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When its request first left.
    pub sent_at: Option<DateTime<Utc>>,
    /// Since when it stands there.
    pub updated_at: DateTime<Utc>,
    /// What a person should know, as it was flagged.
    pub difference: Option<String>,
}

/// What is known of these payments' ends.
pub async fn known(
    conn: &mut Connection,
    payments: &[&str],
) -> Result<HashMap<String, KnownCapture>> {
    let stored = sqlx::query!(
        "select payment_id, status, reason_code, looks, next_look_at, sent_at, updated_at, difference
         from captures where payment_id = any($1::text[])",
        payments as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let known = stored.into_iter().map(|row| {
        let known = KnownCapture {
            status: row.status,
            reason_code: row.reason_code,
            looks: u32::try_from(row.looks).unwrap_or(0),
            next_look_at: row.next_look_at,
            sent_at: row.sent_at,
            updated_at: row.updated_at,
            difference: row.difference,
        };
        (row.payment_id, known)
    });
    Ok(known.collect())
}

/// A decision as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewCapture {
    /// The payment.
    pub payment_id: String,
    /// Its basket.
    pub commercial_order_id: CommercialOrderId,
    /// On hold or pending.
    pub status: CaptureStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// What is to be asked of Stripe.
    pub action: Option<CaptureAction>,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The arithmetic.
    pub amount_explained: Option<String>,
    /// The encoded request.
    pub request_body: Option<String>,
    /// What a person should know.
    pub difference: Option<String>,
    /// Looks in a row that found the same, or refusals in a row.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Writes decisions; a row that meanwhile was sent or settled is left as it is.
pub async fn record(
    conn: &mut Connection,
    decisions: &[NewCapture],
    now: DateTime<Utc>,
) -> Result<()> {
    if decisions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into captures (payment_id, commercial_order_id, status, status_reason, reason_code,
                               action, amount, currency, amount_explained, request_body, difference,
                               looks, next_look_at, created_at, updated_at)
         select r.payment_id, r.commercial_order_id, r.status, r.status_reason, r.reason_code,
                r.action, r.amount, r.currency, r.amount_explained, r.request_body, r.difference,
                r.looks, r.next_look_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             payment_id text, commercial_order_id text, status capture_status, status_reason text,
             reason_code text, action capture_action, amount bigint, currency text,
             amount_explained text, request_body text, difference text, looks integer,
             next_look_at timestamptz)
         order by r.payment_id
         on conflict (payment_id) do update
         set status = excluded.status, status_reason = excluded.status_reason,
             reason_code = excluded.reason_code, action = excluded.action,
             amount = excluded.amount, currency = excluded.currency,
             amount_explained = excluded.amount_explained, request_body = excluded.request_body,
             difference = excluded.difference, looks = excluded.looks,
             next_look_at = excluded.next_look_at,
             updated_at = case when (captures.status, captures.status_reason)
                                    is distinct from (excluded.status, excluded.status_reason)
                                    or excluded.status = 'CAPTURE_PENDING'
                               then excluded.updated_at else captures.updated_at end
         where captures.status in ('CAPTURE_ON_HOLD', 'CAPTURE_FAILED')
            or (captures.status = 'CAPTURE_PENDING' and captures.sent_at is null)",
        rows(decisions)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCapture {
    /// Its internal id.
    pub id: i64,
    /// The payment.
    pub payment_id: String,
    /// Its basket.
    pub commercial_id: CommercialOrderId,
    /// What is asked of Stripe.
    pub action: CaptureAction,
    /// What is taken; for a cancellation zero.
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

/// The next requests after row `after`: in doubt, or decided since `fresh_since`.
pub async fn pending(
    conn: &mut Connection,
    fresh_since: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<PendingCapture>> {
    let stored = sqlx::query!(
        r#"select id, payment_id, commercial_order_id, action as "action!: CaptureAction",
                  amount as "amount!", currency as "currency!: String", attempt,
                  request_body as "request_body!", sent_at, looks
           from captures
           where status = 'CAPTURE_PENDING' and (sent_at is not null or updated_at >= $1) and id > $2
           order by id limit $3"#,
        fresh_since,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(PendingCapture {
            id: row.id,
            payment_id: row.payment_id,
            commercial_id: CommercialOrderId(row.commercial_order_id),
            action: row.action,
            amount: Money::from_minor(row.amount, currency),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
        })
    });
    Ok(pending.collect())
}

/// Notes that these requests are about to leave; keeps the time of the first try.
pub async fn mark_sent(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update captures set sent_at = $2
         where id = any($1) and status = 'CAPTURE_PENDING' and sent_at is null",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Settles a payment's end as done.
pub async fn created(
    conn: &mut Connection,
    id: i64,
    request_id: Option<&str>,
    reason: Option<&str>,
    difference: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update captures
         set status = 'CAPTURE_CREATED', status_reason = $3, reason_code = null, looks = 0,
             stripe_request_id = $2, difference = $4, next_look_at = null, updated_at = $5
         where id = $1 and status = 'CAPTURE_PENDING'",
        id,
        request_id,
        reason,
        difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "capture", id)
}

/// A definite refusal of a pending row.
#[derive(Debug, Clone)]
pub struct FailedCapture<'a> {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again.
    pub next_look_at: DateTime<Utc>,
}

/// Settles a pending row as refused: the next try has a new key.
pub async fn failed(
    conn: &mut Connection,
    row: &FailedCapture<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update captures
         set status = 'CAPTURE_FAILED', status_reason = $2, reason_code = $3,
             stripe_request_id = $4, next_look_at = $5, attempt = attempt + 1, looks = looks + 1,
             sent_at = null, request_body = null, updated_at = $6
         where id = $1 and status = 'CAPTURE_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        row.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "capture", row.id)
}

/// Ends the rows of payments that were captured or cancelled elsewhere: nothing is left to do. Flags
/// those that ended without money although Mirakl was told of it and no other payment pays the basket.
pub async fn ended_elsewhere(conn: &mut Connection, now: DateTime<Utc>) -> Result<u64> {
    let changed = sqlx::query!(
        "update captures c
         set status = 'CAPTURE_CREATED', reason_code = 'elsewhere', looks = 0, next_look_at = null,
             status_reason = 'the payment is ' || p.status || coalesce(': ' || p.failure, '')
                             || ', not by this program',
             difference = case
                 when p.status in ('CANCELED', 'FAILED')
                      and exists (select from debits d
                                  where d.commercial_order_id = c.commercial_order_id
                                    and d.status = 'DEBIT_CONFIRMED')
                      and not exists (select from payments other
                                      where other.commercial_order_id = c.commercial_order_id
                                        and other.status in ('TO_CAPTURE', 'CAPTURED'))
                 then 'Mirakl was told that orders of the basket are paid, and their payment has '
                      || 'ended without money'
                 else c.difference end,
             updated_at = $1
         from payments p
         where p.payment_id = c.payment_id and p.status <> 'TO_CAPTURE'
           and (c.status in ('CAPTURE_ON_HOLD', 'CAPTURE_FAILED')
                or (c.status = 'CAPTURE_PENDING' and c.sent_at is null))",
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}
