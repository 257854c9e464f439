//! The third step's requests: reversals are sent several at a time, those of one transfer one after
//! another, and each is settled at once.

use anyhow::anyhow;

use super::Pass;
use super::taken::Taken;
use crate::app::App;
use crate::domain::ids::ReversalId;
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::retry;
use crate::jobs::sending::{Doubts, in_chains};
use crate::jobs::{Result, adopting};
use crate::notify::{Event, RefundFailed};
use crate::store::refunds::{self, MadeReversal, PendingReversal, RefusedReversal};
use crate::store::{StoreError, notifications};
use crate::stripe::{Class, Refusal, Reversal, StripeError};

const BATCH: i64 = 200;

/// Sends everything that is pending, and settles it.
pub(super) async fn send_pending(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let doubts = Doubts::default();
    let only = pass.options.only();
    let mut after = 0;
    loop {
        let now = app.clock.now();
        let (batch, distrust) = {
            let mut conn = app.db.acquire().await?;
            let batch =
                refunds::pending_reversals(&mut conn, &pass.kinds, only.as_deref(), after, BATCH)
                    .await?;
            let distrust = match batch.is_empty() {
                true => false,
                false => adopting::distrusts(&mut conn, now).await?,
            };
            (batch, distrust)
        };
        let Some(last) = batch.last().map(|row| row.id) else {
            return Ok(());
        };
        after = last;
        pass.run.check_lock().await?;
        // An answer that did not come, a refusal that a person was told of, a key that Stripe may have
        // forgotten, or a refund that somebody else made: what was taken back already is found by its
        // transfer, because Stripe has no list of all reversals.
        let looked_up: Vec<i64> = batch
            .iter()
            .filter(|row| {
                let is_old = now - row.stripe_refund.1 > retry::KEY_LIFE;
                let was_tried = row.sent_at.is_some() || row.attempt > 1;
                distrust || is_old || was_tried || !row.refunded_here
            })
            .map(|row| row.id)
            .collect();
        {
            let ids: Vec<i64> = batch.iter().map(|row| row.id).collect();
            let mut conn = app.db.acquire().await?;
            refunds::mark_reversals_sent(&mut conn, &ids, now).await?;
        }
        let sender = Sender {
            pass,
            doubts: &doubts,
        };
        in_chains(
            batch,
            |row| row.transfer.clone(),
            app.settings.stripe.limits.concurrency,
            &doubts,
            async |row: &PendingReversal| sender.send(row, looked_up.contains(&row.id)).await,
            |row| sender.leave(row.id),
        )
        .await?;
    }
}

pub(super) struct Sender<'a, 'p> {
    pub(super) pass: &'a Pass<'p>,
    pub(super) doubts: &'a Doubts,
}

impl Sender<'_, '_> {
    pub(super) fn app(&self) -> &App {
        self.pass.app
    }

    async fn send(&self, row: &PendingReversal, look_up_first: bool) -> Result<()> {
        if look_up_first && !self.may_leave(row).await? {
            return Ok(());
        }
        let host = self.app().mirakl.host();
        // A refund may take back two parts.
        let kind = match row.transfer_type.is_tax() {
            false => row.kind.as_str().to_owned(),
            true => format!("{}_TAX", row.kind.as_str()),
        };
        let id = row.refund_id.as_str();
        let key = IdempotencyKey::new(&host, "reversal", &kind, id, row.attempt);
        let stripe = &self.app().stripe;
        match stripe
            .reverse_transfer(&row.transfer, &row.body, &key)
            .await
        {
            Ok((reversal, request_id)) => {
                self.doubts.answered();
                self.settle(row, &reversal, request_id.as_deref()).await
            }
            Err(StripeError::Refused(refusal)) => {
                self.doubts.answered();
                self.refused(row, &refusal).await
            }
            Err(StripeError::Unknown(cause)) => {
                self.doubts.unanswered(row.id, &cause);
                self.in_doubt(row, &cause);
                Ok(())
            }
            Err(StripeError::Stop(error)) => {
                self.leave(row.id);
                Err(anyhow!(StripeError::Stop(error)).into())
            }
        }
    }

