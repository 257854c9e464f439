//! Movements of invoices: transfers between the operator and a seller without a charge.

use chrono::{DateTime, Utc};

use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::transfer::TransferType;
use crate::store::{Connection, Result};

/// The code of a movement that had not left when its invoice asked for it no longer.
pub const NO_LONGER_ASKED: &str = "no_longer_asked";

/// A movement that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMovement {
    /// Its internal id.
    pub id: i64,
    /// Which movement.
    pub kind: TransferType,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// The amount.
    pub amount: Money,
    /// The account that pays; none: the platform.
    pub payer: Option<AccountId>,
    /// The account that is to receive it.
    pub destination: AccountId,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals, or looks that found the same, in a row before this attempt.
    pub failures: u32,
    /// The reason for waiting that a person accepted.
    pub accepted: Option<String>,
}

impl PendingMovement {
    /// The seller's account, whichever way the money goes.
    pub fn seller(&self) -> &AccountId {
        self.payer.as_ref().unwrap_or(&self.destination)
    }
}

/// The movements that are in doubt, or were decided since `fresh_since`; of one shop or all, of one
/// seller's account or all; credits first.
pub async fn pending_movements(
    conn: &mut Connection,
    fresh_since: DateTime<Utc>,
    shop: Option<ShopId>,
    seller: Option<&AccountId>,
) -> Result<Vec<PendingMovement>> {
    let stored = sqlx::query!(
        r#"select id, type as kind, mirakl_id, shop_id, attempt, amount as "amount!",
                  currency as "currency!: String", payer, destination as "destination!",
                  request_body as "request_body!", sent_at, looks, accepted_reason
           from transfers
           where type = any($1) and status = 'TRANSFER_PENDING'
             and (sent_at is not null or updated_at >= $2)
             and ($3::bigint is null or shop_id = $3)
             and ($4::text is null or coalesce(payer, destination) = $4)
           order by type, id"#,
        &TransferType::OF_INVOICES as &[TransferType],
        fresh_since,
        shop.map(|shop| shop.0),
        seller.map(AccountId::as_str)
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().filter_map(|row| {
        let currency = Currency::parse(&row.currency).ok()?;
        Some(PendingMovement {
            id: row.id,
            kind: row.kind,
            invoice: InvoiceId(row.mirakl_id),
            shop_id: row.shop_id.map(ShopId),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            amount: Money::from_minor(row.amount, currency),
            payer: row.payer.map(AccountId),
            destination: AccountId(row.destination),
            body: row.request_body,
            sent_at: row.sent_at,
            failures: u32::try_from(row.looks).unwrap_or(0),
            accepted: row.accepted_reason,
        })
    });
    Ok(pending.collect())
}

/// Lets a movement that has not left wait; one that was taken over meanwhile stays.
pub async fn hold(
    conn: &mut Connection,
    id: i64,
    reason: (&str, &str),
    looks: u32,
    next_look_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (reason, code) = reason;
    sqlx::query!(
        "update transfers
         set status = 'TRANSFER_ON_HOLD', status_reason = $2, reason_code = $3, looks = $4,
             next_look_at = $5, updated_at = $6
         where id = $1 and status = 'TRANSFER_PENDING' and sent_at is null",
        id,
        reason,
        code,
        i32::try_from(looks).unwrap_or(i32::MAX),
        next_look_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The account that pays a transfer, where it is not the platform: of a charge that was never decided as
/// a whole the shop's.
pub async fn payer_of(conn: &mut Connection, id: i64) -> Result<Option<AccountId>> {
    let payer = sqlx::query_scalar!(
        "select coalesce(t.payer, case when t.type in ('SUBSCRIPTION', 'EXTRA_INVOICES')
                                       then a.stripe_account_id end)
         from transfers t left join accounts a using (shop_id) where t.id = $1",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(payer.flatten().map(AccountId))
}
