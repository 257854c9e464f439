//! What the seller bears of a refund that was found at Stripe: its order tells.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{CommercialOrderId, OrderId, RefundId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::store::{Connection, Result, rows};

/// A refund that was made, of which the order has not told yet what the seller bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutParts {
    /// The row.
    pub id: i64,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// What the customer got back.
    pub amount: Money,
    /// Looks in a row that found the same.
    pub looks: u32,
    /// The code of the reason it waits for.
    pub reason_code: Option<String>,
}

/// Refunds that were made and whose order has to be read, where a look is due.
pub async fn without_parts(
    conn: &mut Connection,
    kinds: &[RefundType],
    only: Option<&[&str]>,
    now: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<WithoutParts>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, order_id, amount as "amount!",
                  currency as "currency!: String", looks, reason_code
           from refunds
           where seller_part is null and step <> 'REFUND' and type = any($1::refund_type[])
             and (status = 'REFUND_PENDING' or next_look_at <= $2)
             and ($3::text[] is null or mirakl_id = any($3))
             and id > $4
           order by id limit $5"#,
        kinds as &[RefundType],
        now,
        only as Option<&[&str]>,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let found = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(WithoutParts {
            id: row.id,
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            amount: Money::from_minor(row.amount, currency),
            looks: u32::try_from(row.looks).unwrap_or(0),
            reason_code: row.reason_code,
        })
    });
    Ok(found.collect())
}

/// What an order told of a refund that was made, or why it did not.
#[derive(Debug, Clone, Serialize)]
pub struct Parts {
    /// The row.
    pub id: i64,
    /// The basket, where it is known.
    pub commercial_order_id: Option<CommercialOrderId>,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// What the seller bears, taxes included; none when the order does not tell.
    pub seller_part: Option<i64>,
    /// The taxes in it.
    pub taxes: Option<i64>,
    /// Parts that are not payable to the shop.
    pub withheld: Option<i64>,
    /// The arithmetic.
    pub amount_explained: Option<String>,
    /// Mirakl knows that the customer has the money back.
    pub confirmed: bool,
    /// Why the order does not tell.
    pub hold_reason: Option<String>,
    /// The kind of reason.
    pub hold_code: Option<&'static str>,
    /// Looks in a row that found the same.
    pub looks: u32,
    /// The next look, when the order does not tell.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Writes what the orders told: a refund that Mirakl knows to be paid goes on to its reversal.
pub async fn set_parts(conn: &mut Connection, parts: &[Parts], now: DateTime<Utc>) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update refunds
         set commercial_order_id = coalesce(r.commercial_order_id, refunds.commercial_order_id),
             shop_id = coalesce(r.shop_id, refunds.shop_id),
             seller_part = r.seller_part, taxes = r.taxes, withheld = r.withheld,
             amount_explained = r.amount_explained,
             confirmed_at = case when r.confirmed then coalesce(refunds.confirmed_at, $2)
                                 else refunds.confirmed_at end,
             step = case when r.confirmed then 'REVERSE' else refunds.step end,
             status = case when r.hold_code is null then 'REFUND_PENDING'
                           else 'REFUND_ON_HOLD' end::refund_status,
             status_reason = r.hold_reason, reason_code = r.hold_code, looks = r.looks,
             next_look_at = r.next_look_at,
             updated_at = case when refunds.status_reason is not distinct from r.hold_reason
                               then refunds.updated_at else $2 end
         from jsonb_to_recordset($1::text::jsonb) as r(
             id bigint, commercial_order_id text, shop_id bigint, seller_part bigint, taxes bigint,
             withheld bigint, amount_explained text, confirmed boolean, hold_reason text,
             hold_code text, looks integer, next_look_at timestamptz)
         where refunds.id = r.id and refunds.step <> 'REFUND'
           and refunds.status in ('REFUND_PENDING', 'REFUND_ON_HOLD')",
        rows(parts)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
