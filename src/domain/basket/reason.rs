//! Why a confirmation or a capture waits. `Display` is what is stored and listed; `code` groups the
//! rows of one kind.

use thiserror::Error;

use super::listed;
use crate::domain::ids::OrderId;
use crate::domain::money::{Currency, Money};

/// Why it waits. Each is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldReason {
    /// No payment names the basket.
    #[error("no payment at Stripe names this basket")]
    NoPayment,
    /// Several payments that may bring money name the basket.
    #[error("several payments name this basket: {}", .0.join(", "))]
    SeveralPayments(Vec<String>),
    /// Every payment was cancelled or failed.
    #[error("the payment {0} was cancelled or has failed")]
    PaymentEnded(String),
    /// The customer or the bank has yet to act.
    #[error("the payment {0} is not authorised yet")]
    PaymentPending(String),
    /// The money went to a connected account at once.
    #[error("the payment {0} sends its money to a connected account by itself")]
    DestinationCharge(String),
    /// The customer pays in another currency.
    #[error("order {order} is in {needed}, the payment in {paid}")]
    OtherCurrency {
        /// The order.
        order: OrderId,
        /// Its currency as Mirakl sent it.
        needed: String,
        /// The payment's.
        paid: Currency,
    },
    /// The operator was credited in another currency.
    #[error("the payment is in {paid}, but Stripe settled it in {settled}")]
    OtherSettlement {
        /// The payment's.
        paid: Currency,
        /// The balance transaction's.
        settled: Currency,
    },
    /// The payment is smaller than what its orders need.
    #[error("the payment holds {paid}, its orders need {needed}")]
    CoversLess {
        /// What the payment can bring.
        paid: Money,
        /// What the live orders need.
        needed: Money,
    },
    /// Amounts that contradict each other, or that Stripe cannot take.
    #[error("the amounts of the basket do not add up: {0}")]
    CannotAddUp(String),
    /// Sellers have yet to decide, or a state is not known here.
    #[error("not decided yet: {}", listed(.0))]
    NotDecided(Vec<OrderId>),
    /// Accepted orders that Mirakl has not been told of.
    #[error("accepted and not confirmed yet: {}", listed(.0))]
    NotConfirmed(Vec<OrderId>),
    /// `PA01_AFTER_CAPTURE`: the money is taken first.
    #[error("the payment {0} is not captured yet")]
    NotCaptured(String),
    /// Something of the basket could not be read.
    #[error("the basket could not be read: {0}")]
    Unread(String),
    /// Mirakl asks for a debit of an order that it does not list in the basket.
    #[error("Mirakl asks for order {0}, but does not list it in this basket")]
    NotListed(OrderId),
    /// An accepted service order has no debit yet.
    #[error("Mirakl has not asked for the debit of this service order yet")]
    NoDebit,
    /// More is authorised than the orders that could be read come to.
    #[error(
        "Mirakl shows no list of service orders (404): {nameless} that no product order names may \
         be a service's"
    )]
    ServicesMissing {
        /// What no order names.
        nameless: Money,
    },
    /// Mirakl has no orders for the basket.
    #[error("Mirakl has no order of this basket")]
    NoOrders,
}

impl HoldReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPayment => "no_payment",
            Self::SeveralPayments(_) => "several_payments",
            Self::PaymentEnded(_) => "payment_ended",
            Self::PaymentPending(_) => "payment_pending",
            Self::DestinationCharge(_) => "destination_charge",
            Self::OtherCurrency { .. } => "other_currency",
            Self::OtherSettlement { .. } => "other_settlement",
            Self::CoversLess { .. } => "covers_less",
            Self::CannotAddUp(_) => "cannot_add_up",
            Self::NotDecided(_) => "not_decided",
            Self::NotConfirmed(_) => "not_confirmed",
            Self::NotCaptured(_) => "not_captured",
            Self::Unread(_) => "unread",
            Self::NotListed(_) => "not_listed",
            Self::NoDebit => "no_debit",
            Self::ServicesMissing { .. } => "services_missing",
            Self::NoOrders => "no_orders",
        }
    }
}
