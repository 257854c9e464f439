//! `list payouts`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::ShopId;
use crate::domain::payout::PayoutStatus;
use crate::store::history::{self, Change, Subject};
use crate::store::{Connection, Result};

/// One row of `list payouts`, with the notification's field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPayout {
    /// Its number.
    pub internal_id: i64,
    /// The invoice; a number, as in the notification, wherever it is one.
    pub mirakl_invoice_id: serde_json::Value,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// The account that is paid out.
    pub stripe_account_id: Option<String>,
    /// When Mirakl made the invoice, in UTC.
    pub invoice_created_at: Option<DateTime<Utc>>,
    /// The payout at Stripe.
    pub stripe_payout_id: Option<String>,
    /// Stripe's word for where it is.
    pub stripe_status: Option<String>,
    /// When it reaches the bank, as Stripe expects, in UTC.
    pub arrival_date: Option<DateTime<Utc>>,
    /// Minor units.
    pub amount: Option<i64>,
    /// Minor units that the account lacks.
    pub missing: Option<i64>,
    /// Of the amounts.
    pub currency: Option<String>,
    /// Where it stands.
    pub status: PayoutStatus,
    /// Why it stands there.
    pub status_reason: Option<String>,
    /// The same, of a refused one.
    pub failed_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// What a person should know although it stops nothing.
    pub difference: Option<String>,
    /// Payouts that Stripe made and that failed or were cancelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_payout_ids: Vec<String>,
    /// The number of the try; it rises with each refusal.
    pub attempt: i32,
    /// When it first left, in UTC.
    pub sent_at: Option<DateTime<Utc>>,
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

/// Which payouts are listed.
#[derive(Debug, Clone, Default)]
pub struct PayoutFilter<'a> {
    /// Only in this status.
    pub status: Option<PayoutStatus>,
    /// Only of this shop.
    pub shop: Option<ShopId>,
    /// Only of this internal id, invoice, account or payout.
    pub id: Option<&'a str>,
}

/// The newest payouts; with an id, each with its history.
pub async fn list(
    conn: &mut Connection,
    filter: &PayoutFilter<'_>,
    limit: i64,
) -> Result<Vec<ListedPayout>> {
    let number: Option<i64> = filter.id.and_then(|id| id.parse().ok());
    let stored = sqlx::query!(
        r#"select id, mirakl_invoice_id, shop_id, account, invoice_created_at, stripe_payout_id,
                  stripe_status, arrival_date, amount, missing, currency as "currency: String",
                  status, status_reason, reason_code, difference, failed_payout_ids, attempt,
                  sent_at, next_look_at, stripe_request_id, created_at, updated_at
           from payouts
           where ($1::payout_status is null or status = $1)
             and ($2::bigint is null or shop_id = $2)
             and ($3::text is null or mirakl_invoice_id = $3 or stripe_payout_id = $3
                  or account = $3 or $3 = any (failed_payout_ids) or id = $4)
           order by id desc limit $5"#,
        filter.status as Option<PayoutStatus>,
        filter.shop.map(|shop| shop.0),
        filter.id,
        number,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut listed = Vec::with_capacity(stored.len());
    for row in stored {
        let failed = row.status == PayoutStatus::PayoutFailed;
        let history = match filter.id {
            Some(_) => history::of(conn, Subject::Payout, row.id).await?,
            None => Vec::new(),
        };
        let invoice = row.mirakl_invoice_id;
        listed.push(ListedPayout {
            internal_id: row.id,
            mirakl_invoice_id: invoice
                .parse::<i64>()
                .map_or_else(|_| invoice.into(), Into::into),
            mirakl_shop_id: row.shop_id,
            stripe_account_id: row.account,
            invoice_created_at: row.invoice_created_at,
            stripe_payout_id: row.stripe_payout_id,
            stripe_status: row.stripe_status,
            arrival_date: row.arrival_date,
            amount: row.amount,
            missing: row.missing,
            currency: row.currency,
            status: row.status,
            failed_reason: row.status_reason.clone().filter(|_| failed),
            status_reason: row.status_reason,
            reason_code: row.reason_code,
            difference: row.difference,
            failed_payout_ids: row.failed_payout_ids,
            attempt: row.attempt,
            sent_at: row.sent_at,
            next_look_at: row.next_look_at,
            stripe_request_id: row.stripe_request_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            history,
        });
    }
    Ok(listed)
}
