//! Why a transfer waits, ends or is not ours. `Display` is what is stored, listed and mailed;
//! `code` groups the rows of one kind.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::domain::ids::{AccountId, ChargeId, DebitId, PaymentRef, ShopId, TransferId};
use crate::domain::money::{Currency, Money};

/// Why a transfer waits. Each is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldReason {
    /// No account is mapped to the shop.
    #[error("shop {0} has no Stripe account yet: it must be onboarded, or mapped by link-account")]
    NoAccount(ShopId),
    /// The capability `transfers` is not active.
    #[error("account {0} cannot receive transfers yet (capability transfers is not active)")]
    AccountCannotReceive(AccountId),
    /// The seller has not accepted the order.
    #[error("the order is not accepted yet ({0})")]
    NotAccepted(String),
    /// An order state that is not known here.
    #[error("the order is in state {0:?}, which this program does not know")]
    UnknownState(String),
    /// Mirakl has not been told that the customer was debited.
    #[error("the customer has not been debited yet")]
    NotDebited,
    /// `PAY_ON_SHIPMENT`: a live line has not been debited.
    #[error("line {0} has not been debited yet (PAY_ON_SHIPMENT)")]
    LineNotDebited(String),
    /// Services: every debit was refused.
    #[error("the customer was not debited: Mirakl shows debit {0} as refused")]
    DebitRefused(DebitId),
    /// Services: a debit state that is not known here.
    #[error("debit {debit} is in state {state:?}, which this program does not know")]
    UnknownDebitState {
        /// The debit.
        debit: DebitId,
        /// Mirakl's word.
        state: String,
    },
    /// Services: a debit was paid, and Mirakl does not say when.
    #[error("Mirakl does not say when debit {0} was paid")]
    DebitUndated(DebitId),
    /// Services: the debits could not be read.
    #[error("Mirakl's debits of the order could not be read: {0}")]
    DebitsUnread(String),
    /// Services: the debits name several payments.
    #[error("the debits of the order name several payments: {}", .0.join(", "))]
    SeveralNumbers(Vec<String>),
    /// Services: an order without a commission.
    #[error("Mirakl does not show the operator's commission of this order")]
    NoCommission,
    /// Services: the old connector made a transfer for this id.
    #[error(
        "the old connector made {0} for this id, and did not say whether it pays goods or services: \
         if it paid this order, abandon this row (resolve transfer … --abandon)"
    )]
    OldTransfer(TransferId),
    /// What the seller got does not tell whether the taxes are in it.
    #[error("it cannot be told whether the seller got the taxes: {0}")]
    SellerUnclear(String),
    /// Taxes are no longer split off, and nothing names their account.
    #[error("the taxes were not in the seller's part, and STRIPE_TAX_ACCOUNT is not set")]
    NoTaxAccount,
    /// Neither a transaction number nor a payment that names the basket.
    #[error(
        "no payment found: the order has no transaction number, and no payment names basket {0}"
    )]
    NoPayment(String),
    /// The transaction number is no Stripe id, and no payment names the basket.
    #[error("the transaction number {0:?} is no Stripe payment, and no payment names the basket")]
    TransactionNotStripe(String),
    /// Stripe does not know the payment.
    #[error("Stripe does not know the payment {0}")]
    PaymentUnknown(PaymentRef),
    /// Stripe could not be asked for the payment.
    #[error("the payment could not be read at Stripe: {0}")]
    PaymentUnread(String),
    /// Several payments that may bring money name the basket.
    #[error("several payments name this basket: {}", .0.join(", "))]
    SeveralPayments(Vec<String>),
    /// The payment was cancelled.
    #[error("the payment {0} was cancelled")]
    PaymentCanceled(String),
    /// The payment failed.
    #[error("the payment {0} failed")]
    PaymentFailed(String),
    /// The payment is authorised only.
    #[error("the payment {0} is not captured yet")]
    NotCaptured(String),
    /// The payment is under way.
    #[error("the payment {0} is still pending")]
    PaymentPending(String),
    /// The customer paid in another currency.
    #[error("the order is in {order}, the payment in {payment}")]
    OtherCurrency {
        /// The order's.
        order: Currency,
        /// The payment's.
        payment: Currency,
    },
    /// The operator was credited in another currency.
    #[error("the order is in {order}, but Stripe settled the payment in {settlement}")]
    OtherSettlement {
        /// The order's.
        order: Currency,
        /// The balance transaction's.
        settlement: Currency,
    },
    /// The money went to a connected account at once.
    #[error("charge {0} already sends its money to a connected account")]
    DestinationCharge(ChargeId),
    /// More would leave than the customer paid.
    #[error(
        "what is to be transferred, {parts}, is more than the customer was debited ({debited})"
    )]
    AboveDebited {
        /// The seller's part, with the taxes where they are split off.
        parts: Money,
        /// What the customer paid.
        debited: Money,
    },
    /// The order's amounts contradict each other.
    #[error("the order's amounts do not add up: {0}")]
    CannotAddUp(String),
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
    /// Mirakl's answer for this order could not be read.
    #[error("Mirakl sent an order that cannot be read: {0}")]
    Unreadable(String),
    /// Mirakl no longer returns the order.
    #[error("Mirakl no longer returns this order")]
    Gone,
}

