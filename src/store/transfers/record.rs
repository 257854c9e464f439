//! Decisions: reading what is known, and writing a page of them at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::NO_LONGER_ASKED;
use crate::domain::ids::{AccountId, ChargeId, CommercialOrderId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::transfer::{Known, TransferStatus, TransferType};
use crate::store::{Connection, Result, rows};

/// What the store knows of one thing to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRow {
    /// Its internal id.
    pub id: i64,
    /// The account that it names, if it names one.
    pub destination: Option<AccountId>,
    /// What decides whether it may be decided again.
    pub known: Known,
    /// The amount that was decided or transferred.
    pub amount: Option<Money>,
    /// What no longer agrees, as it was flagged.
    pub difference: Option<String>,
}

/// The natural key of a row.
pub type TransferKey = (TransferType, String);

/// What is known of these Mirakl ids, in rows of these types.
pub async fn known(
    conn: &mut Connection,
    kinds: &[TransferType],
    mirakl_ids: &[&str],
) -> Result<HashMap<TransferKey, KnownRow>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, status, reason_code, looks, next_look_at, sent_at,
                  updated_at, amount, currency as "currency: String", destination, difference
           from transfers where type = any($1) and mirakl_id = any($2::text[])"#,
        kinds as &[TransferType],
        mirakl_ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let known = stored.into_iter().map(|row| {
        let currency = row.currency.and_then(|c| Currency::parse(&c).ok());
        let known = KnownRow {
            id: row.id,
            amount: row
                .amount
                .zip(currency)
                .map(|(minor, c)| Money::from_minor(minor, c)),
            destination: row.destination.map(AccountId),
            difference: row.difference,
            known: Known {
                status: row.status,
                reason_code: row.reason_code,
                looks: u32::try_from(row.looks).unwrap_or(0),
                next_look_at: row.next_look_at,
                sent_at: row.sent_at,
                updated_at: row.updated_at,
            },
        };
        ((row.kind, row.mirakl_id), known)
    });
    Ok(known.collect())
}

/// A decision as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewDecision {
    /// What it pays.
    #[serde(rename = "type")]
    pub kind: TransferType,
    /// The Mirakl id of what is paid.
    pub mirakl_id: String,
    /// The shop, if the order could be read.
    pub shop_id: Option<ShopId>,
    /// The basket, if the order could be read.
    pub commercial_order_id: Option<CommercialOrderId>,
    /// Where the row stands from now on.
    pub status: TransferStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// Minor units, above zero.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The arithmetic.
    pub amount_explained: Option<String>,
    /// The account that is to receive it.
    pub destination: Option<AccountId>,
    /// The payment it comes from.
    pub payment_id: Option<String>,
    /// The charge it comes from.
    pub source_charge: Option<ChargeId>,
    /// The account out of whose balance it comes; none: the platform's.
    pub payer: Option<AccountId>,
    /// The encoded request.
    pub request_body: Option<String>,
    /// Looks in a row that found the same, or refusals in a row.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Writes a page of decisions in one statement; returns how many rows it wrote.
///
/// A row that meanwhile was sent, settled or ended is left as it is. An unchanged reason leaves
/// `updated_at` alone, so that it says since when the row stands where it stands.
pub async fn record(
    conn: &mut Connection,
    decisions: &[NewDecision],
    now: DateTime<Utc>,
) -> Result<u64> {
    if decisions.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query!(
        "insert into transfers (type, mirakl_id, shop_id, commercial_order_id, status, status_reason,
                                reason_code, amount, currency, amount_explained, destination,
                                payment_id, source_charge, payer, request_body, looks, next_look_at,
                                created_at, updated_at)
         select r.type, r.mirakl_id, r.shop_id, r.commercial_order_id, r.status, r.status_reason,
                r.reason_code, r.amount, r.currency, r.amount_explained, r.destination,
                r.payment_id, r.source_charge, r.payer, r.request_body, r.looks, r.next_look_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             type transfer_type, mirakl_id text, shop_id bigint, commercial_order_id text,
             status transfer_status, status_reason text, reason_code text, amount bigint, currency text,
             amount_explained text, destination text, payment_id text, source_charge text, payer text,
             request_body text, looks integer, next_look_at timestamptz)
         order by r.mirakl_id, r.type
         on conflict (type, mirakl_id) do update
         set shop_id = coalesce(excluded.shop_id, transfers.shop_id),
             commercial_order_id = coalesce(excluded.commercial_order_id, transfers.commercial_order_id),
             status = excluded.status, status_reason = excluded.status_reason,
             reason_code = excluded.reason_code, amount = excluded.amount,
             currency = excluded.currency, amount_explained = excluded.amount_explained,
             destination = excluded.destination, payment_id = excluded.payment_id,
             source_charge = excluded.source_charge, payer = excluded.payer,
             request_body = excluded.request_body,
             looks = excluded.looks, next_look_at = excluded.next_look_at,
             stripe_request_id = null,
             updated_at = case
                 when transfers.status = excluded.status and excluded.status <> 'TRANSFER_PENDING'
                      and transfers.status_reason is not distinct from excluded.status_reason
                 then transfers.updated_at else excluded.updated_at end
         where transfers.status in ('TRANSFER_ON_HOLD', 'TRANSFER_IGNORED')
            or (transfers.status = 'TRANSFER_FAILED' and transfers.next_look_at is not null)
            or (transfers.status = 'TRANSFER_PENDING' and transfers.sent_at is null)
            or (transfers.status = 'TRANSFER_ABORTED' and transfers.reason_code = $3)",
        rows(decisions)?,
        now,
        NO_LONGER_ASKED
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}

