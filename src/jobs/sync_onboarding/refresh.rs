//! Reads accounts again that the newest pages have not shown: those under way singly, all others
//! page by page, so that each is seen within the sweep's time.

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use super::Pass;
use super::candidates::observe;
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::onboarding::UNDER_WAY;
use crate::jobs::Result;
use crate::store::accounts;
use crate::store::sweep::{self, Sweep};
use crate::stripe::{AccountsQuery, Class, ConnectedAccount, Refusal, StripeError};

/// Accounts under way that one run reads singly; what is left is read by the next one.
const MOST_OPEN: i64 = 300;
/// Accounts that no list shows any more: looked for a few at a time.
const MOST_UNSEEN: i64 = 20;

/// Reads what is due.
pub(super) async fn accounts(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    if let Some(shops) = pass.options.only() {
        let ids = {
            let mut conn = app.db.acquire().await?;
            accounts::ids_of(&mut conn, shops).await?
        };
        return singly(app, ids).await;
    }
    let began = pass.run.started_at;
    let open = {
        let mut conn = app.db.acquire().await?;
        accounts::open(&mut conn, began - UNDER_WAY, began, MOST_OPEN).await?
    };
    singly(app, open).await?;
    let lost = began - app.settings.onboarding.account_sweep * 2;
    sweep_on(pass).await?;
    let unseen = {
        let mut conn = app.db.acquire().await?;
        accounts::unseen(&mut conn, lost, MOST_UNSEEN).await?
    };
    singly(app, unseen).await
}

/// Reads these accounts one by one, several at a time, and stores what Stripe says of them at once.
async fn singly(app: &App, ids: Vec<AccountId>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let observed_at = app.clock.now();
    let workers = app.settings.stripe.limits.concurrency;
    let read: Vec<Result<Option<ConnectedAccount>>> = stream::iter(ids)
        .map(|id| read(app, id))
        .buffer_unordered(workers)
        .collect()
        .await;
    let mut accounts = Vec::with_capacity(read.len());
    let mut failed = None;
    for account in read {
        match account {
            Ok(account) => accounts.extend(account),
            Err(error) => failed = Some(error),
        }
    }
    observe(app, &accounts, observed_at).await?;
    failed.map_or(Ok(()), Err)
}

/// One account; `None` when Stripe could not say now.
async fn read(app: &App, id: AccountId) -> Result<Option<ConnectedAccount>> {
    match app.stripe.account(&id).await {
        Ok(Some(account)) => Ok(Some(account)),
        Ok(None) => {
            tracing::warn!(account = %id, "Stripe no longer shows this account to the platform");
            Ok(Some(accounts::disconnected(&id)))
        }
        Err(StripeError::Stop(error)) => Err(anyhow!(StripeError::Stop(error)).into()),
        Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
            tracing::warn!(account = %id, %error, "the account could not be read");
            Ok(None)
        }
    }
}

/// Reads this run's share of Stripe's whole list.
async fn sweep_on(pass: &Pass<'_>) -> Result<()> {
    // The newest pages were all there is.
    let Some(first) = pass.candidates.next.clone() else {
        return Ok(());
    };
    let app = pass.app;
    let (stored, mapped) = {
        let mut conn = app.db.acquire().await?;
        let stored = sweep::get(&mut conn).await?;
        let swept_before = stored.as_ref().is_some_and(|sweep| sweep.last_pages > 0);
        // A sweep that came to its end knows how long the list is.
        let mapped = match swept_before {
            true => 0,
            false => accounts::count(&mut conn).await?,
        };
        (stored, mapped)
    };
    let now = pass.run.started_at;
    let every = app.settings.onboarding.account_sweep;
    let mut current = stored.unwrap_or_else(|| Sweep {
        after: None,
        pages: 0,
        last_pages: 0,
        stepped_at: now - TimeDelta::minutes(1),
    });
    for _ in 0..share(&current, mapped, every, now) {
        let query = AccountsQuery {
            from: None,
            starting_after: Some(current.after.clone().unwrap_or_else(|| first.clone())),
        };
        let observed_at = app.clock.now();
        let page = match app.stripe.accounts(&query).await {
            // The account that the list was read up to is gone: begin anew.
            Err(StripeError::Refused(Refusal {
                class: Class::Final,
                ..
            })) if current.after.is_some() => {
                current.after = None;
                current.pages = 0;
                continue;
            }
            page => page.context("Stripe's accounts could not be listed")?,
        };
        observe(app, &page.data, observed_at).await?;
        current.pages += 1;
        current.after = page.next;
        if current.after.is_none() {
            current.last_pages = current.pages;
            current.pages = 0;
            break;
        }
    }
    current.stepped_at = now;
    let mut conn = app.db.acquire().await?;
    sweep::put(&mut conn, &current).await?;
    Ok(())
}

/// How many pages are due, so that the whole list is read within the time `every`.
fn share(sweep: &Sweep, mapped: i64, every: TimeDelta, now: DateTime<Utc>) -> i64 {
    let pages = i64::from(sweep.last_pages).max((mapped + 99) / 100).max(1);
    let elapsed = (now - sweep.stepped_at).num_seconds();
    let every = every.num_seconds().max(1);
    let due = (pages * elapsed.clamp(0, every) + every - 1) / every;
    due.clamp(0, pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_reads_its_share_of_the_list() {
        let now = DateTime::from_timestamp(1_770_000_000, 0).expect("a date");
        for (minutes, mapped, last_pages, pages) in [
            (1, 10_000, 0, 2),
            (1, 0, 0, 1),
            (1, 5_900, 59, 1),
            (1, 100, 300, 5),
            (30, 10_000, 0, 50),
            (600, 10_000, 0, 100),
            (0, 10_000, 0, 0),
            (-5, 10_000, 0, 0),
        ] {
            let sweep = Sweep {
                after: None,
                pages: 0,
                last_pages,
                stepped_at: now - TimeDelta::minutes(minutes),
            };
            let every = TimeDelta::hours(1);
            assert_eq!(
                share(&sweep, mapped, every, now),
                pages,
                "{minutes} {mapped}"
            );
        }
    }
}
