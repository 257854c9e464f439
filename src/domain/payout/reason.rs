//! Why an invoice waits, ends or is not ours. `Display` is what is stored, listed and mailed; `code`
//! groups the rows of one kind.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::money::{Currency, Money};

/// Why an invoice, or one of its movements, waits. Each is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldReason {
    /// No account is mapped to the shop.
    #[error("shop {0} has no Stripe account yet: it must be onboarded, or mapped by link-account")]
    NoAccount(ShopId),
    /// The capability `transfers` is not active.
    #[error("account {0} cannot receive transfers yet (capability transfers is not active)")]
    AccountCannotReceive(AccountId),
    /// An amount that goes the other way than it should.
    #[error("{field} is {amount}: it should be {} zero, and it is not clear what is meant", if *.positive { "above" } else { "below" })]
    UnexpectedSign {
        /// The field of the summary.
        field: &'static str,
        /// As Mirakl sent it.
        amount: Decimal,
        /// The sign that it should have.
        positive: bool,
    },
    /// Another kind of document than was asked for.
    #[error("the invoice is of type {0:?}, not AUTO_INVOICE")]
    OtherType(String),
    /// A state that is not known here.
    #[error("the invoice is in state {0:?}")]
    OtherState(String),
    /// Somebody told Mirakl that it was paid.
    #[error(
        "Mirakl shows this invoice as paid, and not by this program: if it was, name the payout by \
         `resolve payout --stripe-id` or end this by `--abandon`; if not, `--retry` pays it"
    )]
    PaidElsewhere,
    /// A payment state that is not known here.
    #[error("the payment of the invoice is in state {0:?}, which this program does not know")]
    UnknownPaymentState(String),
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
    /// The currency is paid out in whole units alone.
    #[error(
        "{0} cannot be paid out: payouts in this currency need whole units; nothing is rounded"
    )]
    NotPayable(Money),
    /// Mirakl's answer for this invoice could not be read.
    #[error("Mirakl sent an invoice that cannot be read: {0}")]
    Unreadable(String),
    /// Mirakl no longer returns the invoice.
    #[error("Mirakl no longer returns this invoice")]
    Gone,
    /// The invoice was changed after one of its movements was made.
    #[error(
        "the invoice changed after a part of it was settled: {0}; `resolve payout --retry` accepts that \
         and goes on with the invoice as it is now"
    )]
    Changed(String),
    /// The old connector made transfers for the invoice.
    #[error(
        "the old connector made {0} for this invoice, and did not say what for: if it was this, name it \
         by `resolve transfer --stripe-id`; if not, `--retry` moves it"
    )]
    MovedByOld(String),
    /// The movements of the invoice are not all made.
    #[error("waits for transfers of the invoice: {0}")]
    TransfersOpen(String),
    /// An earlier invoice of the seller is not paid.
    #[error("waits for the seller's earlier invoice {0}")]
    EarlierInvoice(InvoiceId),
    /// Stripe does not pay out for the account.
    #[error("payouts of account {0} are not enabled at Stripe")]
    PayoutsDisabled(AccountId),
    /// The account holds another currency.
    #[error("the invoice is in {invoice}, account {account} holds {}", if .held.is_empty() { "nothing".to_owned() } else { .held.join(", ") })]
    OtherCurrency {
        /// Of the invoice.
        invoice: Currency,
        /// The account.
        account: AccountId,
        /// What it holds.
        held: Vec<String>,
    },
    /// The balance does not cover it.
    #[error("{missing} are missing: {needed} are to be paid, {available} are available{}", kept(.reserved))]
    BalanceTooLow {
        /// What is to be paid.
        needed: Money,
        /// What the account disposes of.
        available: Money,
        /// What of it is kept for open reversals.
        reserved: Money,
        /// What is missing.
        missing: Money,
    },
    /// Stripe does not show what the account paid and moved before.
    #[error("the payouts and transfers of account {0} could not be listed: {1}")]
    AccountUnread(AccountId, String),
    /// The balance could not be read.
    #[error("the balance of account {0} could not be read: {1}")]
    BalanceUnread(AccountId, String),
}

fn kept(reserved: &Money) -> String {
    match reserved.minor() {
        0 => String::new(),
        _ => format!(", of which {reserved} are kept for refunds not yet taken back"),
    }
}

impl HoldReason {
    /// What the account lacks, of one that waits for its balance.
    pub fn missing(&self) -> Option<Money> {
        if let Self::BalanceTooLow { missing, .. } = self {
            Some(*missing)
        } else {
            None
        }
    }

    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAccount(_) => "no_account",
            Self::AccountCannotReceive(_) => "account_cannot_receive",
            Self::UnexpectedSign { .. } => "unexpected_sign",
            Self::OtherType(_) => "other_type",
            Self::OtherState(_) => "other_state",
            Self::PaidElsewhere => "paid_elsewhere",
            Self::UnknownPaymentState(_) => "unknown_payment_state",
            Self::UnknownCurrency(_) => "unknown_currency",
            Self::InexactAmount { .. } => "inexact_amount",
            Self::NotPayable(_) => "not_payable",
            Self::Unreadable(_) => "unreadable",
            Self::Gone => "gone",
            Self::Changed(_) => "changed",
            Self::MovedByOld(_) => "moved_by_old",
            Self::TransfersOpen(_) => "transfers_open",
            Self::EarlierInvoice(_) => "earlier_invoice",
            Self::PayoutsDisabled(_) => "payouts_disabled",
            Self::OtherCurrency { .. } => "other_currency",
            Self::BalanceTooLow { .. } => "balance_too_low",
            Self::AccountUnread(..) => "account_unread",
            Self::BalanceUnread(..) => "balance_unread",
        }
    }
}

/// Why a payout ended without being made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AbortReason {
    /// The invoice comes to less than zero.
    #[error("nothing to pay out: the seller owes {0}")]
    SellerOwes(String),
    /// The invoice comes to zero.
    #[error("nothing to pay out: the invoice comes to zero")]
    NothingToPay,
}

impl AbortReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SellerOwes(_) => "seller_owes",
            Self::NothingToPay => "nothing_to_pay",
        }
    }

    /// Whether an end for the reason of this code lasts only as long as the invoice says so.
    pub fn is_reopened(code: &str) -> bool {
        matches!(code, "seller_owes" | "nothing_to_pay")
    }
}

fn minute(time: &DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Why an invoice is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoreReason {
    /// Made before this program took over.
    #[error("made on {}, before this program's start on {}", minute(.created), minute(.start))]
    BeforeStart {
        /// When Mirakl made it.
        created: DateTime<Utc>,
        /// From when invoices are ours.
        start: DateTime<Utc>,
    },
    /// The operator has excluded the shop.
    #[error("shop {0} is excluded")]
    ShopExcluded(ShopId),
}

impl IgnoreReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BeforeStart { .. } => "before_start",
            Self::ShopExcluded(_) => "shop_excluded",
        }
    }
}
