//! Decisions: reading what is known, and writing a page of them at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::{Known, PayoutStatus};
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result, one, rows};

/// What the store knows of one payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPayout {
    /// Its internal id.
    pub id: i64,
    /// What decides whether it may be decided again.
    pub known: Known,
    /// What was decided or paid.
    pub amount: Option<Money>,
    /// What a person was told.
    pub difference: Option<String>,
    /// The reason for waiting that a person accepted.
    pub accepted: Option<String>,
    /// A payout was made for it, and failed or was cancelled.
    pub came_back: bool,
}

/// What is known of these invoices.
pub async fn known(
    conn: &mut Connection,
    invoices: &[&str],
) -> Result<HashMap<InvoiceId, KnownPayout>> {
    let stored = sqlx::query!(
        r#"select id, mirakl_invoice_id, status, reason_code, looks, next_look_at, sent_at,
                  updated_at, amount, currency as "currency: String", difference,
                  accepted_reason, failed_payout_ids <> '{}' as "came_back!"
           from payouts where mirakl_invoice_id = any($1::text[])"#,
        invoices as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let known = stored.into_iter().map(|row| {
        let known = KnownPayout {
            id: row.id,
            amount: row
                .amount
                .zip(row.currency.and_then(|code| Currency::parse(&code).ok()))
                .map(|(minor, currency)| Money::from_minor(minor, currency)),
            difference: row.difference,
            accepted: row.accepted_reason,
            came_back: row.came_back,
            known: Known {
                status: row.status,
                reason_code: row.reason_code,
                looks: u32::try_from(row.looks).unwrap_or(0),
                next_look_at: row.next_look_at,
                sent_at: row.sent_at,
                updated_at: row.updated_at,
            },
        };
        (InvoiceId(row.mirakl_invoice_id), known)
    });
    Ok(known.collect())
}

/// A decision as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewPayoutRow {
    /// The invoice.
    pub mirakl_invoice_id: InvoiceId,
    /// The shop, if it could be read.
    pub shop_id: Option<ShopId>,
    /// When Mirakl made the invoice, if it could be read.
    pub invoice_created_at: Option<DateTime<Utc>>,
    /// Where the row stands from now on.
    pub status: PayoutStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// Minor units, above zero.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The account that is paid out.
    pub account: Option<AccountId>,
    /// Looks in a row that found the same, or refusals in a row.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
    /// What a person should know although it stops nothing.
    pub difference: Option<String>,
}

/// The code of a payout in whose way nothing stands yet.
pub const TO_BE_PAID: &str = "to_be_paid";

