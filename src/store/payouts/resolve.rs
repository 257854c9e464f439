//! What a person decides about a payout.

use chrono::{DateTime, Utc};

use crate::domain::ids::{AccountId, InvoiceId, PayoutId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::PayoutStatus;
use crate::store::{Connection, Result, one};

/// A payout that a person may decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvablePayout {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// Where it stands.
    pub status: PayoutStatus,
    /// What was to be paid, if that was decided.
    pub amount: Option<Money>,
    /// Out of which account, if that was decided; else the shop's.
    pub account: Option<AccountId>,
}

/// The row, locked; `None` when there is none of that number.
pub async fn resolvable(conn: &mut Connection, id: i64) -> Result<Option<ResolvablePayout>> {
    let row = sqlx::query!(
        r#"select mirakl_invoice_id, shop_id, status, amount, currency as "currency: String",
                  coalesce(account, (select a.stripe_account_id from accounts a
                                     where a.shop_id = payouts.shop_id)) as account
           from payouts where id = $1 for update"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let currency = row.currency.and_then(|code| Currency::parse(&code).ok());
        let amount = row.amount.zip(currency);
        ResolvablePayout {
            invoice: InvoiceId(row.mirakl_invoice_id),
            shop_id: row.shop_id.map(ShopId),
            status: row.status,
            amount: amount.map(|(minor, currency)| Money::from_minor(minor, currency)),
            account: row.account.map(AccountId),
        }
    }))
}

/// Whether a row has this payout already.
pub async fn is_taken(conn: &mut Connection, payout: &PayoutId) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"select exists (select 1 from payouts where stripe_payout_id = $1) as "taken!""#,
        payout.as_str()
    )
    .fetch_one(conn)
    .await?;
    Ok(taken)
}

/// The code of a payout that a person ended without one.
pub const ABANDONED: &str = "resolved_abandoned";

/// What a person decided about a payout that waits or was refused.
#[derive(Debug, Clone)]
pub enum PayoutResolution<'a> {
    /// Decide it anew at the next run.
    Retry,
    /// Stripe has made it: this payout.
    MadeAs {
        /// The payout.
        id: &'a PayoutId,
        /// Out of which account.
        account: &'a AccountId,
        /// What it pays.
        amount: Money,
        /// Stripe's word for where it is.
        stripe_status: &'a str,
        /// When it reaches the bank.
        arrival: Option<DateTime<Utc>>,
        /// When Stripe made it.
        created_at: DateTime<Utc>,
        /// When it is read again.
        follow_at: Option<DateTime<Utc>>,
        /// What it pays otherwise than was decided.
        difference: Option<&'a str>,
    },
    /// End it without a payout.
    Abandon {
        /// Why, for the history.
        reason: &'a str,
    },
}

/// Carries out what a person decided; only on a row that waits or was refused.
pub async fn resolve(
    conn: &mut Connection,
    row: i64,
    resolution: &PayoutResolution<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = match resolution {
        PayoutResolution::Retry => {
            sqlx::query!(
                "update payouts
                 set status = 'PAYOUT_ON_HOLD', reason_code = 'resolved_retry',
                     status_reason = 'a person asked for another try', looks = 0, missing = null,
                     accepted_reason = status_reason, next_look_at = $2, updated_at = $2
                 where id = $1 and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')",
                row,
                now
            )
            .execute(conn)
            .await?
        }
        PayoutResolution::MadeAs {
            id,
            account,
            amount,
            stripe_status,
            arrival,
            created_at,
            follow_at,
            difference,
        } => {
            let currency = amount.currency();
            sqlx::query!(
                "update payouts
                 set status = 'PAYOUT_CREATED', reason_code = 'resolved_made',
                     status_reason = 'a person named the payout that was made', looks = 0,
                     missing = null, next_look_at = null, stripe_payout_id = $2, account = $3,
                     amount = $4, currency = $5, stripe_status = $6, arrival_date = $7,
                     stripe_created_at = $8, follow_at = $9, updated_at = $10,
                     difference = coalesce($11, difference)
                 where id = $1 and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')",
                row,
                id.as_str(),
                account.as_str(),
                amount.minor(),
                currency.code(),
                stripe_status,
                *arrival,
                created_at,
                *follow_at,
                now,
                *difference
            )
            .execute(conn)
            .await?
        }
        PayoutResolution::Abandon { reason } => {
            sqlx::query!(
                "update payouts
                 set status = 'PAYOUT_ABORTED', reason_code = $4,
                     status_reason = 'abandoned by a person: ' || $2::text, looks = 0,
                     missing = null, next_look_at = null, updated_at = $3
                 where id = $1 and status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')",
                row,
                reason,
                now,
                ABANDONED
            )
            .execute(conn)
            .await?
        }
    };
    one(changed.rows_affected(), "payout", row)
}
