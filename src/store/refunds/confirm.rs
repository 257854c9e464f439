//! The second step: which refunds Mirakl is to be told of, and what it took.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::send::is_news;
use crate::domain::ids::{OrderId, RefundId, ShopId, StripeRefundId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::store::{Connection, Result, rows};

/// A refund that Mirakl is to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToConfirm {
    /// The row.
    pub id: i64,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// What the customer got back.
    pub amount: Money,
    /// The refund at Stripe.
    pub stripe_refund_id: StripeRefundId,
    /// Refusals in a row.
    pub failures: u32,
    /// When Mirakl was first told.
    pub sent_at: Option<DateTime<Utc>>,
}

/// The next refunds after row `after` that Mirakl is to be told of.
pub async fn to_confirm(
    conn: &mut Connection,
    kind: RefundType,
    only: Option<&[&str]>,
    now: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<ToConfirm>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, order_id, shop_id, amount as "amount!",
                  currency as "currency!: String", stripe_refund_id as "stripe_refund_id!", looks,
                  confirm_sent_at
           from refunds
           where step = 'CONFIRM' and type = $1 and seller_part is not null
             and (status = 'REFUND_PENDING' or next_look_at <= $2)
             and ($3::text[] is null or mirakl_id = any($3))
             and id > $4
           order by id limit $5"#,
        kind as RefundType,
        now,
        only as Option<&[&str]>,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let found = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(ToConfirm {
            id: row.id,
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            amount: Money::from_minor(row.amount, currency),
            stripe_refund_id: StripeRefundId(row.stripe_refund_id),
            failures: u32::try_from(row.looks).unwrap_or(0),
            sent_at: row.confirm_sent_at,
        })
    });
    Ok(found.collect())
}

/// Notes that Mirakl is about to be told; keeps the time of the first try.
pub async fn confirm_sent(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update refunds set confirm_sent_at = coalesce(confirm_sent_at, $2)
         where id = any($1) and step = 'CONFIRM'",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Settles the second step of these: the seller's part is to come back next.
pub async fn confirmed(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update refunds
         set step = 'REVERSE', status = 'REFUND_PENDING', status_reason = null, reason_code = null,
             looks = 0, next_look_at = null, confirmed_at = coalesce(confirmed_at, $2),
             updated_at = $2
         where id = any($1) and step = 'CONFIRM'
           and (status in ('REFUND_PENDING', 'REFUND_ON_HOLD')
                or (status = 'REFUND_FAILED' and next_look_at is not null))",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Flags refunds that Mirakl still asks for although it was known to have taken them before `before`;
/// returns those that were not flagged yet.
pub async fn still_asked(
    conn: &mut Connection,
    kind: RefundType,
    ids: &[&str],
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<RefundId>> {
    let flagged = sqlx::query!(
        "update refunds
         set difference = 'Mirakl still asks for this refund, although it was told', updated_at = $4
         where type = $1 and mirakl_id = any($2::text[]) and step = 'REVERSE' and confirmed_at < $3
           and difference is distinct from
               'Mirakl still asks for this refund, although it was told'
         returning mirakl_id",
        kind as RefundType,
        ids as &[&str],
        before,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(flagged
        .into_iter()
        .map(|row| RefundId(row.mirakl_id))
        .collect())
}

/// Why Mirakl did not take one.
#[derive(Debug, Clone, Serialize)]
pub struct NotConfirmed {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: String,
    /// When it is told again.
    pub next_look_at: DateTime<Utc>,
}

/// Settles the second step of these as refused by Mirakl, to be told again. Returns those for which
/// that is news.
pub async fn not_confirmed(
    conn: &mut Connection,
    refused: &[NotConfirmed],
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    if refused.is_empty() {
        return Ok(Vec::new());
    }
    let mut news = Vec::new();
    for row in refused {
        if is_news(conn, row.id, &row.reason).await? {
            news.push(row.id);
        }
    }
    sqlx::query!(
        "update refunds
         set status = 'REFUND_FAILED', status_reason = r.reason, reason_code = 'refused_by_mirakl',
             looks = looks + 1, next_look_at = r.next_look_at, updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             id bigint, reason text, next_look_at timestamptz)
         where refunds.id = r.id and refunds.step = 'CONFIRM'
           and refunds.status in ('REFUND_PENDING', 'REFUND_FAILED', 'REFUND_ON_HOLD')",
        rows(refused)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(news)
}
