//! Payouts: what stands in their way, their requests one after another for each account, and what came
//! of them.

use anyhow::anyhow;

use super::act::Purse;
use super::adopt::cannot_be_learnt;
use super::{Pass, follow_at, next_try};
use crate::domain::ids::{AccountId, PayoutId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::payout::{Gate, HoldReason, PayoutStatus, gate};
use crate::domain::retry;
use crate::jobs::Result;
use crate::jobs::sending::CLOCK_MARGIN;
use crate::notify::{Event, PayoutFailed};
use crate::store::payouts::{self, MadePayout, PendingPayout, Ready, RefusedPayout, Wanted};
use crate::store::{Connection, accounts, notifications};
use crate::stripe::{Class, NewPayout, Payout, PayoutsQuery, Refusal, StripeError};

/// Pays out what was decided, or lets it wait for what stands in its way.
pub(super) async fn pay(pass: &Pass<'_>, purse: &mut Purse<'_>, row: &Ready) -> Result<()> {
    if let Some(reason) = in_the_way(pass, purse, row).await? {
        return hold(pass, row, &reason).await;
    }
    let app = pass.app;
    let now = app.clock.now();
    let body = NewPayout {
        amount: row.amount,
        invoice: &row.invoice,
        mirakl_host: &app.mirakl.host(),
        shop_id: row.shop_id,
    }
    .encode();
    // Refusals in a row keep their count for the next delay.
    let failures = match row.status {
        PayoutStatus::PayoutFailed => row.looks,
        PayoutStatus::PayoutOnHold
        | PayoutStatus::PayoutPending
        | PayoutStatus::PayoutCreated
        | PayoutStatus::PayoutAborted
        | PayoutStatus::PayoutIgnored => 0,
    };
    let attempt = {
        let mut conn = app.db.acquire().await?;
        payouts::pend(&mut conn, row, &body, failures, now).await?
    };
    let Some(attempt) = attempt else {
        return Ok(());
    };
    let pending = PendingPayout {
        id: row.id,
        invoice: row.invoice.clone(),
        shop_id: Some(row.shop_id),
        account: row.account.clone(),
        amount: row.amount,
        attempt,
        body,
        sent_at: None,
        failures,
    };
    send(pass, purse, &pending).await
}

async fn in_the_way(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &Ready,
) -> Result<Option<HoldReason>> {
    let currency = row.amount.currency();
    let obstacles = {
        let mut conn = pass.app.db.acquire().await?;
        let wanted = Wanted {
            invoice: &row.invoice,
            invoice_created_at: row.invoice_created_at,
            shop_id: row.shop_id,
            account: &row.account,
            currency,
        };
        payouts::obstacles(&mut conn, &wanted).await?
    };
    let open: Vec<String> = obstacles.open.iter().map(ToString::to_string).collect();
    let mut facts = Gate {
        amount: row.amount,
        account: purse.account,
        open_transfers: &open,
        earlier: obstacles.earlier.as_ref(),
        payouts_enabled: true,
        // Not asked for before everything else is well.
        available: Some(i64::MAX),
        held: &[],
        reserved: 0,
    };
    if let Some(reason) = gate(&facts) {
        return Ok(Some(reason));
    }
    facts.payouts_enabled = obstacles.payouts_enabled || asked_again(pass, purse.account).await?;
    if let Some(reason) = gate(&facts) {
        return Ok(Some(reason));
    }
    let held = match purse.balance(pass).await {
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error) => {
            let reason = HoldReason::BalanceUnread(purse.account.clone(), error.to_string());
            return Ok(Some(reason));
        }
        Ok(balance) => balance.currencies(),
    };
    let facts = Gate {
        available: purse.left(currency),
        held: &held,
        reserved: obstacles.reserved,
        ..facts
    };
    Ok(gate(&facts))
}

