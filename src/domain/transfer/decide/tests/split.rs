//! The rules for taxes that go to an account of their own.

use proptest::prelude::*;

use super::super::super::fixtures::{debit, service};
use super::super::super::{Debits, compare_taxes};
use super::*;
use crate::domain::service::ServiceOrder;

/// 50.00 with 8.00 of taxes in it, less 5.00 of commission: 45.00 whole, 37.00 and 8.00 split.
fn taxed() -> ProductOrder {
    order(vec![line("50.00", "5.00", "8.00")])
}

fn split(order: &ProductOrder) -> Scene {
    Scene {
        split_on: true,
        tax_account: Some("acct_tax".into()),
        ..Scene::product(order)
    }
}

type Short = Option<Result<i64, String>>;

fn both(scene: &Scene) -> (Short, Short) {
    let decisions = scene.decide(&PaymentFacts::One(payment(5000)));
    (decisions.seller.map(short), decisions.taxes.map(short))
}

fn held(code: &str) -> Short {
    Some(Err(format!("hold {code}")))
}

fn ended(code: &str) -> Short {
    Some(Err(format!("abort {code}")))
}

fn sent(minor: i64) -> Short {
    Some(Ok(minor))
}

fn made(minor: i64) -> RowState {
    RowState::Made {
        amount: Some(money(minor, "EUR")),
        found: false,
    }
}

fn found(minor: i64) -> RowState {
    RowState::Made {
        amount: Some(money(minor, "EUR")),
        found: true,
    }
}

fn going(minor: i64) -> RowState {
    RowState::Going(Some(money(minor, "EUR")))
}

fn row_ended(code: &str) -> RowState {
    RowState::Ended(code.to_owned())
}

#[test]
fn the_sellers_part_is_less_by_exactly_the_taxes_in_either_tax_mode() {
    let excluded = ProductOrder {
        tax_mode: TaxMode::Excluded,
        ..order(vec![line("42.00", "5.00", "8.00")])
    };
    for (order, explained) in [
        (
            taxed(),
            "total 50.00 - commission 5.00 - taxes 8.00 to the tax account = 37.00 EUR",
        ),
        (
            excluded,
            "total 42.00 + taxes 8.00 - commission 5.00 - taxes 8.00 to the tax account = 37.00 EUR",
        ),
    ] {
        let decisions = split(&order).decide(&PaymentFacts::One(payment(5000)));
        let send = |amount, account: &str, explained: &str| {
            Some(Decision::Send {
                amount: money(amount, "EUR"),
                destination: account.into(),
                source: "ch_1".into(),
                payment: PaymentRef::Intent("pi_1".into()),
                explained: explained.to_owned(),
            })
        };
        assert_eq!(decisions.seller, send(3700, "acct_1", explained));
        let of_taxes = "taxes of the order = 8.00 EUR";
        assert_eq!(decisions.taxes, send(800, "acct_tax", of_taxes));
    }
}

