//! What a person decides about a refund.

use chrono::{DateTime, Utc};

use crate::domain::ids::{
    ChargeId, OrderId, RefundId, ReversalId, ShopId, StripeRefundId, TransferId,
};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{RefundStatus, RefundStep, RefundType};
use crate::store::{Connection, Result, one};

/// A refund that a person may decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvableRefund {
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// Which step it is at.
    pub step: RefundStep,
    /// Where it stands.
    pub status: RefundStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// What the customer is to get back, if that was decided.
    pub amount: Option<Money>,
    /// The charge, if that is known.
    pub charge: Option<ChargeId>,
    /// The transfers of which a part is to come back, and is not back: the seller's first.
    pub open_transfers: Vec<TransferId>,
}

/// The row, locked; `None` when there is none of that number.
pub async fn resolvable(conn: &mut Connection, id: i64) -> Result<Option<ResolvableRefund>> {
    let row = sqlx::query!(
        r#"select type as kind, mirakl_id, order_id, shop_id, step, status, reason_code, amount,
                  currency as "currency: String", charge_id,
                  array(select v.transfer_id from reversals v
                        where v.refund_id = refunds.id and v.reversal_id is null and v.amount > 0
                        order by v.transfer_type) as "open_transfers!"
           from refunds where id = $1 for update"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let currency = row.currency.and_then(|code| Currency::parse(&code).ok());
        let amount = row.amount.zip(currency);
        ResolvableRefund {
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            order_id: OrderId(row.order_id),
            shop_id: row.shop_id.map(ShopId),
            step: row.step,
            status: row.status,
            reason_code: row.reason_code,
            amount: amount.map(|(minor, currency)| Money::from_minor(minor, currency)),
            charge: row.charge_id.map(ChargeId),
            open_transfers: row.open_transfers.into_iter().map(TransferId).collect(),
        }
    }))
}

/// Whether a row has this refund or reversal of Stripe already.
pub async fn is_known(conn: &mut Connection, id: &str) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from refunds where stripe_refund_id = $1)
                  or exists (select from reversals where reversal_id = $1) as "known!""#,
        id
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// What a person decided about a refund that waits or was refused.
#[derive(Debug, Clone)]
pub enum RefundResolution<'a> {
    /// Go on with its step at the next run; what others refunded of the charge is accepted.
    Retry,
    /// The customer's money went back by this refund: go on from there.
    RefundedAs {
        /// The refund.
        id: &'a StripeRefundId,
        /// What it gave back.
        amount: Money,
        /// The charge.
        charge: &'a ChargeId,
        /// When Stripe made it.
        created_at: DateTime<Utc>,
    },
    /// The part that was to come out of a transfer came back by this reversal.
    ReversedAs {
        /// The transfer.
        transfer: &'a TransferId,
        /// The reversal.
        id: &'a ReversalId,
        /// Minor units that came back.
        amount: i64,
        /// When Stripe made it.
        created_at: DateTime<Utc>,
    },
    /// End it where it is.
    Abandon {
        /// Why, for the history.
        reason: &'a str,
    },
}

/// Carries out what a person decided; only on a row that waits or was refused.
pub async fn resolve(
    conn: &mut Connection,
    id: i64,
    resolution: &RefundResolution<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = match resolution {
        RefundResolution::Retry => retry(conn, id, now).await?,
        RefundResolution::RefundedAs {
            id: refund,
            amount,
            charge,
            created_at,
        } => {
            let currency = amount.currency();
            sqlx::query!(
                "update refunds
                 set step = 'CONFIRM', status = 'REFUND_PENDING', reason_code = 'resolved_made',
                     status_reason = 'a person named the refund that was made', looks = 0,
                     failed_refund_ids = case when stripe_refund_id is null then failed_refund_ids
                                              else failed_refund_ids || stripe_refund_id end,
                     next_look_at = null, stripe_refund_id = $2, amount = $3, currency = $4,
                     charge_id = $5, stripe_created_at = $6, updated_at = $7
                 where id = $1 and (step = 'REFUND' or reason_code = 'refund_failed_later')
                   and status in ('REFUND_ON_HOLD', 'REFUND_FAILED')",
                id,
                refund.as_str(),
                amount.minor(),
                currency.code(),
                charge.as_str(),
                created_at,
                now
            )
            .execute(conn)
            .await?
            .rows_affected()
        }
        RefundResolution::ReversedAs {
            transfer,
            id: reversal,
            amount,
            created_at,
        } => {
            let changed = sqlx::query!(
                "update reversals
                 set reversal_id = $2, amount = $3, stripe_created_at = $4, updated_at = $5
                 where refund_id = $1 and reversal_id is null and transfer_id = $6",
                id,
                reversal.as_str(),
                amount,
                created_at,
                now,
                transfer.as_str()
            )
            .execute(&mut *conn)
            .await?;
            one(changed.rows_affected(), "reversal of refund", id)?;
            retry(conn, id, now).await?
        }
        RefundResolution::Abandon { reason } => sqlx::query!(
            "update refunds
             set status = 'REFUND_ABORTED', reason_code = 'resolved_abandoned',
                 status_reason = 'abandoned by a person: ' || $2::text, looks = 0,
                 next_look_at = null, updated_at = $3
             where id = $1 and status in ('REFUND_ON_HOLD', 'REFUND_FAILED')",
            id,
            reason,
            now
        )
        .execute(conn)
        .await?
        .rows_affected(),
    };
    one(changed, "refund", id)
}

/// A refund that Stripe could not carry out is made anew; any other goes on where it stands.
async fn retry(conn: &mut Connection, id: i64, now: DateTime<Utc>) -> Result<u64> {
    sqlx::query!(
        "update reversals set most = null, updated_at = $2
         where refund_id = $1 and reversal_id is null",
        id,
        now
    )
    .execute(&mut *conn)
    .await?;
    let changed = sqlx::query!(
        "update refunds
         set status = 'REFUND_ON_HOLD', status_reason = 'a person asked for another try',
             looks = 0, next_look_at = $2, updated_at = $2,
             accepted_refunds = array(
                 select o.stripe_refund_id from other_refunds o
                 where o.charge_id = refunds.charge_id and not o.ended
                   and o.mirakl_refund_id is null
                   and not exists (select from refunds r
                                   where r.stripe_refund_id = o.stripe_refund_id)),
             step = case when reason_code = 'refund_failed_later' then 'REFUND' else step end,
             failed_refund_ids = case when reason_code = 'refund_failed_later'
                                      then failed_refund_ids || stripe_refund_id
                                      else failed_refund_ids end,
             stripe_refund_id = case when reason_code = 'refund_failed_later' then null
                                     else stripe_refund_id end,
             stripe_created_at = case when reason_code = 'refund_failed_later' then null
                                      else stripe_created_at end,
             attempt = case when reason_code = 'refund_failed_later' then attempt + 1
                            else attempt end,
             sent_at = case when reason_code = 'refund_failed_later' then null else sent_at end,
             request_body = case when reason_code = 'refund_failed_later' then null
                                 else request_body end,
             reason_code = case when reason_code = 'refund_failed_later' then 'resolved_again'
                                else 'resolved_retry' end
         where id = $1 and status in ('REFUND_ON_HOLD', 'REFUND_FAILED')",
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}