/// Whether payouts are enabled by now, where the store says that they are not.
async fn asked_again(pass: &Pass<'_>, account: &AccountId) -> Result<bool> {
    let app = pass.app;
    match pass.heard(app.stripe.account(account).await) {
        Ok(Some(seen)) => {
            let enabled = seen.payouts_enabled;
            let told = app.notifier.is_some();
            let mut tx = app.db.begin().await?;
            accounts::observe(&mut tx, &[seen], app.clock.now(), told).await?;
            tx.commit().await?;
            Ok(enabled)
        }
        Ok(None) => Ok(false),
        Err(error @ StripeError::Stop(_)) => Err(anyhow!(error).into()),
        Err(error) => {
            tracing::warn!(%account, %error, "the account could not be read");
            Ok(false)
        }
    }
}

/// Lets a payout that was decided wait.
pub(super) async fn hold(pass: &Pass<'_>, row: &Ready, reason: &HoldReason) -> Result<()> {
    let now = pass.app.clock.now();
    let is_same = row.status == PayoutStatus::PayoutOnHold
        && row.reason_code.as_deref() == Some(reason.code());
    let same = is_same.then_some((row.looks, row.next_look_at));
    let (looks, next) = retry::next_look(same, now);
    let missing = reason.missing().map(Money::minor);
    let told = reason.to_string();
    let next = next.unwrap_or(now + retry::hold_delay(looks));
    let mut conn = pass.app.db.acquire().await?;
    payouts::held(
        &mut conn,
        row.id,
        (&told, reason.code()),
        missing,
        (looks, next),
        now,
    )
    .await?;
    pass.run.count(|counts| {
        counts.waiting += 1;
        counts.news += u64::from(!is_same);
    });
    Ok(())
}

/// Sends the request of a payout, or looks up what came of it.
pub(super) async fn send(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingPayout,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let is_old = row.sent_at.is_some_and(|at| now - at > retry::KEY_LIFE);
    // A restored store may have forgotten which of several tries was paid.
    if is_old || row.attempt > 1 {
        match look_up(pass, row).await {
            Ok(Some(payout)) => return settle(pass, purse, row, &payout, None).await,
            Ok(None) => {}
            Err(error) => return in_doubt(pass, row, error),
        }
    }
    {
        let mut conn = app.db.acquire().await?;
        payouts::mark_sent(&mut conn, row.id, now).await?;
    }
    let host = app.mirakl.host();
    let key = IdempotencyKey::new(
        &host,
        "payout",
        "INVOICE",
        row.invoice.as_str(),
        row.attempt,
    );
    match app
        .stripe
        .create_payout(&row.account, &row.body, &key)
        .await
    {
        Ok((payout, request_id)) => {
            pass.doubts.answered();
            settle(pass, purse, row, &payout, request_id.as_deref()).await
        }
        Err(StripeError::Refused(refusal)) => {
            pass.doubts.answered();
            refused(pass, purse, row, &refusal).await
        }
        Err(error) => {
            // It may have taken the money.
            purse.note(row.amount.currency(), -row.amount.minor());
            in_doubt(pass, row, error)
        }
    }
}

/// The payout that this row's request made, or another try did, if it is alive.
async fn look_up(pass: &Pass<'_>, row: &PendingPayout) -> Result<Option<Payout>, StripeError> {
    let host = pass.app.mirakl.host();
    // Other tries may have left earlier than this one.
    let since = row.sent_at.filter(|_| row.attempt == 1);
    let mut query = PayoutsQuery {
        account: &row.account,
        from: since.map(|at| at - CLOCK_MARGIN),
        starting_after: None,
    };
    loop {
        let page = pass.app.stripe.payouts(&query).await?;
        let mine = |payout: &Payout| {
            let origin = payout.origin.as_ref();
            !payout.life.has_ended()
                && origin.is_some_and(|origin| origin.invoice == row.invoice && origin.is_of(&host))
        };
        if let Some(found) = page.data.into_iter().find(mine) {
            return Ok(Some(found));
        }
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(None),
        }
    }
}

