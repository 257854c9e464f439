//! Requests: what is to be sent, that it left, and what Stripe said; and what a person decides.

use chrono::{DateTime, Utc};

use super::adopt::MADE_BY_OLD;
use crate::domain::ids::{AccountId, ChargeId, ShopId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::store::history::{self, Subject};
use crate::store::{Connection, Result, one};

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its internal id.
    pub id: i64,
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// The amount.
    pub amount: Money,
    /// The account that is to receive it.
    pub destination: AccountId,
    /// The charge it comes from.
    pub source: ChargeId,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals in a row before this attempt.
    pub failures: u32,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// The reason for stopping that a person accepted.
    pub accepted: Option<String>,
}

/// The next requests after row `after`: in doubt, or decided since `fresh_since`.
///
/// What has not left yet for a service order, and may have been paid by a transfer of the old
/// connector that was found since, is decided anew instead.
pub async fn pending(
    conn: &mut Connection,
    kinds: &[TransferType],
    fresh_since: DateTime<Utc>,
    only: Option<&[&str]>,
    after: i64,
    limit: i64,
) -> Result<Vec<Pending>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, attempt, amount as "amount!",
                  currency as "currency!: String", destination as "destination!",
                  source_charge as "source_charge!", request_body as "request_body!", sent_at, looks,
                  shop_id, created_at, accepted_reason
           from transfers
           where type = any($1) and status = 'TRANSFER_PENDING'
             and (sent_at is not null or updated_at >= $2)
             and ($3::text[] is null or mirakl_id = any($3))
             and id > $4
             and (sent_at is not null or type in ('PRODUCT_ORDER', 'PRODUCT_ORDER_TAX')
                  or not exists (select 1 from transfers old
                                 where old.mirakl_id = transfers.mirakl_id
                                   and old.type in ('PRODUCT_ORDER', 'PRODUCT_ORDER_TAX')
                                   and old.status = 'TRANSFER_CREATED' and old.status_reason = $6))
           order by id limit $5"#,
        kinds as &[TransferType],
        fresh_since,
        only as Option<&[&str]>,
        after,
        limit,
        MADE_BY_OLD
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(Pending {
            id: row.id,
            kind: row.kind,
            mirakl_id: row.mirakl_id,
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            amount: Money::from_minor(row.amount, currency),
            destination: AccountId(row.destination),
            source: ChargeId(row.source_charge),
            shop_id: row.shop_id.map(ShopId),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
            created_at: row.created_at,
            accepted: row.accepted_reason,
        })
    });
    Ok(pending.collect())
}

/// Notes that these requests are about to leave; keeps the time of the first try.
pub async fn mark_sent(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update transfers set sent_at = $2
         where id = any($1) and status = 'TRANSFER_PENDING' and sent_at is null",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A transfer that Stripe has made for a pending row.
#[derive(Debug, Clone)]
pub struct Made<'a> {
    /// The row.
    pub id: i64,
    /// The transfer.
    pub transfer_id: &'a TransferId,
    /// What Stripe says it moved.
    pub amount: Money,
    /// To whom.
    pub destination: &'a AccountId,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// What Stripe did otherwise than asked.
    pub difference: Option<&'a str>,
}

/// Settles a pending row as created; one that another job has just taken over from Stripe's list, as the
/// same transfer, is settled again.
pub async fn created(conn: &mut Connection, row: &Made<'_>, now: DateTime<Utc>) -> Result<()> {
    let currency = row.amount.currency();
    let changed = sqlx::query!(
        "update transfers
         set status = 'TRANSFER_CREATED', status_reason = null, reason_code = null, looks = 0,
             transfer_id = $2, amount = $3, currency = $4, destination = $5,
             stripe_created_at = $6, stripe_request_id = $7, difference = $8, updated_at = $9
         where id = $1
           and (status = 'TRANSFER_PENDING' or (status = 'TRANSFER_CREATED' and transfer_id = $2))",
        row.id,
        row.transfer_id.as_str(),
        row.amount.minor(),
        currency.code(),
        row.destination.as_str(),
        row.stripe_created_at,
        row.request_id,
        row.difference,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "transfer", row.id)
}