impl HoldReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAccount(_) => "no_account",
            Self::AccountCannotReceive(_) => "account_cannot_receive",
            Self::NotAccepted(_) => "not_accepted",
            Self::UnknownState(_) => "unknown_state",
            Self::NotDebited => "not_debited",
            Self::LineNotDebited(_) => "line_not_debited",
            Self::DebitRefused(_) => "debit_refused",
            Self::UnknownDebitState { .. } => "unknown_debit_state",
            Self::DebitUndated(_) => "debit_undated",
            Self::DebitsUnread(_) => "debits_unread",
            Self::NoCommission => "no_commission",
            Self::OldTransfer(_) => "old_transfer",
            Self::SellerUnclear(_) => "seller_unclear",
            Self::NoTaxAccount => "no_tax_account",
            Self::NoPayment(_) => "no_payment",
            Self::TransactionNotStripe(_) => "transaction_not_stripe",
            Self::PaymentUnknown(_) => "payment_unknown",
            Self::PaymentUnread(_) => "payment_unread",
            Self::SeveralPayments(_) | Self::SeveralNumbers(_) => "several_payments",
            Self::PaymentCanceled(_) => "payment_canceled",
            Self::PaymentFailed(_) => "payment_failed",
            Self::NotCaptured(_) => "not_captured",
            Self::PaymentPending(_) => "payment_pending",
            Self::OtherCurrency { .. } => "other_currency",
            Self::OtherSettlement { .. } => "other_settlement",
            Self::DestinationCharge(_) => "destination_charge",
            Self::AboveDebited { .. } => "above_debited",
            Self::CannotAddUp(_) => "cannot_add_up",
            Self::UnknownCurrency(_) => "unknown_currency",
            Self::InexactAmount { .. } => "inexact_amount",
            Self::Unreadable(_) => "unreadable",
            Self::Gone => "gone",
        }
    }
}

/// Why a transfer ended without money moving.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AbortReason {
    /// The order was refused or cancelled.
    #[error("the order ended without a sale ({0})")]
    OrderEnded(String),
    /// The customer has everything back.
    #[error("the payment {0} has been refunded in full")]
    FullyRefunded(String),
    /// Taxes are not split off this order.
    #[error("taxes are no longer split: they are in the seller's part")]
    NotSplit,
    /// The part is zero or less.
    #[error("there is nothing to transfer: {explained}")]
    NothingToTransfer {
        /// The arithmetic.
        explained: String,
    },
}

impl AbortReason {
    pub(super) const NOTHING_TO_TRANSFER: &str = "nothing_to_transfer";

    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OrderEnded(_) => "order_ended",
            Self::FullyRefunded(_) => "fully_refunded",
            Self::NotSplit => "not_split",
            Self::NothingToTransfer { .. } => Self::NOTHING_TO_TRANSFER,
        }
    }
}

fn minute(time: &DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Why a transfer is not ours to make.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoreReason {
    /// Debited before this program took over.
    #[error("debited on {}, before this program's start on {}", minute(.debited), minute(.start))]
    BeforeStart {
        /// When the customer was debited.
        debited: DateTime<Utc>,
        /// From when orders are ours.
        start: DateTime<Utc>,
    },
    /// No money passes through the operator.
    #[error("the customer pays the seller directly")]
    CustomerPaysSeller,
    /// The operator has excluded the shop.
    #[error("shop {0} is excluded")]
    ShopExcluded(ShopId),
}

impl IgnoreReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BeforeStart { .. } => "before_start",
            Self::CustomerPaysSeller => "customer_pays_seller",
            Self::ShopExcluded(_) => "shop_excluded",
        }
    }
}
