//! Which Stripe account a shop has, and what Stripe says of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Connection, Result, notifications, rows, transfers};
use crate::domain::account::{Account, Seller};
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::{AccountStatus, KycStatus};
use crate::notify::Event;
use crate::stripe::ConnectedAccount;

/// What is known of these shops; a shop that is neither excluded nor has an account is left out.
pub async fn of_shops(conn: &mut Connection, shops: &[ShopId]) -> Result<HashMap<ShopId, Seller>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let rows = sqlx::query!(
        r#"select shop_id as "shop_id!", coalesce(s.ignored, false) as "ignored!",
                  a.stripe_account_id as "stripe_account_id?", a.transfers_active as "transfers_active?"
           from unnest($1::bigint[]) as asked(shop_id)
                left join shops s using (shop_id) left join accounts a using (shop_id)
           where s.ignored or a.shop_id is not null"#,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let sellers = rows.into_iter().map(|row| {
        let shop_id = ShopId(row.shop_id);
        let account = row.stripe_account_id.map(|id| Account {
            shop_id,
            id: AccountId(id),
            transfers_active: row.transfers_active.unwrap_or(false),
        });
        let seller = Seller {
            excluded: row.ignored,
            account,
        };
        (shop_id, seller)
    });
    Ok(sellers.collect())
}

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

/// Accounts to be read singly: onboarding under way, or something asked of a seller who has
/// submitted the details; not seen since `seen_before`, the longest unseen first.
pub async fn open(
    conn: &mut Connection,
    under_way_since: DateTime<Utc>,
    seen_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AccountId>> {
    let open = sqlx::query_scalar!(
        r#"select stripe_account_id from accounts a left join shops s using (shop_id)
           where a.observed_at < $2 and not coalesce(s.terminated, false)
             and ((a.details_submitted and a.open_items)
                  or (not a.details_submitted
                      and greatest(s.mirakl_created_at, s.changed_at, a.created_at) >= $1))
           group by stripe_account_id order by min(a.observed_at), stripe_account_id limit $3"#,
        under_way_since,
        seen_before,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(open.into_iter().map(AccountId).collect())
}

/// Accounts that no list has shown since `seen_before`, the longest unseen first.
pub async fn unseen(
    conn: &mut Connection,
    seen_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AccountId>> {
    let unseen = sqlx::query_scalar!(
        "select stripe_account_id from accounts where observed_at < $1
         group by stripe_account_id order by min(observed_at), stripe_account_id limit $2",
        seen_before,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(unseen.into_iter().map(AccountId).collect())
}

/// The accounts of these shops.
pub async fn ids_of(conn: &mut Connection, shops: &[ShopId]) -> Result<Vec<AccountId>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let accounts = sqlx::query_scalar!(
        "select distinct stripe_account_id from accounts where shop_id = any($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(accounts.into_iter().map(AccountId).collect())
}

/// To which shop each of these accounts is mapped, where it is.
pub async fn shops_of(
    conn: &mut Connection,
    accounts: &[&AccountId],
) -> Result<HashMap<AccountId, ShopId>> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<&str> = accounts.iter().map(|id| id.as_str()).collect();
    let rows = sqlx::query!(
        r#"select stripe_account_id, min(shop_id) as "shop_id!"
           from accounts where stripe_account_id = any($1::text[]) group by stripe_account_id"#,
        &ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let shops = rows
        .into_iter()
        .map(|row| (AccountId(row.stripe_account_id), ShopId(row.shop_id)));
    Ok(shops.collect())
}

/// How many accounts are mapped.
pub async fn count(conn: &mut Connection) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(distinct stripe_account_id) as "count!" from accounts"#
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// One row of `list accounts`: a shop that has an account, or whose account waits or was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct ListedAccount {
    /// The Mirakl shop.
    pub mirakl_shop_id: i64,
    /// Its account; null as long as it has none.
    pub stripe_account_id: Option<String>,
    /// Where the account stands.
    pub status: AccountStatus,
    /// Why it stands there, or why Mirakl refused what was to be written to the shop.
    pub status_reason: Option<String>,
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
    /// As Mirakl shows it; null where that feature is off.
    pub kyc_status: Option<String>,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
    /// The number of the try; it rises with each refusal.
    pub attempt: i32,
    /// When the shop is looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When the link in the shop's field was made, in UTC.
    pub link_made_at: Option<DateTime<Utc>>,
    /// When Stripe was last asked, in UTC.
    pub observed_at: Option<DateTime<Utc>>,
    /// When the shop was first seen or mapped, in UTC.
    pub created_at: DateTime<Utc>,
    /// When it last changed, in UTC.
    pub updated_at: DateTime<Utc>,
    /// Every change, oldest first; only when one id was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<super::history::Change>,
}

/// The newest accounts, of one shop or account if named; with an id, each with its history.
pub async fn list(
    conn: &mut Connection,
    status: Option<AccountStatus>,
    shop: Option<ShopId>,
    id: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedAccount>> {
    let stored = sqlx::query!(
        r#"select o.id, o.shop_id, a.stripe_account_id as "stripe_account_id?", o.status,
                  coalesce(s.write_refused, o.status_reason) as status_reason,
                  coalesce(a.charges_enabled, false) as "charges_enabled!",
                  coalesce(a.payouts_enabled, false) as "payouts_enabled!",
                  coalesce(a.details_submitted, false) as "details_submitted!",
                  coalesce(a.transfers_active, false) as "transfers_active!",
                  coalesce(s.ignored, false) as "ignored!", s.kyc_shown as "kyc_shown?",
                  a.disabled_reason as "disabled_reason?", o.attempt,
                  coalesce(o.next_look_at, s.write_next_at) as next_look_at,
                  s.link_made_at as "link_made_at?", a.observed_at as "observed_at?", o.created_at,
                  greatest(o.updated_at, a.updated_at) as "updated_at!"
           from onboardings o
                left join accounts a using (shop_id) left join shops s using (shop_id)
           where ($1::account_status is null or o.status = $1)
             and ($2::bigint is null or o.shop_id = $2)
             and ($3::text is null or a.stripe_account_id = $3 or o.shop_id::text = $3
                  or $3 = any(o.candidates))
           order by o.id desc
           limit $4"#,
        status as Option<AccountStatus>,
        shop.map(|shop| shop.0),
        id,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut listed = Vec::with_capacity(stored.len());
    for row in stored {
        let history = match id {
            Some(_) => super::history::of_account(conn, row.id).await?,
            None => Vec::new(),
        };
        listed.push(ListedAccount {
            mirakl_shop_id: row.shop_id,
            stripe_account_id: row.stripe_account_id,
            status: row.status,
            status_reason: row.status_reason,
            charges_enabled: row.charges_enabled,
            payouts_enabled: row.payouts_enabled,
            details_submitted: row.details_submitted,
            transfers_active: row.transfers_active,
            ignored: row.ignored,
            kyc_status: row.kyc_shown,
            disabled_reason: row.disabled_reason,
            attempt: row.attempt,
            next_look_at: row.next_look_at,
            link_made_at: row.link_made_at,
            observed_at: row.observed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            history,
        });
    }
    Ok(listed)
}
