//! Taking over what Stripe has and the store does not know, before anything is sent: credits in the
//! platform's list of transfers, charges and payouts in each account's own lists.

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Pass, follow_at};
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::payout::Life;
use crate::domain::retry;
use crate::jobs::Result;
use crate::jobs::taking_over;
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::payouts::{self, AdoptedPayout};
use crate::store::transfers;
use crate::stripe::{Payout, PayoutsQuery, StripeError, Transfer, TransfersQuery};

/// A store that knows nothing is compared with so much of a list at least.
const FIRST_LOOK_BACK: TimeDelta = TimeDelta::days(90);

fn start(pass: &Pass<'_>) -> DateTime<Utc> {
    let ago = pass.app.clock.now() - FIRST_LOOK_BACK;
    pass.beginning.start.min(ago)
}

/// Takes over the credits that the platform's own list shows.
pub(super) async fn platform(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let start = start(pass);
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let mut query = TransfersQuery {
        from: Some(taking_over::list_from(covered, start)),
        ..TransfersQuery::default()
    };
    let mut newest = None;
    loop {
        let page =
            app.stripe.transfers(&query).await.context(
                "Stripe's transfers could not be listed; no credits are sent without that",
            )?;
        newest = newest.max(page.data.first().map(|first| first.created_at));
        store_transfers(pass, page.data).await?;
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => break,
        }
    }
    let span = span(newest, covered, start);
    let mut conn = app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Transfers, span, app.clock.now()).await?;
    Ok(())
}

/// Takes over the payouts and transfers of one account. False: its lists could not be read, and nothing
/// is sent for it by this run.
pub(super) async fn account(pass: &Pass<'_>, account: &AccountId) -> Result<bool> {
    let app = pass.app;
    let start = start(pass);
    let covered = covered(app, account).await?;
    let from = taking_over::list_from(covered, start);
    let (payouts, transfers) = match lists(app, account, from).await {
        Ok(lists) => lists,
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
            tracing::warn!(%account, %error, "an account's payouts and transfers could not be listed; nothing is sent for it without that");
            pass.run.count(|counts| {
                counts.failed += 1;
                counts.news += 1;
            });
            return Ok(false);
        }
    };
    let newest = payouts.iter().map(|payout| payout.created_at);
    let newest = newest.chain(transfers.iter().map(|transfer| transfer.created_at));
    let span = span(newest.max(), covered, start);
    store_payouts(pass, account, payouts).await?;
    store_transfers(pass, transfers).await?;
    cover(app, account, span).await?;
    Ok(true)
}

/// An account's payouts and the transfers that it made, since then.
async fn lists(
    app: &App,
    account: &AccountId,
    from: DateTime<Utc>,
) -> Result<(Vec<Payout>, Vec<Transfer>), StripeError> {
    let mut payouts = Vec::new();
    let mut query = PayoutsQuery {
        account,
        from: Some(from),
        starting_after: None,
    };
    loop {
        let page = app.stripe.payouts(&query).await?;
        payouts.extend(page.data);
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => break,
        }
    }
    let mut transfers = Vec::new();
    let mut query = TransfersQuery {
        payer: Some(account),
        from: Some(from),
        ..TransfersQuery::default()
    };
    loop {
        let page = app.stripe.transfers(&query).await?;
        transfers.extend(page.data);
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok((payouts, transfers)),
        }
    }
}

async fn covered(app: &App, account: &AccountId) -> Result<Option<Covered>> {
    let mut conn = app.db.acquire().await?;
    Ok(adoptions::of_account(&mut conn, account).await?)
}

async fn cover(app: &App, account: &AccountId, span: Covered) -> Result<()> {
    let mut conn = app.db.acquire().await?;
    adoptions::cover_account(&mut conn, account, span, app.clock.now()).await?;
    Ok(())
}

fn span(newest: Option<DateTime<Utc>>, covered: Option<Covered>, start: DateTime<Utc>) -> Covered {
    let until = newest
        .or(covered.map(|covered| covered.until))
        .unwrap_or(start);
    Covered {
        from: start.min(until),
        until,
    }
}

async fn store_transfers(pass: &Pass<'_>, listed: Vec<Transfer>) -> Result<()> {
    let app = pass.app;
    let ours = listed.into_iter();
    let ours: Vec<_> = ours.filter_map(|t| taking_over::ours(app, t)).collect();
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let result = transfers::adopt(&mut tx, &ours, now).await?;
    if result.settled > 0 {
        adoptions::found_unknown(&mut tx, now).await?;
    }
    tx.commit().await?;
    told(pass, "transfers", result.settled, result.doubled);
    Ok(())
}

async fn store_payouts(pass: &Pass<'_>, account: &AccountId, listed: Vec<Payout>) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let host = app.mirakl.host();
    let ours = listed.into_iter();
    let ours: Vec<AdoptedPayout> = ours
        .filter_map(|payout| ours_of(payout, account, &host, now))
        .collect();
    let mut tx = app.db.begin().await?;
    let (settled, doubled) = payouts::adopt(&mut tx, &ours, now).await?;
    if settled > 0 {
        adoptions::found_unknown(&mut tx, now).await?;
    }
    tx.commit().await?;
    told(pass, "payouts", settled, doubled);
    Ok(())
}

fn told(pass: &Pass<'_>, what: &str, settled: u64, doubled: u64) {
    if settled > 0 {
        tracing::info!(
            what,
            settled,
            "taken over from Stripe: what the store did not know"
        );
    }
    if doubled > 0 {
        tracing::error!(
            what,
            doubled,
            "Stripe holds a second one for rows that already have one; see `list {what}`"
        );
    }
    pass.run.count(|counts| {
        counts.created += settled;
        counts.news += settled + doubled;
    });
}

fn ours_of(
    payout: Payout,
    account: &AccountId,
    host: &str,
    now: DateTime<Utc>,
) -> Option<AdoptedPayout> {
    let origin = payout.origin.filter(|origin| origin.is_of(host))?;
    let amount = payout.amount.filter(|amount| amount.is_positive())?;
    let (reason, reason_code, next_look_at) = why_ended(&payout.life, &payout.id.0, now);
    Some(AdoptedPayout {
        invoice: origin.invoice,
        shop_id: origin.shop_id,
        account: account.clone(),
        amount: amount.minor(),
        currency: amount.currency(),
        stripe_status: payout.life.as_str().to_owned(),
        ended: payout.life.has_ended(),
        reason,
        reason_code,
        next_look_at,
        arrival_date: payout.arrival,
        stripe_created_at: payout.created_at,
        follow_at: follow_at(&payout.life, payout.created_at, now),
        payout_id: payout.id,
    })
}

/// Why a payout that was made is not any more, the code of it, and when it is tried again.
pub(super) fn why_ended(
    life: &Life,
    id: &str,
    now: DateTime<Utc>,
) -> (String, String, Option<DateTime<Utc>>) {
    match life {
        Life::Failed(code) => (
            format!("the bank did not take {id}: {code}"),
            code.clone(),
            Some(now + retry::final_failure_delay()),
        ),
        Life::Canceled => (
            format!("{id} was cancelled by hand: decide by `resolve payout`"),
            "canceled".to_owned(),
            None,
        ),
        Life::UnderWay(_) | Life::Paid => (String::new(), String::new(), None),
    }
}
