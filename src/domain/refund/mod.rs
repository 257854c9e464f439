//! Refunds: what the customer gets back, what of it the seller bears, and what may happen to both.

mod amount;
mod decide;
mod origin;
mod reason;
mod reverse;
#[cfg(test)]
mod tests;

pub use amount::{RefundAmounts, Shown, refund_amounts};
pub use decide::{Charged, Decision, Facts, decide};
pub use origin::{MadeFor, RefundOrigin, refund_origin, reversal_is_for, reversal_is_nobodys};
pub use reason::{AbortReason, HoldReason, NothingReason, PersonReason};
pub use reverse::{Part, ReversalDecision, ReversalFacts, Transferred, decide_reversal};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ids::{CommercialOrderId, OrderId, RefundId, ShopId, StripeRefundId};
use super::money::Money;
use super::retry;
use super::transfer::OrderKind;

/// What a refund gives back. With the Mirakl id it is the natural key of a row.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize,
)]
#[sqlx(type_name = "refund_type", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundType {
    /// A line of a product order (PA12).
    ProductRefund,
    /// A service order (SPA12).
    ServiceRefund,
}

impl RefundType {
    /// The word in keys and metadata; it never changes once a refund carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductRefund => "PRODUCT_REFUND",
            Self::ServiceRefund => "SERVICE_REFUND",
        }
    }

    /// Reads [`Self::as_str`]; `None` for what this version does not make.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "PRODUCT_REFUND" => Some(Self::ProductRefund),
            "SERVICE_REFUND" => Some(Self::ServiceRefund),
            _ => None,
        }
    }

    /// What its order sells.
    pub fn order_kind(self) -> OrderKind {
        match self {
            Self::ProductRefund => OrderKind::Product,
            Self::ServiceRefund => OrderKind::Service,
        }
    }
}

/// Where a refund stands, in the words that the operator knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize,
)]
#[sqlx(type_name = "refund_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    /// Waits; looked at again.
    RefundOnHold,
    /// Its step is to be done, or was begun without an answer.
    RefundPending,
    /// Done: refunded, confirmed, reversed.
    RefundCreated,
    /// Its step was refused; tried again, or waits for `resolve`.
    RefundFailed,
    /// Ended by our own decision or by a person.
    RefundAborted,
    /// Not ours to make.
    RefundIgnored,
}

impl RefundStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 6] = [
        Self::RefundOnHold,
        Self::RefundPending,
        Self::RefundCreated,
        Self::RefundFailed,
        Self::RefundAborted,
        Self::RefundIgnored,
    ];

    /// The word that is stored, listed and notified.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefundOnHold => "REFUND_ON_HOLD",
            Self::RefundPending => "REFUND_PENDING",
            Self::RefundCreated => "REFUND_CREATED",
            Self::RefundFailed => "REFUND_FAILED",
            Self::RefundAborted => "REFUND_ABORTED",
            Self::RefundIgnored => "REFUND_IGNORED",
        }
    }
}

/// Which of its three steps a refund is at; those before it are done.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    sqlx::Type,
    serde::Serialize,
    serde::Deserialize,
)]
#[sqlx(type_name = "refund_step", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStep {
    /// The customer gets the money back, at Stripe.
    Refund,
    /// Mirakl is told (PA02, SPA02).
    Confirm,
    /// The seller's part comes back.
    Reverse,
}

impl RefundStep {
    /// The word that is stored and listed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "REFUND",
            Self::Confirm => "CONFIRM",
            Self::Reverse => "REVERSE",
        }
    }
}

/// A refund that waits on Mirakl (PA12, SPA12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRefund {
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund.
    pub id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The basket, where the list says.
    pub commercial_id: Option<CommercialOrderId>,
    /// What the customer gets back, in major units.
    pub amount: Decimal,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// The shop, where the list says.
    pub shop_id: Option<ShopId>,
}

impl AskedRefund {
    /// A refund that Mirakl asked for once, as the store remembers it.
    pub fn remembered(
        kind: RefundType,
        id: &RefundId,
        order_id: &OrderId,
        amount: Money,
        shop_id: Option<ShopId>,
    ) -> Self {
        Self {
            kind,
            id: id.clone(),
            order_id: order_id.clone(),
            commercial_id: None,
            amount: amount.to_major(),
            currency: amount.currency().code().to_owned(),
            shop_id,
        }
    }
}

/// What the store knows of a refund when Mirakl asks for it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which step it is at.
    pub step: RefundStep,
    /// Where it stands.
    pub status: RefundStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Earlier looks that found the same reason, or refusals in a row.
    pub looks: u32,
    /// When it is due for another look; none when no look is planned.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When the request to Stripe first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Refunds of the charge that others made and a person has accepted.
    pub accepted: Vec<StripeRefundId>,
}

impl Known {
    /// Whether fresh facts may decide its first step anew.
    ///
    /// A request that may have reached Stripe is never decided again: it is sent again byte for
    /// byte, or looked up. What waits or was refused keeps its delay unless a person `asks` for it.
    pub fn may_decide(&self, now: DateTime<Utc>, asked: bool) -> bool {
        let due = self.next_look_at.is_some_and(|at| asked || at <= now);
        match (self.step, self.status) {
            (RefundStep::Refund, RefundStatus::RefundOnHold | RefundStatus::RefundFailed) => due,
            (RefundStep::Refund, RefundStatus::RefundPending) => {
                self.sent_at.is_none() && now - self.updated_at > retry::DECISION_LIFE
            }
            (
                RefundStep::Refund,
                RefundStatus::RefundCreated
                | RefundStatus::RefundAborted
                | RefundStatus::RefundIgnored,
            )
            | (RefundStep::Confirm | RefundStep::Reverse, _) => false,
        }
    }
}
