//! The movements of invoices: what stands in their way, their requests, and what came of them.

use anyhow::anyhow;

use super::act::Purse;
use super::adopt::cannot_be_learnt;
use super::{Pass, next_try};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::payout::HoldReason;
use crate::domain::retry;
use crate::jobs::sending::CLOCK_MARGIN;
use crate::jobs::{Result, adopting};
use crate::notify::{Event, TransferFailed};
use crate::store::transfers::{self, Adopted, Failed, MADE_BY_OLD, Made, PendingMovement};
use crate::store::{Connection, accounts, notifications, old_movements, payouts};
use crate::stripe::{Class, Refusal, StripeError, Transfer, TransfersQuery};

/// Sends a movement, or lets it wait for what stands in its way.
pub(super) async fn send(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingMovement,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let is_old = row.sent_at.is_some_and(|at| now - at > retry::KEY_LIFE);
    if is_old {
        match look_up(pass, row).await {
            Ok(Some(transfer)) => return settle(pass, purse, row, &transfer, None).await,
            Ok(None) => {}
            Err(error) => return in_doubt(pass, row, error),
        }
    }
    if row.sent_at.is_none() {
        if made_by_old(pass, row).await? {
            return Ok(());
        }
        if let Some(reason) = in_the_way(pass, purse, row).await? {
            return hold(pass, row, &reason).await;
        }
    }
    {
        let mut conn = app.db.acquire().await?;
        transfers::mark_sent(&mut conn, &[row.id], now).await?;
    }
    let (kind, invoice) = (row.kind.as_str(), row.invoice.as_str());
    let key = IdempotencyKey::new(&app.mirakl.host(), "transfer", kind, invoice, row.attempt);
    let payer = row.payer.as_ref();
    match app.stripe.create_transfer(&row.body, &key, payer).await {
        Ok((transfer, request_id)) => {
            pass.doubts.answered();
            settle(pass, purse, row, &transfer, request_id.as_deref()).await
        }
        Err(StripeError::Refused(refusal)) => {
            pass.doubts.answered();
            refused(pass, purse, row, &refusal).await
        }
        Err(error) => {
            if row.kind.is_charge() {
                // It may have taken the money.
                purse.note(row.amount.currency(), -row.amount.minor());
            }
            in_doubt(pass, row, error)
        }
    }
}

/// The account must hold the currency, so that nothing is converted, and cover what it is charged.
async fn in_the_way(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingMovement,
) -> Result<Option<HoldReason>> {
    let currency = row.amount.currency();
    let account = purse.account.clone();
    let held = match purse.balance(pass).await {
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error) => return Ok(Some(HoldReason::BalanceUnread(account, error.to_string()))),
        Ok(balance) => balance.currencies(),
    };
    let Some(left) = purse.left(currency) else {
        return Ok(Some(HoldReason::OtherCurrency {
            invoice: currency,
            account,
            held,
        }));
    };
    let missing = row.amount.minor() - left;
    let is_short = row.kind.is_charge() && missing > 0;
    Ok(is_short.then(|| HoldReason::BalanceTooLow {
        needed: row.amount,
        available: Money::from_minor(left, currency),
        reserved: Money::from_minor(0, currency),
        missing: Money::from_minor(missing, currency),
    }))
}

/// Lets a movement that has not left wait.
pub(super) async fn hold(
    pass: &Pass<'_>,
    row: &PendingMovement,
    reason: &HoldReason,
) -> Result<()> {
    let now = pass.app.clock.now();
    let looks = row.failures;
    let next = now + retry::hold_delay(looks);
    let mut conn = pass.app.db.acquire().await?;
    let told = reason.to_string();
    transfers::hold(
        &mut conn,
        row.id,
        (&told, reason.code()),
        looks + 1,
        next,
        now,
    )
    .await?;
    pass.run.count(|counts| {
        counts.waiting += 1;
        counts.news += u64::from(looks == 0);
    });
    Ok(())
}

/// Whether the old connector made this movement, or something for this invoice that may be it: then
/// nothing is sent.
async fn made_by_old(pass: &Pass<'_>, row: &PendingMovement) -> Result<bool> {
    let app = pass.app;
    let unclaimed = {
        let mut conn = app.db.acquire().await?;
        let payer = row.payer.as_ref();
        old_movements::unclaimed(&mut conn, &row.invoice, payer, &row.destination).await?
    };
    let Some(same) = unclaimed.iter().find(|old| old.money() == row.amount) else {
        if unclaimed.is_empty() {
            return Ok(false);
        }
        let named = unclaimed.iter();
        let named = named.map(|old| format!("{} of {}", old.transfer_id, old.money()));
        let reason = HoldReason::MovedByOld(named.collect::<Vec<_>>().join(", "));
        if row.accepted.as_deref() == Some(reason.to_string().as_str()) {
            return Ok(false);
        }
        hold(pass, row, &reason).await?;
        return Ok(true);
    };
    let taken = Adopted {
        kind: row.kind,
        mirakl_id: row.invoice.to_string(),
        shop_id: row.shop_id,
        transfer_id: same.transfer_id.clone(),
        amount: same.amount,
        currency: same.currency,
        payer: same.payer.clone(),
        destination: same.destination.clone(),
        source_charge: None,
        stripe_created_at: same.stripe_created_at,
        status_reason: MADE_BY_OLD,
    };
    let mut tx = app.db.begin().await?;
    let now = app.clock.now();
    let result = transfers::adopt(&mut tx, &[taken], now).await?;
    payouts::invoice_is_settled(&mut tx, &row.invoice, row.shop_id, now).await?;
    tx.commit().await?;
    adopting::told(pass.run, "transfer", result.settled, result.doubled);
    Ok(true)
}

