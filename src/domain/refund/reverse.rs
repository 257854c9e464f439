//! What comes back from the seller, and from the tax account: the third step's rules.

use super::reason::{HoldReason, NothingReason};
use crate::domain::ids::TransferId;
use crate::domain::money::Money;
use crate::domain::transfer::{OrderKind, TransferType};

/// What the store knows of a transfer of the refund's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transferred {
    /// It was made, and so much of it has not been taken back yet.
    Made {
        /// The transfer.
        id: TransferId,
        /// What is left of it by what this program took back.
        left: Money,
    },
    /// It is not made yet; the word for where it stands.
    Waits(&'static str),
    /// It ended without money; the word for where it stands, with its reason.
    Ended(String),
}

/// Everything that a decision rests on.
#[derive(Debug, Clone)]
pub struct ReversalFacts<'a> {
    /// What the seller bears, taxes included.
    pub seller: Money,
    /// The taxes in it; none where they do not fit the currency.
    pub taxes: Option<Money>,
    /// Parts that are not payable to the shop; none where they do not fit the currency.
    pub withheld: Option<Money>,
    /// The arithmetic behind `seller`.
    pub explained: &'a str,
    /// The transfer to the seller; none where the store has no row of it.
    pub seller_transfer: Option<&'a Transferred>,
    /// The transfer to the tax account; none where the store has no row of it.
    pub tax_transfer: Option<&'a Transferred>,
    /// Sellers of this kind of order are paid by this program.
    pub split: bool,
}

/// A part that comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which of the order's transfers it comes out of.
    pub kind: TransferType,
    /// The transfer.
    pub transfer: TransferId,
    /// What the refund asks for, above zero.
    pub wanted: Money,
    /// What is left for it: never more than wanted, never below zero.
    pub amount: Money,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReversalDecision {
    /// Take these parts back; one whose amount is zero has nothing left to take.
    Reverse(Vec<Part>),
    /// Wait and look again.
    Hold(HoldReason),
    /// Nothing comes back.
    Nothing(NothingReason),
}

/// Decides, for a refund of an order of this kind.
pub fn decide_reversal(facts: &ReversalFacts<'_>, kind: OrderKind) -> ReversalDecision {
    let nothing = |reason| ReversalDecision::Nothing(reason);
    let currency = facts.seller.currency();
    let tax_transfer = match facts.tax_transfer {
        None | Some(Transferred::Ended(_)) => None,
        Some(transferred) => Some(transferred),
    };
    let taxes = match (tax_transfer, facts.taxes, facts.withheld) {
        (None, _, _) => Money::from_minor(0, currency),
        (Some(_), Some(taxes), Some(withheld)) if withheld.minor() == 0 => taxes,
        (Some(_), None, _) => {
            let why = "they do not fit the currency".to_owned();
            return ReversalDecision::Hold(HoldReason::TaxesUnclear(why));
        }
        (Some(_), Some(_), _) => {
            let why = "parts of the refund are not payable to the shop".to_owned();
            return ReversalDecision::Hold(HoldReason::TaxesUnclear(why));
        }
    };
    let seller = Money::from_minor(facts.seller.minor() - taxes.minor(), currency);
    if !seller.is_positive() && !taxes.is_positive() {
        return nothing(NothingReason::SellerBearsNothing(
            facts.explained.to_owned(),
        ));
    }
    let mut parts = Vec::new();
    let mut ended = None;
    for (kind, wanted, transferred) in [
        (kind.to_seller(), seller, facts.seller_transfer),
        (kind.of_taxes(), taxes, tax_transfer),
    ] {
        if !wanted.is_positive() {
            continue;
        }
        match transferred {
            Some(Transferred::Made { id, left }) => {
                if left.currency() != currency {
                    return ReversalDecision::Hold(HoldReason::CannotAddUp(format!(
                        "the refund is in {currency}, transfer {id} in {}",
                        left.currency()
                    )));
                }
                let amount = wanted.minor().min(left.minor()).max(0);
                parts.push(Part {
                    kind,
                    transfer: id.clone(),
                    wanted,
                    amount: Money::from_minor(amount, currency),
                });
            }
            Some(Transferred::Waits(status)) => {
                return ReversalDecision::Hold(HoldReason::TransferNotMade(status));
            }
            Some(Transferred::Ended(why)) => ended = Some(why.clone()),
            None if facts.split => {
                return ReversalDecision::Hold(HoldReason::TransferNotMade("not seen yet"));
            }
            None => return nothing(NothingReason::SplitOff),
        }
    }
    match ended {
        Some(why) if parts.is_empty() => nothing(NothingReason::TransferEnded(why)),
        Some(_) | None => ReversalDecision::Reverse(parts),
    }
}
