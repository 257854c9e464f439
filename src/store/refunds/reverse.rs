//! The third step: what is known of the order's transfers, and what is to come back from them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{OrderId, RefundId, ShopId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{RefundStatus, RefundType};
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result, rows};

/// A reversal of a refund, as far as it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalRow {
    /// Which of the order's transfers it comes out of.
    pub kind: TransferType,
    /// What Stripe said is left for it, in minor units.
    pub most: Option<i64>,
    /// It was made.
    pub made: bool,
    /// What came back, or was to, in minor units.
    pub amount: i64,
}

/// A refund whose seller's part is to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToReverse {
    /// The row.
    pub id: i64,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// Where the row stands.
    pub status: RefundStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Looks in a row that found the same.
    pub looks: u32,
    /// When the next look was planned.
    pub next_look_at: Option<DateTime<Utc>>,
    /// What the seller bears, taxes included.
    pub seller: Money,
    /// The taxes in it.
    pub taxes: Option<Money>,
    /// Parts that are not payable to the shop.
    pub withheld: Option<Money>,
    /// The arithmetic.
    pub explained: String,
    /// What was decided before.
    pub reversals: Vec<ReversalRow>,
}

/// The next refunds after row `after` whose seller's part is to come back: those that got there, those
/// that are due, and those that waited or ended for want of a transfer that exists by now.
///
/// One whose request is in doubt is not decided again.
pub async fn to_reverse(
    conn: &mut Connection,
    kinds: &[RefundType],
    only: Option<&[&str]>,
    now: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<ToReverse>> {
    let stored = sqlx::query!(
        r#"select r.id, r.type as kind, r.mirakl_id, r.order_id, r.shop_id, r.status, r.reason_code,
                  r.looks, r.next_look_at, r.seller_part as "seller_part!",
                  r.currency as "currency!: String", r.taxes, r.withheld,
                  coalesce(r.amount_explained, '') as "explained!"
           from refunds r
           left join transfers s on s.mirakl_id = r.order_id
               and s.type = case r.type when 'PRODUCT_REFUND' then 'PRODUCT_ORDER'
                                        else 'SERVICE_ORDER' end::transfer_type
           where r.step = 'REVERSE' and r.seller_part is not null and r.type = any($1::refund_type[])
             and (r.status = 'REFUND_PENDING' or r.next_look_at <= $2
                  or (r.reason_code = 'transfer_not_made'
                      and s.status in ('TRANSFER_CREATED', 'TRANSFER_ABORTED', 'TRANSFER_IGNORED'))
                  or (r.reason_code in ('transfer_ended', 'split_off')
                      and s.status = 'TRANSFER_CREATED'))
             and not exists (select from reversals d where d.refund_id = r.id
                             and d.sent_at is not null and d.reversal_id is null)
             and ($3::text[] is null or r.mirakl_id = any($3))
             and r.id > $4
           order by r.id limit $5"#,
        kinds as &[RefundType],
        now,
        only as Option<&[&str]>,
        after,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = stored.iter().map(|row| row.id).collect();
    let mut reversals = sqlx::query!(
        r#"select refund_id, transfer_type as kind, most, reversal_id is not null as "made!", amount
           from reversals where refund_id = any($1)"#,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let found = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        let money = |minor| Money::from_minor(minor, currency);
        let own = reversals.extract_if(.., |reversal| reversal.refund_id == row.id);
        let own = own.map(|reversal| ReversalRow {
            kind: reversal.kind,
            most: reversal.most,
            made: reversal.made,
            amount: reversal.amount,
        });
        Some(ToReverse {
            reversals: own.collect(),
            id: row.id,
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            status: row.status,
            reason_code: row.reason_code,
            looks: u32::try_from(row.looks).unwrap_or(0),
            next_look_at: row.next_look_at,
            seller: money(row.seller_part),
            taxes: row.taxes.map(money),
            withheld: row.withheld.map(money),
            explained: row.explained,
        })
    });
    Ok(found.collect())
}

/// A part that is to come back, as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewReversalRow {
    /// The refund's row.
    pub refund_id: i64,
    /// Which of the order's transfers it comes out of.
    pub transfer_type: TransferType,
    /// The transfer.
    pub transfer_id: TransferId,
    /// Of the amounts.
    pub currency: Currency,
    /// What the refund asks for, in minor units.
    pub wanted: i64,
    /// What is left for it.
    pub amount: i64,
    /// The encoded request; none when nothing is left.
    pub request_body: Option<String>,
}

/// What became of the third step, as a row.
#[derive(Debug, Clone, Serialize)]
pub struct ReverseDecision {
    /// The refund's row.
    pub id: i64,
    /// Where it stands from now on.
    pub status: RefundStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// Looks in a row that found the same.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
    /// What a person should know although nothing is left to do.
    pub difference: Option<String>,
}

/// Writes a page of decisions about the third step.
pub async fn decided(
    conn: &mut Connection,
    decisions: &[ReverseDecision],
    reversals: &[NewReversalRow],
    now: DateTime<Utc>,
) -> Result<()> {
    if !reversals.is_empty() {
        sqlx::query!(
            "insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount,
                                    request_body, created_at, updated_at)
             select r.refund_id, r.transfer_type, r.transfer_id, r.currency, r.wanted, r.amount,
                    r.request_body, $2, $2
             from jsonb_to_recordset($1::text::jsonb) as r(
                 refund_id bigint, transfer_type transfer_type, transfer_id text, currency text,
                 wanted bigint, amount bigint, request_body text)
             join refunds f on f.id = r.refund_id and f.step = 'REVERSE'
                 and f.status <> 'REFUND_ABORTED'
             on conflict (refund_id, transfer_type) do update
             set transfer_id = excluded.transfer_id, currency = excluded.currency,
                 wanted = excluded.wanted, amount = excluded.amount,
                 request_body = excluded.request_body, updated_at = excluded.updated_at
             where reversals.reversal_id is null and reversals.sent_at is null",
            rows(reversals)?,
            now
        )
        .execute(&mut *conn)
        .await?;
    }
    if !decisions.is_empty() {
        sqlx::query!(
            "update refunds
             set status = r.status, status_reason = r.status_reason, reason_code = r.reason_code,
                 looks = r.looks, next_look_at = r.next_look_at,
                 difference = coalesce(r.difference, refunds.difference),
                 updated_at = case when refunds.status = r.status
                                        and refunds.status_reason is not distinct from r.status_reason
                                   then refunds.updated_at else $2 end
             from jsonb_to_recordset($1::text::jsonb) as r(
                 id bigint, status refund_status, status_reason text, reason_code text,
                 looks integer, next_look_at timestamptz, difference text)
             where refunds.id = r.id and refunds.step = 'REVERSE'
               and (refunds.status in ('REFUND_PENDING', 'REFUND_ON_HOLD')
                    or (refunds.status = 'REFUND_FAILED' and refunds.next_look_at is not null)
                    or refunds.reason_code in ('transfer_ended', 'split_off'))",
            rows(decisions)?,
            now
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}
