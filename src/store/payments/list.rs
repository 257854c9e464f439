//! `list payments`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::payment::PaymentStatus;
use crate::store::{Connection, Result};

/// One row of `list payments`: a payment, or a basket that Mirakl asks for and that has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPayment {
    /// Its number; null for a basket without a payment.
    pub internal_id: Option<i64>,
    /// The basket, where the checkout named it.
    pub commercial_order_id: Option<String>,
    /// The charge that counts.
    pub stripe_charge_id: Option<String>,
    /// The payment intent; null for a charge made without one.
    pub payment_intent_id: Option<String>,
    /// Minor units that the customer agreed to.
    pub amount: Option<i64>,
    /// Minor units taken.
    pub captured: Option<i64>,
    /// Minor units given back.
    pub refunded: Option<i64>,
    /// Of all three amounts.
    pub currency: Option<String>,
    /// Where it stands.
    pub status: Option<PaymentStatus>,
    /// The customer or the bank has yet to act.
    pub pending: bool,
    /// Why it waits, or what came of its capture.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// The orders whose debit waits or was not taken, each with its reason.
    pub debits: Option<String>,
    /// The arithmetic behind what is captured, in major units.
    pub amount_explained: Option<String>,
    /// Why it ended without bringing money.
    pub failure: Option<String>,
    /// What a person should know.
    pub difference: Option<String>,
    /// Until when the authorisation holds, in UTC.
    pub authorized_until: Option<DateTime<Utc>>,
    /// When its basket is looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When Stripe was asked, in UTC.
    pub observed_at: Option<DateTime<Utc>>,
    /// When it was first seen, in UTC.
    pub created_at: DateTime<Utc>,
    /// When it last changed here, in UTC.
    pub updated_at: DateTime<Utc>,
}

/// The newest payments, after the baskets that wait for one. `id` names a payment, a charge or a
/// basket.
pub async fn list(
    conn: &mut Connection,
    status: Option<PaymentStatus>,
    id: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedPayment>> {
    let payments = sqlx::query_as!(
        ListedPayment,
        r#"with open_debits as (
               select commercial_order_id, min(created_at) as created_at,
                      max(updated_at) as updated_at,
                      string_agg(order_id || ': '
                                 || coalesce(status_reason, 'Mirakl was told, and has not answered'),
                                 '; ' order by order_id, id) as debits
               from debits
               where status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING', 'DEBIT_FAILED')
               group by commercial_order_id
           )
           select p.id as "internal_id?",
                  coalesce(p.commercial_order_id, d.commercial_order_id) as commercial_order_id,
                  p.charge_id as "stripe_charge_id?", p.payment_intent_id as "payment_intent_id?",
                  p.amount as "amount?", p.captured as "captured?", p.refunded as "refunded?",
                  p.currency as "currency?: String", p.status as "status?: PaymentStatus",
                  coalesce(p.pending, false) as "pending!", c.status_reason as "status_reason?",
                  c.reason_code as "reason_code?", d.debits as "debits?",
                  c.amount_explained as "amount_explained?", p.failure as "failure?",
                  c.difference as "difference?", p.authorized_until as "authorized_until?",
                  c.next_look_at as "next_look_at?", p.observed_at as "observed_at?",
                  coalesce(p.created_at, d.created_at) as "created_at!",
                  greatest(p.updated_at, c.updated_at, d.updated_at) as "updated_at!"
           from payments p
                left join captures c on c.payment_id = p.payment_id
                full join open_debits d on d.commercial_order_id = p.commercial_order_id
           where ($1::payment_status is null or p.status = $1)
             and ($2::text is null or p.payment_id = $2 or p.charge_id = $2
                  or coalesce(p.commercial_order_id, d.commercial_order_id) = $2)
           order by p.id desc nulls first limit $3"#,
        status as Option<PaymentStatus>,
        id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(payments)
}