/// A definite refusal of a pending row.
#[derive(Debug, Clone)]
pub struct Failed<'a> {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again; none: a person decides.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Settles a pending row as refused: the next try has a new key. Returns whether that is news: the
/// last time that the row stood anywhere but at Stripe's door, it was not refused for this reason.
pub async fn failed(conn: &mut Connection, row: &Failed<'_>, now: DateTime<Utc>) -> Result<bool> {
    let before = history::last_refusal(&mut *conn, Subject::Transfer, row.id).await?;
    let news = before.as_deref() != Some(row.reason);
    let changed = sqlx::query!(
        "update transfers
         set status = 'TRANSFER_FAILED', status_reason = $2, reason_code = $3,
             stripe_request_id = $4, next_look_at = $5, attempt = attempt + 1, looks = looks + 1,
             sent_at = null, request_body = null, updated_at = $6
         where id = $1 and status = 'TRANSFER_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        row.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "transfer", row.id)?;
    Ok(news)
}

/// A row that a person may decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolvable {
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
    /// Where it stands.
    pub status: TransferStatus,
    /// The amount that was decided, if any.
    pub amount: Option<Money>,
    /// The account that was to receive it.
    pub destination: Option<AccountId>,
}

/// The row, locked; `None` when there is none of that number.
pub async fn resolvable(conn: &mut Connection, id: i64) -> Result<Option<Resolvable>> {
    let row = sqlx::query!(
        r#"select type as kind, mirakl_id, shop_id, status, amount, currency as "currency: String",
                  destination
           from transfers where id = $1 for update"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let currency = row.currency.and_then(|c| Currency::parse(&c).ok());
        Resolvable {
            kind: row.kind,
            mirakl_id: row.mirakl_id,
            shop_id: row.shop_id.map(ShopId),
            status: row.status,
            amount: row
                .amount
                .zip(currency)
                .map(|(minor, c)| Money::from_minor(minor, c)),
            destination: row.destination.map(AccountId),
        }
    }))
}

/// Whether a row has this transfer already.
pub async fn is_taken(conn: &mut Connection, transfer: &TransferId) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"select exists (select 1 from transfers where transfer_id = $1) as "taken!""#,
        transfer.as_str()
    )
    .fetch_one(conn)
    .await?;
    Ok(taken)
}

/// The code of a transfer that a person named.
pub const NAMED: &str = "resolved_made";

/// What a person decided about a row that waits or was refused.
#[derive(Debug, Clone)]
pub enum Resolution<'a> {
    /// Decide it anew at the next run.
    Retry,
    /// Stripe has made it: this transfer.
    MadeAtStripe {
        /// The transfer.
        transfer_id: &'a TransferId,
        /// What it moved.
        amount: Money,
        /// To whom.
        destination: &'a AccountId,
        /// When Stripe made it.
        stripe_created_at: DateTime<Utc>,
    },
    /// End it without a transfer.
    Abandon {
        /// Why, for the history.
        reason: &'a str,
    },
}

/// Carries out what a person decided; only on a row that waits or was refused.
pub async fn resolve(
    conn: &mut Connection,
    id: i64,
    resolution: &Resolution<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = match resolution {
        Resolution::Retry => {
            sqlx::query!(
                "update transfers
                 set status = 'TRANSFER_ON_HOLD', reason_code = 'resolved_retry',
                     status_reason = 'a person asked for another try', looks = 0,
                     accepted_reason = status_reason, next_look_at = $2, updated_at = $2
                 where id = $1 and status in ('TRANSFER_ON_HOLD', 'TRANSFER_FAILED')",
                id,
                now
            )
            .execute(conn)
            .await?
        }
        Resolution::MadeAtStripe {
            transfer_id,
            amount,
            destination,
            stripe_created_at,
        } => {
            let currency = amount.currency();
            sqlx::query!(
                "update transfers
                 set status = 'TRANSFER_CREATED', reason_code = $8,
                     status_reason = 'a person named the transfer that was made', looks = 0,
                     next_look_at = null, transfer_id = $2, amount = $3, currency = $4,
                     destination = $5, stripe_created_at = $6, updated_at = $7
                 where id = $1 and status in ('TRANSFER_ON_HOLD', 'TRANSFER_FAILED')",
                id,
                transfer_id.as_str(),
                amount.minor(),
                currency.code(),
                destination.as_str(),
                stripe_created_at,
                now,
                NAMED
            )
            .execute(conn)
            .await?
        }
        Resolution::Abandon { reason } => {
            sqlx::query!(
                "update transfers
                 set status = 'TRANSFER_ABORTED', reason_code = 'resolved_abandoned',
                     status_reason = 'abandoned by a person: ' || $2::text, looks = 0,
                     next_look_at = null, updated_at = $3
                 where id = $1 and status in ('TRANSFER_ON_HOLD', 'TRANSFER_FAILED')",
                id,
                reason,
                now
            )
            .execute(conn)
            .await?
        }
    };
    one(changed.rows_affected(), "transfer", id)
}
