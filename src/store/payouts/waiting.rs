//! Payouts that are decided and wait: which are ready, what stands in their way, and when it no longer
//! does.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::PayoutStatus;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::store::{Connection, Result};

/// A payout that is decided and not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its internal id.
    pub id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// When Mirakl made the invoice.
    pub invoice_created_at: DateTime<Utc>,
    /// The shop.
    pub shop_id: ShopId,
    /// The account.
    pub account: AccountId,
    /// What is to be paid.
    pub amount: Money,
    /// Where it stands.
    pub status: PayoutStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Looks that found the same, or refusals, in a row.
    pub looks: u32,
    /// When the next look was planned.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Those of these invoices' payouts that wait to be sent and are due, oldest invoice first.
pub async fn ready(
    conn: &mut Connection,
    invoices: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<Ready>> {
    let stored = sqlx::query!(
        r#"select id, mirakl_invoice_id, invoice_created_at as "invoice_created_at!",
                  shop_id as "shop_id!", account as "account!", amount as "amount!",
                  currency as "currency!: String", status, reason_code, looks, next_look_at
           from payouts
           where mirakl_invoice_id = any($1::text[])
             and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED') and next_look_at <= $2
             and amount is not null and account is not null and shop_id is not null
             and invoice_created_at is not null
           order by invoice_created_at, mirakl_invoice_id"#,
        invoices as &[&str],
        now
    )
    .fetch_all(conn)
    .await?;
    let ready = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(Ready {
            id: row.id,
            invoice: InvoiceId(row.mirakl_invoice_id),
            invoice_created_at: row.invoice_created_at,
            shop_id: ShopId(row.shop_id),
            account: AccountId(row.account),
            amount: Money::from_minor(row.amount, currency),
            status: row.status,
            reason_code: row.reason_code,
            looks: u32::try_from(row.looks).unwrap_or(0),
            next_look_at: row.next_look_at,
        })
    });
    Ok(ready.collect())
}

/// What the store knows to stand in the way of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacles {
    /// The movements of its invoice that are neither made nor ended.
    pub open: Vec<OpenMovement>,
    /// The oldest invoice of the shop before this one whose payout, or whose charge to the seller, is
    /// neither made nor ended.
    pub earlier: Option<InvoiceId>,
    /// Minor units that refunds will still take back from the account: reversals that are not made,
    /// and refunds whose reversals are not decided yet, as far as they were not ended.
    pub reserved: i64,
    /// Payouts of the account were enabled when it was last seen.
    pub payouts_enabled: bool,
}

/// A movement that is neither made nor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenMovement {
    /// Which.
    pub kind: TransferType,
    /// Where it stands.
    pub status: TransferStatus,
}

impl fmt::Display for OpenMovement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, status) = (self.kind.notified_type(), self.status.as_str());
        write!(f, "{kind} is {status}")
    }
}

/// A payout in whose way something may stand.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The invoice.
    pub invoice: &'a InvoiceId,
    /// When Mirakl made it.
    pub invoice_created_at: DateTime<Utc>,
    /// The shop.
    pub shop_id: ShopId,
    /// The account.
    pub account: &'a AccountId,
    /// What it pays in.
    pub currency: Currency,
}

