//! Looking at a transfer before a part of it is taken back: whether that was done already, by a request whose
//! answer never came or by a person.

use anyhow::anyhow;

use super::look::UNDER_WAY;
use super::unwind::Sender;
use crate::domain::ids::ReversalId;
use crate::domain::money::Money;
use crate::domain::refund::PersonReason;
use crate::jobs::Result;
use crate::store::refunds::{self, PendingReversal, RefusedReversal};
use crate::stripe::{Reversal, StripeError};

/// What a look at a transfer found.
pub(super) enum Taken {
    /// The reversal that was made for the row's refund.
    Made(Reversal),
    /// None for it.
    NotMade {
        /// What somebody else took back of the transfer, in minor units.
        others: Vec<(ReversalId, i64)>,
    },
    /// Stripe did not tell: the row is left to the next run.
    Unanswered,
}

impl Sender<'_, '_> {
    /// Looks at the transfer of a row. False: the row is settled, or left to a person or to the next run.
    pub(super) async fn may_leave(&self, row: &PendingReversal) -> Result<bool> {
        let others = match self.look_up(row).await? {
            Taken::Made(made) => return self.settle(row, &made, None).await.map(|()| false),
            Taken::NotMade { others } => others,
            Taken::Unanswered => return Ok(false),
        };
        // Nobody has been told of a reversal that was never tried: nobody made it by hand.
        let may_be_known = row.attempt > 1 || row.sent_at.is_some();
        let not_told_of: i64 = others
            .iter()
            .filter(|(id, _)| !row.told_of.contains(id))
            .map(|(_, minor)| minor)
            .sum();
        if !may_be_known || not_told_of == 0 {
            return Ok(true);
        }
        let now = self.app().clock.now();
        if row.sent_at.is_some_and(|at| now - at < UNDER_WAY) {
            self.leave(row.id);
            return Ok(false);
        }
        let person = PersonReason::ReversedByOthers {
            transfer: row.transfer.clone(),
            amount: Money::from_minor(not_told_of, row.amount.currency()),
        };
        let told_of: Vec<ReversalId> = others.into_iter().map(|(id, _)| id).collect();
        let refused = RefusedReversal {
            reason: &person.to_string(),
            code: person.code(),
            request_id: None,
            next_look_at: None,
            told_of: &told_of,
        };
        self.fail(row, &refused).await.map(|()| false)
    }

    /// What Stripe holds of the transfer: the reversal that was made for this refund, if one was, and what others
    /// took back.
    pub(super) async fn look_up(&self, row: &PendingReversal) -> Result<Taken> {
        let reversals = match self.app().stripe.reversals_of(&row.transfer).await {
            Ok(reversals) => reversals,
            Err(error) => return self.not_told(row, error).map(|()| Taken::Unanswered),
        };
        let host = self.app().mirakl.host();
        let is_mine = |made: &&Reversal| made.is_for(&host, row.kind, &row.refund_id);
        if let Some(made) = reversals.iter().find(is_mine) {
            return Ok(Taken::Made(made.clone()));
        }
        let nobodys: Vec<(ReversalId, i64)> = reversals
            .into_iter()
            .filter(Reversal::is_nobodys)
            .map(|made| (made.id, made.minor))
            .collect();
        let named = {
            let ids: Vec<&str> = nobodys.iter().map(|(id, _)| id.as_str()).collect();
            let mut conn = self.app().db.acquire().await?;
            refunds::known_reversals(&mut conn, &ids).await?
        };
        let others = nobodys.into_iter().filter(|(id, _)| !named.contains(id));
        Ok(Taken::NotMade {
            others: others.collect(),
        })
    }

    /// Leaves a row to the next run because Stripe did not tell what stands.
    pub(super) fn not_told(&self, row: &PendingReversal, error: StripeError) -> Result<()> {
        match error {
            StripeError::Stop(_) => Err(anyhow!(error).into()),
            StripeError::Unknown(_) | StripeError::Refused(_) => {
                self.doubts.add(row.id);
                self.in_doubt(row, &error.to_string());
                Ok(())
            }
        }
    }
}