async fn settle(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingPayout,
    payout: &Payout,
    request_id: Option<&str>,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let amount = payout.amount.unwrap_or(row.amount);
    let difference = (amount != row.amount)
        .then(|| format!("Stripe pays out {amount}, asked for were {}", row.amount));
    if let Some(difference) = &difference {
        tracing::error!(invoice = %row.invoice, difference, "a payout differs from its request");
    }
    let made = MadePayout {
        id: row.id,
        payout_id: &payout.id,
        amount,
        stripe_status: payout.life.as_str(),
        arrival: payout.arrival,
        stripe_created_at: payout.created_at,
        follow_at: follow_at(&payout.life, payout.created_at, now),
        request_id,
        difference: difference.as_deref(),
    };
    let mut tx = app.db.begin().await?;
    if !payouts::made(&mut tx, &made, now).await? {
        // Stripe replays an earlier attempt: the next one has another key.
        let replayed = RefusedPayout {
            id: row.id,
            reason: "Stripe answered with an earlier payout, which failed",
            code: "replayed",
            request_id,
            next_look_at: Some(next_try(now, retry::failure_delay(row.failures))),
        };
        fail(pass, &mut tx, row, &replayed, Some(payout.id.clone())).await?;
        tx.commit().await?;
        return Ok(());
    }
    payouts::invoice_is_settled(&mut tx, &row.invoice, row.shop_id, now).await?;
    tx.commit().await?;
    purse.note(amount.currency(), -amount.minor());
    pass.run.count_created();
    Ok(())
}

async fn refused(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingPayout,
    refusal: &Refusal,
) -> Result<()> {
    if refusal.class == Class::MaybeDone {
        match look_up(pass, row).await {
            Ok(Some(payout)) => return settle(pass, purse, row, &payout, None).await,
            Ok(None) => {}
            Err(error) => return in_doubt(pass, row, error),
        }
    }
    let app = pass.app;
    let now = app.clock.now();
    let reason = refusal.to_string();
    let code = refusal.reason_code();
    tracing::warn!(
        invoice = %row.invoice,
        amount = %row.amount,
        reason,
        request_id = refusal.request_id,
        "a payout was refused"
    );
    let failed = RefusedPayout {
        id: row.id,
        reason: &reason,
        code: &code,
        request_id: refusal.request_id.as_deref(),
        next_look_at: Some(next_try(now, refusal.class.delay(row.failures))),
    };
    let mut tx = app.db.begin().await?;
    fail(pass, &mut tx, row, &failed, None).await?;
    if code == "payouts_not_allowed" {
        accounts::cannot_pay_out(&mut tx, &row.account, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A payout in doubt whose key Stripe may have forgotten, and whose account it no longer shows: a person
/// finds out.
pub(super) async fn give_up(
    pass: &Pass<'_>,
    row: &PendingPayout,
    cause: &HoldReason,
) -> Result<()> {
    let reason = cannot_be_learnt(cause);
    tracing::error!(invoice = %row.invoice, amount = %row.amount, reason, "a payout in doubt");
    let failed = RefusedPayout {
        id: row.id,
        reason: &reason,
        code: cause.code(),
        request_id: None,
        next_look_at: None,
    };
    let mut tx = pass.app.db.begin().await?;
    fail(pass, &mut tx, row, &failed, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Settles a row as not made, and tells the operator's server if that is news.
async fn fail(
    pass: &Pass<'_>,
    conn: &mut Connection,
    row: &PendingPayout,
    failed: &RefusedPayout<'_>,
    payout_id: Option<PayoutId>,
) -> Result<()> {
    let now = pass.app.clock.now();
    let news = payouts::refused(&mut *conn, failed, now).await?;
    if news && pass.app.notifier.is_some() {
        let event = Event::from(PayoutFailed {
            internal_id: row.id,
            invoice: row.invoice.clone(),
            shop_id: row.shop_id,
            payout_id,
            amount: Some(row.amount),
            reason: failed.reason.to_owned(),
        });
        notifications::add(conn, &[event], now).await?;
    }
    pass.run.count_failed();
    Ok(())
}

/// What became of it is not known: the next run sends the same bytes again, or looks it up.
fn in_doubt(pass: &Pass<'_>, row: &PendingPayout, error: StripeError) -> Result<()> {
    tracing::warn!(
        invoice = %row.invoice,
        amount = %row.amount,
        %error,
        "no answer about a payout; the next run goes on with the same request"
    );
    pass.in_doubt(row.id, error)
}
