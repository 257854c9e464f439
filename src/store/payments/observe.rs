//! Customers' payments as last seen at Stripe.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{ChargeId, CommercialOrderId, PaymentIntentId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::store::{Connection, Result, rows};

/// A stored payment, and when Stripe said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The payment.
    pub payment: Payment,
    /// When Stripe was asked.
    pub observed_at: DateTime<Utc>,
    /// Since when it has its status, as far as this program has seen.
    pub status_since: DateTime<Utc>,
}

#[derive(Serialize)]
struct Row<'a> {
    payment_intent_id: Option<&'a PaymentIntentId>,
    charge_id: Option<&'a ChargeId>,
    commercial_order_id: Option<&'a CommercialOrderId>,
    amount: i64,
    captured: i64,
    refunded: i64,
    currency: Currency,
    settlement_currency: Option<Currency>,
    status: PaymentStatus,
    pending: bool,
    destination_charge: bool,
    awaits_customer: bool,
    authorized_until: Option<DateTime<Utc>>,
    failure: Option<&'a str>,
    stripe_created_at: DateTime<Utc>,
}

impl<'a> From<&'a Payment> for Row<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            payment_intent_id: payment.intent.as_ref(),
            charge_id: payment.charge.as_ref(),
            commercial_order_id: payment.commercial_id.as_ref(),
            amount: payment.amount.minor(),
            captured: payment.captured,
            refunded: payment.refunded,
            currency: payment.amount.currency(),
            settlement_currency: payment.settlement,
            status: payment.status,
            pending: payment.pending,
            destination_charge: payment.destination_charge,
            awaits_customer: payment.awaits_customer,
            authorized_until: payment.authorized_until,
            failure: payment.failure.as_deref(),
            stripe_created_at: payment.created_at,
        }
    }
}

/// Stores what Stripe said of these payments; an older observation never replaces a newer one.
pub async fn observe(
    conn: &mut Connection,
    payments: &[Payment],
    observed_at: DateTime<Utc>,
) -> Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    let payments: Vec<Row<'_>> = payments.iter().map(Row::from).collect();
    sqlx::query!(
        "insert into payments (payment_intent_id, charge_id, commercial_order_id, amount, captured,
                               refunded, currency, settlement_currency, status, pending,
                               destination_charge, awaits_customer, authorized_until, failure,
                               stripe_created_at, observed_at, status_since, created_at, updated_at)
         select distinct on (coalesce(r.payment_intent_id, r.charge_id))
                r.payment_intent_id, r.charge_id, r.commercial_order_id, r.amount, r.captured,
                r.refunded, r.currency, r.settlement_currency, r.status, r.pending,
                r.destination_charge, r.awaits_customer, r.authorized_until, r.failure, r.stripe_created_at, $2, $2, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             payment_intent_id text, charge_id text, commercial_order_id text, amount bigint,
             captured bigint, refunded bigint, currency text, settlement_currency text,
             status payment_status, pending boolean, destination_charge boolean,
             awaits_customer boolean, authorized_until timestamptz, failure text,
             stripe_created_at timestamptz)
         on conflict (payment_id) do update
         set charge_id = coalesce(excluded.charge_id, payments.charge_id),
             commercial_order_id = excluded.commercial_order_id,
             amount = excluded.amount, captured = excluded.captured, refunded = excluded.refunded,
             currency = excluded.currency, settlement_currency = excluded.settlement_currency,
             status = excluded.status, pending = excluded.pending,
             destination_charge = excluded.destination_charge,
             awaits_customer = excluded.awaits_customer,
             authorized_until = excluded.authorized_until, failure = excluded.failure,
             status_since = case when payments.status <> excluded.status then excluded.status_since
                                 else payments.status_since end,
             stripe_created_at = excluded.stripe_created_at,
             observed_at = excluded.observed_at, updated_at = excluded.updated_at
         where payments.observed_at <= excluded.observed_at",
        rows(&payments)?,
        observed_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The stored payments that these ids (of intents or charges) or baskets name.
pub async fn find(
    conn: &mut Connection,
    references: &[&str],
    baskets: &[&str],
) -> Result<Vec<Observed>> {
    let stored = sqlx::query!(
        r#"with named as (
               select id from payments where payment_intent_id = any($1::text[])
               union select id from payments where charge_id = any($1::text[])
               union select id from payments where commercial_order_id = any($2::text[])
           )
           select payment_intent_id, charge_id, commercial_order_id, amount, captured, refunded,
                  currency as "currency: String", settlement_currency as "settlement_currency: String",
                  status, pending, destination_charge, awaits_customer, authorized_until, failure,
                  stripe_created_at, observed_at, status_since
           from payments join named using (id)"#,
        references as &[&str],
        baskets as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let payments = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(Observed {
            observed_at: row.observed_at,
            status_since: row.status_since,
            payment: Payment {
                intent: row.payment_intent_id.map(PaymentIntentId),
                charge: row.charge_id.map(ChargeId),
                commercial_id: row.commercial_order_id.map(CommercialOrderId),
                amount: Money::from_minor(row.amount, currency),
                captured: row.captured,
                refunded: row.refunded,
                settlement: row
                    .settlement_currency
                    .and_then(|c| Currency::parse(&c).ok()),
                status: row.status,
                pending: row.pending,
                destination_charge: row.destination_charge,
                awaits_customer: row.awaits_customer,
                authorized_until: row.authorized_until,
                failure: row.failure,
                created_at: row.stripe_created_at,
            },
        })
    });
    Ok(payments.collect())
}

/// The next baskets after `after` whose payment is authorised and due for a look: never looked at,
/// or waiting for one whose time has come, or decided too long ago and never sent.
pub async fn baskets_to_capture(
    conn: &mut Connection,
    now: DateTime<Utc>,
    stale_since: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, CommercialOrderId)>> {
    let due = sqlx::query!(
        r#"select p.id, p.commercial_order_id as "commercial_order_id!"
           from payments p left join captures c on c.payment_id = p.payment_id
           where p.status = 'TO_CAPTURE' and p.commercial_order_id is not null and p.id > $3
             and (c.id is null or c.next_look_at <= $1
                  or (c.status = 'CAPTURE_PENDING' and c.sent_at is null and c.updated_at < $2))
           order by p.id limit $4"#,
        now,
        stale_since,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let due = due.into_iter();
    Ok(due
        .map(|row| (row.id, CommercialOrderId(row.commercial_order_id)))
        .collect())
}
