//! Which Stripe account a shop has.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Connection, Result};
use crate::domain::account::Account;
use crate::domain::ids::{AccountId, ShopId};
use crate::stripe::ConnectedAccount;

/// The accounts of these shops.
pub async fn of_shops(conn: &mut Connection, shops: &[ShopId]) -> Result<HashMap<ShopId, Account>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let rows = sqlx::query!(
        "select shop_id, stripe_account_id, transfers_active, ignored
         from accounts where shop_id = any($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    let accounts = rows.into_iter().map(|row| {
        let shop_id = ShopId(row.shop_id);
        let account = Account {
            shop_id,
            id: AccountId(row.stripe_account_id),
            transfers_active: row.transfers_active,
            ignored: row.ignored,
        };
        (shop_id, account)
    });
    Ok(accounts.collect())
}

/// Writes what Stripe says of an account to every shop that has it.
pub async fn refresh(
    conn: &mut Connection,
    account: &ConnectedAccount,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update accounts
         set charges_enabled = $2, payouts_enabled = $3, details_submitted = $4,
             transfers_active = $5, disabled_reason = $6, observed_at = $7, updated_at = $7
         where stripe_account_id = $1",
        account.id.as_str(),
        account.charges_enabled,
        account.payouts_enabled,
        account.details_submitted,
        account.transfers_active,
        account.disabled_reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers that Stripe refused a transfer to this account for want of the capability.
pub async fn cannot_receive(
    conn: &mut Connection,
    account: &AccountId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update accounts set transfers_active = false, updated_at = $2
         where stripe_account_id = $1 and transfers_active",
        account.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Maps an account to a shop. Returns the account that the shop had before.
pub async fn link(
    conn: &mut Connection,
    shop: ShopId,
    account: &ConnectedAccount,
    now: DateTime<Utc>,
) -> Result<Option<AccountId>> {
    let before = sqlx::query_scalar!(
        "select stripe_account_id from accounts where shop_id = $1 for update",
        shop.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into accounts (shop_id, stripe_account_id, charges_enabled, payouts_enabled,
                               details_submitted, transfers_active, disabled_reason,
                               observed_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)
         on conflict (shop_id) do update
         set stripe_account_id = excluded.stripe_account_id,
             charges_enabled = excluded.charges_enabled,
             payouts_enabled = excluded.payouts_enabled,
             details_submitted = excluded.details_submitted,
             transfers_active = excluded.transfers_active,
             disabled_reason = excluded.disabled_reason,
             observed_at = excluded.observed_at, updated_at = excluded.updated_at",
        shop.0,
        account.id.as_str(),
        account.charges_enabled,
        account.payouts_enabled,
        account.details_submitted,
        account.transfers_active,
        account.disabled_reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(before.map(AccountId))
}

/// One row of `list accounts`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct ListedAccount {
    /// The Mirakl shop.
    pub mirakl_shop_id: i64,
    /// Its account.
    pub stripe_account_id: String,
    /// Can take payments.
    pub charges_enabled: bool,
    /// Can be paid out.
    pub payouts_enabled: bool,
    /// The seller has finished the form.
    pub details_submitted: bool,
    /// Can receive transfers.
    pub transfers_active: bool,
    /// Excluded by the operator.
    pub ignored: bool,
    /// As Mirakl was told.
    pub kyc_status: Option<String>,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
    /// When the mapping was made, in UTC.
    pub created_at: DateTime<Utc>,
    /// When it last changed, in UTC.
    pub updated_at: DateTime<Utc>,
}

/// The newest accounts, of one shop or account if named.
pub async fn list(
    conn: &mut Connection,
    shop: Option<ShopId>,
    account: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedAccount>> {
    let rows = sqlx::query_as!(
        ListedAccount,
        "select shop_id as mirakl_shop_id, stripe_account_id, charges_enabled, payouts_enabled,
                details_submitted, transfers_active, ignored, kyc_status, disabled_reason,
                created_at, updated_at
         from accounts
         where ($1::bigint is null or shop_id = $1)
           and ($2::text is null or stripe_account_id = $2)
         order by created_at desc, shop_id desc
         limit $3",
        shop.map(|shop| shop.0),
        account,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
