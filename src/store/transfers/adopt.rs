//! Taking over transfers that Stripe has and the store does not know.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, ChargeId, ShopId, TransferId};
use crate::domain::money::Currency;
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result, rows};

/// A transfer of ours as Stripe lists it.
#[derive(Debug, Clone, Serialize)]
pub struct Adopted {
    /// What it pays.
    #[serde(rename = "type")]
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// The shop, where the transfer says.
    pub shop_id: Option<ShopId>,
    /// The transfer.
    pub transfer_id: TransferId,
    /// Minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// Who paid it; none: the platform.
    pub payer: Option<AccountId>,
    /// Who received it.
    pub destination: AccountId,
    /// The charge it came from.
    pub source_charge: Option<ChargeId>,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// Who made it.
    pub status_reason: &'static str,
}

/// Says that this program made a transfer.
pub const MADE_HERE: &str = "made by mirakl-stripe, found at Stripe";
/// Says that the old connector made a transfer, which it always called a product order's.
pub const MADE_BY_OLD: &str = "made by the old connector, found at Stripe";

/// What an adoption changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptionResult {
    /// Rows that are now created.
    pub settled: u64,
    /// Rows that already have another transfer.
    pub doubled: u64,
}

/// Settles or creates a row for each transfer, whatever the row's status was: the money has moved.
///
/// A second transfer for a row that already has one is flagged: a person decides. A transfer that
/// another row already has stays with it.
pub async fn adopt(
    conn: &mut Connection,
    transfers: &[Adopted],
    now: DateTime<Utc>,
) -> Result<AdoptionResult> {
    if transfers.is_empty() {
        return Ok(AdoptionResult {
            settled: 0,
            doubled: 0,
        });
    }
    let transfers = rows(transfers)?;
    let settled = sqlx::query!(
        "insert into transfers (type, mirakl_id, shop_id, status, status_reason, reason_code,
                                amount, currency, payer, destination, source_charge,
                                transfer_id, stripe_created_at, created_at, updated_at)
         select distinct on (r.type, r.mirakl_id)
                r.type, r.mirakl_id, r.shop_id, 'TRANSFER_CREATED', r.status_reason, 'adopted',
                r.amount, r.currency, r.payer, r.destination, r.source_charge, r.transfer_id,
                r.stripe_created_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type transfer_type, mirakl_id text, shop_id bigint, transfer_id text, amount bigint,
             currency text, payer text, destination text, source_charge text,
             stripe_created_at timestamptz, status_reason text)
         where not exists (select 1 from transfers held
                           where held.transfer_id = r.transfer_id
                             and (held.type, held.mirakl_id) <> (r.type, r.mirakl_id))
         order by r.type, r.mirakl_id, r.stripe_created_at, r.transfer_id
         on conflict (type, mirakl_id) do update
         set status = 'TRANSFER_CREATED', status_reason = excluded.status_reason,
             reason_code = 'adopted', looks = 0, next_look_at = null,
             difference = case
                 when transfers.status in ('TRANSFER_ABORTED', 'TRANSFER_IGNORED')
                 then 'Stripe has made this transfer, although it was ended here: '
                      || transfers.status_reason
                 when transfers.status = 'TRANSFER_PENDING'
                      and (transfers.amount, transfers.currency, transfers.destination)
                          is distinct from
                          (excluded.amount, excluded.currency, excluded.destination)
                 then 'Stripe has made this transfer with another amount or destination than decided here'
                 else transfers.difference end,
             amount = excluded.amount, currency = excluded.currency,
             payer = excluded.payer, destination = excluded.destination, source_charge = excluded.source_charge,
             transfer_id = excluded.transfer_id, stripe_created_at = excluded.stripe_created_at,
             updated_at = excluded.updated_at
         where transfers.transfer_id is null",
        transfers,
        now
    )
    .execute(&mut *conn)
    .await?;
    let doubled = sqlx::query!(
        "update transfers
         set difference = 'Stripe holds another transfer for this: ' || r.transfer_id, updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type transfer_type, mirakl_id text, transfer_id text)
         where transfers.type = r.type and transfers.mirakl_id = r.mirakl_id
           and transfers.transfer_id <> r.transfer_id
           and transfers.difference is distinct from
               'Stripe holds another transfer for this: ' || r.transfer_id",
        transfers,
        now
    )
    .execute(conn)
    .await?;
    Ok(AdoptionResult {
        settled: settled.rows_affected(),
        doubled: doubled.rows_affected(),
    })
}

/// Transfers of the old connector for these Mirakl ids, under the types of product orders: it did not
/// say whether it paid goods or services. Of an order's two the seller's part is named.
pub async fn of_old_connector(
    conn: &mut Connection,
    mirakl_ids: &[&str],
) -> Result<HashMap<String, TransferId>> {
    let found = sqlx::query!(
        r#"select distinct on (mirakl_id) mirakl_id, transfer_id as "transfer_id!"
           from transfers
           where mirakl_id = any($1::text[]) and type in ('PRODUCT_ORDER', 'PRODUCT_ORDER_TAX')
             and status = 'TRANSFER_CREATED' and status_reason = $2
           order by mirakl_id, type"#,
        mirakl_ids as &[&str],
        MADE_BY_OLD
    )
    .fetch_all(conn)
    .await?;
    let found = found.into_iter();
    Ok(found
        .map(|row| (row.mirakl_id, TransferId(row.transfer_id)))
        .collect())
}
