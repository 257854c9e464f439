//! What is captured of a payment, once: authorised amount minus what was refused and cancelled.

use super::Basket;
use super::amount::{Owed, owed};
use super::confirm::{Policy, only_payment};
use super::reason::HoldReason;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};

/// What is to happen with a payment that is authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureDecision {
    /// Take this much; the rest is released.
    Capture {
        /// Above zero, at most what is authorised.
        amount: Money,
        /// The arithmetic behind it.
        explained: String,
    },
    /// Nothing is left to take: release all of it.
    Cancel {
        /// The arithmetic behind it.
        explained: String,
    },
    /// Wait and look again.
    Hold(HoldReason),
}

/// Decides about the authorised payment `payment` of a basket.
pub fn capture(basket: &Basket, payment: &Payment, policy: Policy) -> CaptureDecision {
    match decide(basket, payment, policy) {
        Ok(decision) => decision,
        Err(reason) => CaptureDecision::Hold(reason),
    }
}

fn decide(
    basket: &Basket,
    payment: &Payment,
    policy: Policy,
) -> Result<CaptureDecision, HoldReason> {
    let only = only_payment(basket)?;
    let name = || {
        payment
            .reference()
            .map_or_else(String::new, |r| r.to_string())
    };
    if only.reference() != payment.reference() {
        return Err(HoldReason::SeveralPayments(vec![name()]));
    }
    if payment.pending || payment.status != PaymentStatus::ToCapture {
        return Err(HoldReason::PaymentPending(name()));
    }
    if basket.orders.is_empty() && basket.services.is_empty() {
        return Err(HoldReason::NoOrders);
    }
    let undecided = basket.undecided();
    if !undecided.is_empty() {
        return Err(HoldReason::NotDecided(undecided));
    }
    let unconfirmed = basket.unconfirmed();
    if !unconfirmed.is_empty() && !policy.after_capture {
        return Err(HoldReason::NotConfirmed(unconfirmed));
    }
    let currency = payment.amount.currency();
    let Owed { live, released } = owed(basket, currency)?;
    let authorised = payment.amount;
    let left = authorised
        .minor()
        .checked_sub(released.minor())
        .ok_or_else(|| HoldReason::CannotAddUp("an amount is too large".to_owned()))?;
    let amount = Money::from_minor(left, currency);
    let explained = match released.minor() {
        0 => format!("authorised {authorised}, all of it accepted"),
        _ => format!("authorised {authorised} - refused or cancelled {released} = {amount}"),
    };
    if released.minor() < 0 || left < live.minor() {
        return Err(HoldReason::CoversLess {
            paid: amount,
            needed: live,
        });
    }
    if basket.services_missing && left > live.minor() {
        return Err(HoldReason::ServicesMissing {
            nameless: Money::from_minor(left - live.minor(), currency),
        });
    }
    // The operator's own goods in the basket stay in, unless nothing of it is known to be live.
    if left == 0 {
        return Ok(CaptureDecision::Cancel { explained });
    }
    Ok(CaptureDecision::Capture { amount, explained })
}
