//! Payouts: what an invoice moves between operator and seller, and what then goes to the seller's
//! bank.

mod decide;
mod gate;
mod invoice;
mod life;
mod reason;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Decisions, Facts, Movement, decide};
pub use gate::{Gate, gate};
pub use invoice::{Invoice, leftovers};
pub use life::Life;
pub use reason::{AbortReason, HoldReason, IgnoreReason};

use chrono::{DateTime, Utc};

use super::retry;

/// Where a payout stands, in the words that the operator knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize,
)]
#[sqlx(type_name = "payout_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutStatus {
    /// Waits; looked at again.
    PayoutOnHold,
    /// To be sent, or sent without an answer.
    PayoutPending,
    /// Stripe has made it.
    PayoutCreated,
    /// Refused, or failed later; tried again, or waits for `resolve`.
    PayoutFailed,
    /// Ended by our own decision or by a person.
    PayoutAborted,
    /// Not ours to pay.
    PayoutIgnored,
}

impl PayoutStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 6] = [
        Self::PayoutOnHold,
        Self::PayoutPending,
        Self::PayoutCreated,
        Self::PayoutFailed,
        Self::PayoutAborted,
        Self::PayoutIgnored,
    ];

    /// The word that is stored, listed and notified.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PayoutOnHold => "PAYOUT_ON_HOLD",
            Self::PayoutPending => "PAYOUT_PENDING",
            Self::PayoutCreated => "PAYOUT_CREATED",
            Self::PayoutFailed => "PAYOUT_FAILED",
            Self::PayoutAborted => "PAYOUT_ABORTED",
            Self::PayoutIgnored => "PAYOUT_IGNORED",
        }
    }
}

/// What the store knows of a payout when its invoice is seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub status: PayoutStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Earlier looks that found the same reason, or refusals in a row.
    pub looks: u32,
    /// When it is due for another look; none when no look is planned.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When its request first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Known {
    /// Whether its request left, or was answered.
    pub fn has_left(&self) -> bool {
        match self.status {
            PayoutStatus::PayoutCreated => true,
            PayoutStatus::PayoutPending => self.sent_at.is_some(),
            PayoutStatus::PayoutOnHold
            | PayoutStatus::PayoutFailed
            | PayoutStatus::PayoutAborted
            | PayoutStatus::PayoutIgnored => false,
        }
    }

    /// Whether fresh facts may decide this row anew.
    ///
    /// A request that may have reached Stripe is never decided again: it is sent again byte for
    /// byte, or looked up. A refused one keeps its delay unless a person `asks` for it.
    pub fn may_decide(&self, now: DateTime<Utc>, asked: bool) -> bool {
        match self.status {
            PayoutStatus::PayoutOnHold | PayoutStatus::PayoutIgnored => true,
            PayoutStatus::PayoutFailed => self.next_look_at.is_some_and(|at| asked || at <= now),
            PayoutStatus::PayoutPending => {
                self.sent_at.is_none() && now - self.updated_at > retry::DECISION_LIFE
            }
            // Nothing was ever sent for it: an invoice that changes is looked at again.
            PayoutStatus::PayoutAborted => self
                .reason_code
                .as_deref()
                .is_some_and(AbortReason::is_reopened),
            PayoutStatus::PayoutCreated => false,
        }
    }
}