#[test]
fn what_the_order_says_holds_for_both_parts() {
    let withheld = |prices: &str, taxes: &str| OrderLine {
        prices_not_payable: decimal(prices),
        taxes_not_payable: decimal(taxes),
        ..line("50.00", "5.00", "8.00")
    };
    let refused = OrderLine {
        state: crate::domain::order::LineState::Ended,
        ..line("20.00", "1.00", "4.00")
    };
    for (what, order, seller, taxes) in [
        ("good", taxed(), sent(3700), sent(800)),
        (
            "no taxes",
            order(vec![line("50.00", "5.00", "0")]),
            sent(4500),
            None,
        ),
        (
            "a refused line has no taxes",
            order(vec![line("50.00", "5.00", "8.00"), refused]),
            sent(3700),
            sent(800),
        ),
        (
            "only taxes are left",
            order(vec![line("10.00", "9.00", "2.00")]),
            ended("nothing_to_transfer"),
            sent(200),
        ),
        (
            "not accepted",
            ProductOrder {
                state: OrderState::parse("WAITING_ACCEPTANCE"),
                ..taxed()
            },
            held("not_accepted"),
            held("not_accepted"),
        ),
        (
            "cancelled",
            ProductOrder {
                state: OrderState::parse("CANCELED"),
                ..taxed()
            },
            ended("order_ended"),
            ended("order_ended"),
        ),
        (
            "a part of a price withheld",
            order(vec![withheld("1.00", "0")]),
            held("cannot_add_up"),
            held("cannot_add_up"),
        ),
        (
            "a part of the taxes withheld",
            order(vec![withheld("0", "8.00")]),
            held("cannot_add_up"),
            held("cannot_add_up"),
        ),
        (
            "parts withheld that cancel each other out",
            order(vec![
                OrderLine {
                    prices_not_payable: decimal("1.00"),
                    ..line("25.00", "0", "4.00")
                },
                OrderLine {
                    prices_not_payable: decimal("-1.00"),
                    ..line("25.00", "0", "4.00")
                },
            ]),
            held("cannot_add_up"),
            held("cannot_add_up"),
        ),
        (
            "taxes of the whole order",
            ProductOrder {
                has_order_taxes: true,
                ..taxed()
            },
            held("cannot_add_up"),
            held("cannot_add_up"),
        ),
        (
            "taxes below zero",
            order(vec![line("50.00", "5.00", "-8.00")]),
            held("cannot_add_up"),
            held("cannot_add_up"),
        ),
        (
            "half a cent of taxes",
            order(vec![line("50.00", "5.00", "8.005")]),
            held("inexact_amount"),
            held("inexact_amount"),
        ),
        (
            "more than was captured",
            order(vec![line("60.00", "5.00", "8.00")]),
            held("above_debited"),
            held("above_debited"),
        ),
        (
            "more taxes than money",
            order(vec![line("50.00", "5.00", "60.00")]),
            held("above_debited"),
            held("above_debited"),
        ),
        (
            "a gift to the seller",
            order(vec![line("50.00", "-1.00", "8.00")]),
            held("above_debited"),
            held("above_debited"),
        ),
    ] {
        assert_eq!(both(&split(&order)), (seller, taxes), "{what}");
        if order.has_order_taxes {
            let whole = Scene::product(&order);
            assert_eq!(
                both(&whole),
                (sent(4500), None),
                "without the split nothing changes"
            );
        }
    }
}

#[test]
fn a_seller_without_an_account_holds_both_parts_and_an_excluded_one_ignores_both() {
    let no_account = Scene {
        account: None,
        ..split(&taxed())
    };
    assert_eq!(both(&no_account), (held("no_account"), held("no_account")));
    let excluded = Scene {
        excluded: true,
        ..split(&taxed())
    };
    let ignored = Some(Err("ignore shop_excluded".to_owned()));
    assert_eq!(both(&excluded), (ignored.clone(), ignored));
    let untaxed = order(vec![line("50.00", "5.00", "0")]);
    let no_account = Scene {
        account: None,
        ..split(&untaxed)
    };
    assert_eq!(both(&no_account), (held("no_account"), None));
}

