//! Taking over payouts that Stripe has and the store does not know.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, InvoiceId, PayoutId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::PayoutStatus;
use crate::store::{Connection, Result, rows};

/// A payout of ours as Stripe lists it.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptedPayout {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop, where the payout says.
    pub shop_id: Option<ShopId>,
    /// The account.
    pub account: AccountId,
    /// The payout.
    pub payout_id: PayoutId,
    /// Minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// Stripe's word for where it is.
    pub stripe_status: String,
    /// It failed or was cancelled.
    pub ended: bool,
    /// Why, of one that ended.
    pub reason: String,
    /// The kind of it.
    pub reason_code: String,
    /// When the next try is due, of one that ended; none to wait for a person.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When it reaches the bank.
    pub arrival_date: Option<DateTime<Utc>>,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// When it is read again.
    pub follow_at: Option<DateTime<Utc>>,
}

/// What an adoption changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Rows that are now created.
    pub settled: u64,
    /// Rows that already have another payout, which is flagged.
    pub doubled: u64,
    /// Rows whose payout was made and came back, which nobody was told of.
    pub came_back: Vec<CameBack>,
}

/// A row whose payout was made and came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameBack {
    /// Its internal id.
    pub id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// What it was to pay.
    pub amount: Money,
    /// The payout.
    pub payout_id: PayoutId,
    /// Why it came back.
    pub reason: String,
}

/// Settles or creates a row for each payout, whatever the row's status was. Of those that ended, each
/// counts as an attempt of its invoice. Until Mirakl shows when it made the invoice, the time of its
/// payout stands for that.
pub async fn adopt(
    conn: &mut Connection,
    payouts: &[AdoptedPayout],
    now: DateTime<Utc>,
) -> Result<Adoption> {
    if payouts.is_empty() {
        return Ok(Adoption::default());
    }
    let (ended, live): (Vec<_>, Vec<_>) = payouts.iter().partition(|payout| payout.ended);
    let mut came_back = adopt_ended(conn, &ended, now).await?;
    // The next try was made already.
    came_back.retain(|row| !live.iter().any(|payout| payout.invoice == row.invoice));
    let live = rows(&live)?;
    let settled = sqlx::query!(
        "insert into payouts (mirakl_invoice_id, shop_id, invoice_created_at, account, status,
                              status_reason, reason_code, amount, currency, stripe_payout_id, stripe_status, arrival_date,
                              stripe_created_at, follow_at, created_at, updated_at)
         select distinct on (r.invoice)
                r.invoice, r.shop_id, r.stripe_created_at, r.account, 'PAYOUT_CREATED', 'found at Stripe', 'adopted',
                r.amount, r.currency, r.payout_id, r.stripe_status, r.arrival_date,
                r.stripe_created_at, r.follow_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             invoice text, shop_id bigint, account text, payout_id text, amount bigint, currency text,
             stripe_status text, arrival_date timestamptz, stripe_created_at timestamptz,
             follow_at timestamptz)
         order by r.invoice, r.stripe_created_at, r.payout_id
         on conflict (mirakl_invoice_id) do update
         set status = 'PAYOUT_CREATED', status_reason = excluded.status_reason,
             reason_code = 'adopted', looks = 0, next_look_at = null, missing = null,
             difference = case
                 when payouts.status in ('PAYOUT_ABORTED', 'PAYOUT_IGNORED')
                 then 'Stripe has made this payout, although it was ended here: '
                      || payouts.status_reason
                 when payouts.status = 'PAYOUT_PENDING'
                      and (payouts.amount, payouts.currency) is distinct from
                          (excluded.amount, excluded.currency)
                 then 'Stripe has made this payout with another amount than decided here'
                 else payouts.difference end,
             shop_id = coalesce(payouts.shop_id, excluded.shop_id), account = excluded.account,
             amount = excluded.amount, currency = excluded.currency,
             stripe_payout_id = excluded.stripe_payout_id,
             stripe_status = excluded.stripe_status, arrival_date = excluded.arrival_date,
             stripe_created_at = excluded.stripe_created_at, follow_at = excluded.follow_at,
             updated_at = excluded.updated_at
         where payouts.stripe_payout_id is null
           and not (excluded.stripe_payout_id = any (payouts.failed_payout_ids))",
        live,
        now
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let doubled = sqlx::query!(
        "update payouts
         set difference = 'Stripe holds another payout for this: ' || r.payout_id, updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(invoice text, payout_id text)
         where payouts.mirakl_invoice_id = r.invoice and payouts.stripe_payout_id <> r.payout_id
           and payouts.difference is distinct from
               'Stripe holds another payout for this: ' || r.payout_id",
        live,
        now
    )
    .execute(conn)
    .await?;
    Ok(Adoption {
        settled,
        doubled: doubled.rows_affected(),
        came_back,
    })
}

