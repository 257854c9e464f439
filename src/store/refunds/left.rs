//! Reversals in doubt whose refund nobody works on any more: it ended, or waits for a person.

use chrono::{DateTime, Utc};

use crate::domain::ids::{RefundId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{RefundStatus, RefundType};
use crate::store::{Connection, Result, one};

/// A reversal that left without an answer, and is not sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftReversal {
    /// The reversal's row.
    pub id: i64,
    /// The refund's row.
    pub refund_row: i64,
    /// Where the refund stands.
    pub status: RefundStatus,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub refund_id: RefundId,
    /// The transfer.
    pub transfer: TransferId,
    /// What was to come back.
    pub amount: Money,
}

/// The next of them after row `after`, of those that left before `before`.
pub async fn left_reversals(
    conn: &mut Connection,
    kinds: &[RefundType],
    before: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Vec<LeftReversal>> {
    let stored = sqlx::query!(
        r#"select v.id, v.refund_id as refund_row, r.status, r.type as kind, r.mirakl_id, v.transfer_id,
                  v.amount, v.currency as "currency!: String"
           from reversals v join refunds r on r.id = v.refund_id
           where v.reversal_id is null and v.sent_at < $2
             and (r.status in ('REFUND_ABORTED', 'REFUND_IGNORED')
                  or (r.status = 'REFUND_FAILED' and r.next_look_at is null))
             and r.type = any($1::refund_type[])
             and v.id > $3
           order by v.id limit $4"#,
        kinds as &[RefundType],
        before,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let left = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(LeftReversal {
            id: row.id,
            refund_row: row.refund_row,
            status: row.status,
            kind: row.kind,
            refund_id: RefundId(row.mirakl_id),
            transfer: TransferId(row.transfer_id),
            amount: Money::from_minor(row.amount, currency),
        })
    });
    Ok(left.collect())
}

/// Notes that the request was never carried out: nothing is reserved for it any more. Should the refund go on, the
/// same key decides.
pub async fn never_reversed(conn: &mut Connection, id: i64, now: DateTime<Utc>) -> Result<()> {
    let changed = sqlx::query!(
        "update reversals set sent_at = null, updated_at = $2
         where id = $1 and reversal_id is null",
        id,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "reversal", id)
}
