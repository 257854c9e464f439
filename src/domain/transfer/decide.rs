//! What to do about one product order: the rules of `process-transfer`, first match wins.

use chrono::{DateTime, Utc};

use super::amount::{SellerAmount, seller_amount};
use super::reason::{AbortReason, HoldReason, IgnoreReason};
use crate::domain::account::Account;
use crate::domain::ids::{AccountId, ChargeId, PaymentRef};
use crate::domain::money::Money;
use crate::domain::order::{LineState, OrderState, ProductOrder};
use crate::domain::payment::{Payment, PaymentFacts, PaymentStatus};

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Transfer `amount` to `destination`, out of charge `source`.
    Send {
        /// The seller's part, above zero.
        amount: Money,
        /// The seller's account.
        destination: AccountId,
        /// The charge that the money comes from.
        source: ChargeId,
        /// The payment that the charge belongs to.
        payment: PaymentRef,
        /// The arithmetic behind the amount.
        explained: String,
    },
    /// Wait and look again.
    Hold(HoldReason),
    /// End without a transfer.
    Abort(AbortReason),
    /// Not ours to pay.
    Ignore(IgnoreReason),
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The order as Mirakl shows it.
    pub order: &'a ProductOrder,
    /// The shop's account, if it has one.
    pub account: Option<&'a Account>,
    /// Orders debited before this are not ours.
    pub start: DateTime<Utc>,
}

/// Decides as far as the payment need not be known; `None` when it must be.
pub fn before_payment(facts: Facts<'_>) -> Option<Decision> {
    let Facts {
        order,
        account,
        start,
    } = facts;
    if let Some(debited) = order.debited_at
        && debited < start
    {
        return Some(Decision::Ignore(IgnoreReason::BeforeStart {
            debited,
            start,
        }));
    }
    if order.customer_pays_seller {
        return Some(Decision::Ignore(IgnoreReason::CustomerPaysSeller));
    }
    if let OrderState::Ended(state) = &order.state {
        return Some(Decision::Abort(AbortReason::OrderEnded(state.clone())));
    }
    let hold = match account {
        Some(account) if account.ignored => {
            return Some(Decision::Ignore(IgnoreReason::ShopExcluded(order.shop_id)));
        }
        None => Some(HoldReason::NoAccount(order.shop_id)),
        Some(account) if !account.transfers_active => {
            Some(HoldReason::AccountCannotReceive(account.id.clone()))
        }
        Some(_) => not_payable_yet(order),
    };
    hold.map(Decision::Hold)
}

/// Why an order of a seller who can be paid is not payable yet, by its own state.
fn not_payable_yet(order: &ProductOrder) -> Option<HoldReason> {
    match &order.state {
        OrderState::NotAccepted(state) => return Some(HoldReason::NotAccepted(state.clone())),
        OrderState::Unknown(state) => return Some(HoldReason::UnknownState(state.clone())),
        OrderState::Accepted(_) | OrderState::Ended(_) => {}
    }
    if order.debited_at.is_none() {
        return Some(HoldReason::NotDebited);
    }
    let undebited = order
        .live_lines()
        .find(|line| order.pays_on_shipment && line.debited_at.is_none());
    undebited.map(|line| HoldReason::LineNotDebited(line.id.clone()))
}

/// Decides with everything known.
pub fn decide(facts: Facts<'_>, payment: &PaymentFacts) -> Decision {
    if let Some(decision) = before_payment(facts) {
        return decision;
    }
    let Facts { order, account, .. } = facts;
    let Some(account) = account else {
        return Decision::Hold(HoldReason::NoAccount(order.shop_id));
    };
    let amount = seller_amount(order);
    let charged = match payable(order, payment) {
        Ok(charged) => charged,
        Err(decision) => return decision,
    };
    let SellerAmount {
        seller,
        customer,
        explained,
    } = match amount {
        Ok(amount) => amount,
        Err(hold) => return Decision::Hold(hold),
    };
    if let Some(hold) = other_currency(charged.payment, seller) {
        return Decision::Hold(hold);
    }
    if charged.payment.fully_refunded() {
        return Decision::Abort(AbortReason::FullyRefunded(charged.reference.to_string()));
    }
    if !seller.is_positive() {
        return Decision::Abort(AbortReason::NothingToTransfer { explained });
    }
    let captured = Money::from_minor(charged.payment.captured, seller.currency());
    for debited in [customer, captured] {
        if seller.minor() > debited.minor() {
            return Decision::Hold(HoldReason::AboveDebited { seller, debited });
        }
    }
    Decision::Send {
        amount: seller,
        destination: account.id.clone(),
        source: charged.charge.clone(),
        payment: charged.reference,
        explained,
    }
}

/// A payment whose money has been taken.
struct Charged<'a> {
    payment: &'a Payment,
    reference: PaymentRef,
    charge: &'a ChargeId,
}

fn payable<'a>(order: &ProductOrder, facts: &'a PaymentFacts) -> Result<Charged<'a>, Decision> {
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
fn other_currency(payment: &Payment, seller: Money) -> Option<HoldReason> {
    let order = seller.currency();
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

/// What no longer agrees between a transfer that was made and its order as it is now.
///
/// Refunds lower an order without making its transfer wrong: their reversals follow.
pub fn compare(order: &ProductOrder, transferred: Money) -> Option<String> {
    let has_refunds = order.lines.iter().any(|line| line.has_refunds);
    if let OrderState::Ended(state) = &order.state {
        return Some(format!(
            "{transferred} was transferred, but the order is now {state}"
        ));
    }
    // A line state that is not known says nothing about what was transferred.
    if order
        .lines
        .iter()
        .any(|line| matches!(line.state, LineState::Unknown(_)))
    {
        return None;
    }
    match seller_amount(order) {
        Ok(now) if now.seller == transferred => None,
        Ok(now)
            if has_refunds
                && now.seller.currency() == transferred.currency()
                && now.seller.minor() < transferred.minor() =>
        {
            None
        }
        Ok(now) => Some(format!(
            "{transferred} was transferred, but the order now comes to {} ({})",
            now.seller, now.explained
        )),
        Err(reason) => Some(format!(
            "{transferred} was transferred, but the order now cannot be computed: {reason}"
        )),
    }
}
