//! When a debit that Mirakl asks for may be confirmed: first match wins.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::amount::{given_back, owed};
use super::reason::HoldReason;
use super::{Basket, KnownPayment};
use crate::domain::ids::OrderId;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentStatus};

/// A payment that ended is given so long before its orders are refused: the customer may pay again.
const GRACE: TimeDelta = TimeDelta::hours(24);

/// What the operator has set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// `PA01_AFTER_CAPTURE`: the money is taken before Mirakl is told.
    pub after_capture: bool,
    /// `REFUSE_FAILED_PAYMENTS`: orders whose every payment ended are refused.
    pub refuse_failed: bool,
}

/// What is to happen with the debits of a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfirmDecision {
    /// Tell Mirakl that the customer was debited by this payment.
    Confirm {
        /// Its id.
        transaction: String,
        /// Its charge's, where it has one.
        payment: Payment,
    },
    /// Tell Mirakl that the customer cannot be debited: it cancels the order.
    Refuse,
    /// Wait and look again.
    Hold(HoldReason),
}

/// Decides about the debits of a basket.
pub fn confirm(basket: &Basket, policy: Policy, now: DateTime<Utc>) -> ConfirmDecision {
    match payable(basket, policy) {
        Ok(payment) => {
            let transaction = payment.reference().map(|r| r.to_string());
            ConfirmDecision::Confirm {
                transaction: transaction.unwrap_or_default(),
                payment,
            }
        }
        Err(HoldReason::PaymentEnded(_)) if policy.refuse_failed && ended_long_ago(basket, now) => {
            ConfirmDecision::Refuse
        }
        Err(reason) => ConfirmDecision::Hold(reason),
    }
}

/// Decides about the debit of one product order, whose amount Mirakl names: what it asks for must be
/// an order of the basket, and no more than the payment can bring.
pub fn confirm_order(
    basket: &Basket,
    order: &OrderId,
    amount: Decimal,
    currency: &str,
    policy: Policy,
    now: DateTime<Utc>,
) -> ConfirmDecision {
    let decision = confirm(basket, policy, now);
    let ConfirmDecision::Confirm { payment, .. } = &decision else {
        return decision;
    };
    if !basket.orders.iter().any(|known| known.id == *order) {
        return ConfirmDecision::Hold(HoldReason::NotListed(order.clone()));
    }
    match asked(basket, payment, order, amount, currency) {
        Ok(()) => decision,
        Err(reason) => ConfirmDecision::Hold(reason),
    }
}

/// Whether a payment can bring what Mirakl asks for one order.
fn asked(
    basket: &Basket,
    payment: &Payment,
    order: &OrderId,
    amount: Decimal,
    currency: &str,
) -> Result<(), HoldReason> {
    let paid = payment.amount.currency();
    if Currency::parse(currency).ok() != Some(paid) {
        return Err(HoldReason::OtherCurrency {
            order: order.clone(),
            needed: currency.to_owned(),
            paid,
        });
    }
    let needed = Money::from_major(amount, paid)
        .map_err(|error| HoldReason::CannotAddUp(error.to_string()))?;
    let paid = brings(basket, payment)?;
    match needed.minor() <= paid.minor() {
        true => Ok(()),
        false => Err(HoldReason::CoversLess { paid, needed }),
    }
}

fn ended_long_ago(basket: &Basket, now: DateTime<Utc>) -> bool {
    let ended = |known: &KnownPayment| !known.payment.is_live() && now - known.since >= GRACE;
    !basket.payments.is_empty() && basket.payments.iter().all(ended)
}

/// The payment that covers the whole basket.
fn payable(basket: &Basket, policy: Policy) -> Result<Payment, HoldReason> {
    let payment = only_payment(basket)?;
    let name = || {
        payment
            .reference()
            .map_or_else(String::new, |r| r.to_string())
    };
    if payment.pending {
        return Err(HoldReason::PaymentPending(name()));
    }
    if policy.after_capture && payment.status != PaymentStatus::Captured {
        return Err(HoldReason::NotCaptured(name()));
    }
    if payment.charge.is_none() {
        return Err(HoldReason::PaymentPending(name()));
    }
    let needed = owed(basket, payment.amount.currency())?.live;
    let paid = brings(basket, payment)?;
    if paid.minor() < needed.minor() {
        return Err(HoldReason::CoversLess { paid, needed });
    }
    Ok(payment.clone())
}

/// What a payment can bring: what is authorised, or what was taken and not given back. What was given
/// back by a refund that Mirakl knows was paid all the same: the orders need no less for it.
fn brings(basket: &Basket, payment: &Payment) -> Result<Money, HoldReason> {
    let currency = payment.amount.currency();
    let minor = match payment.status {
        PaymentStatus::Captured => {
            let for_orders = given_back(basket, currency)?.minor().max(0);
            payment.captured - payment.refunded + payment.refunded.min(for_orders)
        }
        PaymentStatus::ToCapture => payment.amount.minor(),
        PaymentStatus::Canceled | PaymentStatus::Failed => 0,
    };
    Ok(Money::from_minor(minor, currency))
}

/// The one live payment of a basket, if it can be used at all.
pub(super) fn only_payment(basket: &Basket) -> Result<&Payment, HoldReason> {
    if let Some(cause) = &basket.unread {
        return Err(HoldReason::Unread(cause.clone()));
    }
    let reference = |payment: &Payment| {
        payment
            .reference()
            .map_or_else(String::new, |r| r.to_string())
    };
    let live = basket.payments.iter().map(|known| &known.payment);
    let mut live: Vec<&Payment> = live.filter(|payment| payment.is_live()).collect();
    // An intent that the customer has left unpaid, a declined card, decides nothing beside another.
    if live.iter().any(|payment| payment.brings_money()) {
        live.retain(|payment| payment.brings_money());
    }
    let payment = match live.as_slice() {
        [] => {
            let ended = basket.payments.last();
            return Err(ended.map_or(HoldReason::NoPayment, |known| {
                HoldReason::PaymentEnded(reference(&known.payment))
            }));
        }
        [payment] => *payment,
        several => {
            let ids = several.iter().map(|payment| reference(payment));
            return Err(HoldReason::SeveralPayments(ids.collect()));
        }
    };
    if payment.destination_charge {
        return Err(HoldReason::DestinationCharge(reference(payment)));
    }
    if let Some(settled) = payment.settlement
        && settled != payment.amount.currency()
    {
        return Err(HoldReason::OtherSettlement {
            paid: payment.amount.currency(),
            settled,
        });
    }
    Ok(payment)
}
