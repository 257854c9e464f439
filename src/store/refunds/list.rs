//! `list refunds`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::ShopId;
use crate::domain::refund::{RefundStatus, RefundStep, RefundType};
use crate::domain::transfer::TransferType;
use crate::store::history::{self, Change, Subject};
use crate::store::{Connection, Result};

/// One row of `list refunds`, with the notification's field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedRefund {
    /// Its number.
    pub internal_id: i64,
    /// The refund at Mirakl.
    pub mirakl_refund_id: String,
    /// Its order.
    pub mirakl_order_id: String,
    /// What the order sells.
    pub order_type: &'static str,
    /// The basket.
    pub commercial_order_id: Option<String>,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// The charge that is refunded.
    pub transaction_id: Option<String>,
    /// The refund at Stripe.
    pub stripe_refund_id: Option<String>,
    /// The reversal of the seller's transfer.
    pub stripe_reversal_id: Option<String>,
    /// What the customer gets back, in minor units.
    pub amount: Option<i64>,
    /// Of the amounts.
    pub currency: Option<String>,
    /// What of it the seller bears, taxes included.
    pub seller_part: Option<i64>,
    /// The arithmetic behind it, in major units.
    pub amount_explained: Option<String>,
    /// Which step it is at.
    pub step: RefundStep,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why it stands there.
    pub status_reason: Option<String>,
    /// The same, of a refused one.
    pub failed_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// What a person should know although nothing is left to do.
    pub difference: Option<String>,
    /// The number of the try at Stripe; it rises with each refusal.
    pub attempt: i32,
    /// When the request to Stripe first left, in UTC.
    pub sent_at: Option<DateTime<Utc>>,
    /// When Stripe made the refund, in UTC.
    pub refunded_at: Option<DateTime<Utc>>,
    /// Refunds that Stripe made and could not carry out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_refund_ids: Vec<String>,
    /// When Mirakl was known to have taken it, in UTC.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What comes back from the seller and from the tax account.
    pub reversals: Vec<ListedReversal>,
    /// When it is looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
    /// The id under which Stripe knows the last request.
    pub stripe_request_id: Option<String>,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// Since when it stands there, in UTC.
    pub updated_at: DateTime<Utc>,
    /// Every change, oldest first; only when one id was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Change>,
}

/// What comes back from one of the order's transfers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedReversal {
    /// `TRANSFER_ORDER` or `TRANSFER_TAX`.
    pub r#type: &'static str,
    /// The transfer.
    pub transfer_id: String,
    /// The reversal at Stripe.
    pub stripe_reversal_id: Option<String>,
    /// What the refund asks for, in minor units.
    pub wanted: i64,
    /// What comes back, in minor units.
    pub amount: i64,
    /// What is missing, because no more is left of the transfer.
    pub shortfall: i64,
    /// The number of the try.
    pub attempt: i32,
    /// When the request first left, in UTC.
    pub sent_at: Option<DateTime<Utc>>,
}

/// Which refunds are listed.
#[derive(Debug, Clone, Default)]
pub struct RefundFilter<'a> {
    /// Only in this status.
    pub status: Option<RefundStatus>,
    /// Only of this shop.
    pub shop: Option<ShopId>,
    /// Only of this internal id, refund, order, basket, charge, or id at Stripe.
    pub id: Option<&'a str>,
}

/// The newest refunds; with an id, each with its history.
pub async fn list(
    conn: &mut Connection,
    filter: &RefundFilter<'_>,
    limit: i64,
) -> Result<Vec<ListedRefund>> {
    let number: Option<i64> = filter.id.and_then(|id| id.parse().ok());
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, order_id, commercial_order_id, shop_id, charge_id,
                  stripe_refund_id, amount, currency as "currency: String", seller_part,
                  amount_explained, step, status, status_reason, reason_code, difference, attempt,
                  sent_at, stripe_created_at, failed_refund_ids, confirmed_at, next_look_at,
                  stripe_request_id, created_at, updated_at
           from refunds
           where ($1::refund_status is null or status = $1)
             and ($2::bigint is null or shop_id = $2)
             and ($3::text is null or mirakl_id = $3 or order_id = $3 or commercial_order_id = $3
                  or stripe_refund_id = $3 or charge_id = $3 or id = $4
                  or $3 = any (failed_refund_ids)
                  or exists (select from reversals v
                             where v.refund_id = refunds.id
                               and (v.reversal_id = $3 or v.transfer_id = $3)))
           order by id desc limit $5"#,
        filter.status as Option<RefundStatus>,
        filter.shop.map(|shop| shop.0),
        filter.id,
        number,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = stored.iter().map(|row| row.id).collect();
    let reversals = sqlx::query!(
        r#"select refund_id, transfer_type as kind, transfer_id, reversal_id, wanted, amount,
                  shortfall as "shortfall!", attempt, sent_at
           from reversals where refund_id = any($1) order by id"#,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut parts: HashMap<i64, Vec<_>> = HashMap::new();
    for reversal in reversals {
        parts.entry(reversal.refund_id).or_default().push(reversal);
    }
    let mut listed = Vec::with_capacity(stored.len());
    for row in stored {
        let kind: RefundType = row.kind;
        let failed = row.status == RefundStatus::RefundFailed;
        let history = match filter.id {
            Some(_) => history::of(conn, Subject::Refund, row.id).await?,
            None => Vec::new(),
        };
        let mut stripe_reversal_id = None;
        let own = parts.remove(&row.id).unwrap_or_default();
        let own = own.into_iter().map(|reversal| {
            let part: TransferType = reversal.kind;
            if !part.is_tax() {
                stripe_reversal_id.clone_from(&reversal.reversal_id);
            }
            ListedReversal {
                r#type: part.notified_type(),
                transfer_id: reversal.transfer_id,
                stripe_reversal_id: reversal.reversal_id,
                wanted: reversal.wanted,
                amount: reversal.amount,
                shortfall: reversal.shortfall,
                attempt: reversal.attempt,
                sent_at: reversal.sent_at,
            }
        });
        listed.push(ListedRefund {
            reversals: own.collect(),
            internal_id: row.id,
            mirakl_refund_id: row.mirakl_id,
            mirakl_order_id: row.order_id,
            order_type: kind.order_kind().as_str(),
            commercial_order_id: row.commercial_order_id,
            mirakl_shop_id: row.shop_id,
            transaction_id: row.charge_id,
            stripe_refund_id: row.stripe_refund_id,
            stripe_reversal_id,
            amount: row.amount,
            currency: row.currency,
            seller_part: row.seller_part,
            amount_explained: row.amount_explained,
            step: row.step,
            status: row.status,
            failed_reason: row.status_reason.clone().filter(|_| failed),
            status_reason: row.status_reason,
            reason_code: row.reason_code,
            difference: row.difference,
            attempt: row.attempt,
            sent_at: row.sent_at,
            refunded_at: row.stripe_created_at,
            failed_refund_ids: row.failed_refund_ids,
            confirmed_at: row.confirmed_at,
            next_look_at: row.next_look_at,
            stripe_request_id: row.stripe_request_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            history,
        });
    }
    Ok(listed)
}
