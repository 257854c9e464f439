//! The rules as tables.

mod payments;
mod rows;
mod services;
mod split;

use super::super::fixtures::{account, at, decimal, line, money, order, payment, refund};
use super::super::{Comparison, compare_seller};
use super::*;
use crate::domain::money::Currency;
use crate::domain::order::{OrderLine, OrderState, ProductOrder, TaxMode};
use crate::domain::payment::{Payment, PaymentStatus};

/// Everything that a decision rests on, with a seller who can be paid and no rows yet.
#[derive(Clone)]
struct Scene {
    order: Payable,
    rows: Rows,
    split_on: bool,
    account: Option<Account>,
    excluded: bool,
    tax_account: Option<AccountId>,
    old_transfer: Option<TransferId>,
}

impl Scene {
    fn of(order: Payable) -> Self {
        Self {
            order,
            rows: Rows {
                seller: RowState::None,
                taxes: RowState::None,
            },
            split_on: false,
            account: Some(account()),
            excluded: false,
            tax_account: None,
            old_transfer: None,
        }
    }

    fn product(order: &ProductOrder) -> Self {
        Self::of(Payable::of_product(order))
    }

    fn with_facts<T>(&self, look: impl FnOnce(Facts<'_>) -> T) -> T {
        let division = self.rows.division(&self.order, self.split_on);
        look(Facts {
            order: &self.order,
            rows: &self.rows,
            division: &division,
            account: self.account.as_ref(),
            excluded: self.excluded,
            start: at(0),
            tax_account: self.tax_account.as_ref(),
            old_transfer: self.old_transfer.as_ref(),
        })
    }

    fn decide(&self, payment: &PaymentFacts) -> Decisions {
        self.with_facts(|facts| decide(facts, payment))
    }
}

/// A decision in short: the amount, or the kind of reason.
fn short(decision: Decision) -> Result<i64, String> {
    match decision {
        Decision::Send { amount, .. } => Ok(amount.minor()),
        Decision::Hold(reason) => Err(format!("hold {}", reason.code())),
        Decision::Abort(reason) => Err(format!("abort {}", reason.code())),
        Decision::Ignore(reason) => Err(format!("ignore {}", reason.code())),
    }
}

/// What was decided about the seller's part of an order without a split.
fn decided(
    order: &ProductOrder,
    account: Option<&Account>,
    payment: &PaymentFacts,
) -> Result<i64, String> {
    let scene = Scene {
        account: account.cloned(),
        ..Scene::product(order)
    };
    let decisions = scene.decide(payment);
    assert_eq!(decisions.taxes, None);
    short(decisions.seller.expect("a decision"))
}

fn good() -> ProductOrder {
    order(vec![line("50.00", "5.00", "0")])
}

#[test]
fn a_good_order_is_sent_to_its_seller_out_of_its_charge() {
    let decisions = Scene::product(&good()).decide(&PaymentFacts::One(payment(5000)));
    assert_eq!(
        decisions.seller,
        Some(Decision::Send {
            amount: money(4500, "EUR"),
            destination: "acct_1".into(),
            source: "ch_1".into(),
            payment: PaymentRef::Intent("pi_1".into()),
            explained: "total 50.00 - commission 5.00 = 45.00 EUR".to_owned(),
        })
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
        let scene = Scene {
            account: account.cloned(),
            excluded: true,
            ..Scene::product(&good())
        };
        let decision = scene.with_facts(before_payment);
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
        let order = Payable::of_product(&order);
        let rows = Rows {
            seller: RowState::None,
            taxes: RowState::None,
        };
        let comparison = compare_seller(&order, money(4500, "EUR"), &rows, &Division::Whole);
        let differs = matches!(comparison, Comparison::Differs(_));
        assert_eq!(differs, flagged, "{what}: {comparison:?}");
    }
}