/// A row whose next look is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// Its internal id.
    pub id: i64,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
}

/// The next rows that are due after row `after`: waiting, refused, or decided too long ago.
pub async fn due(
    conn: &mut Connection,
    kinds: &[TransferType],
    now: DateTime<Utc>,
    stale_since: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<DueRow>> {
    let due = sqlx::query_as!(
        DueRow,
        r#"select id as "id!", mirakl_id as "mirakl_id!" from (
               select id, mirakl_id from transfers
               where type = any($1) and next_look_at <= $2
               union all
               select id, mirakl_id from transfers
               where type = any($1) and status = 'TRANSFER_PENDING' and sent_at is null and updated_at < $3
           ) as due
           where id > $4 order by id limit $5"#,
        kinds as &[TransferType],
        now,
        stale_since,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(due)
}

/// Flags, or no longer flags, what disagrees with Mirakl or Stripe.
pub async fn set_differences(
    conn: &mut Connection,
    differences: &[(i64, Option<String>)],
    now: DateTime<Utc>,
) -> Result<()> {
    #[derive(Serialize)]
    struct Row<'a> {
        id: i64,
        difference: Option<&'a str>,
    }
    if differences.is_empty() {
        return Ok(());
    }
    let differences: Vec<Row<'_>> = differences
        .iter()
        .map(|(id, difference)| Row {
            id: *id,
            difference: difference.as_deref(),
        })
        .collect();
    sqlx::query!(
        "update transfers set difference = r.difference, updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(id bigint, difference text)
         where transfers.id = r.id and transfers.difference is distinct from r.difference",
        rows(&differences)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets everything that waits for these shops, or was refused and is tried again, be looked at by the
/// next run; returns how many rows.
pub async fn shops_are_due(
    conn: &mut Connection,
    shops: &[ShopId],
    now: DateTime<Utc>,
) -> Result<u64> {
    if shops.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    // Rows are locked in the order in which a page of decisions is written.
    let changed = sqlx::query!(
        "with due as (
             select id from transfers where shop_id = any($1) and next_look_at > $2
             order by mirakl_id, type for update
         )
         update transfers set next_look_at = $2 from due where transfers.id = due.id",
        &ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}

/// Lets everything that waits for a basket's payment be looked at by the next run.
pub async fn basket_is_due(
    conn: &mut Connection,
    basket: &CommercialOrderId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update transfers set next_look_at = $2
         where commercial_order_id = $1 and status = 'TRANSFER_ON_HOLD' and next_look_at > $2",
        basket.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens what was ignored because its shop was excluded, where it no longer is: the next run decides
/// it anew. Returns how many rows.
pub async fn reopen_included(conn: &mut Connection, now: DateTime<Utc>) -> Result<u64> {
    let changed = sqlx::query!(
        "with included as (
             select t.id from transfers t join shops s using (shop_id)
             where t.status = 'TRANSFER_IGNORED' and t.reason_code = 'shop_excluded'
               and not s.ignored
             order by t.mirakl_id, t.type for update of t
         )
         update transfers
         set status = 'TRANSFER_ON_HOLD', reason_code = 'shop_included',
             status_reason = 'the shop is no longer excluded', looks = 0, next_look_at = $1,
             updated_at = $1
         from included where transfers.id = included.id",
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}
