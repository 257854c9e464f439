//! The third step's requests: what is to be sent, that it left, and what Stripe said.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::send::is_news;
use crate::domain::ids::{OrderId, RefundId, ReversalId, ShopId, StripeRefundId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result, one};

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReversal {
    /// The reversal's row.
    pub id: i64,
    /// The refund's row.
    pub refund_row: i64,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// Which of the order's transfers it comes out of.
    pub transfer_type: TransferType,
    /// The refund.
    pub refund_id: RefundId,
    /// The refund at Stripe, and when Stripe made it.
    pub stripe_refund: (StripeRefundId, DateTime<Utc>),
    /// The refund was made by a request that this store remembers.
    pub refunded_here: bool,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// The reversal of the seller's transfer, where that is made already.
    pub seller_reversal: Option<ReversalId>,
    /// The transfer.
    pub transfer: TransferId,
    /// What comes back.
    pub amount: Money,
    /// What the customer got back.
    pub refunded: i64,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals in a row before this attempt.
    pub failures: u32,
    /// The reversals of the transfer that somebody else made, as a person was told of them.
    pub told_of: Vec<ReversalId>,
}

/// The next requests after row `after`.
pub async fn pending_reversals(
    conn: &mut Connection,
    kinds: &[RefundType],
    only: Option<&[&str]>,
    after: i64,
    limit: i64,
) -> Result<Vec<PendingReversal>> {
    let stored = sqlx::query!(
        r#"select v.id, v.refund_id as refund_row, r.type as kind, v.transfer_type, r.mirakl_id,
                  r.stripe_refund_id as "stripe_refund_id!",
                  r.stripe_created_at as "refunded_at!",
                  r.sent_at is not null as "refunded_here!", r.order_id, r.shop_id, v.transfer_id,
                  v.amount, v.currency as "currency!: String", r.amount as "refunded!", v.attempt,
                  v.request_body as "request_body!", v.sent_at, r.looks, v.told_of,
                  (select o.reversal_id from reversals o
                   where o.refund_id = r.id
                     and o.transfer_type in ('PRODUCT_ORDER', 'SERVICE_ORDER')) as seller_reversal
           from reversals v join refunds r on r.id = v.refund_id
           where v.reversal_id is null and v.request_body is not null
             and r.step = 'REVERSE'
             -- What left is settled also where the other part of its refund was refused meanwhile.
             and (r.status = 'REFUND_PENDING'
                  or (v.sent_at is not null and r.status in ('REFUND_FAILED', 'REFUND_ON_HOLD')
                      and r.next_look_at is not null))
             and r.type = any($1::refund_type[])
             and ($2::text[] is null or r.mirakl_id = any($2))
             and v.id > $3
           order by v.id limit $4"#,
        kinds as &[RefundType],
        only as Option<&[&str]>,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(PendingReversal {
            id: row.id,
            refund_row: row.refund_row,
            kind: row.kind,
            transfer_type: row.transfer_type,
            refund_id: RefundId(row.mirakl_id),
            stripe_refund: (StripeRefundId(row.stripe_refund_id), row.refunded_at),
            refunded_here: row.refunded_here,
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            seller_reversal: row.seller_reversal.map(ReversalId),
            transfer: TransferId(row.transfer_id),
            amount: Money::from_minor(row.amount, currency),
            refunded: row.refunded,
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
            told_of: row.told_of.into_iter().map(ReversalId).collect(),
        })
    });
    Ok(pending.collect())
}

/// Notes that these requests are about to leave; keeps the time of the first try.
pub async fn mark_reversals_sent(
    conn: &mut Connection,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update reversals set sent_at = $2
         where id = any($1) and sent_at is null and reversal_id is null",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A reversal that Stripe has made for a row.
#[derive(Debug, Clone)]
pub struct MadeReversal<'a> {
    /// The reversal's row.
    pub id: i64,
    /// The refund's row.
    pub refund_row: i64,
    /// The reversal.
    pub reversal_id: &'a ReversalId,
    /// What Stripe says came back, in minor units.
    pub amount: i64,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// What Stripe did otherwise than asked.
    pub difference: Option<&'a str>,
}

