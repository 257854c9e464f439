//! The payment that an order's transfers come out of.

use super::decide::Decision;
use super::order::Payable;
use super::reason::HoldReason;
use crate::domain::ids::{ChargeId, PaymentRef};
use crate::domain::money::Currency;
use crate::domain::payment::{Payment, PaymentFacts, PaymentStatus};

/// A payment whose money has been taken.
pub(super) struct Charged<'a> {
    pub payment: &'a Payment,
    pub reference: PaymentRef,
    pub charge: &'a ChargeId,
}

pub(super) fn charged<'a>(
    order: &Payable,
    facts: &'a PaymentFacts,
) -> Result<Charged<'a>, Decision> {
    let hold = |reason| Err(Decision::Hold(reason));
    let payment = match facts {
        PaymentFacts::One(payment) => payment,
        PaymentFacts::Missing => {
            return hold(HoldReason::NoPayment(order.commercial_id.to_string()));
        }
        PaymentFacts::NotStripe(number) => {
            return hold(HoldReason::TransactionNotStripe(number.clone()));
        }
        PaymentFacts::UnknownToStripe(reference) => {
            return hold(HoldReason::PaymentUnknown(reference.clone()));
        }
        PaymentFacts::Several(payments) => {
            return hold(HoldReason::SeveralPayments(payments.clone()));
        }
        PaymentFacts::Unread(error) => return hold(HoldReason::PaymentUnread(error.clone())),
    };
    let Some(reference) = payment.reference() else {
        return hold(HoldReason::NoPayment(order.commercial_id.to_string()));
    };
    let id = reference.to_string();
    match payment.status {
        PaymentStatus::Canceled => return hold(HoldReason::PaymentCanceled(id)),
        PaymentStatus::Failed => return hold(HoldReason::PaymentFailed(id)),
        PaymentStatus::ToCapture if payment.pending => return hold(HoldReason::PaymentPending(id)),
        PaymentStatus::ToCapture => return hold(HoldReason::NotCaptured(id)),
        PaymentStatus::Captured => {}
    }
    match &payment.charge {
        None => hold(HoldReason::PaymentPending(id)),
        Some(charge) if payment.destination_charge => {
            hold(HoldReason::DestinationCharge(charge.clone()))
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