/// Payouts that ended, oldest first: the last one says why the row stands where it stands, if nothing
/// newer is known.
async fn adopt_ended(
    conn: &mut Connection,
    ended: &[&AdoptedPayout],
    now: DateTime<Utc>,
) -> Result<Vec<CameBack>> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let stored = sqlx::query!(
        r#"with listed as (
             select r.invoice, r.payout_id, r.stripe_created_at
             from jsonb_to_recordset($1::text::jsonb) as r(
                 invoice text, payout_id text, stripe_created_at timestamptz)
         ), by_invoice as (
             select r.invoice, array_agg(r.payout_id order by r.stripe_created_at) as ids
             from listed r
             left join payouts p on p.mirakl_invoice_id = r.invoice
             where p.id is null
                or (p.stripe_payout_id is distinct from r.payout_id
                    and not (r.payout_id = any (p.failed_payout_ids)))
             group by r.invoice
         ), last as (
             select distinct on (r.invoice) r.*
             from jsonb_to_recordset($1::text::jsonb) as r(
                 invoice text, shop_id bigint, account text, payout_id text, amount bigint,
                 currency text, stripe_status text, reason text, reason_code text,
                 next_look_at timestamptz, stripe_created_at timestamptz)
             order by r.invoice, r.stripe_created_at desc, r.payout_id
         )
         insert into payouts (mirakl_invoice_id, shop_id, invoice_created_at, account, status,
                              status_reason, reason_code, amount, currency, stripe_status,
                              next_look_at, attempt,
                              failed_payout_ids, created_at, updated_at)
         select last.invoice, last.shop_id, last.stripe_created_at, last.account, 'PAYOUT_FAILED',
                last.reason, last.reason_code, last.amount, last.currency, last.stripe_status, last.next_look_at,
                1 + cardinality(b.ids), b.ids, $2, $2
         from last join by_invoice b using (invoice)
         order by last.invoice
         on conflict (mirakl_invoice_id) do update
         set failed_payout_ids = payouts.failed_payout_ids || excluded.failed_payout_ids,
             attempt = greatest(payouts.attempt,
                                1 + cardinality(payouts.failed_payout_ids)
                                  + cardinality(excluded.failed_payout_ids)),
             status = case when payouts.status in ('PAYOUT_CREATED', 'PAYOUT_ABORTED', 'PAYOUT_IGNORED')
                           then payouts.status else excluded.status end,
             status_reason = case when payouts.status in ('PAYOUT_CREATED', 'PAYOUT_ABORTED', 'PAYOUT_IGNORED')
                           then payouts.status_reason else excluded.status_reason end,
             reason_code = case when payouts.status in ('PAYOUT_CREATED', 'PAYOUT_ABORTED', 'PAYOUT_IGNORED')
                           then payouts.reason_code else excluded.reason_code end,
             next_look_at = case when payouts.status in ('PAYOUT_CREATED', 'PAYOUT_ABORTED', 'PAYOUT_IGNORED')
                           then payouts.next_look_at else excluded.next_look_at end,
             sent_at = case when payouts.status = 'PAYOUT_CREATED' then payouts.sent_at end,
             request_body = case when payouts.status = 'PAYOUT_CREATED' then payouts.request_body end,
             missing = null, updated_at = excluded.updated_at
         returning id, mirakl_invoice_id, shop_id, status, status_reason, amount,
                   currency as "currency: String",
                   failed_payout_ids[cardinality(failed_payout_ids)] as payout_id"#,
        rows(ended)?,
        now
    )
    .fetch_all(conn)
    .await?;
    let came_back = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(row.currency.as_deref()?).ok()?;
        (row.status == PayoutStatus::PayoutFailed).then_some(CameBack {
            id: row.id,
            invoice: InvoiceId(row.mirakl_invoice_id),
            shop_id: row.shop_id.map(ShopId),
            amount: Money::from_minor(row.amount?, currency),
            payout_id: PayoutId(row.payout_id?),
            reason: row.status_reason?,
        })
    });
    Ok(came_back.collect())
}
