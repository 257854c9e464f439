//! Payments and accounts that somebody has to look at.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::payment::PaymentStatus;
use crate::store::{Connection, Result};

/// A customer's payment that failed while orders need it, whose capture or confirmation was refused,
/// or whose authorisation is about to end; with the field names of `list payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TroubledPayment {
    /// The basket.
    pub commercial_order_id: Option<String>,
    /// The charge that counts.
    pub stripe_charge_id: Option<String>,
    /// The payment intent.
    pub payment_intent_id: Option<String>,
    /// Minor units that the customer agreed to.
    pub amount: i64,
    /// Of the amount.
    pub currency: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What is wrong, and the orders that hold it up.
    pub reason: String,
    /// Until when the authorisation holds, in UTC.
    pub authorized_until: Option<DateTime<Utc>>,
    /// When its capture is tried or looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Payments with trouble, those whose authorisation ends first in front. `soon` is until when an
/// authorisation counts as about to end.
pub(super) async fn payments(
    conn: &mut Connection,
    soon: DateTime<Utc>,
) -> Result<Vec<TroubledPayment>> {
    let rows = sqlx::query_as!(
        TroubledPayment,
        r#"with open as (
               select commercial_order_id,
                      bool_or(status = 'DEBIT_FAILED') as refused,
                      string_agg(order_id || ': '
                                 || coalesce(status_reason, 'Mirakl was told, and has not answered'),
                                 '; ' order by order_id, id) as debits
               from debits where status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING', 'DEBIT_FAILED')
               group by commercial_order_id
           ), troubled as (
               select p.*, c.next_look_at as looked_at, o.debits, o.refused,
                      c.status as capture, c.status_reason as capture_reason, c.difference as flagged,
                      p.status = 'TO_CAPTURE' and p.authorized_until <= $1
                      and exists (select from debits d where d.commercial_order_id = p.commercial_order_id
                                                         and d.status = 'DEBIT_CONFIRMED') as ends_soon
               from payments p
                    left join captures c on c.payment_id = p.payment_id
                    left join open o on o.commercial_order_id = p.commercial_order_id
           )
           select commercial_order_id, charge_id as stripe_charge_id, payment_intent_id, amount,
                  currency as "currency: String", status as "status: PaymentStatus",
                  concat_ws('; ',
                      case when capture = 'CAPTURE_FAILED' then 'Stripe refused its end: ' || capture_reason end,
                      case when flagged is not null and capture <> 'CAPTURE_CREATED' then flagged
                           when ends_soon then 'the authorisation is about to end and confirmed orders have not been captured'
                      end,
                      case when status in ('FAILED', 'CANCELED')
                           then coalesce(failure, 'the payment has ended without money') end,
                      debits) as "reason!",
                  authorized_until, looked_at as "next_look_at?"
           from troubled
           where capture = 'CAPTURE_FAILED'
              or (flagged is not null and capture <> 'CAPTURE_CREATED')
              or ends_soon or refused
              or (status in ('FAILED', 'CANCELED') and debits is not null
                  and not exists (select from payments other
                                  where other.commercial_order_id = troubled.commercial_order_id
                                    and other.status in ('TO_CAPTURE', 'CAPTURED')))
           order by authorized_until nulls last, id"#,
        soon
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A shop whose account waits for a person or was refused, or whose fields Mirakl does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TroubledAccount {
    /// The shop.
    pub mirakl_shop_id: i64,
    /// Where its account stands.
    pub status: String,
    /// What is wrong.
    pub status_reason: String,
    /// Accounts at Stripe among which a person chooses.
    pub candidates: Vec<String>,
    /// Since when, in UTC.
    pub since: DateTime<Utc>,
    /// When it is tried or looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Accounts with trouble.
pub(super) async fn accounts(conn: &mut Connection) -> Result<Vec<TroubledAccount>> {
    let rows = sqlx::query_as!(
        TroubledAccount,
        r#"select o.shop_id as mirakl_shop_id, o.status::text as "status!",
                  concat_ws('; ', case when o.status in ('ACCOUNT_ON_HOLD', 'ACCOUNT_FAILED')
                                       then o.status_reason end,
                            s.write_refused) as "status_reason!",
                  o.candidates, o.updated_at as since,
                  coalesce(o.next_look_at, s.write_next_at) as next_look_at
           from onboardings o left join shops s using (shop_id)
           where o.status = 'ACCOUNT_FAILED'
              or (o.status = 'ACCOUNT_ON_HOLD' and o.candidates <> '{}')
              or s.write_refused is not null
           order by o.updated_at, o.shop_id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
