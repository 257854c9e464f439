//! The rules for taxes that go to an account of their own.

use proptest::prelude::*;

use super::super::super::Debits;
use super::super::super::fixtures::{debit, service};
use super::*;
use crate::domain::service::ServiceOrder;

/// 50.00 with 8.00 of taxes in it, less 5.00 of commission: 45.00 whole, 37.00 and 8.00 split.
pub(super) fn taxed() -> ProductOrder {
    order(vec![line("50.00", "5.00", "8.00")])
}

pub(super) fn split(order: &ProductOrder) -> Scene {
    Scene {
        split_on: true,
        tax_account: Some("acct_tax".into()),
        ..Scene::product(order)
    }
}

pub(super) type Short = Option<Result<i64, String>>;

pub(super) fn both(scene: &Scene) -> (Short, Short) {
    let decisions = scene.decide(&PaymentFacts::One(payment(5000)));
    (decisions.seller.map(short), decisions.taxes.map(short))
}

#[allow(clippy::unnecessary_wraps)] // beside rows that stay as they are
pub(super) fn held(code: &str) -> Short {
    Some(Err(format!("hold {code}")))
}

#[allow(clippy::unnecessary_wraps)] // beside rows that stay as they are
pub(super) fn ended(code: &str) -> Short {
    Some(Err(format!("abort {code}")))
}

#[allow(clippy::unnecessary_wraps)] // beside rows that stay as they are
pub(super) fn sent(minor: i64) -> Short {
    Some(Ok(minor))
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
#[allow(clippy::too_many_lines)] // a table
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
