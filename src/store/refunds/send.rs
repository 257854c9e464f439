//! The first step's requests: what is to be sent, that it left, and what Stripe said.

use chrono::{DateTime, Utc};

use crate::domain::ids::{ChargeId, OrderId, RefundId, ShopId, StripeRefundId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::store::history::{self, Subject};
use crate::store::{Connection, Result, one};

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRefund {
    /// Its internal id.
    pub id: i64,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// What the customer gets back.
    pub amount: Money,
    /// The charge.
    pub charge: ChargeId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals in a row before this attempt.
    pub failures: u32,
    /// Refunds of the charge that others made and a person has accepted.
    pub accepted: Vec<StripeRefundId>,
}

/// The next requests after row `after`: in doubt, or decided since `fresh_since`.
pub async fn pending(
    conn: &mut Connection,
    kinds: &[RefundType],
    fresh_since: DateTime<Utc>,
    only: Option<&[&str]>,
    after: i64,
    limit: i64,
) -> Result<Vec<PendingRefund>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, order_id, attempt, amount as "amount!",
                  currency as "currency!: String", charge_id as "charge_id!",
                  request_body as "request_body!", sent_at, looks, shop_id,
                  accepted_refunds
           from refunds
           where step = 'REFUND' and status = 'REFUND_PENDING' and type = any($1::refund_type[])
             and (sent_at is not null or updated_at >= $2)
             and ($3::text[] is null or mirakl_id = any($3))
             and id > $4
           order by id limit $5"#,
        kinds as &[RefundType],
        fresh_since,
        only as Option<&[&str]>,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(PendingRefund {
            id: row.id,
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            amount: Money::from_minor(row.amount, currency),
            charge: ChargeId(row.charge_id),
            shop_id: row.shop_id.map(ShopId),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
            accepted: row
                .accepted_refunds
                .into_iter()
                .map(StripeRefundId)
                .collect(),
        })
    });
    Ok(pending.collect())
}

/// Notes that these requests are about to leave; keeps the time of the first try.
pub async fn mark_sent(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update refunds set sent_at = $2
         where id = any($1) and step = 'REFUND' and status = 'REFUND_PENDING' and sent_at is null",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A refund that Stripe has made for a pending row.
#[derive(Debug, Clone)]
pub struct MadeRefund<'a> {
    /// The row.
    pub id: i64,
    /// The refund.
    pub stripe_refund_id: &'a StripeRefundId,
    /// What Stripe says it gives back.
    pub amount: Money,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// What Stripe did otherwise than asked.
    pub difference: Option<&'a str>,
}

/// Settles the first step: Mirakl is to be told next. False: it is one that is known to have failed, of an
/// earlier attempt, so that this one was not made.
pub async fn made(conn: &mut Connection, row: &MadeRefund<'_>, now: DateTime<Utc>) -> Result<bool> {
    let failed = sqlx::query!(
        r#"select $2 = any (failed_refund_ids) as "failed!" from refunds where id = $1"#,
        row.id,
        row.stripe_refund_id.as_str()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if failed.is_some_and(|row| row.failed) {
        return Ok(false);
    }
    let currency = row.amount.currency();
    let changed = sqlx::query!(
        "update refunds
         set step = 'CONFIRM', status_reason = null, reason_code = null, looks = 0,
             seller_part = case when amount = $3 and currency = $4 then seller_part end,
             stripe_refund_id = $2, amount = $3, currency = $4, stripe_created_at = $5,
             stripe_request_id = $6, updated_at = $8,
             -- Another refund that was found at Stripe may have become this one.
             difference = coalesce($7, nullif(difference,
                 'Stripe holds another refund for this: ' || $2))
         where id = $1 and step = 'REFUND' and status = 'REFUND_PENDING'",
        row.id,
        row.stripe_refund_id.as_str(),
        row.amount.minor(),
        currency.code(),
        row.stripe_created_at,
        row.request_id,
        row.difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "refund", row.id)?;
    Ok(true)
}

/// A definite refusal of a pending row.
#[derive(Debug, Clone)]
pub struct RefusedRefund<'a> {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code, or the kind of reason.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again; none to wait for a person.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Settles a pending row as refused: the next try has a new key. Returns whether that is news.
pub async fn refused(
    conn: &mut Connection,
    row: &RefusedRefund<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let news = is_news(conn, row.id, row.reason).await?;
    let changed = sqlx::query!(
        "update refunds
         set status = 'REFUND_FAILED', status_reason = $2, reason_code = $3,
             stripe_request_id = $4, next_look_at = $5, attempt = attempt + 1, looks = looks + 1,
             sent_at = null, request_body = null, updated_at = $6
         where id = $1 and step = 'REFUND' and status = 'REFUND_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        row.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "refund", row.id)?;
    Ok(news)
}

/// Whether a refusal for this reason is news: the last time that the row stood anywhere but on its
/// way, it was not refused for it.
pub(super) async fn is_news(conn: &mut Connection, id: i64, reason: &str) -> Result<bool> {
    let before = history::last_refusal(conn, Subject::Refund, id).await?;
    // What is told names the step before it.
    let before = before.as_deref().and_then(|told| told.split_once(": "));
    Ok(before.is_none_or(|(_, why)| why != reason))
}