/// Writes a page of decisions in one statement.
///
/// A row that meanwhile was sent, settled or ended is left as it is. An unchanged reason leaves
/// `updated_at` alone, so that it says since when the row stands where it stands. What is
/// [`TO_BE_PAID`] and waits or was refused stands where it stood until it is paid or something is in
/// the way.
pub async fn record(
    conn: &mut Connection,
    decisions: &[NewPayoutRow],
    now: DateTime<Utc>,
) -> Result<()> {
    if decisions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into payouts (mirakl_invoice_id, shop_id, invoice_created_at, status, status_reason,
                              reason_code, amount, currency, account, looks, next_look_at, difference,
                              created_at, updated_at)
         select r.mirakl_invoice_id, r.shop_id, r.invoice_created_at, r.status, r.status_reason,
                r.reason_code, r.amount, r.currency, r.account, r.looks, r.next_look_at,
                r.difference, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             mirakl_invoice_id text, shop_id bigint, invoice_created_at timestamptz,
             status payout_status, status_reason text, reason_code text, amount bigint,
             currency text, account text, looks integer, next_look_at timestamptz, difference text)
         order by r.mirakl_invoice_id
         on conflict (mirakl_invoice_id) do update
         set shop_id = coalesce(excluded.shop_id, payouts.shop_id),
             invoice_created_at = coalesce(excluded.invoice_created_at, payouts.invoice_created_at),
             (status, status_reason, reason_code, looks, next_look_at, missing) = (
                 select k.status, k.status_reason, k.reason_code, k.looks, k.next_look_at, k.missing
                 from (select payouts.status, payouts.status_reason, payouts.reason_code,
                              payouts.looks,
                              least(payouts.next_look_at, excluded.next_look_at) as next_look_at,
                              case when payouts.amount = excluded.amount then payouts.missing end
                              as missing
                       where excluded.reason_code = 'to_be_paid'
                         and payouts.status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')
                       union all
                       select excluded.status, excluded.status_reason, excluded.reason_code,
                              excluded.looks, excluded.next_look_at, null
                       where excluded.reason_code is distinct from 'to_be_paid'
                          or payouts.status not in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')) as k),
             amount = excluded.amount, currency = excluded.currency, account = excluded.account,
             request_body = null,
             difference = excluded.difference, stripe_request_id = null,
             updated_at = case
                 when excluded.reason_code = 'to_be_paid'
                      and payouts.status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED') then payouts.updated_at
                 when payouts.status = excluded.status
                      and payouts.status_reason is not distinct from excluded.status_reason
                 then payouts.updated_at else excluded.updated_at end
         where payouts.status in ('PAYOUT_ON_HOLD', 'PAYOUT_IGNORED')
            or (payouts.status = 'PAYOUT_FAILED' and payouts.next_look_at is not null)
            or (payouts.status = 'PAYOUT_PENDING' and payouts.sent_at is null)
            or (payouts.status = 'PAYOUT_ABORTED'
                and payouts.reason_code in ('seller_owes', 'nothing_to_pay'))",
        rows(decisions)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next invoices after `after` that are due: of a payout or a movement that waits, was refused, or
/// was decided before `stale_since` and never sent; of one shop or all.
pub async fn due(
    conn: &mut Connection,
    now: DateTime<Utc>,
    stale_since: DateTime<Utc>,
    after: &str,
    limit: i64,
    shop: Option<ShopId>,
) -> Result<Vec<InvoiceId>> {
    let due = sqlx::query_scalar!(
        r#"select invoice as "invoice!" from (
               select mirakl_invoice_id as invoice from payouts
               where (next_look_at <= $1
                      or (status = 'PAYOUT_PENDING' and sent_at is null and updated_at < $2))
                 and ($6::bigint is null or shop_id = $6)
               union
               select mirakl_id as invoice from transfers
               where type = any($3)
                 and (next_look_at <= $1
                      or (status = 'TRANSFER_PENDING' and sent_at is null and updated_at < $2))
                 and ($6::bigint is null or shop_id = $6)
           ) as due
           where invoice > $4 order by invoice limit $5"#,
        now,
        stale_since,
        &TransferType::OF_INVOICES as &[TransferType],
        after,
        limit,
        shop.map(|shop| shop.0)
    )
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().map(InvoiceId).collect())
}

/// Lets everything that waits for these shops, or was refused and is tried again, be looked at by the
/// next run.
pub async fn shops_are_due(
    conn: &mut Connection,
    shops: &[ShopId],
    now: DateTime<Utc>,
) -> Result<()> {
    if shops.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    sqlx::query!(
        "with due as (
             select id from payouts where shop_id = any($1) and next_look_at > $2
             order by mirakl_invoice_id for update
         )
         update payouts set next_look_at = $2 from due where payouts.id = due.id",
        &ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens what was ignored because its shop was excluded, where it no longer is: the next look decides
/// it anew.
pub async fn reopen_included(conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "with included as (
             select p.id from payouts p join shops s using (shop_id)
             where p.status = 'PAYOUT_IGNORED' and p.reason_code = 'shop_excluded' and not s.ignored
             order by p.mirakl_invoice_id for update of p
         )
         update payouts
         set status = 'PAYOUT_ON_HOLD', reason_code = 'shop_included',
             status_reason = 'the shop is no longer excluded', looks = 0, next_look_at = $1,
             updated_at = $1
         from included where payouts.id = included.id",
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Flags what a person should know of a payout that was made.
pub async fn flag(
    conn: &mut Connection,
    id: i64,
    difference: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update payouts set difference = $2, updated_at = $3 where id = $1",
        id,
        difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", id)
}