    pub(super) async fn settle(
        &self,
        row: &PendingReversal,
        reversal: &Reversal,
        request_id: Option<&str>,
    ) -> Result<()> {
        let difference = (reversal.minor != row.amount.minor()).then(|| {
            let made = Money::from_minor(reversal.minor, row.amount.currency());
            format!(
                "Stripe took back {made} of {}, asked for were {}",
                row.transfer, row.amount
            )
        });
        if let Some(difference) = &difference {
            tracing::error!(
                refund = %row.refund_id,
                difference,
                "a reversal differs from its request"
            );
        }
        let made = MadeReversal {
            id: row.id,
            refund_row: row.refund_row,
            reversal_id: &reversal.id,
            amount: reversal.minor,
            stripe_created_at: reversal.created_at,
            request_id,
            difference: difference.as_deref(),
        };
        let mut tx = self.app().db.begin().await?;
        let done = refunds::reversal_made(&mut tx, &made, self.app().clock.now()).await?;
        tx.commit().await?;
        self.pass.run.count(|counts| {
            counts.created += u64::from(done);
            counts.news += 1;
        });
        Ok(())
    }

    async fn refused(&self, row: &PendingReversal, refusal: &Refusal) -> Result<()> {
        if matches!(refusal.class, Class::MaybeDone | Class::Final) {
            let others = match self.look_up(row).await? {
                Taken::Made(made) => return self.settle(row, &made, None).await,
                Taken::NotMade { others } => others,
                Taken::Unanswered => return Ok(()),
            };
            match self.app().stripe.left_of_transfer(&row.transfer).await {
                Ok(left) if left < row.amount.minor() => {
                    let others: Vec<ReversalId> = others.into_iter().map(|(id, _)| id).collect();
                    return self.cut(row, left, &others).await;
                }
                Ok(_) => {}
                Err(error) => return self.not_told(row, error),
            }
        }
        let refused = RefusedReversal {
            reason: &refusal.to_string(),
            code: &refusal.reason_code(),
            request_id: refusal.request_id.as_deref(),
            next_look_at: Some(self.app().clock.now() + refusal.class.delay(row.failures)),
            told_of: &row.told_of,
        };
        self.fail(row, &refused).await
    }

    /// Settles a row as refused, with what is told of it.
    pub(super) async fn fail(
        &self,
        row: &PendingReversal,
        refused: &RefusedReversal<'_>,
    ) -> Result<()> {
        tracing::warn!(
            refund = %row.refund_id,
            transfer = %row.transfer,
            amount = %row.amount,
            reason = refused.reason,
            request_id = refused.request_id,
            "a reversal was refused"
        );
        let now = self.app().clock.now();
        let mut tx = self.app().db.begin().await.map_err(StoreError::from)?;
        let news = refunds::reversal_failed(&mut tx, row, refused, now).await?;
        if news && self.app().notifier.is_some() {
            let event = Event::from(RefundFailed {
                internal_id: row.refund_row,
                order_id: row.order_id.clone(),
                refund_id: row.refund_id.clone(),
                shop_id: row.shop_id,
                stripe_refund_id: Some(row.stripe_refund.0.clone()),
                stripe_reversal_id: row.seller_reversal.clone(),
                amount: Some(Money::from_minor(row.refunded, row.amount.currency())),
                reason: refused.reason.to_owned(),
            });
            notifications::add(&mut tx, &[event], now).await?;
        }
        tx.commit().await?;
        self.pass.run.count_failed();
        Ok(())
    }

    /// Somebody else took a part of the transfer back: what is left is asked for by the next run, and
    /// the rest is the shortfall.
    async fn cut(&self, row: &PendingReversal, left: i64, others: &[ReversalId]) -> Result<()> {
        let left_money = Money::from_minor(left, row.amount.currency());
        tracing::error!(
            refund = %row.refund_id,
            transfer = %row.transfer,
            asked = %row.amount,
            left = %left_money,
            "somebody else took back a part of a transfer: a refund cannot have all of its share"
        );
        let mut conn = self.app().db.acquire().await?;
        let now = self.app().clock.now();
        refunds::cut(&mut conn, row.id, left, others, now).await?;
        self.pass.run.count(|counts| {
            counts.waiting += 1;
            counts.news += 1;
        });
        Ok(())
    }

    pub(super) fn in_doubt(&self, row: &PendingReversal, cause: &str) {
        tracing::warn!(
            refund = %row.refund_id,
            transfer = %row.transfer,
            amount = %row.amount,
            cause,
            "no answer to a reversal; the next run sends the same request again"
        );
        self.pass.run.count_in_doubt();
    }

    pub(super) fn leave(&self, id: i64) {
        self.doubts.add(id);
        self.pass.run.count(|counts| {
            counts.waiting += 1;
            counts.in_doubt += 1;
        });
    }
}
