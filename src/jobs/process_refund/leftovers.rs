//! Reversals in doubt whose refund a person ended, or is to decide about: they are looked up, never sent, so that what
//! came back is known, and nothing is reserved at the seller's for what did not.

use anyhow::anyhow;

use super::Pass;
use super::look::UNDER_WAY;
use crate::domain::money::Money;
use crate::domain::refund::RefundStatus;
use crate::jobs::Result;
use crate::store::refunds::{self, LeftReversal, MadeReversal};
use crate::stripe::{Reversal, StripeError};

const BATCH: i64 = 200;

/// Looks all of them up.
pub(super) async fn look_up(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let before = app.clock.now() - UNDER_WAY;
    let mut after = 0;
    loop {
        let batch = {
            let mut conn = app.db.acquire().await?;
            refunds::left_reversals(&mut conn, &pass.kinds, before, after, BATCH).await?
        };
        let Some(last) = batch.last() else {
            return Ok(());
        };
        after = last.id;
        pass.run.check_lock().await?;
        for row in &batch {
            match app.stripe.reversals_of(&row.transfer).await {
                Ok(reversals) => settle(pass, row, &reversals).await?,
                Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
                Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                    tracing::warn!(
                        refund = %row.refund_id,
                        transfer = %row.transfer,
                        %error,
                        "Stripe does not tell whether a reversal was made; the next run asks again"
                    );
                }
            }
        }
    }
}

async fn settle(pass: &Pass<'_>, row: &LeftReversal, reversals: &[Reversal]) -> Result<()> {
    let now = pass.app.clock.now();
    let host = pass.app.mirakl.host();
    let made = reversals
        .iter()
        .find(|made| made.is_for(&host, row.kind, &row.refund_id));
    let mut tx = pass.app.db.begin().await?;
    match made {
        None => refunds::never_reversed(&mut tx, row.id, now).await?,
        Some(made) => {
            let difference = difference(row, made);
            if let Some(difference) = &difference {
                tracing::error!(refund = %row.refund_id, difference, "a reversal was made after all");
            }
            let made = MadeReversal {
                id: row.id,
                refund_row: row.refund_row,
                reversal_id: &made.id,
                amount: made.minor,
                stripe_created_at: made.created_at,
                request_id: None,
                difference: difference.as_deref(),
            };
            refunds::reversal_made(&mut tx, &made, now).await?;
        }
    }
    tx.commit().await?;
    pass.run.count(|counts| counts.news += 1);
    Ok(())
}

/// What a person should know: whoever ended the refund may have thought that nothing came back.
fn difference(row: &LeftReversal, made: &Reversal) -> Option<String> {
    let taken = Money::from_minor(made.minor, row.amount.currency());
    match row.status {
        RefundStatus::RefundAborted | RefundStatus::RefundIgnored => Some(format!(
            "{taken} of {} had come back by {} when this refund was ended",
            row.transfer, made.id
        )),
        RefundStatus::RefundFailed
        | RefundStatus::RefundOnHold
        | RefundStatus::RefundPending
        | RefundStatus::RefundCreated => (taken != row.amount).then(|| {
            format!(
                "Stripe took back {taken} of {}, asked for were {}",
                row.transfer, row.amount
            )
        }),
    }
}
