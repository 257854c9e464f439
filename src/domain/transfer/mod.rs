//! Transfers: what the operator owes a seller and a tax account, and what may happen to it.

mod amount;
mod charged;
mod compare;
mod decide;
mod division;
#[cfg(test)]
pub(crate) mod fixtures;
mod kind;
mod order;
mod origin;
mod product;
mod reason;
mod service;

pub use amount::{Amounts, Parts};
pub use charged::{Charged, charged};
pub use compare::{Comparison, compare_seller, compare_taxes};
pub use decide::{Decision, Decisions, Facts, before_payment, decide};
pub use division::{Division, RowState, Rows};
pub use kind::{OrderKind, TransferType};
pub use order::{Payable, Standing};
pub use origin::{Origin, origin};
pub use reason::{AbortReason, HoldReason, IgnoreReason};
pub use service::Debits;

use chrono::{DateTime, Utc};

use super::retry;

/// Where a transfer stands, in the words that the operator knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize,
)]
#[sqlx(type_name = "transfer_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransferStatus {
    /// Waits; looked at again.
    TransferOnHold,
    /// To be sent, or sent without an answer.
    TransferPending,
    /// Done: Stripe has made it.
    TransferCreated,
    /// Stripe refused it; tried again, or waits for `resolve`.
    TransferFailed,
    /// Ended by our own decision.
    TransferAborted,
    /// Not ours to pay.
    TransferIgnored,
}

impl TransferStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 6] = [
        Self::TransferOnHold,
        Self::TransferPending,
        Self::TransferCreated,
        Self::TransferFailed,
        Self::TransferAborted,
        Self::TransferIgnored,
    ];

    /// The word that is stored, listed and notified.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransferOnHold => "TRANSFER_ON_HOLD",
            Self::TransferPending => "TRANSFER_PENDING",
            Self::TransferCreated => "TRANSFER_CREATED",
            Self::TransferFailed => "TRANSFER_FAILED",
            Self::TransferAborted => "TRANSFER_ABORTED",
            Self::TransferIgnored => "TRANSFER_IGNORED",
        }
    }
}

/// What the store knows of a transfer when its order is seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub status: TransferStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Earlier looks that found the same reason.
    pub looks: u32,
    /// When it is due for another look; none when no look is planned.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When its request first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Known {
    /// Whether a look at this row is due.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_look_at.is_some_and(|at| at <= now)
    }

    /// Whether fresh facts may decide this row anew.
    ///
    /// A request that may have reached Stripe is never decided again: it is sent again byte for
    /// byte, or looked up. A refused one keeps its delay unless a person `asks` for it by name.
    pub fn may_decide(&self, now: DateTime<Utc>, asked: bool) -> bool {
        match self.status {
            TransferStatus::TransferOnHold | TransferStatus::TransferIgnored => true,
            TransferStatus::TransferFailed => {
                self.next_look_at.is_some() && (asked || self.is_due(now))
            }
            TransferStatus::TransferPending => {
                self.sent_at.is_none() && now - self.updated_at > retry::DECISION_LIFE
            }
            TransferStatus::TransferCreated | TransferStatus::TransferAborted => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_request_that_may_have_reached_stripe_is_never_decided_again() {
        use TransferStatus::{
            TransferAborted, TransferCreated, TransferFailed, TransferIgnored, TransferOnHold,
            TransferPending,
        };
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a date");
        let minutes = |n| Some(now + TimeDelta::minutes(n));
        for (status, sent_at, updated, next_look_at, asked, may) in [
            (TransferOnHold, None, -1, minutes(5), false, true),
            (TransferIgnored, None, -1, None, false, true),
            (TransferFailed, None, -1, minutes(5), false, false),
            (TransferFailed, None, -1, minutes(5), true, true),
            (TransferFailed, None, -1, minutes(0), false, true),
            (TransferFailed, None, -1, None, true, false),
            (TransferPending, None, -9, None, true, false),
            (TransferPending, None, -11, None, false, true),
            (TransferPending, minutes(-11), -11, None, true, false),
            (
                TransferPending,
                minutes(-10_000),
                -10_000,
                None,
                true,
                false,
            ),
            (TransferCreated, minutes(-11), -11, None, true, false),
            (TransferAborted, None, -10_000, None, true, false),
        ] {
            let known = Known {
                status,
                reason_code: None,
                looks: 0,
                next_look_at,
                sent_at,
                updated_at: now + TimeDelta::minutes(updated),
            };
            assert_eq!(known.may_decide(now, asked), may, "{known:?} asked {asked}");
        }
    }
}