#[test]
fn a_service_whose_taxes_are_not_known_holds_both_parts() {
    let of = |taxes: Option<&str>| {
        let order = ServiceOrder {
            taxes: taxes.map(decimal),
            ..service("20.00", "2.00")
        };
        let debits = Debits::Read(vec![debit("D1", "20.00")]);
        let order = Payable::of_service(&order, &debits);
        both(&Scene {
            order,
            ..split(&taxed())
        })
    };
    assert_eq!(of(Some("3.00")), (sent(1500), sent(300)));
    assert_eq!(of(Some("0")), (sent(1800), None));
    assert_eq!(of(None), (held("cannot_add_up"), held("cannot_add_up")));
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn the_split_is_a_property_of_each_order_once_its_seller_was_paid() {
    use RowState::{None as No, Open, Waiting};
    for (what, seller_row, tax_row, on, expected) in [
        // Nothing has left: the setting decides.
        ("new, on", No, No, true, (sent(3700), sent(800))),
        ("new, off", No, No, false, (sent(4500), None)),
        ("held, on", Open, No, true, (sent(3700), sent(800))),
        ("both held, on", Open, Open, true, (sent(3700), sent(800))),
        (
            "both held, off",
            Open,
            Open,
            false,
            (sent(4500), ended("not_split")),
        ),
        ("seller refused, on", Waiting, Open, true, (None, sent(800))),
        (
            "seller refused, off",
            Waiting,
            Open,
            false,
            (None, ended("not_split")),
        ),
        (
            "seller refused before the split, on",
            Waiting,
            No,
            true,
            (None, None),
        ),
        ("taxes refused, on", Open, Waiting, true, (sent(3700), None)),
        (
            "taxes refused, off",
            Open,
            Waiting,
            false,
            (sent(4500), None),
        ),
        // The seller has everything: never a tax part.
        ("paid whole, on", made(4500), No, true, (None, None)),
        ("found whole, on", found(4500), No, true, (None, None)),
        ("in doubt whole, on", going(4500), No, true, (None, None)),
        (
            "paid whole with a tax row",
            made(4500),
            Open,
            true,
            (None, ended("not_split")),
        ),
        (
            "in doubt whole with a tax row",
            going(4500),
            Open,
            false,
            (None, ended("not_split")),
        ),
        // The seller lacks the taxes: they follow, whatever the setting is now.
        ("paid split, on", made(3700), Open, true, (None, sent(800))),
        (
            "paid split, off",
            made(3700),
            Open,
            false,
            (None, sent(800)),
        ),
        (
            "in doubt split, off",
            going(3700),
            Open,
            false,
            (None, sent(800)),
        ),
        ("found split, on", found(3700), No, true, (None, sent(800))),
        ("found split, off", found(3700), No, false, (None, None)),
        // Both rows are written at once: without one, nobody here left the taxes out.
        (
            "paid that much without a tax row",
            made(3700),
            No,
            true,
            (None, None),
        ),
        (
            "in doubt without a tax row",
            going(3700),
            No,
            true,
            (None, None),
        ),
        // Neither: a person must say.
        (
            "paid otherwise",
            made(4000),
            Open,
            true,
            (None, held("seller_unclear")),
        ),
        (
            "paid otherwise, no tax row",
            found(4000),
            No,
            true,
            (None, None),
        ),
        // The taxes have left: the seller never gets them.
        (
            "taxes paid, off",
            Open,
            made(800),
            false,
            (sent(3700), None),
        ),
        (
            "taxes in doubt, off",
            Open,
            going(800),
            false,
            (sent(3700), None),
        ),
        (
            "other taxes paid",
            Open,
            made(700),
            true,
            (held("cannot_add_up"), None),
        ),
        // Ended rows.
        (
            "no longer split",
            Open,
            row_ended("not_split"),
            true,
            (sent(4500), None),
        ),
        (
            "taxes abandoned",
            Open,
            row_ended("resolved_abandoned"),
            true,
            (sent(3700), None),
        ),
        (
            "seller abandoned",
            row_ended("resolved_abandoned"),
            Open,
            true,
            (None, sent(800)),
        ),
        (
            "nothing for the seller, off",
            row_ended("nothing_to_transfer"),
            Open,
            false,
            (None, sent(800)),
        ),
        (
            "nothing for the seller before the split",
            row_ended("nothing_to_transfer"),
            No,
            true,
            (None, None),
        ),
        (
            "the seller's part was ended",
            row_ended("fully_refunded"),
            Open,
            true,
            (None, held("seller_unclear")),
        ),
    ] {
        let scene = Scene {
            rows: Rows {
                seller: seller_row,
                taxes: tax_row,
            },
            split_on: on,
            ..split(&taxed())
        };
        assert_eq!(both(&scene), expected, "{what}");
        let open = scene.with_facts(|facts| facts.are_open());
        assert_eq!(open, expected != (None, None), "{what}");
    }
}

#[test]
fn taxes_that_wait_need_no_account_of_a_seller_who_has_been_paid_but_one_of_their_own() {
    let waiting = Scene {
        rows: Rows {
            seller: made(3700),
            taxes: RowState::Open,
        },
        split_on: false,
        account: None,
        ..split(&taxed())
    };
    assert_eq!(both(&waiting), (None, sent(800)));
    let nowhere = Scene {
        tax_account: None,
        ..waiting
    };
    assert_eq!(both(&nowhere), (None, held("no_tax_account")));
}

#[test]
fn an_order_that_lost_its_taxes_ends_their_row() {
    let untaxed = order(vec![line("50.00", "5.00", "0")]);
    let scene = Scene {
        rows: Rows {
            seller: RowState::Open,
            taxes: RowState::Open,
        },
        ..split(&untaxed)
    };
    assert_eq!(both(&scene), (sent(4500), ended("nothing_to_transfer")));
}

#[test]
fn transfers_agree_with_what_was_decided_about_their_order() {
    let untaxed_row = RowState::None;
    for (what, transferred, tax_row, on, agrees) in [
        ("whole", 4500, untaxed_row.clone(), false, true),
        (
            "whole, split on later",
            4500,
            untaxed_row.clone(),
            true,
            true,
        ),
        (
            "less, without a tax row",
            3700,
            untaxed_row.clone(),
            true,
            false,
        ),
        ("split", 3700, made(800), true, true),
        ("split, off later", 3700, made(800), false, true),
        ("split, taxes wait", 3700, RowState::Open, false, true),
        ("whole, and taxes", 4500, made(800), true, false),
        (
            "split, taxes no longer",
            3700,
            row_ended("not_split"),
            true,
            false,
        ),
        (
            "whole, taxes no longer",
            4500,
            row_ended("not_split"),
            true,
            true,
        ),
        (
            "split, taxes abandoned",
            3700,
            row_ended("resolved_abandoned"),
            true,
            true,
        ),
        (
            "whole, taxes abandoned",
            4500,
            row_ended("resolved_abandoned"),
            true,
            true,
        ),
        (
            "else, taxes abandoned",
            4000,
            row_ended("resolved_abandoned"),
            true,
            false,
        ),
    ] {
        let order = Payable::of_product(&taxed());
        let rows = Rows {
            seller: made(transferred),
            taxes: tax_row,
        };
        let division = rows.division(&order, on);
        let comparison = compare_seller(&order, money(transferred, "EUR"), &rows, &division);
        assert_eq!(
            comparison == Comparison::Agrees,
            agrees,
            "{what}: {comparison:?}"
        );
    }
    let order = Payable::of_product(&taxed());
    assert_eq!(compare_taxes(&order, money(800, "EUR")), Comparison::Agrees);
    assert!(matches!(
        compare_taxes(&order, money(700, "EUR")),
        Comparison::Differs(_)
    ));
}

prop_compose! {
    fn cents()(minor in 0_i64..1_000_000) -> rust_decimal::Decimal {
        rust_decimal::Decimal::new(minor, 2)
    }
}

proptest! {
    /// Nothing is lost or made between the customer, the operator, the seller and the tax account.
    #[test]
    fn seller_taxes_commission_and_what_is_not_payable_are_what_the_customer_pays(
        lines in proptest::collection::vec((cents(), cents(), cents(), cents()), 0..12),
        excluded in any::<bool>(),
        is_split in any::<bool>(),
    ) {
        let lines: Vec<OrderLine> = lines.into_iter().map(|(price, commission, taxes, withheld)| OrderLine {
            total_price: price, total_commission: commission, taxes,
            prices_not_payable: if is_split { rust_decimal::Decimal::ZERO } else { withheld },
            ..line("0", "0", "0")
        }).collect();
        let tax_mode = if excluded { TaxMode::Excluded } else { TaxMode::Included };
        let product = ProductOrder { tax_mode, ..order(lines) };
        let amounts = Payable::of_product(&product).amounts.expect("cents add up");
        let parts = if is_split { amounts.split() } else { amounts.whole() }.expect("cents");
        let operator = product.lines.iter().map(|l| l.total_commission + l.prices_not_payable).sum();
        let operator = Money::from_major(operator, parts.seller.currency()).expect("cents");
        let sum = parts.seller.checked_add(parts.taxes).and_then(|sum| sum.checked_add(operator));
        prop_assert_eq!(sum, Ok(parts.customer));
        let taxes = product.lines.iter().map(|l| l.taxes).sum();
        let taxes = Money::from_major(taxes, parts.seller.currency()).expect("cents");
        let expected = if is_split { taxes.minor() } else { 0 };
        prop_assert_eq!(parts.taxes.minor(), expected);
    }

    #[test]
    fn a_service_is_divided_without_a_rest(
        paid in cents(), commission in cents(), taxes in cents(), is_split in any::<bool>(),
    ) {
        let order = ServiceOrder {
            taxes: Some(taxes), commission: Some(commission), ..service("0", "0")
        };
        let debits = Debits::Read(vec![crate::domain::service::ServiceDebit {
            amount: paid, ..debit("D1", "0")
        }]);
        let amounts = Payable::of_service(&order, &debits).amounts.expect("cents add up");
        let parts = if is_split { amounts.split() } else { amounts.whole() }.expect("cents");
        let operator = Money::from_major(commission, parts.seller.currency()).expect("cents");
        let sum = parts.seller.checked_add(parts.taxes).and_then(|sum| sum.checked_add(operator));
        prop_assert_eq!(sum, Ok(parts.customer));
    }
}
