//! Taking over what Stripe has and the store does not know, before anything is sent: credits in the
//! platform's list of transfers, charges and payouts in each account's own lists.

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::came_back::{tell, why_ended};
use super::{Pass, follow_at};
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::payout::HoldReason;
use crate::jobs::adopting::{FIRST_LOOK_BACK, covered_by, list_from};
use crate::jobs::{Result, adopting};
use crate::store::adoptions::{self, Covered};
use crate::store::payouts::{self, AdoptedPayout};
use crate::stripe::{Payout, PayoutsQuery, StripeError, Transfer, TransfersQuery};

fn start(pass: &Pass<'_>) -> DateTime<Utc> {
    let ago = pass.app.clock.now() - FIRST_LOOK_BACK;
    pass.beginning.start.min(ago)
}

/// Takes over the credits that the platform's own list shows.
pub(super) async fn platform(pass: &Pass<'_>) -> Result<()> {
    adopting::platform_transfers(pass.app, pass.run, start(pass)).await
}

/// What came of comparing an account with its own lists.
pub(super) enum Adoption {
    /// The store knows what the account paid and moved.
    Done,
    /// Stripe did not answer: nothing is sent for it by this run.
    Unanswered,
    /// Stripe does not show them: what has not left waits.
    Refused(HoldReason),
}

/// Takes over the payouts and transfers of one account.
pub(super) async fn account(pass: &Pass<'_>, account: &AccountId) -> Result<Adoption> {
    let app = pass.app;
    let start = start(pass);
    let covered = covered(app, account).await?;
    let from = list_from(covered, start);
    let (payouts, transfers) = match pass.heard(lists(app, account, from).await) {
        Ok(lists) => lists,
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
            tracing::warn!(%account, %error, "an account's payouts and transfers could not be listed; nothing is sent for it without that");
            pass.run.count_failed();
            return Ok(match &error {
                StripeError::Refused(refusal) => Adoption::Refused(HoldReason::AccountUnread(
                    account.clone(),
                    refusal.to_string(),
                )),
                StripeError::Unknown(_) | StripeError::Stop(_) => Adoption::Unanswered,
            });
        }
    };
    let newest = payouts.iter().map(|payout| payout.created_at);
    let newest = newest.chain(transfers.iter().map(|transfer| transfer.created_at));
    let span = covered_by(newest.max(), covered, start);
    store_payouts(pass, account, payouts).await?;
    adopting::take_over(app, pass.run, Some(account), transfers).await?;
    cover(app, account, span).await?;
    Ok(Adoption::Done)
}

/// An account's payouts and the transfers that it made, since then.
pub(super) async fn lists(
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

pub(super) async fn covered(app: &App, account: &AccountId) -> Result<Option<Covered>> {
    let mut conn = app.db.acquire().await?;
    Ok(adoptions::of_account(&mut conn, account).await?)
}

async fn cover(app: &App, account: &AccountId, span: Covered) -> Result<()> {
    let mut conn = app.db.acquire().await?;
    adoptions::cover_account(&mut conn, account, span, app.clock.now()).await?;
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
    if ours.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    let adoption = payouts::adopt(&mut tx, &ours, now).await?;
    if adoption.settled > 0 || !adoption.came_back.is_empty() {
        adoptions::found_unknown(&mut tx, now).await?;
    }
    tell(pass, &mut tx, &adoption.came_back, now).await?;
    tx.commit().await?;
    adopting::told(pass.run, "payout", adoption.settled, adoption.doubled);
    Ok(())
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

/// Why a person must find out what became of something.
pub(super) fn cannot_be_learnt(cause: &HoldReason) -> String {
    format!(
        "it cannot be learnt whether it was made ({cause}): look at the account in Stripe's dashboard, \
         then decide by `resolve`"
    )
}