/// The transfer that this row's request made, if it made one.
async fn look_up(pass: &Pass<'_>, row: &PendingMovement) -> Result<Option<Transfer>, StripeError> {
    let query = TransfersQuery {
        payer: row.payer.as_ref(),
        destination: Some(&row.destination),
        from: row.sent_at.map(|at| at - CLOCK_MARGIN),
        ..TransfersQuery::default()
    };
    adopting::find(pass.app, query, row.kind, row.invoice.as_str()).await
}

async fn settle(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingMovement,
    transfer: &Transfer,
    request_id: Option<&str>,
) -> Result<()> {
    let amount = transfer.amount.unwrap_or(row.amount);
    let destination = transfer.destination.as_ref().unwrap_or(&row.destination);
    let difference = (amount != row.amount || *destination != row.destination).then(|| {
        format!(
            "Stripe moved {amount} to {destination}, asked for were {} to {}",
            row.amount, row.destination
        )
    });
    if let Some(difference) = &difference {
        let r#type = row.kind.as_str();
        tracing::error!(invoice = %row.invoice, r#type, difference, "a transfer differs from its request");
    }
    let made = Made {
        id: row.id,
        transfer_id: &transfer.id,
        amount,
        destination,
        stripe_created_at: transfer.created_at,
        request_id,
        difference: difference.as_deref(),
    };
    let now = pass.app.clock.now();
    let mut tx = pass.app.db.begin().await?;
    transfers::created(&mut tx, &made, now).await?;
    payouts::invoice_is_settled(&mut tx, &row.invoice, row.shop_id, now).await?;
    tx.commit().await?;
    let minor = if row.kind.is_charge() {
        -amount.minor()
    } else {
        amount.minor()
    };
    purse.note(amount.currency(), minor);
    pass.run.count_created();
    Ok(())
}

async fn refused(
    pass: &Pass<'_>,
    purse: &mut Purse<'_>,
    row: &PendingMovement,
    refusal: &Refusal,
) -> Result<()> {
    if refusal.class == Class::MaybeDone {
        match look_up(pass, row).await {
            Ok(Some(transfer)) => return settle(pass, purse, row, &transfer, None).await,
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
        r#type = row.kind.as_str(),
        amount = %row.amount,
        reason,
        request_id = refusal.request_id,
        "a transfer of an invoice was refused"
    );
    let failed = Failed {
        id: row.id,
        reason: &reason,
        code: &code,
        request_id: refusal.request_id.as_deref(),
        next_look_at: Some(next_try(now, refusal.class.delay(row.failures))),
    };
    let mut tx = app.db.begin().await?;
    fail(pass, &mut tx, row, &failed).await?;
    if refusal.cannot_receive() && !row.kind.is_charge() {
        accounts::cannot_receive(&mut tx, &row.destination, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A charge in doubt whose key Stripe may have forgotten, and whose account it no longer shows: a person
/// finds out.
pub(super) async fn give_up(
    pass: &Pass<'_>,
    row: &PendingMovement,
    cause: &HoldReason,
) -> Result<()> {
    let reason = cannot_be_learnt(cause);
    tracing::error!(invoice = %row.invoice, amount = %row.amount, reason, "a charge in doubt");
    let failed = Failed {
        id: row.id,
        reason: &reason,
        code: cause.code(),
        request_id: None,
        next_look_at: None,
    };
    let mut tx = pass.app.db.begin().await?;
    fail(pass, &mut tx, row, &failed).await?;
    tx.commit().await?;
    Ok(())
}

/// Settles a row as not made, and tells the operator's server if that is news.
async fn fail(
    pass: &Pass<'_>,
    conn: &mut Connection,
    row: &PendingMovement,
    failed: &Failed<'_>,
) -> Result<()> {
    let now = pass.app.clock.now();
    let news = transfers::failed(&mut *conn, failed, now).await?;
    if news && pass.app.notifier.is_some() {
        let event = Event::from(TransferFailed {
            internal_id: row.id,
            kind: row.kind,
            mirakl_id: row.invoice.to_string(),
            account: Some(row.seller().clone()),
            shop_id: row.shop_id,
            charge: None,
            amount: Some(row.amount),
            reason: failed.reason.to_owned(),
        });
        notifications::add(conn, &[event], now).await?;
    }
    pass.run.count_failed();
    Ok(())
}

/// What became of it is not known: the next run sends the same bytes again, or looks it up.
fn in_doubt(pass: &Pass<'_>, row: &PendingMovement, error: StripeError) -> Result<()> {
    tracing::warn!(
        invoice = %row.invoice,
        r#type = row.kind.as_str(),
        amount = %row.amount,
        %error,
        "no answer about a transfer of an invoice; the next run goes on with the same request"
    );
    pass.in_doubt(-row.id, error)
}
