//! `list transfers`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::ShopId;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::store::history::{Change, Subject};
use crate::store::{Connection, Result, history};

/// One row of `list transfers`, with the notification's field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedTransfer {
    /// Its number.
    pub internal_id: i64,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// What it pays.
    #[serde(skip)]
    pub kind: TransferType,
    /// As notified.
    pub r#type: &'static str,
    /// As notified.
    pub order_type: Option<&'static str>,
    /// The basket.
    pub commercial_order_id: Option<String>,
    /// The account that receives it.
    pub stripe_account_id: Option<String>,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// The transfer at Stripe.
    pub transfer_id: Option<String>,
    /// The charge it comes from.
    pub transaction_id: Option<String>,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<String>,
    /// The arithmetic behind the amount, in major units.
    pub amount_explained: Option<String>,
    /// Where it stands.
    pub status: TransferStatus,
    /// Why it stands there.
    pub status_reason: Option<String>,
    /// The same, of a refused one.
    pub failed_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// What no longer agrees with Mirakl or Stripe.
    pub difference: Option<String>,
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

/// Which transfers are listed.
#[derive(Debug, Clone, Default)]
pub struct TransferFilter<'a> {
    /// Only in this status.
    pub status: Option<TransferStatus>,
    /// Only of this shop.
    pub shop: Option<ShopId>,
    /// Only of this internal id, order, basket, transfer or charge.
    pub id: Option<&'a str>,
}

/// The newest transfers; with an id, each with its history.
pub async fn list(
    conn: &mut Connection,
    filter: &TransferFilter<'_>,
    limit: i64,
) -> Result<Vec<ListedTransfer>> {
    let number: Option<i64> = filter.id.and_then(|id| id.parse().ok());
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, commercial_order_id,
                  coalesce(payer, destination) as account, shop_id,
                  transfer_id, source_charge, amount, currency as "currency: String",
                  amount_explained, status, status_reason, reason_code, difference, attempt,
                  sent_at, next_look_at, stripe_request_id, created_at, updated_at
           from transfers
           where ($1::transfer_status is null or status = $1)
             and ($2::bigint is null or shop_id = $2)
             and ($3::text is null or mirakl_id = $3 or commercial_order_id = $3
                  or transfer_id = $3 or source_charge = $3 or id = $4)
           order by id desc limit $5"#,
        filter.status as Option<TransferStatus>,
        filter.shop.map(|shop| shop.0),
        filter.id,
        number,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut listed = Vec::with_capacity(stored.len());
    for row in stored {
        let kind: TransferType = row.kind;
        let failed = row.status == TransferStatus::TransferFailed;
        let history = match filter.id {
            Some(_) => history::of(conn, Subject::Transfer, row.id).await?,
            None => Vec::new(),
        };
        listed.push(ListedTransfer {
            internal_id: row.id,
            kind,
            mirakl_id: row.mirakl_id,
            r#type: kind.notified_type(),
            order_type: kind.order_type(),
            commercial_order_id: row.commercial_order_id,
            stripe_account_id: row.account,
            mirakl_shop_id: row.shop_id,
            transfer_id: row.transfer_id,
            transaction_id: row.source_charge,
            amount: row.amount,
            currency: row.currency,
            amount_explained: row.amount_explained,
            status: row.status,
            failed_reason: row.status_reason.clone().filter(|_| failed),
            status_reason: row.status_reason,
            reason_code: row.reason_code,
            difference: row.difference,
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