/// Settles a reversal; with the last one of its refund the refund is done. Returns whether it is.
pub async fn reversal_made(
    conn: &mut Connection,
    row: &MadeReversal<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = sqlx::query!(
        "update reversals
         set reversal_id = $2, amount = $3, stripe_created_at = $4, stripe_request_id = $5,
             updated_at = $6
         where id = $1 and reversal_id is null",
        row.id,
        row.reversal_id.as_str(),
        row.amount,
        row.stripe_created_at,
        row.request_id,
        now
    )
    .execute(&mut *conn)
    .await?;
    one(changed.rows_affected(), "reversal", row.id)?;
    // This locks the refund's row, so that of two reversals settled at once one is the last.
    sqlx::query!(
        "update refunds set stripe_request_id = $2, difference = coalesce($3, difference)
         where id = $1",
        row.refund_row,
        row.request_id,
        row.difference
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        "update refunds
         set status = 'REFUND_CREATED', status_reason = null, reason_code = null, looks = 0,
             next_look_at = null, updated_at = $2
         where id = $1 and step = 'REVERSE'
           and (status in ('REFUND_PENDING', 'REFUND_ON_HOLD')
                or (status = 'REFUND_FAILED' and next_look_at is not null))
           and not exists (select from reversals v
                           where v.refund_id = refunds.id and v.reversal_id is null and v.amount > 0)",
        row.refund_row,
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A definite refusal of a reversal.
#[derive(Debug, Clone)]
pub struct RefusedReversal<'a> {
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code, or the kind of reason.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again; none to wait for a person.
    pub next_look_at: Option<DateTime<Utc>>,
    /// The reversals of the transfer that somebody else made, as a person is told of them now or was before.
    pub told_of: &'a [ReversalId],
}

/// Settles a reversal as refused: the next try has a new key. Returns whether that is news.
pub async fn reversal_failed(
    conn: &mut Connection,
    row: &PendingReversal,
    refused: &RefusedReversal<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let news = is_news(conn, row.refund_row, refused.reason).await?;
    let told_of: Vec<&str> = refused.told_of.iter().map(ReversalId::as_str).collect();
    let changed = sqlx::query!(
        "update reversals
         set attempt = attempt + 1, request_body = null, sent_at = null, stripe_request_id = $2,
             told_of = $3, updated_at = $4
         where id = $1 and reversal_id is null",
        row.id,
        refused.request_id,
        &told_of as &[&str],
        now
    )
    .execute(&mut *conn)
    .await?;
    one(changed.rows_affected(), "reversal", row.id)?;
    let changed = sqlx::query!(
        "update refunds
         set status = 'REFUND_FAILED', status_reason = $2, reason_code = $3, stripe_request_id = $4,
             next_look_at = $5, looks = looks + 1, updated_at = $6
         where id = $1 and step = 'REVERSE'
           and (status in ('REFUND_PENDING', 'REFUND_ON_HOLD')
                or (status = 'REFUND_FAILED' and next_look_at is not null))",
        row.refund_row,
        refused.reason,
        refused.code,
        refused.request_id,
        refused.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    // A refund that ended meanwhile stays ended.
    Ok(news && changed.rows_affected() > 0)
}

/// Keeps what Stripe said is left of the transfer, after it refused to give more, because others took back so
/// much of it: the next run asks for what is left, under a new key.
pub async fn cut(
    conn: &mut Connection,
    id: i64,
    left: i64,
    told_of: &[ReversalId],
    now: DateTime<Utc>,
) -> Result<()> {
    let told_of: Vec<&str> = told_of.iter().map(ReversalId::as_str).collect();
    let changed = sqlx::query!(
        "update reversals
         set most = $2, amount = least(amount, $2), attempt = attempt + 1, request_body = null,
             sent_at = null, told_of = $3, updated_at = $4
         where id = $1 and reversal_id is null",
        id,
        left,
        &told_of as &[&str],
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "reversal", id)
}

/// Which of these reversals a row has.
pub async fn known_reversals(conn: &mut Connection, ids: &[&str]) -> Result<HashSet<ReversalId>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let known = sqlx::query_scalar!(
        r#"select reversal_id as "id!: ReversalId" from reversals where reversal_id = any($1::text[])"#,
        ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().collect())
}
