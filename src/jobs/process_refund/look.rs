//! Looking at a charge before money leaves it: whether a request was carried out whose answer never came, and
//! whether somebody else refunded meanwhile.

use std::cell::RefCell;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};

use super::adopt;
use super::refund::Sender;
use crate::domain::ids::ChargeId;
use crate::domain::money::Money;
use crate::domain::refund::{PersonReason, RefundOrigin};
use crate::domain::retry;
use crate::jobs::Result;
use crate::jobs::sending::in_chains;
use crate::store::refunds::{self, ByOthers, PendingRefund, RefusedRefund};
use crate::stripe::{Refund, StripeError};

/// So long after it left, Stripe may still be about to carry a request out.
pub(super) const UNDER_WAY: TimeDelta = TimeDelta::minutes(5);

/// What a look at a charge found.
pub(super) enum Look {
    /// The refund that the row's request made.
    Made(Box<Refund>),
    /// None of it.
    NotMade {
        /// Minor units of the charge that went back for nothing that is known at Mirakl.
        by_others: i64,
        /// Those of them that no person has accepted.
        not_accepted: i64,
    },
    /// Stripe did not tell: the row is left to the next run.
    Unanswered,
}

impl Sender<'_, '_> {
    /// Those of a batch that may leave. Where that is not sure, Stripe is asked first, and the row is settled,
    /// left to a person, or left to the next run.
    pub(super) async fn sendable(&self, batch: Vec<PendingRefund>) -> Result<Vec<PendingRefund>> {
        let now = self.app().clock.now();
        let charges: Vec<ChargeId> = batch.iter().map(|row| row.charge.clone()).collect();
        let by_others = {
            let mut conn = self.app().db.acquire().await?;
            refunds::by_others(&mut conn, &charges).await?
        };
        let (unsure, sure) = batch
            .into_iter()
            .partition(|row| is_unsure(row, &by_others, now));
        let sendable = RefCell::new(sure);
        in_chains(
            unsure,
            |row: &PendingRefund| row.charge.clone(),
            self.app().settings.stripe.limits.concurrency,
            &self.pass.doubts,
            async |row: &PendingRefund| {
                if self.may_leave(row, now).await? {
                    sendable.borrow_mut().push(row.clone());
                }
                Ok(())
            },
            |row| self.leave(row.id),
        )
        .await?;
        let mut sendable = sendable.into_inner();
        sendable.sort_unstable_by_key(|row| row.id);
        Ok(sendable)
    }

    /// Looks at the charge of a row. False: it is settled, or left to a person or to the next run.
    async fn may_leave(&self, row: &PendingRefund, now: DateTime<Utc>) -> Result<bool> {
        let not_accepted = match self.look_up(row).await? {
            Look::Made(refund) => return self.settle(row, &refund, None).await.map(|()| false),
            Look::NotMade { not_accepted, .. } => not_accepted,
            Look::Unanswered => return Ok(false),
        };
        if not_accepted == 0 {
            return Ok(true);
        }
        if row.sent_at.is_some_and(|at| now - at < UNDER_WAY) {
            self.leave(row.id);
            return Ok(false);
        }
        let person = refunded_by_others(row, not_accepted);
        let refused = RefusedRefund {
            id: row.id,
            reason: &person.to_string(),
            code: person.code(),
            request_id: None,
            next_look_at: None,
        };
        self.fail(row, &refused).await.map(|()| false)
    }

    /// What Stripe holds of the charge: the refund that this row's request made, if it made one, and what others
    /// refunded, which is remembered.
    pub(super) async fn look_up(&self, row: &PendingRefund) -> Result<Look> {
        let all = match self.app().stripe.refunds_of(&row.charge).await {
            Ok(all) => all,
            Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                self.pass.doubts.add(row.id);
                self.in_doubt(row, &error.to_string());
                return Ok(Look::Unanswered);
            }
        };
        let host = self.app().mirakl.host();
        let mine = |refund: &&Refund| match &refund.origin {
            RefundOrigin::Ours { host: of, made_for } => {
                *of == host && made_for.kind == row.kind && made_for.refund_id == row.refund_id
            }
            RefundOrigin::Old(_) | RefundOrigin::Other => false,
        };
        let made = all.iter().filter(mine).find(|made| made.ended.is_none());
        // One that failed was told of, and its successor has another attempt.
        let first = || all.iter().find(mine).filter(|_| row.attempt == 1);
        if let Some(made) = made.or_else(first) {
            return Ok(Look::Made(Box::new(made.clone())));
        }
        let (_, others) = adopt::sort(self.app(), all);
        let mut tx = self.app().db.begin().await?;
        refunds::keep_others(&mut tx, &others, self.app().clock.now()).await?;
        let by_others = refunds::by_others(&mut tx, std::slice::from_ref(&row.charge)).await?;
        tx.commit().await?;
        Ok(Look::NotMade {
            by_others: by_others.besides(&row.charge, &[]),
            not_accepted: by_others.besides(&row.charge, &row.accepted),
        })
    }
}

/// Whether Stripe is asked before this leaves: its key may be forgotten, a store that was put back may not know what
/// earlier attempts came to, or somebody else refunded the charge and no person has accepted that.
fn is_unsure(row: &PendingRefund, by_others: &ByOthers, now: DateTime<Utc>) -> bool {
    let is_old = row.sent_at.is_some_and(|at| now - at > retry::KEY_LIFE);
    is_old || row.attempt > 1 || by_others.besides(&row.charge, &row.accepted) > 0
}

/// What is left to a person where others refunded the charge of a row.
pub(super) fn refunded_by_others(row: &PendingRefund, minor: i64) -> PersonReason {
    PersonReason::RefundedByOthers {
        charge: row.charge.clone(),
        amount: Money::from_minor(minor, row.amount.currency()),
    }
}
