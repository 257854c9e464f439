//! What to do about one product order: the rules of `process-transfer`, first match wins.

use chrono::{DateTime, Utc};

use super::amount::{SellerAmount, seller_amount};
use super::reason::{AbortReason, HoldReason, IgnoreReason};
use crate::domain::account::Account;
use crate::domain::ids::{AccountId, ChargeId, CommercialOrderId, PaymentRef};
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
    /// The operator has excluded the shop.
    pub excluded: bool,
    /// Orders debited before this are not ours.
    pub start: DateTime<Utc>,
}

/// Decides as far as the payment need not be known; `None` when it must be.
pub fn before_payment(facts: Facts<'_>) -> Option<Decision> {
    let Facts {
        order,
        account,
        excluded,
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
    if excluded {
        return Some(Decision::Ignore(IgnoreReason::ShopExcluded(order.shop_id)));
    }
    let hold = match account {
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
    let found = chargeable(&order.commercial_id, facts).map_err(Decision::Hold);
    found.map(|(payment, reference, charge)| Charged {
        payment,
        reference,
        charge,
    })
}

/// The payment of a basket, its name and its charge, if its money has been taken and is the operator's;
/// else why it cannot be used.
pub fn chargeable<'a>(
    basket: &CommercialOrderId,
    facts: &'a PaymentFacts,
) -> Result<(&'a Payment, PaymentRef, &'a ChargeId), HoldReason> {
    let payment = match facts {
        PaymentFacts::One(payment) => payment,
        PaymentFacts::Missing => return Err(HoldReason::NoPayment(basket.to_string())),
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
        Some(charge) => Ok((payment, reference, charge)),
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
    let has_refunds = order.lines.iter().any(|line| !line.refunds.is_empty());
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

#[cfg(test)]
mod tests {
    use super::super::fixtures::{account, at, decimal, line, money, order, payment, refund};
    use super::*;
    use crate::domain::money::Currency;
    use crate::domain::order::{OrderLine, TaxMode};

    /// What was decided, in short: the amount, or the kind of reason.
    fn decided(
        order: &ProductOrder,
        account: Option<&Account>,
        payment: &PaymentFacts,
    ) -> Result<i64, String> {
        let facts = Facts {
            order,
            account,
            excluded: false,
            start: at(0),
        };
        match decide(facts, payment) {
            Decision::Send { amount, .. } => Ok(amount.minor()),
            Decision::Hold(reason) => Err(format!("hold {}", reason.code())),
            Decision::Abort(reason) => Err(format!("abort {}", reason.code())),
            Decision::Ignore(reason) => Err(format!("ignore {}", reason.code())),
        }
    }

    fn good() -> ProductOrder {
        order(vec![line("50.00", "5.00", "0")])
    }

    #[test]
    fn a_good_order_is_sent_to_its_seller_out_of_its_charge() {
        let (order, account) = (good(), account());
        let facts = Facts {
            order: &order,
            account: Some(&account),
            excluded: false,
            start: at(0),
        };
        assert_eq!(
            decide(facts, &PaymentFacts::One(payment(5000))),
            Decision::Send {
                amount: money(4500, "EUR"),
                destination: "acct_1".into(),
                source: "ch_1".into(),
                payment: PaymentRef::Intent("pi_1".into()),
                explained: "total 50.00 - commission 5.00 = 45.00 EUR".to_owned(),
            }
        );
    }

    #[test]
    fn what_the_order_says() {
        let state = |word: &str| ProductOrder {
            state: OrderState::parse(word),
            ..good()
        };
        let on_shipment = |debited| ProductOrder {
            pays_on_shipment: true,
            lines: vec![OrderLine {
                debited_at: debited,
                ..line("50.00", "5.00", "0")
            }],
            ..good()
        };
        for (what, order, expected) in [
            ("shipping", state("SHIPPING"), Ok(4500)),
            ("closed", state("CLOSED"), Ok(4500)),
            ("to collect", state("TO_COLLECT"), Ok(4500)),
            ("staging", state("STAGING"), Err("hold not_accepted")),
            (
                "waiting",
                state("WAITING_ACCEPTANCE"),
                Err("hold not_accepted"),
            ),
            ("a new word", state("FROZEN"), Err("hold unknown_state")),
            ("refused", state("REFUSED"), Err("abort order_ended")),
            ("cancelled", state("CANCELED"), Err("abort order_ended")),
            (
                "unpaid",
                ProductOrder {
                    debited_at: None,
                    ..good()
                },
                Err("hold not_debited"),
            ),
            (
                "unpaid and waiting",
                ProductOrder {
                    debited_at: None,
                    ..state("WAITING_DEBIT_PAYMENT")
                },
                Err("hold not_debited"),
            ),
            (
                "before the start",
                ProductOrder {
                    debited_at: Some(at(-1)),
                    ..good()
                },
                Err("ignore before_start"),
            ),
            (
                "at the start",
                ProductOrder {
                    debited_at: Some(at(0)),
                    ..good()
                },
                Ok(4500),
            ),
            (
                "before the start and cancelled",
                ProductOrder {
                    debited_at: Some(at(-1)),
                    ..state("CANCELED")
                },
                Err("ignore before_start"),
            ),
            (
                "paid directly",
                ProductOrder {
                    customer_pays_seller: true,
                    ..good()
                },
                Err("ignore customer_pays_seller"),
            ),
            ("a shipment debited", on_shipment(Some(at(1))), Ok(4500)),
            (
                "a shipment not debited",
                on_shipment(None),
                Err("hold line_not_debited"),
            ),
        ] {
            let facts = PaymentFacts::One(payment(5000));
            let expected = expected.map_err(str::to_owned);
            assert_eq!(
                decided(&order, Some(&account()), &facts),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn what_the_account_says() {
        let facts = PaymentFacts::One(payment(5000));
        let inactive = Account {
            transfers_active: false,
            ..account()
        };
        for (account, expected) in [
            (None, "hold no_account"),
            (Some(&inactive), "hold account_cannot_receive"),
        ] {
            let decision = decided(&good(), account, &facts);
            assert_eq!(decision, Err(expected.to_owned()));
        }
        for account in [
            None,
            Some(&inactive),
            Some(&super::super::fixtures::account()),
        ] {
            let facts = Facts {
                order: &good(),
                account,
                excluded: true,
                start: at(0),
            };
            let decision = before_payment(facts);
            assert!(matches!(
                decision,
                Some(Decision::Ignore(IgnoreReason::ShopExcluded(_)))
            ));
        }
        // An order that ended needs no account, and one that waits for an account says so first.
        let ended = ProductOrder {
            state: OrderState::parse("REFUSED"),
            ..good()
        };
        assert_eq!(
            decided(&ended, None, &facts),
            Err("abort order_ended".into())
        );
        let unpaid = ProductOrder {
            debited_at: None,
            ..good()
        };
        assert_eq!(
            decided(&unpaid, None, &facts),
            Err("hold no_account".into())
        );
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn what_the_payment_says() {
        let usd = Currency::parse("USD").expect("known");
        let of = |change: fn(&mut Payment)| {
            let mut payment = payment(5000);
            change(&mut payment);
            PaymentFacts::One(payment)
        };
        let other_presentment = Payment {
            amount: money(5000, "USD"),
            ..payment(5000)
        };
        let other_settlement = Payment {
            settlement: Some(usd),
            ..payment(5000)
        };
        for (what, facts, expected) in [
            ("captured", of(|_| ()), Ok(4500)),
            ("partly refunded", of(|p| p.refunded = 4999), Ok(4500)),
            (
                "refunded",
                of(|p| p.refunded = 5000),
                Err("abort fully_refunded"),
            ),
            (
                "authorised",
                of(|p| {
                    p.status = PaymentStatus::ToCapture;
                    p.captured = 0;
                }),
                Err("hold not_captured"),
            ),
            (
                "pending",
                of(|p| {
                    p.status = PaymentStatus::ToCapture;
                    p.pending = true;
                }),
                Err("hold payment_pending"),
            ),
            (
                "cancelled",
                of(|p| p.status = PaymentStatus::Canceled),
                Err("hold payment_canceled"),
            ),
            (
                "failed",
                of(|p| p.status = PaymentStatus::Failed),
                Err("hold payment_failed"),
            ),
            (
                "not settled",
                of(|p| p.settlement = None),
                Err("hold payment_pending"),
            ),
            (
                "no charge",
                of(|p| p.charge = None),
                Err("hold payment_pending"),
            ),
            (
                "gone elsewhere",
                of(|p| p.destination_charge = true),
                Err("hold destination_charge"),
            ),
            (
                "other currency",
                PaymentFacts::One(other_presentment),
                Err("hold other_currency"),
            ),
            (
                "other settlement",
                PaymentFacts::One(other_settlement),
                Err("hold other_settlement"),
            ),
            ("none", PaymentFacts::Missing, Err("hold no_payment")),
            (
                "no Stripe id",
                PaymentFacts::NotStripe("X".into()),
                Err("hold transaction_not_stripe"),
            ),
            (
                "unknown",
                PaymentFacts::UnknownToStripe(PaymentRef::Charge("ch_9".into())),
                Err("hold payment_unknown"),
            ),
            (
                "several",
                PaymentFacts::Several(vec!["a".into(), "b".into()]),
                Err("hold several_payments"),
            ),
            (
                "not read",
                PaymentFacts::Unread("busy".into()),
                Err("hold payment_unread"),
            ),
            (
                "too small",
                PaymentFacts::One(payment(4499)),
                Err("hold above_debited"),
            ),
            ("just enough", PaymentFacts::One(payment(4500)), Ok(4500)),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(
                decided(&good(), Some(&account()), &facts),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn what_the_amount_says() {
        let facts = PaymentFacts::One(payment(5000));
        let of = |price: &str, commission: &str| order(vec![line(price, commission, "0")]);
        for (what, order, expected) in [
            (
                "nothing left",
                of("5.00", "5.00"),
                Err("abort nothing_to_transfer"),
            ),
            (
                "less than nothing",
                of("5.00", "6.00"),
                Err("abort nothing_to_transfer"),
            ),
            (
                "a gift to the seller",
                of("5.00", "-1.00"),
                Err("hold above_debited"),
            ),
            (
                "too many decimals",
                of("5.001", "1.00"),
                Err("hold inexact_amount"),
            ),
            ("the whole price", of("5.00", "0"), Ok(500)),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(
                decided(&order, Some(&account()), &facts),
                expected,
                "{what}"
            );
        }
        // An amount that cannot be computed waits behind a payment that cannot be used.
        let odd = of("5.001", "1.00");
        assert_eq!(
            decided(&odd, Some(&account()), &PaymentFacts::Missing),
            Err("hold no_payment".into())
        );
    }

    #[test]
    fn a_transferred_order_is_flagged_when_it_comes_to_something_else() {
        let refunded = ProductOrder {
            lines: vec![OrderLine {
                refunds: vec![refund("R1", "10.00", "1.00")],
                ..line("40.00", "5.00", "0")
            }],
            total_price: decimal("40.00"),
            ..good()
        };
        let raised = ProductOrder {
            total_price: decimal("60.00"),
            lines: vec![OrderLine {
                refunds: vec![refund("R1", "10.00", "1.00")],
                ..line("60.00", "5.00", "0")
            }],
            ..good()
        };
        for (what, order, flagged) in [
            ("the same", good(), false),
            ("less", order(vec![line("40.00", "5.00", "0")]), true),
            ("more", order(vec![line("60.00", "5.00", "0")]), true),
            ("less by a refund", refunded, false),
            ("more in spite of a refund", raised, true),
            (
                "cancelled",
                ProductOrder {
                    state: OrderState::parse("CANCELED"),
                    ..good()
                },
                true,
            ),
            (
                "no longer computable",
                ProductOrder {
                    tax_mode: TaxMode::Unknown("?".into()),
                    ..good()
                },
                true,
            ),
            (
                "another currency",
                ProductOrder {
                    currency: "USD".into(),
                    ..good()
                },
                true,
            ),
        ] {
            let difference = compare(&order, money(4500, "EUR"));
            assert_eq!(difference.is_some(), flagged, "{what}: {difference:?}");
        }
    }
}
