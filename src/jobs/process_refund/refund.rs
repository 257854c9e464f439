//! The first step: sends what is pending, several at a time, and settles each answer at once. New rows
//! and rows left by a crash take the same way.

use anyhow::anyhow;

use super::look::{Look, refunded_by_others};
use super::{Pass, adopt};
use crate::app::App;
use crate::domain::key::IdempotencyKey;
use crate::domain::retry;
use crate::jobs::Result;
use crate::jobs::sending::in_chains;
use crate::notify::{Event, RefundFailed};
use crate::store::refunds::{self, MadeRefund, PendingRefund, RefusedRefund};
use crate::store::{StoreError, notifications};
use crate::stripe::{Class, Refund, Refusal, StripeError};

const BATCH: i64 = 200;

/// Sends everything that is pending, and settles it.
pub(super) async fn send_pending(pass: &mut Pass<'_>) -> Result<()> {
    let mut after = 0;
    loop {
        let mut batch = {
            let fresh_since = pass.app.clock.now() - retry::DECISION_LIFE;
            let only = pass.options.only();
            let mut conn = pass.app.db.acquire().await?;
            let kinds = &pass.kinds;
            refunds::pending(&mut conn, kinds, fresh_since, only.as_deref(), after, BATCH).await?
        };
        let Some(last) = batch.last().map(|row| row.id) else {
            return Ok(());
        };
        if !pass.adopted {
            // What Stripe already has is then no longer pending.
            adopt::adopt(pass).await?;
            continue;
        }
        after = last;
        batch.retain(|row| !pass.doubts.holds(row.id));
        if batch.is_empty() {
            continue;
        }
        pass.run.check_lock().await?;
        let sender = Sender { pass };
        sender.send_batch(batch).await?;
    }
}

pub(super) struct Sender<'a, 'p> {
    pub(super) pass: &'a Pass<'p>,
}

impl Sender<'_, '_> {
    pub(super) fn app(&self) -> &App {
        self.pass.app
    }

    async fn send_batch(&self, batch: Vec<PendingRefund>) -> Result<()> {
        let now = self.app().clock.now();
        let sendable = self.sendable(batch).await?;
        let ids: Vec<i64> = sendable.iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        {
            let mut conn = self.app().db.acquire().await?;
            refunds::mark_sent(&mut conn, &ids, now).await?;
        }
        let workers = self.app().settings.stripe.limits.concurrency;
        in_chains(
            sendable,
            |row| row.charge.clone(),
            workers,
            &self.pass.doubts,
            async |row: &PendingRefund| self.send(row).await,
            |row| self.leave(row.id),
        )
        .await
    }

    async fn send(&self, row: &PendingRefund) -> Result<()> {
        let doubts = &self.pass.doubts;
        let host = self.app().mirakl.host();
        let (kind, id) = (row.kind.as_str(), row.refund_id.as_str());
        let key = IdempotencyKey::new(&host, "refund", kind, id, row.attempt);
        match self.app().stripe.create_refund(&row.body, &key).await {
            Ok((refund, request_id)) => {
                doubts.answered();
                self.settle(row, &refund, request_id.as_deref()).await
            }
            Err(StripeError::Refused(refusal)) => {
                doubts.answered();
                self.refused(row, &refusal).await
            }
            Err(StripeError::Unknown(cause)) => {
                doubts.unanswered(row.id, &cause);
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
        row: &PendingRefund,
        refund: &Refund,
        request_id: Option<&str>,
    ) -> Result<()> {
        let amount = refund.amount.unwrap_or(row.amount);
        let difference = (amount != row.amount)
            .then(|| format!("Stripe refunded {amount}, asked for were {}", row.amount));
        if let Some(difference) = &difference {
            tracing::error!(refund = %row.refund_id, difference, "a refund differs from its request");
        }
        let made = MadeRefund {
            id: row.id,
            stripe_refund_id: &refund.id,
            amount,
            stripe_created_at: refund.created_at,
            request_id,
            difference: difference.as_deref(),
        };
        let now = self.app().clock.now();
        let mut tx = self.app().db.begin().await?;
        if !refunds::made(&mut tx, &made, now).await? {
            // Stripe replays an earlier attempt: the next one has another key.
            let refused = RefusedRefund {
                id: row.id,
                reason: "Stripe answered with an earlier refund, which failed",
                code: "replayed",
                request_id,
                next_look_at: Some(now + retry::failure_delay(row.failures)),
            };
            drop(tx);
            return self.fail(row, &refused).await;
        }
        if let Some(why) = &refund.ended {
            super::failures::note(self.pass, &mut tx, &refund.id, why).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn refused(&self, row: &PendingRefund, refusal: &Refusal) -> Result<()> {
        let mut by_others = 0;
        if is_about_what_is_left(refusal) {
            match self.look_up(row).await? {
                Look::Made(refund) => return self.settle(row, &refund, None).await,
                Look::NotMade {
                    by_others: minor, ..
                } => by_others = minor,
                Look::Unanswered => return Ok(()),
            }
        }
        let (reason, code, next_look_at) = if by_others > 0 {
            let person = refunded_by_others(row, by_others);
            (
                format!("{refusal}; {person}"),
                person.code().to_owned(),
                None,
            )
        } else {
            let next = self.app().clock.now() + refusal.class.delay(row.failures);
            (refusal.to_string(), refusal.reason_code(), Some(next))
        };
        let refused = RefusedRefund {
            id: row.id,
            reason: &reason,
            code: &code,
            request_id: refusal.request_id.as_deref(),
            next_look_at,
        };
        self.fail(row, &refused).await
    }

    /// Settles a row as refused, with what is told of it.
    pub(super) async fn fail(
        &self,
        row: &PendingRefund,
        refused: &RefusedRefund<'_>,
    ) -> Result<()> {
        tracing::warn!(
            refund = %row.refund_id,
            amount = %row.amount,
            reason = refused.reason,
            request_id = refused.request_id,
            "a refund was refused"
        );
        let now = self.app().clock.now();
        let mut tx = self.app().db.begin().await.map_err(StoreError::from)?;
        let news = refunds::refused(&mut tx, refused, now).await?;
        if news && self.app().notifier.is_some() {
            let event = Event::from(RefundFailed {
                internal_id: row.id,
                order_id: row.order_id.clone(),
                refund_id: row.refund_id.clone(),
                shop_id: row.shop_id,
                stripe_refund_id: None,
                stripe_reversal_id: None,
                amount: Some(row.amount),
                reason: refused.reason.to_owned(),
            });
            notifications::add(&mut tx, &[event], now).await?;
        }
        tx.commit().await?;
        self.pass.run.count_failed();
        Ok(())
    }

    pub(super) fn in_doubt(&self, row: &PendingRefund, cause: &str) {
        tracing::warn!(
            refund = %row.refund_id,
            amount = %row.amount,
            cause,
            "no answer to a refund; the next run sends the same request again"
        );
        self.pass.run.count_in_doubt();
    }

    pub(super) fn leave(&self, id: i64) {
        self.pass.doubts.add(id);
        self.pass.run.count(|counts| {
            counts.waiting += 1;
            counts.in_doubt += 1;
        });
    }
}

/// A refusal that others' refunds of the same charge may be behind, or that may mean "done already".
fn is_about_what_is_left(refusal: &Refusal) -> bool {
    match refusal.class {
        Class::MaybeDone => true,
        Class::Final => refusal.param.as_deref() == Some("amount") || refusal.code.is_none(),
        Class::Later | Class::Operator => false,
    }
}
