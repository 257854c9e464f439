//! The payment that an order's transfers come out of.

use super::reason::HoldReason;
use crate::domain::ids::{ChargeId, CommercialOrderId, PaymentRef};
use crate::domain::money::Currency;
use crate::domain::payment::{Payment, PaymentFacts, PaymentStatus};

/// A payment whose money has been taken.
#[derive(Debug)]
pub struct Charged<'a> {
    /// The payment.
    pub payment: &'a Payment,
    /// What names it.
    pub reference: PaymentRef,
    /// The charge that the money was taken by.
    pub charge: &'a ChargeId,
}

/// The payment of a basket, if its money has been taken and is the operator's; else why it cannot be
/// used.
pub fn charged<'a>(
    basket: &CommercialOrderId,
    facts: &'a PaymentFacts,
) -> Result<Charged<'a>, HoldReason> {
    let payment = match facts {
        PaymentFacts::One(payment) => payment,
        PaymentFacts::Missing => {
            return Err(HoldReason::NoPayment(basket.to_string()));
        }
        PaymentFacts::NotStripe(number) => {
            return Err(HoldReason::TransactionNotStripe(number.clone()));
        }
        PaymentFacts::UnknownToStripe(reference) => {
            return Err(HoldReason::PaymentUnknown(reference.clone()));
        }
        PaymentFacts::Several(payments) => {
            return Err(HoldReason::SeveralPayments(payments.clone()));
        }
        PaymentFacts::Unread(error) => return Err(HoldReason::PaymentUnread(error.clone())),
    };
    let Some(reference) = payment.reference() else {
        return Err(HoldReason::NoPayment(basket.to_string()));
    };
    let id = reference.to_string();
    match payment.status {
        PaymentStatus::Canceled => return Err(HoldReason::PaymentCanceled(id)),
        PaymentStatus::Failed => return Err(HoldReason::PaymentFailed(id)),
        PaymentStatus::ToCapture if payment.pending => return Err(HoldReason::PaymentPending(id)),
        PaymentStatus::ToCapture => return Err(HoldReason::NotCaptured(id)),
        PaymentStatus::Captured => {}
    }
    match &payment.charge {
        None => Err(HoldReason::PaymentPending(id)),
        Some(charge) if payment.destination_charge => {
            Err(HoldReason::DestinationCharge(charge.clone()))
        }
        Some(charge) => Ok(Charged {
            payment,
            reference,
            charge,
        }),
    }
}

/// Presentment and settlement must both be the order's currency: nothing is converted.
pub(super) fn other_currency(payment: &Payment, order: Currency) -> Option<HoldReason> {
    if payment.amount.currency() != order {
        return Some(HoldReason::OtherCurrency {
            order,
            payment: payment.amount.currency(),
        });
    }
    match payment.settlement {
        None => Some(HoldReason::PaymentPending(
            payment
                .reference()
                .map_or_else(String::new, |r| r.to_string()),
        )),
        Some(settlement) if settlement != order => {
            Some(HoldReason::OtherSettlement { order, settlement })
        }
        Some(_) => None,
    }
}
