//! What to do about one refund that waits on Mirakl: the first step's rules, first match wins.

use super::AskedRefund;
use super::amount::{RefundAmounts, Shown, refund_amounts};
use super::reason::{HoldReason, PersonReason};
use crate::domain::ids::{ChargeId, StripeRefundId};
use crate::domain::money::{Currency, Money};

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Refund the customer out of this charge.
    Refund {
        /// What is refunded and what the seller bears.
        amounts: RefundAmounts,
        /// The charge.
        charge: ChargeId,
        /// The payment it belongs to.
        payment: Option<String>,
    },
    /// The old connector has refunded it: go on from there.
    TakeOver {
        /// What is refunded and what the seller bears.
        amounts: RefundAmounts,
        /// The charge.
        charge: ChargeId,
        /// The payment it belongs to.
        payment: Option<String>,
        /// Its refund.
        refund: StripeRefundId,
    },
    /// Wait and look again.
    Hold(HoldReason),
    /// Leave it to a person.
    Person(PersonReason),
}

/// A charge whose money was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The charge.
    pub charge: ChargeId,
    /// The payment it belongs to.
    pub payment: Option<String>,
    /// What the customer paid in.
    pub currency: Currency,
    /// Minor units taken, where they are known.
    pub captured: Option<i64>,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What Mirakl asks for.
    pub asked: &'a AskedRefund,
    /// The refund as its order shows it.
    pub shown: &'a Result<Shown, HoldReason>,
    /// The charge that the customer paid by.
    pub charged: &'a Result<Charged, HoldReason>,
    /// A refund that the old connector made for this one, and what it gave back in minor units.
    pub old: Option<(&'a StripeRefundId, i64)>,
    /// Minor units of the charge that others refunded, without `old` and what a person has accepted.
    pub by_others: i64,
}

/// Decides.
pub fn decide(facts: Facts<'_>) -> Decision {
    let shown = match facts.shown {
        Ok(shown) => shown,
        Err(reason) => return Decision::Hold(reason.clone()),
    };
    let amounts = match refund_amounts(facts.asked, shown) {
        Ok(amounts) => amounts,
        Err(reason) => return Decision::Hold(reason),
    };
    let Charged {
        charge,
        payment,
        currency,
        captured,
    } = match facts.charged {
        Ok(charged) => charged.clone(),
        Err(reason) => return Decision::Hold(reason.clone()),
    };
    let refund = amounts.refund;
    if currency != refund.currency() {
        let reason = crate::domain::transfer::HoldReason::OtherCurrency {
            order: refund.currency(),
            payment: currency,
        };
        return Decision::Hold(HoldReason::Payment(reason));
    }
    if let Some((old, minor)) = facts.old {
        if minor != refund.minor() {
            return Decision::Person(PersonReason::OldDiffers {
                id: old.clone(),
                given: Money::from_minor(minor, currency),
                asked: refund,
            });
        }
        return Decision::TakeOver {
            amounts,
            charge,
            payment,
            refund: old.clone(),
        };
    }
    if facts.by_others > 0 {
        return Decision::Person(PersonReason::RefundedByOthers {
            charge,
            amount: Money::from_minor(facts.by_others, currency),
        });
    }
    if let Some(captured) = captured
        && refund.minor() > captured
    {
        return Decision::Hold(HoldReason::AboveDebited {
            refund,
            debited: Money::from_minor(captured, currency),
        });
    }
    Decision::Refund {
        amounts,
        charge,
        payment,
    }
}
