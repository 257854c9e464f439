//! Writing what Stripe says of accounts, and which shop has which.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::KycStatus;
use crate::notify::Event;
use crate::store::{Connection, Result, notifications, payouts, rows, transfers};
use crate::stripe::ConnectedAccount;

#[derive(Serialize)]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
struct Row<'a> {
    stripe_account_id: &'a AccountId,
    charges_enabled: bool,
    payouts_enabled: bool,
    details_submitted: bool,
    transfers_active: bool,
    disabled_reason: Option<&'a str>,
    express: bool,
    open_items: bool,
    kyc: KycStatus,
    fingerprint: &'a str,
}

impl<'a> From<&'a ConnectedAccount> for Row<'a> {
    fn from(account: &'a ConnectedAccount) -> Self {
        Self {
            stripe_account_id: &account.id,
            charges_enabled: account.charges_enabled,
            payouts_enabled: account.payouts_enabled,
            details_submitted: account.details_submitted,
            transfers_active: account.transfers_active,
            disabled_reason: account.disabled_reason.as_deref(),
            express: account.express,
            open_items: account.open_items,
            kyc: account.kyc,
            fingerprint: &account.fingerprint,
        }
    }
}

/// A shop whose account is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The shop.
    pub shop_id: ShopId,
    /// Its account.
    pub account: AccountId,
}

/// Writes what Stripe says of these accounts to every shop that has them, lets what waits for a
/// shop whose account changed be looked at again, and tells the operator's server if `told`.
/// Accounts of no shop are passed over. Call it in a transaction.
///
/// An older observation never replaces a newer one.
pub async fn observe(
    conn: &mut Connection,
    accounts: &[ConnectedAccount],
    observed_at: DateTime<Utc>,
    told: bool,
) -> Result<Vec<Changed>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let observed: Vec<Row<'_>> = accounts.iter().map(Row::from).collect();
    let changed = sqlx::query!(
        r#"with seen as (
               select distinct on (r.stripe_account_id) r.*
               from jsonb_to_recordset($1::text::jsonb) as r(
                   stripe_account_id text, charges_enabled boolean, payouts_enabled boolean,
                   details_submitted boolean, transfers_active boolean, disabled_reason text,
                   express boolean, open_items boolean, kyc kyc_status, fingerprint text)
           ), before as (
               select a.shop_id, a.fingerprint
               from accounts a join seen using (stripe_account_id)
               where a.observed_at <= $2 order by a.shop_id for update of a
           ), written as (
               update accounts a
               set charges_enabled = seen.charges_enabled, payouts_enabled = seen.payouts_enabled,
                   details_submitted = seen.details_submitted,
                   transfers_active = seen.transfers_active, disabled_reason = seen.disabled_reason,
                   express = seen.express, open_items = seen.open_items, kyc = seen.kyc,
                   fingerprint = seen.fingerprint, observed_at = $2,
                   updated_at = case when a.fingerprint is distinct from seen.fingerprint
                                          or a.kyc is distinct from seen.kyc
                                     then $2 else a.updated_at end
               from seen, before
               where a.stripe_account_id = seen.stripe_account_id and a.shop_id = before.shop_id
               returning a.shop_id, a.stripe_account_id, before.fingerprint as fingerprint_before,
                         before.fingerprint is distinct from a.fingerprint as changed
           )
           select shop_id, stripe_account_id, fingerprint_before is not null as "known_before!"
           from written where changed order by shop_id"#,
        rows(&observed)?,
        observed_at
    )
    .fetch_all(&mut *conn)
    .await?;
    let shops: Vec<ShopId> = changed.iter().map(|row| ShopId(row.shop_id)).collect();
    transfers::shops_are_due(&mut *conn, &shops, observed_at).await?;
    payouts::shops_are_due(&mut *conn, &shops, observed_at).await?;
    let changed: Vec<Changed> = changed
        .into_iter()
        // What was never read by this version has not changed, it is only known better.
        .filter(|row| row.known_before)
        .map(|row| Changed {
            shop_id: ShopId(row.shop_id),
            account: AccountId(row.stripe_account_id),
        })
        .collect();
    if told {
        let events: Vec<Event> = changed
            .iter()
            .map(|changed| Event::AccountUpdated {
                shop_id: changed.shop_id,
                account: changed.account.clone(),
            })
            .collect();
        notifications::add(conn, &events, observed_at).await?;
    }
    Ok(changed)
}

