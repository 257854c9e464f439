//! Whether an order's taxes are split off: settled for each order by its own two rows, however often
//! the setting changes.

use chrono::{DateTime, Utc};

use super::amount::{Amounts, Parts};
use super::order::Payable;
use super::reason::{AbortReason, HoldReason};
use super::{Known, TransferStatus};
use crate::domain::money::Money;

/// A person ended the row by `resolve --abandon`.
const ABANDONED: &str = "resolved_abandoned";

/// One of an order's two rows, as far as the other one depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowState {
    /// There is none.
    None,
    /// It may be decided now.
    Open,
    /// It was refused, and its next try is not due.
    Waiting,
    /// Decided and on its way to Stripe, or sent without an answer.
    Going(Option<Money>),
    /// Stripe has made it.
    Made {
        /// What was moved.
        amount: Option<Money>,
        /// It was found at Stripe, or named by a person: its amount was not decided in this store.
        found: bool,
    },
    /// It ended without a transfer, by this kind of reason.
    Ended(String),
}

impl RowState {
    /// The state of a row. `doubted` is whether Stripe holds something else for it too; `asked`
    /// whether a person asks for the order by name.
    pub fn of(
        known: &Known,
        amount: Option<Money>,
        doubted: bool,
        now: DateTime<Utc>,
        asked: bool,
    ) -> Self {
        let code = known.reason_code.as_deref().unwrap_or_default();
        match known.status {
            _ if known.may_decide(now, asked) => Self::Open,
            TransferStatus::TransferOnHold | TransferStatus::TransferIgnored => Self::Open,
            TransferStatus::TransferFailed => Self::Waiting,
            TransferStatus::TransferPending => Self::Going(amount),
            TransferStatus::TransferCreated => Self::Made {
                amount,
                found: !doubted && matches!(code, "adopted" | "resolved_made"),
            },
            TransferStatus::TransferAborted => Self::Ended(code.to_owned()),
        }
    }
}

/// The two rows of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The seller's part.
    pub seller: RowState,
    /// The taxes.
    pub taxes: RowState,
}

/// How an order is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Division {
    /// The seller gets all; a tax row that waits ends.
    Whole,
    /// The taxes go to the tax account.
    Split,
    /// It cannot be told what the seller's row holds: a tax row waits for a person.
    Unclear(HoldReason),
}

impl Rows {
    /// How the order is divided. `split_on` is whether taxes are split off orders that are not
    /// decided yet.
    pub fn division(&self, order: &Payable, split_on: bool) -> Division {
        match &self.taxes {
            RowState::Ended(code) if *code == AbortReason::NotSplit.code() => {
                return Division::Whole;
            }
            // What left, or may have left, is not in the seller's part.
            RowState::Going(_) | RowState::Made { .. } | RowState::Ended(_) => {
                return Division::Split;
            }
            RowState::None | RowState::Open | RowState::Waiting => {}
        }
        // Both rows are written at once: a tax row says that the seller's part was decided without.
        let with_taxes = self.taxes != RowState::None;
        match &self.seller {
            RowState::None | RowState::Open | RowState::Waiting => match split_on {
                true => Division::Split,
                false => Division::Whole,
            },
            RowState::Going(amount) => by_amount(order, *amount, with_taxes, false),
            RowState::Made { amount, found } => {
                by_amount(order, *amount, with_taxes, *found && split_on)
            }
            RowState::Ended(_) if !with_taxes => Division::Whole,
            RowState::Ended(code) => {
                let nothing_left = AbortReason::NOTHING_TO_TRANSFER;
                match code == nothing_left || code == ABANDONED {
                    true => Division::Split,
                    false => Division::Unclear(HoldReason::SellerUnclear(format!(
                        "the seller's part was ended ({code})"
                    ))),
                }
            }
        }
    }

    /// Whether the seller's part is decided now.
    pub fn decides_seller(&self) -> bool {
        match self.seller {
            RowState::None | RowState::Open => true,
            RowState::Waiting | RowState::Going(_) | RowState::Made { .. } | RowState::Ended(_) => {
                false
            }
        }
    }

    /// Whether a tax row that waits is decided now.
    pub fn decides_taxes(&self) -> bool {
        self.taxes == RowState::Open
    }

    /// Whether a first tax row may be written: with the seller's, or for a seller's part that was
    /// found to lack the taxes.
    pub fn may_begin_taxes(&self, division: &Division) -> bool {
        let with_seller = self.decides_seller();
        let for_found = matches!(self.seller, RowState::Made { found: true, .. });
        self.taxes == RowState::None && *division == Division::Split && (with_seller || for_found)
    }

    /// The taxes were ended for another reason than that they are in the seller's part: either
    /// amount of the seller agrees.
    pub(super) fn taxes_were_ended(&self) -> bool {
        matches!(&self.taxes, RowState::Ended(code) if *code != AbortReason::NotSplit.code())
    }
}

/// What the amount of a seller's part that is decided already says about the taxes.
fn by_amount(
    order: &Payable,
    amount: Option<Money>,
    with_taxes: bool,
    may_begin: bool,
) -> Division {
    let amounts = order.amounts.as_ref().map_err(Clone::clone);
    let whole = amounts.clone().and_then(Amounts::whole);
    let split = amounts.and_then(Amounts::split);
    let is = |parts: &Result<Parts, HoldReason>| {
        let seller = parts.as_ref().ok().map(|parts| parts.seller);
        seller.is_some() && seller == amount
    };
    if !with_taxes {
        return match may_begin && is(&split) && !is(&whole) {
            true => Division::Split,
            false => Division::Whole,
        };
    }
    match &split {
        Ok(_) if is(&split) => Division::Split,
        // Refunds lower an order: what is left of it may happen to be what the seller got.
        Ok(_) if is(&whole) && !order.has_refunds => Division::Whole,
        Ok(_) => {
            let got = amount.map_or_else(|| "an unknown amount".to_owned(), |a| a.to_string());
            Division::Unclear(HoldReason::SellerUnclear(format!(
                "the seller's part is {got}, and the order now comes to something else"
            )))
        }
        Err(reason) => Division::Unclear(reason.clone()),
    }
}
