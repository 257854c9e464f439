//! Transfers, refunds and payouts that failed, those that failed longest ago first.
//!
//! A row has failed since it was first refused after it last stood anywhere but at Stripe's door: tries
//! in between change nothing about that.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::refund::RefundStep;
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result};

/// A transfer that failed, with the field names of `list transfers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedTransfer {
    /// Its number.
    pub internal_id: i64,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// As notified.
    pub r#type: &'static str,
    /// As notified.
    pub order_type: Option<&'static str>,
    /// The seller's account, or that of the taxes.
    pub stripe_account_id: Option<String>,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<String>,
    /// Why.
    pub failed_reason: String,
    /// The kind of reason.
    pub reason_code: String,
    /// Since when it fails, in UTC.
    pub failed_since: DateTime<Utc>,
    /// How often it was tried.
    pub tries: i32,
    /// When it is tried again, in UTC; null when it waits for `resolve`.
    pub next_look_at: Option<DateTime<Utc>>,
    /// The id under which Stripe knows the last request.
    pub stripe_request_id: Option<String>,
}

/// All transfers that failed.
pub(super) async fn transfers(conn: &mut Connection) -> Result<Vec<FailedTransfer>> {
    let stored = sqlx::query!(
        r#"select t.id, t.type as "kind: TransferType", t.mirakl_id,
                  coalesce(t.payer, t.destination) as account, t.shop_id,
                  t.amount, t.currency as "currency: String", t.status_reason as "reason!",
                  t.reason_code as "reason_code!", t.next_look_at, t.stripe_request_id,
                  greatest(t.attempt - 1, 1) as "tries!",
                  coalesce(f.since, t.updated_at) as "since!"
           from transfers t cross join lateral (
               select min(h.at) as since from history h
               where h.subject = 'transfer' and h.subject_id = t.id
                 and h.to_status = 'TRANSFER_FAILED'
                 and h.id > coalesce((select max(b.id) from history b
                                      where b.subject = 'transfer' and b.subject_id = t.id
                                        and b.to_status not in ('TRANSFER_FAILED', 'TRANSFER_PENDING')), 0)) f
           where t.status = 'TRANSFER_FAILED'
           order by "since!", t.id"#
    )
    .fetch_all(conn)
    .await?;
    let rows = stored.into_iter().map(|row| FailedTransfer {
        internal_id: row.id,
        mirakl_id: row.mirakl_id,
        r#type: row.kind.notified_type(),
        order_type: row.kind.order_type(),
        stripe_account_id: row.account,
        mirakl_shop_id: row.shop_id,
        amount: row.amount,
        currency: row.currency,
        failed_reason: row.reason,
        reason_code: row.reason_code,
        failed_since: row.since,
        tries: row.tries,
        next_look_at: row.next_look_at,
        stripe_request_id: row.stripe_request_id,
    });
    Ok(rows.collect())
}

/// A refund of which a step failed, with the field names of `list refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRefund {
    /// Its number.
    pub internal_id: i64,
    /// The refund at Mirakl.
    pub mirakl_refund_id: String,
    /// Its order.
    pub mirakl_order_id: String,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// Which step failed.
    pub step: RefundStep,
    /// What the customer gets back, in minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<String>,
    /// Why.
    pub failed_reason: String,
    /// The kind of reason.
    pub reason_code: String,
    /// Since when it fails, in UTC.
    pub failed_since: DateTime<Utc>,
    /// How often the step was tried.
    pub tries: i32,
    /// When it is tried again, in UTC; null when it waits for `resolve`.
    pub next_look_at: Option<DateTime<Utc>>,
    /// The id under which Stripe knows the last request.
    pub stripe_request_id: Option<String>,
}

/// All refunds of which a step failed.
pub(super) async fn refunds(conn: &mut Connection) -> Result<Vec<FailedRefund>> {
    let rows = sqlx::query_as!(
        FailedRefund,
        r#"select r.id as internal_id, r.mirakl_id as mirakl_refund_id, r.order_id as mirakl_order_id,
                  r.shop_id as mirakl_shop_id, r.step, r.amount, r.currency as "currency: String",
                  r.status_reason as "failed_reason!", r.reason_code as "reason_code!",
                  coalesce(f.since, r.updated_at) as "failed_since!",
                  greatest(case when r.step = 'REFUND' then r.attempt - 1 else r.looks end, 1) as "tries!",
                  r.next_look_at, r.stripe_request_id
           from refunds r cross join lateral (
               select min(h.at) as since from history h
               where h.subject = 'refund' and h.subject_id = r.id
                 and h.to_status = 'REFUND_FAILED'
                 and h.id > coalesce((select max(b.id) from history b
                                      where b.subject = 'refund' and b.subject_id = r.id
                                        and b.to_status not in ('REFUND_FAILED', 'REFUND_PENDING')), 0)) f
           where r.status = 'REFUND_FAILED'
           order by "failed_since!", r.id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A payout that failed, with the field names of `list payouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedPayout {
    /// Its number.
    pub internal_id: i64,
    /// The invoice; a number wherever it is one.
    pub mirakl_invoice_id: serde_json::Value,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// The account that was to be paid out.
    pub stripe_account_id: Option<String>,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<String>,
    /// Why.
    pub failed_reason: String,
    /// The kind of reason.
    pub reason_code: String,
    /// Since when it fails, in UTC.
    pub failed_since: DateTime<Utc>,
    /// How often it was tried.
    pub tries: i32,
    /// When it is tried again, in UTC; null when it waits for `resolve`.
    pub next_look_at: Option<DateTime<Utc>>,
    /// The id under which Stripe knows the last request.
    pub stripe_request_id: Option<String>,
}

/// All payouts that failed.
pub(super) async fn payouts(conn: &mut Connection) -> Result<Vec<FailedPayout>> {
    let stored = sqlx::query!(
        r#"select p.id, p.mirakl_invoice_id, p.shop_id, p.account, p.amount,
                  p.currency as "currency: String", p.status_reason as "reason!",
                  p.reason_code as "reason_code!", p.next_look_at, p.stripe_request_id,
                  greatest(p.attempt - 1, 1) as "tries!",
                  coalesce(f.since, p.updated_at) as "since!"
           from payouts p cross join lateral (
               select min(h.at) as since from history h
               where h.subject = 'payout' and h.subject_id = p.id
                 and h.to_status = 'PAYOUT_FAILED'
                 and h.id > coalesce((select max(b.id) from history b
                                      where b.subject = 'payout' and b.subject_id = p.id
                                        and b.to_status not in ('PAYOUT_FAILED', 'PAYOUT_PENDING')), 0)) f
           where p.status = 'PAYOUT_FAILED'
           order by "since!", p.id"#
    )
    .fetch_all(conn)
    .await?;
    let rows = stored.into_iter().map(|row| FailedPayout {
        internal_id: row.id,
        mirakl_invoice_id: row
            .mirakl_invoice_id
            .parse::<i64>()
            .map_or_else(|_| row.mirakl_invoice_id.into(), Into::into),
        mirakl_shop_id: row.shop_id,
        stripe_account_id: row.account,
        amount: row.amount,
        currency: row.currency,
        failed_reason: row.reason,
        reason_code: row.reason_code,
        failed_since: row.since,
        tries: row.tries,
        next_look_at: row.next_look_at,
        stripe_request_id: row.stripe_request_id,
    });
    Ok(rows.collect())
}
