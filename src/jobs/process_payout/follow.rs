//! Payouts that were made are read again for ten days, also after they were paid: a bank may send the
//! money back.

use anyhow::anyhow;

use super::came_back::{tell, why_ended};
use super::{FOLLOW_DAILY, FOLLOW_FOR, Pass, follow_at};
use crate::domain::payout::Life;
use crate::jobs::Result;
use crate::jobs::sending::in_chains;
use crate::store::payouts::{self, CameBack, Followed, SeenPayout};
use crate::stripe::{Payout, StripeError};

const BATCH: i64 = 200;

/// Reads every payout that is due, once.
pub(super) async fn all(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
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
            &pass.doubts,
            async |row: &Followed| one(pass, row).await,
            |_| {},
        )
        .await?;
    }
}

async fn one(pass: &Pass<'_>, row: &Followed) -> Result<()> {
    let error = match pass.heard(pass.app.stripe.payout(&row.account, &row.payout_id).await) {
        Ok(Some(payout)) => return learnt(pass, row, &payout).await,
        Ok(None) => "Stripe does not know it".to_owned(),
        Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
        Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => error.to_string(),
    };
    let (payout, invoice) = (&row.payout_id, &row.invoice);
    tracing::error!(%payout, %invoice, error, "a payout could not be read again");
    pass.run.count_failed();
    let now = pass.app.clock.now();
    let next = (now - row.stripe_created_at < FOLLOW_FOR).then(|| now + FOLLOW_DAILY);
    let lost = next.is_none().then(|| {
        format!("{payout} could not be read for ten days and may have come back: {error}")
    });
    let mut conn = pass.app.db.acquire().await?;
    payouts::unread(&mut conn, row.id, lost.as_deref(), next, now).await?;
    Ok(())
}

async fn learnt(pass: &Pass<'_>, row: &Followed, payout: &Payout) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let word = payout.life.as_str();
    match &payout.life {
        Life::UnderWay(_) | Life::Paid => {
            let next = follow_at(&payout.life, row.stripe_created_at, now);
            // Nobody looks again: a person should know that it never arrived.
            let lost = (next.is_none() && payout.life != Life::Paid)
                .then(|| format!("{} is still {word} after ten days", row.payout_id));
            if let Some(lost) = &lost {
                tracing::warn!(invoice = %row.invoice, amount = %row.amount, lost, "a payout does not arrive");
                pass.run.count(|counts| counts.news += 1);
            }
            let seen = SeenPayout {
                id: row.id,
                stripe_status: word,
                arrival: payout.arrival,
                follow_at: next,
                difference: lost.as_deref(),
            };
            let mut conn = app.db.acquire().await?;
            payouts::seen(&mut conn, &seen, now).await?;
        }
        Life::Failed(_) | Life::Canceled => {
            let (reason, code, next) = why_ended(&payout.life, row.payout_id.as_str(), now);
            let mut tx = app.db.begin().await?;
            payouts::ended(&mut tx, row.id, (&reason, &code), word, next, now).await?;
            let came_back = CameBack {
                id: row.id,
                invoice: row.invoice.clone(),
                shop_id: row.shop_id,
                amount: row.amount,
                payout_id: row.payout_id.clone(),
                reason,
            };
            tell(pass, &mut tx, &[came_back], now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