/// Reads what stands in the way of a payout.
pub async fn obstacles(conn: &mut Connection, row: &Wanted<'_>) -> Result<Obstacles> {
    let stored = sqlx::query!(
        r#"select
               open.kinds as "kinds!: Vec<TransferType>",
               open.statuses as "statuses!: Vec<TransferStatus>",
               (select mirakl_invoice_id from payouts
                where shop_id = $3 and (invoice_created_at, mirakl_invoice_id) < ($4, $2)
                  and status in ('PAYOUT_ON_HOLD', 'PAYOUT_PENDING', 'PAYOUT_FAILED')
                order by invoice_created_at, mirakl_invoice_id limit 1) as earlier,
               -- Ids of invoices are numbers: of two, the longer one is the later one.
               (select mirakl_id from transfers
                where type in ('SUBSCRIPTION', 'EXTRA_INVOICES') and shop_id = $3
                  and status in ('TRANSFER_ON_HOLD', 'TRANSFER_PENDING', 'TRANSFER_FAILED')
                  and (length(mirakl_id), mirakl_id) < (length($2), $2)
                order by length(mirakl_id), mirakl_id limit 1) as earlier_charge,
               (coalesce((
                    select sum(v.amount) from reversals v
                    join refunds r on r.id = v.refund_id
                    join transfers t on t.transfer_id = v.transfer_id
                    where t.destination = $5 and v.currency = $6 and v.reversal_id is null
                      and (v.sent_at is not null
                           or r.status not in ('REFUND_ABORTED', 'REFUND_IGNORED'))), 0)
                + coalesce((
                    select sum(greatest(least(
                        coalesce(r.seller_part, r.amount) - coalesce(taxes.part, 0), t.amount), 0))
                    from refunds r
                    join transfers t on t.mirakl_id = r.order_id
                         and t.type = case r.type when 'PRODUCT_REFUND' then 'PRODUCT_ORDER'
                                                  else 'SERVICE_ORDER' end::transfer_type
                    -- The taxes come back from the account that they went to.
                    left join lateral (
                        select r.taxes as part from transfers x
                        where x.mirakl_id = r.order_id and x.status = 'TRANSFER_CREATED'
                          and x.type = case r.type when 'PRODUCT_REFUND' then 'PRODUCT_ORDER_TAX'
                                                   else 'SERVICE_ORDER_TAX' end::transfer_type
                    ) as taxes on true
                    where t.destination = $5 and t.status = 'TRANSFER_CREATED' and r.currency = $6
                      and r.status in ('REFUND_ON_HOLD', 'REFUND_PENDING', 'REFUND_FAILED')
                      and not exists (select from reversals v where v.refund_id = r.id)), 0)
               )::bigint as "reserved!",
               coalesce((select bool_and(payouts_enabled) from accounts
                         where stripe_account_id = $5), false) as "payouts_enabled!"
           from (select coalesce(array_agg(type order by type), '{}') as kinds,
                        coalesce(array_agg(status order by type), '{}') as statuses
                 from transfers
                 where type = any($1) and mirakl_id = $2
                   and status not in ('TRANSFER_CREATED', 'TRANSFER_ABORTED')) as open"#,
        &TransferType::OF_INVOICES as &[TransferType],
        row.invoice.as_str(),
        row.shop_id.0,
        row.invoice_created_at,
        row.account.as_str(),
        row.currency.code()
    )
    .fetch_one(conn)
    .await?;
    let open = stored.kinds.into_iter().zip(stored.statuses);
    Ok(Obstacles {
        open: open
            .map(|(kind, status)| OpenMovement { kind, status })
            .collect(),
        earlier: stored.earlier.or(stored.earlier_charge).map(InvoiceId),
        reserved: stored.reserved,
        payouts_enabled: stored.payouts_enabled,
    })
}

/// Lets a payout that was decided wait for what stands in its way; one that a person has just decided
/// about stays as it is.
pub async fn held(
    conn: &mut Connection,
    id: i64,
    reason: (&str, &str),
    missing: Option<i64>,
    (looks, next_look_at): (u32, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<()> {
    let (reason, code) = reason;
    sqlx::query!(
        "update payouts
         set status = 'PAYOUT_ON_HOLD', status_reason = $2, reason_code = $3, missing = $4,
             looks = $5, next_look_at = $6,
             updated_at = case when status = 'PAYOUT_ON_HOLD' and status_reason = $2
                               then updated_at else $7 end
         where id = $1 and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')",
        id,
        reason,
        code,
        missing,
        i32::try_from(looks).unwrap_or(i32::MAX),
        next_look_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets the payouts be looked at by the next run that wait for transfers of their invoices, all of which
/// were made.
pub async fn moved_are_due(conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update payouts set next_look_at = $1
         where next_look_at > $1 and reason_code = 'transfers_open'
           and not exists (select 1 from transfers t
                           where t.mirakl_id = payouts.mirakl_invoice_id and t.type = any($2)
                             and t.status not in ('TRANSFER_CREATED', 'TRANSFER_ABORTED'))",
        now,
        &TransferType::OF_INVOICES as &[TransferType]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets the payouts that wait for this invoice be looked at by the next run: its own, which waits for
/// its transfers, and later ones of the same shop.
pub async fn invoice_is_settled(
    conn: &mut Connection,
    invoice: &InvoiceId,
    shop: Option<ShopId>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update payouts set next_look_at = $3
         where status = 'PAYOUT_ON_HOLD' and next_look_at > $3
           and ((mirakl_invoice_id = $1 and reason_code = 'transfers_open')
                or (shop_id = $2 and reason_code = 'earlier_invoice'))",
        invoice.as_str(),
        shop.map(|shop| shop.0),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
