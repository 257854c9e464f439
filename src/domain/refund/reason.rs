//! Why a refund waits, ends, or needs a person. `Display` is what is stored, listed and mailed;
//! `code` groups the rows of one kind.

use rust_decimal::Decimal;
use thiserror::Error;

use crate::domain::ids::{ChargeId, StripeRefundId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::transfer;

/// Why a refund waits. Each is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldReason {
    /// The order does not show the refund: what the seller bears cannot be told.
    #[error("the order does not show this refund")]
    NotInOrder,
    /// Mirakl does not return the order.
    #[error("Mirakl does not return the order of this refund")]
    OrderGone,
    /// The order, or the refund itself, cannot be read.
    #[error("Mirakl sent something that cannot be read: {0}")]
    Unreadable(String),
    /// The facts contradict each other.
    #[error("the refund's amounts do not add up: {0}")]
    CannotAddUp(String),
    /// The order does not show how much commission goes back.
    #[error("the order does not show how much commission the seller gets back")]
    NoCommission,
    /// A currency without a known minor unit.
    #[error("currency {0:?} is not one whose minor unit is known here")]
    UnknownCurrency(String),
    /// The amount has more decimals than Stripe takes.
    #[error(
        "{amount} {currency} does not fit Stripe's smallest unit of {currency}; nothing is rounded"
    )]
    InexactAmount {
        /// In major units.
        amount: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// The payment cannot be refunded yet.
    #[error("{0}")]
    Payment(transfer::HoldReason),
    /// More than the customer was debited.
    #[error("the refund {refund} is more than what was debited ({debited})")]
    AboveDebited {
        /// What is asked for.
        refund: Money,
        /// What the customer paid.
        debited: Money,
    },
    /// Mirakl asks for a refund that its order shows as paid.
    #[error("Mirakl asks for this refund, but its order shows it as paid already")]
    ShownAsPaid,
    /// Mirakl no longer asks for a refund that was not made.
    #[error("Mirakl no longer asks for this refund")]
    NoLongerAsked,
    /// The order was not transferred yet: what was not given cannot be taken back.
    #[error("the order's transfer is not made yet ({0}); its reversal waits for it")]
    TransferNotMade(&'static str),
    /// Taxes were transferred by themselves, and how they are refunded cannot be told.
    #[error(
        "taxes of this order were transferred by themselves, and those of the refund cannot be told: {0}"
    )]
    TaxesUnclear(String),
}

impl HoldReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInOrder => "not_in_order",
            Self::OrderGone => "order_gone",
            Self::Unreadable(_) => "unreadable",
            Self::CannotAddUp(_) => "cannot_add_up",
            Self::NoCommission => "no_commission",
            Self::UnknownCurrency(_) => "unknown_currency",
            Self::InexactAmount { .. } => "inexact_amount",
            Self::Payment(reason) => reason.code(),
            Self::AboveDebited { .. } => "above_debited",
            Self::ShownAsPaid => "shown_as_paid",
            Self::NoLongerAsked => "no_longer_asked",
            Self::TransferNotMade(_) => "transfer_not_made",
            Self::TaxesUnclear(_) => "taxes_unclear",
        }
    }
}

/// Why a refund is left to a person: it stays refused until `resolve`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PersonReason {
    /// Money of the charge went back by other hands; this refund may be among it.
    #[error(
        "{amount} of charge {charge} were refunded by somebody else: if that was this refund, give \
         its id by `resolve refund --stripe-id`, else `--retry`"
    )]
    RefundedByOthers {
        /// The charge.
        charge: ChargeId,
        /// How much.
        amount: Money,
    },
    /// The old connector gave back something else than Mirakl asks for.
    #[error(
        "the former connector gave back {given} by {id}, Mirakl asks for {asked}: refund the \
         difference by hand, then end this by `resolve refund --abandon`, or refund all of it by `--retry`"
    )]
    OldDiffers {
        /// Its refund.
        id: StripeRefundId,
        /// What it gave back.
        given: Money,
        /// What Mirakl asks for.
        asked: Money,
    },
    /// Money of the transfer was taken back by other hands; the seller's part may be among it.
    #[error(
        "{amount} of transfer {transfer} were taken back by somebody else: if that was for this refund, \
         give its id by `resolve refund --stripe-id`, else `--retry`"
    )]
    ReversedByOthers {
        /// The transfer.
        transfer: TransferId,
        /// How much.
        amount: Money,
    },
    /// Stripe made the refund and could not carry it out.
    #[error("Stripe could not carry out {id} ({why}): the customer does not have the money")]
    FailedLater {
        /// The refund.
        id: StripeRefundId,
        /// Stripe's word for why.
        why: String,
    },
}

impl PersonReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RefundedByOthers { .. } => "refunded_by_others",
            Self::OldDiffers { .. } => "former_differs",
            Self::ReversedByOthers { .. } => "reversed_by_others",
            Self::FailedLater { .. } => "refund_failed_later",
        }
    }
}

/// Why a refund ended without being made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AbortReason {
    /// Mirakl was told by somebody else that the customer has the money.
    #[error("somebody else told Mirakl that this refund was paid")]
    ConfirmedElsewhere,
}

impl AbortReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConfirmedElsewhere => "confirmed_elsewhere",
        }
    }
}

/// Why nothing comes back from the seller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NothingReason {
    /// The seller bears nothing of it.
    #[error("nothing to reverse: {0}")]
    SellerBearsNothing(String),
    /// The order's transfer ended without money.
    #[error("nothing to reverse: the order was not transferred ({0})")]
    TransferEnded(String),
    /// Sellers are paid by other means.
    #[error("nothing to reverse: the split of payments is switched off")]
    SplitOff,
    /// The transfer was taken back before.
    #[error("nothing is left to reverse of {0}")]
    NothingLeft(String),
}

impl NothingReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SellerBearsNothing(_) => "seller_bears_nothing",
            Self::TransferEnded(_) => "transfer_ended",
            Self::SplitOff => "split_off",
            Self::NothingLeft(_) => "nothing_left",
        }
    }
}
