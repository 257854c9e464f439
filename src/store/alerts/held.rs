//! What waits for too long, by its reason.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::store::{Connection, Result};

/// Rows that wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// `TRANSFER`, `REFUND`, `PAYOUT`, or for a customer's payment `DEBIT`, and `CAPTURE` for its end.
    pub subject: String,
    /// The kind of reason; `pending` for what was sent and has no answer.
    pub reason_code: String,
    /// The reason of the oldest.
    pub example: String,
    /// How many.
    pub count: i64,
    /// What they add up to, for each currency.
    pub sums: Vec<HeldSum>,
    /// How many have no amount yet.
    pub without_amount: i64,
    /// Since when the oldest waits, in UTC.
    pub oldest_since: DateTime<Utc>,
}

/// A sum of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldSum {
    /// Minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: String,
}

/// What has waited since before `since`, whatever its reason was meanwhile.
pub(super) async fn held(conn: &mut Connection, since: DateTime<Utc>) -> Result<Vec<Held>> {
    let sums = sqlx::query!(
        r#"with waiting as (
               select 'TRANSFER' as subject, 'transfer' as kind, id, status::text, reason_code,
                      status_reason, amount, currency::text, updated_at
               from transfers where status in ('TRANSFER_ON_HOLD', 'TRANSFER_PENDING') and created_at < $1
               union all
               select 'REFUND', 'refund', id, status::text, reason_code, status_reason, amount, currency::text, updated_at
               from refunds where status in ('REFUND_ON_HOLD', 'REFUND_PENDING') and created_at < $1
               union all
               select 'PAYOUT', 'payout', id, status::text, reason_code, status_reason, amount, currency::text, updated_at
               from payouts where status in ('PAYOUT_ON_HOLD', 'PAYOUT_PENDING') and created_at < $1
               union all
               select 'DEBIT', 'debit', id, status::text, reason_code, status_reason, amount, currency::text, updated_at
               from debits where status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING') and created_at < $1
               union all
               select 'CAPTURE', 'capture', id, status::text, reason_code, status_reason, amount, currency::text, updated_at
               from captures where status = 'CAPTURE_PENDING' and created_at < $1
           ), since as (
               select w.*, coalesce(h.at, w.updated_at) as waits_since
               from waiting w cross join lateral (
                   select min(h.at) as at from history h
                   where h.subject = w.kind and h.subject_id = w.id
                     and h.id > coalesce((select max(b.id) from history b
                                          where b.subject = w.kind and b.subject_id = w.id
                                            and b.to_status not in (w.subject || '_ON_HOLD', w.subject || '_PENDING')), 0)) h
           ), long as (
               select subject, currency, amount, waits_since, id,
                      case when status like '%PENDING' then 'pending' else coalesce(reason_code, '') end as code,
                      case when status like '%PENDING' then 'sent or to be sent, and not answered'
                           else coalesce(status_reason, '') end as reason
               from since where waits_since < $1
           )
           select subject as "subject!", code as "code!", currency,
                  (array_agg(reason order by waits_since, id))[1] as "example!",
                  count(*) as "count!", sum(amount)::bigint as sum,
                  count(*) filter (where amount is null) as "without!",
                  min(waits_since) as "oldest!"
           from long group by subject, code, currency
           order by subject, code, currency"#,
        since
    )
    .fetch_all(conn)
    .await?;
    let mut reasons: Vec<Held> = Vec::new();
    for row in sums {
        let sum = row
            .sum
            .zip(row.currency)
            .map(|(amount, currency)| HeldSum { amount, currency });
        match reasons.last_mut() {
            Some(held) if held.subject == row.subject && held.reason_code == row.code => {
                held.count += row.count;
                held.without_amount += row.without;
                held.sums.extend(sum);
                if row.oldest < held.oldest_since {
                    held.oldest_since = row.oldest;
                    held.example = row.example;
                }
            }
            _ => reasons.push(Held {
                subject: row.subject,
                reason_code: row.code,
                example: row.example,
                count: row.count,
                sums: sum.into_iter().collect(),
                without_amount: row.without,
                oldest_since: row.oldest,
            }),
        }
    }
    reasons.sort_by_key(|held| held.oldest_since);
    Ok(reasons)
}
