//! Payouts that were made are read again until they are paid, or for ten days: a bank may send the money
//! back.

use anyhow::anyhow;

use super::adopt::why_ended;
use super::{Pass, follow_at};
use crate::domain::payout::Life;
use crate::jobs::Result;
use crate::jobs::sending::{Doubts, in_chains};
use crate::notify::{Event, PayoutFailed};
use crate::store::notifications;
use crate::store::payouts::{self, Followed};
use crate::stripe::{Payout, StripeError};

const BATCH: i64 = 200;

/// Reads every payout that is due, once.
pub(super) async fn all(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let doubts = Doubts::default();
    let now = app.clock.now();
    let mut after = 0;
    loop {
        let rows = {
            let mut conn = app.db.acquire().await?;
            payouts::followed(&mut conn, now, pass.options.shop, after, BATCH).await?
        };
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        pass.run.check_lock().await?;
        in_chains(
            rows,
            |row| row.id,
            app.settings.stripe.limits.concurrency,
            &doubts,
            async |row: &Followed| one(pass, row).await,
            |_| {},
        )
        .await?;
    }
}

async fn one(pass: &Pass<'_>, row: &Followed) -> Result<()> {
    let error = match pass.app.stripe.payout(&row.account, &row.payout_id).await {
        Ok(Some(payout)) => return learnt(pass, row, &payout).await,
        Ok(None) => "Stripe does not know it".to_owned(),
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => error.to_string(),
    };
    tracing::error!(payout = %row.payout_id, invoice = %row.invoice, error, "a payout could not be read again");
    pass.run.count(|counts| {
        counts.failed += 1;
        counts.news += 1;
    });
    Ok(())
}

async fn learnt(pass: &Pass<'_>, row: &Followed, payout: &Payout) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let word = payout.life.as_str();
    match &payout.life {
        Life::UnderWay(_) | Life::Paid => {
            let next = follow_at(&payout.life, row.stripe_created_at, now);
            let mut conn = app.db.acquire().await?;
            payouts::seen(&mut conn, row.id, word, payout.arrival, next, now).await?;
        }
        Life::Failed(_) | Life::Canceled => {
            let (reason, code, next) = why_ended(&payout.life, row.payout_id.as_str(), now);
            tracing::warn!(invoice = %row.invoice, amount = %row.amount, reason, "a payout came back");
            let mut tx = app.db.begin().await?;
            payouts::ended(&mut tx, row.id, (&reason, &code), word, next, now).await?;
            if app.notifier.is_some() {
                let event = Event::PayoutFailed(Box::new(PayoutFailed {
                    internal_id: row.id,
                    invoice: row.invoice.clone(),
                    shop_id: row.shop_id,
                    payout_id: Some(row.payout_id.clone()),
                    amount: Some(row.amount),
                    reason: reason.clone(),
                }));
                notifications::add(&mut tx, &[event], now).await?;
            }
            tx.commit().await?;
            pass.run.count(|counts| {
                counts.failed += 1;
                counts.news += 1;
            });
        }
    }
    Ok(())
}