/// What is left of an account that Stripe no longer shows this platform: nothing can be paid to it.
pub fn disconnected(id: &AccountId) -> ConnectedAccount {
    ConnectedAccount {
        id: id.clone(),
        charges_enabled: false,
        payouts_enabled: false,
        details_submitted: true,
        transfers_active: false,
        express: false,
        open_items: false,
        disabled_reason: Some("not connected to this platform".to_owned()),
        kyc: KycStatus::PendingApproval,
        fingerprint: "0".repeat(64),
        payout_interval: None,
        made_for: None,
        created_at: None,
    }
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

/// Remembers that Stripe refused a payout of this account because they are not enabled.
pub async fn cannot_pay_out(
    conn: &mut Connection,
    account: &AccountId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update accounts set payouts_enabled = false, updated_at = $2
         where stripe_account_id = $1 and payouts_enabled",
        account.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Maps accounts to shops. Returns the accounts that shops had before, where they are others.
///
/// A shop that changes its account starts over with its link and its KYC status.
pub async fn put(
    conn: &mut Connection,
    mapped: &[(ShopId, &ConnectedAccount)],
    now: DateTime<Utc>,
) -> Result<HashMap<ShopId, AccountId>> {
    #[derive(Serialize)]
    struct Mapped<'a> {
        shop_id: ShopId,
        #[serde(flatten)]
        row: Row<'a>,
    }
    if mapped.is_empty() {
        return Ok(HashMap::new());
    }
    let mapped: Vec<Mapped<'_>> = mapped
        .iter()
        .map(|(shop_id, account)| Mapped {
            shop_id: *shop_id,
            row: Row::from(*account),
        })
        .collect();
    let mapped = rows(&mapped)?;
    let before = sqlx::query!(
        "select a.shop_id, a.stripe_account_id
         from accounts a join jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, stripe_account_id text) on a.shop_id = r.shop_id
         where a.stripe_account_id <> r.stripe_account_id
         for update of a",
        mapped
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into accounts (shop_id, stripe_account_id, charges_enabled, payouts_enabled,
                               details_submitted, transfers_active, disabled_reason, express,
                               open_items, kyc, fingerprint, observed_at, created_at, updated_at)
         select r.shop_id, r.stripe_account_id, r.charges_enabled, r.payouts_enabled,
                r.details_submitted, r.transfers_active, r.disabled_reason, r.express,
                r.open_items, r.kyc, r.fingerprint, $2, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, stripe_account_id text, charges_enabled boolean,
             payouts_enabled boolean, details_submitted boolean, transfers_active boolean,
             disabled_reason text, express boolean, open_items boolean, kyc kyc_status,
             fingerprint text)
         on conflict (shop_id) do update
         set stripe_account_id = excluded.stripe_account_id,
             charges_enabled = excluded.charges_enabled,
             payouts_enabled = excluded.payouts_enabled,
             details_submitted = excluded.details_submitted,
             transfers_active = excluded.transfers_active,
             disabled_reason = excluded.disabled_reason, express = excluded.express,
             open_items = excluded.open_items, kyc = excluded.kyc,
             fingerprint = excluded.fingerprint,
             observed_at = excluded.observed_at, updated_at = excluded.updated_at",
        mapped,
        now
    )
    .execute(&mut *conn)
    .await?;
    let before: HashMap<ShopId, AccountId> = before
        .into_iter()
        .map(|row| (ShopId(row.shop_id), AccountId(row.stripe_account_id)))
        .collect();
    if before.is_empty() {
        return Ok(before);
    }
    let moved: Vec<i64> = before.keys().map(|shop| shop.0).collect();
    sqlx::query!(
        "update shops set link_made_at = null, kyc_told = null, updated_at = $2
         where shop_id = any($1)",
        &moved,
        now
    )
    .execute(conn)
    .await?;
    Ok(before)
}
