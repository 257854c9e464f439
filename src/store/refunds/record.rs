//! Decisions about the first step: reading what is known, and writing a page of them at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{ChargeId, CommercialOrderId, OrderId, RefundId, ShopId, StripeRefundId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{Known, RefundStatus, RefundStep, RefundType};
use crate::store::{Connection, Result, rows};

/// What the store knows of one refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRefund {
    /// Its internal id.
    pub id: i64,
    /// What decides whether it may be decided again.
    pub known: Known,
}

/// What is known of these refunds.
pub async fn known(
    conn: &mut Connection,
    kind: RefundType,
    ids: &[&str],
) -> Result<HashMap<RefundId, KnownRefund>> {
    let stored = sqlx::query!(
        "select id, mirakl_id, step, status, reason_code, looks, next_look_at, sent_at, updated_at,
                accepted_refunds
         from refunds where type = $1 and mirakl_id = any($2::text[])",
        kind as RefundType,
        ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let known = stored.into_iter().map(|row| {
        let known = KnownRefund {
            id: row.id,
            known: Known {
                step: row.step,
                status: row.status,
                reason_code: row.reason_code,
                looks: u32::try_from(row.looks).unwrap_or(0),
                next_look_at: row.next_look_at,
                sent_at: row.sent_at,
                updated_at: row.updated_at,
                accepted: row
                    .accepted_refunds
                    .into_iter()
                    .map(StripeRefundId)
                    .collect(),
            },
        };
        (RefundId(row.mirakl_id), known)
    });
    Ok(known.collect())
}

/// A refund whose first step waits, for a look that Mirakl's list does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// What the customer is to get back, of one that is made anew after Mirakl was told: Mirakl does not
    /// ask for it again.
    pub again: Option<Money>,
}

/// Refunds whose first step waits and is due, or was decided before `stale_since` and never sent.
pub async fn waiting(
    conn: &mut Connection,
    kinds: &[RefundType],
    now: DateTime<Utc>,
    stale_since: DateTime<Utc>,
) -> Result<Vec<Waiting>> {
    let waiting = sqlx::query!(
        r#"select type as kind, mirakl_id, order_id, shop_id, amount,
                  currency as "currency: String", (confirmed_at is not null or cardinality(failed_refund_ids) > 0) as "told!"
           from refunds
           where step = 'REFUND' and type = any($1::refund_type[])
             and (next_look_at <= $2
                  or (status = 'REFUND_PENDING' and sent_at is null and updated_at < $3))
           order by id"#,
        kinds as &[RefundType],
        now,
        stale_since
    )
    .fetch_all(conn)
    .await?;
    let waiting = waiting.into_iter().map(|row| {
        let currency = row.currency.and_then(|code| Currency::parse(&code).ok());
        let amount = row.amount.zip(currency).filter(|_| row.told);
        Waiting {
            kind: row.kind,
            id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            again: amount.map(|(minor, currency)| Money::from_minor(minor, currency)),
        }
    });
    Ok(waiting.collect())
}

/// A decision as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewDecision {
    /// Of a product or of a service.
    #[serde(rename = "type")]
    pub kind: RefundType,
    /// The refund.
    pub mirakl_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The basket, where it is known.
    pub commercial_order_id: Option<CommercialOrderId>,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// Which step it is at from now on.
    pub step: RefundStep,
    /// Where the row stands from now on.
    pub status: RefundStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// What the customer gets back, in minor units.
    pub amount: Option<i64>,
    /// Of all amounts.
    pub currency: Option<Currency>,
    /// What of it the seller bears, taxes included.
    pub seller_part: Option<i64>,
    /// The taxes in it.
    pub taxes: Option<i64>,
    /// Parts that are not payable to the shop.
    pub withheld: Option<i64>,
    /// The arithmetic.
    pub amount_explained: Option<String>,
    /// The payment.
    pub payment_id: Option<String>,
    /// The charge.
    pub charge_id: Option<ChargeId>,
    /// The encoded request.
    pub request_body: Option<String>,
    /// A refund that the old connector made for it.
    pub stripe_refund_id: Option<StripeRefundId>,
    /// When Stripe made that.
    pub stripe_created_at: Option<DateTime<Utc>>,
    /// Looks in a row that found the same, or refusals in a row.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Writes a page of decisions of one kind in one statement; returns the internal ids of what it wrote.
///
/// A row that meanwhile was sent, settled or ended is left as it is. An unchanged reason leaves
/// `updated_at` alone, so that it says since when the row stands where it stands.
pub async fn record(
    conn: &mut Connection,
    decisions: &[NewDecision],
    now: DateTime<Utc>,
) -> Result<HashMap<RefundId, i64>> {
    if decisions.is_empty() {
        return Ok(HashMap::new());
    }
    let written = sqlx::query!(
        "insert into refunds (type, mirakl_id, order_id, commercial_order_id, shop_id, step, status,
                              status_reason, reason_code, amount, currency, seller_part, taxes,
                              withheld, amount_explained, payment_id, charge_id, request_body,
                              stripe_refund_id, stripe_created_at, looks, next_look_at, created_at,
                              updated_at)
         select r.type, r.mirakl_id, r.order_id, r.commercial_order_id, r.shop_id, r.step, r.status,
                r.status_reason, r.reason_code, r.amount, r.currency, r.seller_part, r.taxes,
                r.withheld, r.amount_explained, r.payment_id, r.charge_id, r.request_body,
                r.stripe_refund_id, r.stripe_created_at, r.looks, r.next_look_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type refund_type, mirakl_id text, order_id text, commercial_order_id text,
             shop_id bigint, step refund_step, status refund_status, status_reason text,
             reason_code text, amount bigint, currency text, seller_part bigint, taxes bigint,
             withheld bigint, amount_explained text, payment_id text, charge_id text,
             request_body text, stripe_refund_id text, stripe_created_at timestamptz,
             looks integer, next_look_at timestamptz)
         order by r.type, r.mirakl_id
         on conflict (type, mirakl_id) do update
         set order_id = excluded.order_id,
             commercial_order_id = coalesce(excluded.commercial_order_id, refunds.commercial_order_id),
             shop_id = coalesce(excluded.shop_id, refunds.shop_id),
             step = excluded.step, status = excluded.status,
             status_reason = excluded.status_reason, reason_code = excluded.reason_code,
             amount = excluded.amount, currency = excluded.currency,
             seller_part = excluded.seller_part, taxes = excluded.taxes,
             withheld = excluded.withheld, amount_explained = excluded.amount_explained,
             payment_id = excluded.payment_id,
             charge_id = coalesce(excluded.charge_id, refunds.charge_id),
             request_body = excluded.request_body, stripe_refund_id = excluded.stripe_refund_id,
             stripe_created_at = excluded.stripe_created_at, looks = excluded.looks,
             next_look_at = excluded.next_look_at, stripe_request_id = null,
             updated_at = case
                 when refunds.status = excluded.status and excluded.status <> 'REFUND_PENDING'
                      and refunds.status_reason is not distinct from excluded.status_reason
                 then refunds.updated_at else excluded.updated_at end
         where refunds.step = 'REFUND'
           and (refunds.status = 'REFUND_ON_HOLD'
                or (refunds.status = 'REFUND_FAILED' and refunds.next_look_at is not null)
                or (refunds.status = 'REFUND_PENDING' and refunds.sent_at is null))
         returning id, mirakl_id",
        rows(decisions)?,
        now
    )
    .fetch_all(conn)
    .await?;
    let ids = written.into_iter();
    Ok(ids.map(|row| (RefundId(row.mirakl_id), row.id)).collect())
}
