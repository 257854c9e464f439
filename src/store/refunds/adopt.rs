//! Taking over refunds that Stripe has and the store does not know, and learning which of them Stripe
//! could not carry out.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{ChargeId, OrderId, RefundId, ReversalId, ShopId, StripeRefundId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::RefundType;
use crate::store::{Connection, Result, rows};

/// A refund of ours as Stripe lists it.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptedRefund {
    /// Of a product or of a service.
    #[serde(rename = "type")]
    pub kind: RefundType,
    /// The refund at Mirakl.
    pub mirakl_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where the refund says.
    pub shop_id: Option<ShopId>,
    /// The refund at Stripe.
    pub stripe_refund_id: StripeRefundId,
    /// Minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// The charge.
    pub charge_id: ChargeId,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// Why Stripe could not carry it out, if it could not.
    pub ended: Option<String>,
}

/// What an adoption changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AdoptionResult {
    /// Rows whose refund is now known.
    pub settled: u64,
    /// Rows that already have another refund.
    pub doubled: u64,
}

/// Settles or creates a row for each refund, whatever the row's status was: the money has moved.
///
/// Of several refunds for one row the one that Stripe carried out counts; [`failed_later`] is to be
/// called for one that it could not. A second one that was carried out is flagged.
pub async fn adopt(
    conn: &mut Connection,
    refunds: &[AdoptedRefund],
    now: DateTime<Utc>,
) -> Result<AdoptionResult> {
    if refunds.is_empty() {
        return Ok(AdoptionResult::default());
    }
    let refunds = rows(refunds)?;
    let settled = sqlx::query!(
        "insert into refunds (type, mirakl_id, order_id, shop_id, step, status, status_reason,
                              reason_code, amount, currency, charge_id, stripe_refund_id,
                              stripe_created_at, created_at, updated_at)
         select distinct on (r.type, r.mirakl_id)
                r.type, r.mirakl_id, r.order_id, r.shop_id, 'CONFIRM',
                'REFUND_PENDING', 'made by mirakl-stripe, found at Stripe', 'adopted',
                r.amount, r.currency, r.charge_id, r.stripe_refund_id, r.stripe_created_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type refund_type, mirakl_id text, order_id text, shop_id bigint, stripe_refund_id text,
             amount bigint, currency text, charge_id text, stripe_created_at timestamptz, ended text)
         order by r.type, r.mirakl_id, r.ended is not null, r.stripe_created_at, r.stripe_refund_id
         on conflict (type, mirakl_id) do update
         set step = 'CONFIRM', status = excluded.status, status_reason = excluded.status_reason,
             reason_code = excluded.reason_code, looks = 0, next_look_at = null,
             difference = case
                 when refunds.status in ('REFUND_ABORTED', 'REFUND_IGNORED')
                 then 'Stripe has made this refund, although it was ended here: '
                      || refunds.status_reason
                 when refunds.amount is not null
                      and (refunds.amount, refunds.currency) is distinct from
                          (excluded.amount, excluded.currency)
                 then 'Stripe has made this refund with another amount than decided here'
                 else refunds.difference end,
             -- What the seller bears goes with the amount.
             seller_part = case when (refunds.amount, refunds.currency)
                                     is distinct from (excluded.amount, excluded.currency)
                                then null else refunds.seller_part end,
             amount = excluded.amount, currency = excluded.currency,
             charge_id = excluded.charge_id, stripe_refund_id = excluded.stripe_refund_id,
             stripe_created_at = excluded.stripe_created_at, updated_at = excluded.updated_at
         where refunds.step = 'REFUND'
           and not (excluded.stripe_refund_id = any (refunds.failed_refund_ids))",
        refunds,
        now
    )
    .execute(&mut *conn)
    .await?;
    let doubled = sqlx::query!(
        "update refunds
         set difference = 'Stripe holds another refund for this: ' || r.stripe_refund_id,
             updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type refund_type, mirakl_id text, stripe_refund_id text, ended text)
         where refunds.type = r.type and refunds.mirakl_id = r.mirakl_id
           and refunds.stripe_refund_id <> r.stripe_refund_id and r.ended is null
           and not (r.stripe_refund_id = any (refunds.failed_refund_ids))
           and refunds.difference is distinct from
               'Stripe holds another refund for this: ' || r.stripe_refund_id",
        refunds,
        now
    )
    .execute(conn)
    .await?;
    Ok(AdoptionResult {
        settled: settled.rows_affected(),
        doubled: doubled.rows_affected(),
    })
}

/// A refund that turned out to have failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLater {
    /// The row.
    pub id: i64,
    /// The refund at Mirakl.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// What the customer was to get back.
    pub amount: Option<Money>,
    /// The reversal of the seller's transfer, if it was made.
    pub reversal: Option<ReversalId>,
}

/// Notes that Stripe could not carry out a refund: it waits for a person from then on. `None` when
/// no row has it, or when that was noted before. `reason` must name the refund, and only then, in brackets,
/// why: of several events one may know more than another.
pub async fn failed_later(
    conn: &mut Connection,
    refund: &StripeRefundId,
    reason: &str,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<FailedLater>> {
    let row = sqlx::query!(
        r#"update refunds
           set status = 'REFUND_FAILED', status_reason = $2, reason_code = $3, next_look_at = null,
               looks = 0, updated_at = $4
           where stripe_refund_id = $1
             and not exists (select from history h
                             where h.subject = 'refund' and h.subject_id = refunds.id
                               and h.to_status = 'REFUND_FAILED'
                               and strpos(h.reason, split_part($2, ' (', 1) || ' (') > 0)
           returning id, mirakl_id, order_id, shop_id, amount, currency as "currency: String",
               (select v.reversal_id from reversals v
                where v.refund_id = refunds.id
                  and v.transfer_type in ('PRODUCT_ORDER', 'SERVICE_ORDER')) as reversal_id"#,
        refund.as_str(),
        reason,
        code,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let currency = row.currency.and_then(|code| Currency::parse(&code).ok());
        let amount = row.amount.zip(currency);
        FailedLater {
            id: row.id,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            amount: amount.map(|(minor, currency)| Money::from_minor(minor, currency)),
            reversal: row.reversal_id.map(ReversalId),
        }
    }))
}
