//! What the store knows of the transfers of refunds' orders.

use std::collections::HashMap;

use crate::domain::ids::{ChargeId, OrderId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::store::{Connection, Result};

/// A transfer of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTransfer {
    /// Where it stands.
    pub status: TransferStatus,
    /// Why it stands there.
    pub reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<String>,
    /// The transfer and its amount, once it is made.
    pub made: Option<(TransferId, Money)>,
    /// The charge and the payment that it came out of.
    pub charge: Option<(ChargeId, Option<String>)>,
    /// Minor units that refunds have taken back, or are about to.
    pub taken: i64,
}

/// The transfers of these orders, of every type.
pub async fn order_transfers(
    conn: &mut Connection,
    orders: &[&str],
) -> Result<HashMap<(TransferType, OrderId), OrderTransfer>> {
    let stored = sqlx::query!(
        r#"select t.type as kind, t.mirakl_id, t.status, t.status_reason, t.reason_code,
                  t.transfer_id, t.amount, t.currency as "currency: String", t.source_charge,
                  t.payment_id,
                  coalesce((select sum(v.amount) from reversals v
                            join refunds r on r.id = v.refund_id
                            where v.transfer_id = t.transfer_id
                              and (v.reversal_id is not null or v.sent_at is not null
                                   or r.status <> 'REFUND_ABORTED')), 0)::bigint as "taken!"
           from transfers t
           where t.type = any($1::transfer_type[]) and t.mirakl_id = any($2::text[])"#,
        &TransferType::ALL as &[TransferType],
        orders as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let found = stored.into_iter().map(|row| {
        let currency = row.currency.and_then(|code| Currency::parse(&code).ok());
        let amount = row.amount.zip(currency);
        let amount = amount.map(|(minor, currency)| Money::from_minor(minor, currency));
        let transfer = OrderTransfer {
            status: row.status,
            reason: row.status_reason,
            reason_code: row.reason_code,
            made: row.transfer_id.map(TransferId).zip(amount),
            charge: row
                .source_charge
                .map(|charge| (ChargeId(charge), row.payment_id)),
            taken: row.taken,
        };
        ((row.kind, OrderId(row.mirakl_id)), transfer)
    });
    Ok(found.collect())
}
