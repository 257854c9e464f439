//! What becomes of payouts after they were made.

use chrono::{DateTime, Utc};

use crate::domain::ids::{AccountId, InvoiceId, PayoutId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::store::{Connection, Result, one};

/// A payout that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its internal id.
    pub id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The account.
    pub account: AccountId,
    /// The payout.
    pub payout_id: PayoutId,
    /// What it pays.
    pub amount: Money,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
}

/// The next payouts after row `after` that are to be read again; of one shop or all.
pub async fn followed(
    conn: &mut Connection,
    now: DateTime<Utc>,
    shop: Option<ShopId>,
    after: i64,
    limit: i64,
) -> Result<Vec<Followed>> {
    let stored = sqlx::query!(
        r#"select id, mirakl_invoice_id, shop_id, account as "account!",
                  stripe_payout_id as "stripe_payout_id!", amount as "amount!",
                  currency as "currency!: String", stripe_created_at as "stripe_created_at!"
           from payouts
           where follow_at <= $1 and ($2::bigint is null or shop_id = $2) and id > $3
           order by id limit $4"#,
        now,
        shop.map(|shop| shop.0),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let followed = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(Followed {
            id: row.id,
            invoice: InvoiceId(row.mirakl_invoice_id),
            shop_id: row.shop_id.map(ShopId),
            account: AccountId(row.account),
            payout_id: PayoutId(row.stripe_payout_id),
            amount: Money::from_minor(row.amount, currency),
            stripe_created_at: row.stripe_created_at,
        })
    });
    Ok(followed.collect())
}

/// What was seen of a payout on its way.
#[derive(Debug, Clone)]
pub struct SeenPayout<'a> {
    /// The row.
    pub id: i64,
    /// Stripe's word for where it is.
    pub stripe_status: &'a str,
    /// When it reaches the bank, as Stripe expects.
    pub arrival: Option<DateTime<Utc>>,
    /// When it is read again.
    pub follow_at: Option<DateTime<Utc>>,
    /// What a person should know.
    pub difference: Option<&'a str>,
}

/// Notes where a payout is, and when it is read again.
pub async fn seen(conn: &mut Connection, seen: &SeenPayout<'_>, now: DateTime<Utc>) -> Result<()> {
    let changed = sqlx::query!(
        "update payouts
         set stripe_status = $2, arrival_date = coalesce($3, arrival_date), follow_at = $4,
             difference = coalesce($5, difference),
             updated_at = case when stripe_status = $2 then updated_at else $6 end
         where id = $1 and status = 'PAYOUT_CREATED'",
        seen.id,
        seen.stripe_status,
        seen.arrival,
        seen.follow_at,
        seen.difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", seen.id)
}

/// A payout could not be read: it is looked for again at `follow_at`, or flagged.
pub async fn unread(
    conn: &mut Connection,
    id: i64,
    difference: Option<&str>,
    follow_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update payouts
         set follow_at = $3, difference = coalesce($2, difference),
             updated_at = case when $2::text is null then updated_at else $4 end
         where id = $1 and status = 'PAYOUT_CREATED'",
        id,
        difference,
        follow_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", id)
}

/// A payout failed or was cancelled after it was made: the money is at Stripe again, and the next try
/// has a new key. Without `next_look_at` it waits for a person.
pub async fn ended(
    conn: &mut Connection,
    id: i64,
    (reason, code): (&str, &str),
    stripe_status: &str,
    next_look_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update payouts
         set status = 'PAYOUT_FAILED', status_reason = $2, reason_code = $3, stripe_status = $4,
             next_look_at = $5, attempt = attempt + 1, looks = 0, sent_at = null,
             request_body = null, follow_at = null, arrival_date = null, stripe_created_at = null,
             failed_payout_ids = failed_payout_ids || stripe_payout_id, stripe_payout_id = null,
             updated_at = $6
         where id = $1 and status = 'PAYOUT_CREATED'",
        id,
        reason,
        code,
        stripe_status,
        next_look_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "payout", id)
}
