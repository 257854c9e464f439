//! What Stripe has: the newest page of its accounts in every run, all of them for a new store. An
//! account that was made for a shop of this marketplace and that the store does not know is a
//! candidate: it is taken over rather than made again.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::Pass;
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::Candidate;
use crate::jobs::Result;
use crate::jobs::adopting::MARGIN;
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::{accounts, onboardings};
use crate::stripe::{AccountsQuery, ConnectedAccount, StripeError};

/// What the lists of a run have shown.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Accounts that were made for shops that have none here.
    by_shop: HashMap<ShopId, Vec<ConnectedAccount>>,
    /// Shops whose candidates have been recorded in this run.
    recorded: HashSet<ShopId>,
    /// Where the sweep goes on after the pages that were read; none when they were all.
    pub next: Option<String>,
    /// Stripe's time when the list was begun: what was made before has been shown.
    listed_at: Option<DateTime<Utc>>,
}

impl Candidates {
    /// The accounts that were made for a shop.
    pub fn of(&self, shop: ShopId) -> &[ConnectedAccount] {
        self.by_shop.get(&shop).map_or(&[], Vec::as_slice)
    }

    /// The shops whose candidates are not in the store yet.
    pub fn unrecorded(&self) -> Vec<ShopId> {
        let shops = self.by_shop.keys().copied();
        let mut open: Vec<ShopId> = shops.filter(|s| !self.recorded.contains(s)).collect();
        open.sort_unstable();
        open
    }

    /// Notes that the store knows the candidates of a shop now.
    pub fn record(&mut self, shop: ShopId) {
        self.recorded.insert(shop);
    }

    /// Adds what a look-up has found.
    pub fn add(&mut self, shop: ShopId, account: ConnectedAccount) {
        let known = self.by_shop.entry(shop).or_default();
        if !known.iter().any(|candidate| candidate.id == account.id) {
            known.push(account);
        }
    }
}

/// Lists Stripe's accounts back to what the store is known to hold, at least one page, and refreshes
/// the known ones on the way; with `store` false nothing is written.
pub(super) async fn read(app: &App, store: bool) -> Result<Candidates> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Accounts).await?
    };
    let from = covered.map(|covered| covered.until - MARGIN);
    let mut query = AccountsQuery::default();
    let mut found = Candidates::default();
    loop {
        let observed_at = app.clock.now();
        let page = app.stripe.accounts(&query).await.context(LISTING)?;
        found.listed_at = found.listed_at.or(page.date);
        let oldest = page.data.last().and_then(|account| account.created_at);
        if store {
            observe(app, &page.data, observed_at).await?;
        }
        for (shop, account) in made_for_us(app, page.data).await? {
            found.add(shop, account);
        }
        found.next = page.next;
        let known_from_here = oldest.zip(from).is_some_and(|(oldest, from)| oldest < from);
        match &found.next {
            Some(next) if !known_from_here => query.starting_after = Some(next.clone()),
            _ => return Ok(found),
        }
    }
}

pub(super) const LISTING: &str =
    "Stripe's accounts could not be listed; no account is created without that";

/// Writes what a list has shown of known accounts.
pub(super) async fn observe(
    app: &App,
    accounts: &[ConnectedAccount],
    observed_at: DateTime<Utc>,
) -> Result<()> {
    let mut tx = app.db.begin().await?;
    let told = app.notifier.is_some();
    let changed = accounts::observe(&mut tx, accounts, observed_at, told).await?;
    tx.commit().await?;
    if !changed.is_empty() {
        tracing::info!(shops = changed.len(), "accounts changed at Stripe");
    }
    Ok(())
}

/// Of these accounts, the ones that were made for shops of this marketplace and that are news to the
/// store.
async fn made_for_us(
    app: &App,
    accounts: Vec<ConnectedAccount>,
) -> Result<Vec<(ShopId, ConnectedAccount)>> {
    let host = app.mirakl.host();
    let ours: Vec<(ShopId, ConnectedAccount)> = accounts
        .into_iter()
        .filter_map(|account| {
            let made_for = account.made_for.as_ref()?;
            made_for
                .is_of(&host)
                .then(|| (made_for.shop_id, account.clone()))
        })
        .collect();
    if ours.is_empty() {
        return Ok(ours);
    }
    let pairs: Vec<(ShopId, &AccountId)> = ours.iter().map(|(s, a)| (*s, &a.id)).collect();
    let mut conn = app.db.acquire().await?;
    let open = onboardings::without_account(&mut conn, &pairs).await?;
    Ok(ours
        .into_iter()
        .filter(|(shop, _)| open.contains(shop))
        .collect())
}

/// Reads again the accounts that were made for a shop by what the store remembers of them.
///
/// Errors when Stripe cannot say: then the shop waits, because another account could be a second one.
pub(super) async fn remembered(
    app: &App,
    shop: ShopId,
    remembered: &[AccountId],
    listed: &[ConnectedAccount],
) -> Result<Vec<ConnectedAccount>, StripeError> {
    let mut found = listed.to_vec();
    for id in remembered {
        if found.iter().any(|account| account.id == *id) {
            continue;
        }
        let account = app.stripe.account(id).await?;
        let still = account.filter(|account| {
            let made_for = account.made_for.as_ref();
            made_for.is_some_and(|made| made.shop_id == shop && made.is_of(&app.mirakl.host()))
        });
        found.extend(still);
    }
    Ok(found)
}

/// What is decided by of accounts that were made for a shop.
pub(super) async fn fit(
    app: &App,
    shop: ShopId,
    found: &[ConnectedAccount],
) -> Result<Vec<Candidate>> {
    let ids: Vec<&AccountId> = found.iter().map(|account| &account.id).collect();
    let mapped = {
        let mut conn = app.db.acquire().await?;
        accounts::shops_of(&mut conn, &ids).await?
    };
    let fit = found.iter().map(|account| Candidate {
        id: account.id.clone(),
        manual_payouts: account.manual_payouts(),
        linked_to: mapped.get(&account.id).copied().filter(|of| *of != shop),
    });
    Ok(fit.collect())
}

/// After a run that took over or recorded every candidate and is in doubt about none: the store
/// knows all that was made before the list was begun, by Stripe's own clock.
pub(super) async fn close(pass: &Pass<'_>) -> Result<()> {
    let settled = pass.doubts.is_empty() && pass.candidates.unrecorded().is_empty();
    let (true, Some(until)) = (settled, pass.candidates.listed_at) else {
        return Ok(());
    };
    let span = Covered {
        from: DateTime::UNIX_EPOCH,
        until,
    };
    let mut conn = pass.app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Accounts, span, pass.app.clock.now()).await?;
    Ok(())
}
