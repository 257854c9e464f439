//! What Mirakl asks to be confirmed, and what came of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Connection, Result, rows};
use crate::domain::ids::{CommercialOrderId, OrderId};
use crate::domain::money::Currency;

/// Goods or services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "debit_kind", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DebitKind {
    /// A product order, or one of its shipments.
    Product,
    /// A service order.
    Service,
}

/// Where a debit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "debit_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DebitStatus {
    /// Waits; looked at again as long as Mirakl asks.
    DebitOnHold,
    /// To be told, or told without an answer.
    DebitPending,
    /// Mirakl knows that the customer was debited.
    DebitConfirmed,
    /// Mirakl was told that the customer cannot be debited.
    DebitRefused,
    /// Mirakl did not take it; tried again.
    DebitFailed,
    /// Mirakl no longer asks.
    DebitEnded,
}

/// Where a debit stands now.
#[derive(Debug, Clone, Serialize)]
pub struct DebitRow {
    /// Goods or services.
    pub kind: DebitKind,
    /// What names it.
    pub mirakl_id: String,
    /// Its order.
    pub order_id: OrderId,
    /// Its basket.
    pub commercial_order_id: CommercialOrderId,
    /// Where it stands.
    pub status: DebitStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// Minor units, where they are known.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The payment.
    pub transaction_number: Option<String>,
    /// When Mirakl is told.
    pub sent_at: Option<DateTime<Utc>>,
}

/// Writes where debits stand; returns how many of them stand elsewhere than before. An unchanged
/// reason leaves `updated_at` alone, so that it says since when a row stands where it stands.
pub async fn record(conn: &mut Connection, debits: &[DebitRow], now: DateTime<Utc>) -> Result<u64> {
    if debits.is_empty() {
        return Ok(0);
    }
    let changed = sqlx::query_scalar!(
        r#"with written as (
               insert into debits (kind, mirakl_id, order_id, commercial_order_id, status,
                                   status_reason, reason_code, amount, currency,
                                   transaction_number, sent_at, created_at, updated_at)
               select distinct on (r.kind, r.mirakl_id)
                      r.kind, r.mirakl_id, r.order_id, r.commercial_order_id, r.status,
                      r.status_reason, r.reason_code, r.amount, r.currency, r.transaction_number,
                      r.sent_at, $2, $2
               from jsonb_to_recordset($1::text::jsonb) as r(
                   kind debit_kind, mirakl_id text, order_id text, commercial_order_id text,
                   status debit_status, status_reason text, reason_code text, amount bigint,
                   currency text, transaction_number text, sent_at timestamptz)
               order by r.kind, r.mirakl_id
               on conflict (kind, mirakl_id) do update
               set status = excluded.status, status_reason = excluded.status_reason,
                   reason_code = excluded.reason_code, amount = excluded.amount,
                   currency = excluded.currency, commercial_order_id = excluded.commercial_order_id,
                   transaction_number = coalesce(excluded.transaction_number,
                                                 debits.transaction_number),
                   sent_at = coalesce(excluded.sent_at, debits.sent_at),
                   updated_at = case when (debits.status, debits.status_reason)
                                          is distinct from (excluded.status, excluded.status_reason)
                                     then excluded.updated_at else debits.updated_at end
               returning updated_at = $2 as changed
           )
           select count(*) as "count!" from written where changed"#,
        rows(debits)?,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(u64::try_from(changed).unwrap_or(0))
}

/// A debit that waits, or of which Mirakl may have been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDebit {
    /// Its internal id.
    pub id: i64,
    /// What names it.
    pub mirakl_id: String,
    /// Its order.
    pub order_id: OrderId,
    /// Its basket.
    pub commercial_id: CommercialOrderId,
    /// The payment that Mirakl was to be told.
    pub transaction_number: Option<String>,
}

/// The next open debits after row `after` that are none of `asked`: Mirakl no longer asks for them.
pub async fn no_longer_asked(
    conn: &mut Connection,
    kind: DebitKind,
    asked: &[&str],
    after: i64,
    limit: i64,
) -> Result<Vec<OpenDebit>> {
    let open = sqlx::query!(
        "select id, mirakl_id, order_id, commercial_order_id, transaction_number
         from debits
         where kind = $1 and status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING', 'DEBIT_FAILED')
           and not mirakl_id = any($2::text[]) and id > $3
         order by id limit $4",
        kind as DebitKind,
        asked as &[&str],
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let open = open.into_iter().map(|row| OpenDebit {
        id: row.id,
        mirakl_id: row.mirakl_id,
        order_id: OrderId(row.order_id),
        commercial_id: CommercialOrderId(row.commercial_order_id),
        transaction_number: row.transaction_number,
    });
    Ok(open.collect())
}

/// Ends open debits that are no longer asked for by these names.
pub async fn end(
    conn: &mut Connection,
    kind: DebitKind,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update debits
         set status = 'DEBIT_ENDED', status_reason = 'Mirakl asks otherwise, or no longer',
             reason_code = 'no_longer_asked', updated_at = $3
         where kind = $1 and mirakl_id = any($2) and status = 'DEBIT_ON_HOLD'",
        kind as DebitKind,
        names,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The baskets of open debits of a kind.
pub async fn open_baskets(
    conn: &mut Connection,
    kind: DebitKind,
) -> Result<Vec<CommercialOrderId>> {
    let baskets = sqlx::query_scalar!(
        "select distinct commercial_order_id from debits
         where kind = $1 and status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING', 'DEBIT_FAILED')
         order by commercial_order_id",
        kind as DebitKind
    )
    .fetch_all(conn)
    .await?;
    Ok(baskets.into_iter().map(CommercialOrderId).collect())
}

/// Whether services of this marketplace were ever seen: a service order by one of the jobs, or a debit
/// of one.
pub async fn knows_services(conn: &mut Connection) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"select exists (select from checkpoints where stream in ('service_orders', 'paid_services'))
                  or exists (select from debits where kind = 'SERVICE') as "known!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}
