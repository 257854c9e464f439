//! What is captured of a payment, and when.

use super::*;

/// What was decided, in short: the amount to capture, 0 to cancel, or the kind of reason.
fn captured(basket: &Basket) -> Result<i64, &'static str> {
    captured_by(basket, Policy::default())
}

fn captured_by(basket: &Basket, policy: Policy) -> Result<i64, &'static str> {
    let payment = &basket.payments[0].payment;
    match capture(basket, payment, policy) {
        CaptureDecision::Capture { amount, .. } => Ok(amount.minor()),
        CaptureDecision::Cancel { .. } => Ok(0),
        CaptureDecision::Hold(reason) => Err(reason.code()),
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn captured_is_what_was_authorised_minus_what_was_refused_and_cancelled() {
    let whole = || {
        accepted(vec![
            line("30.00", "3.00", "2.00"),
            line("20.00", "2.00", "1.00"),
        ])
    };
    let excluded = |order: ProductOrder| ProductOrder {
        tax_mode: TaxMode::Excluded,
        ..order
    };
    let refused_line = || {
        accepted(vec![
            line("30.00", "3.00", "2.00"),
            ended(line("20.00", "2.00", "1.00")),
        ])
    };
    let refused_order = || ProductOrder {
        state: OrderState::parse("REFUSED"),
        debited_at: None,
        ..order(vec![
            line("30.00", "3.00", "2.00"),
            ended(line("20.00", "2.00", "1.00")),
        ])
    };
    let part = || {
        accepted(vec![
            canceled(line("30.00", "3.00", "2.00"), "4.50", "0.50"),
            line("20.00", "2.00", "1.00"),
        ])
    };
    let not_debitable = || {
        accepted(vec![
            line("30.00", "3.00", "0"),
            OrderLine {
                prices_not_debitable: decimal("2.00"),
                ..ended(line("20.00", "2.00", "0"))
            },
        ])
    };
    let canceled_whole = |price: &str, canceled_amount: &str| {
        accepted(vec![
            line("30.00", "3.00", "0"),
            ended(canceled(line(price, "0", "0"), canceled_amount, "0")),
        ])
    };
    for (what, orders, authorised_minor, expected) in [
        ("all accepted", vec![whole()], 5000, Ok(5000)),
        (
            "with the operator's own goods",
            vec![whole()],
            7000,
            Ok(7000),
        ),
        ("taxes on top", vec![excluded(whole())], 5300, Ok(5300)),
        ("a refused line", vec![refused_line()], 5000, Ok(3000)),
        (
            "a refused line, taxes on top",
            vec![excluded(refused_line())],
            5300,
            Ok(3200),
        ),
        (
            "a refused line and the operator's own goods",
            vec![refused_line()],
            6000,
            Ok(4000),
        ),
        ("a part of a line", vec![part()], 5450, Ok(5000)),
        (
            "a part of a line, taxes on top",
            vec![excluded(part())],
            5800,
            Ok(5300),
        ),
        ("a refused order", vec![refused_order()], 5000, Ok(0)),
        (
            "a refused order, taxes on top",
            vec![excluded(refused_order())],
            5300,
            Ok(0),
        ),
        (
            "one order of two",
            vec![whole(), refused_order()],
            10_000,
            Ok(5000),
        ),
        (
            "a part that never was in it",
            vec![not_debitable()],
            4800,
            Ok(3000),
        ),
        (
            "a cancelled line that shows its price and its cancellation",
            vec![canceled_whole("20.00", "20.00")],
            5000,
            Ok(3000),
        ),
        (
            "a cancelled line that shows only its cancellation",
            vec![canceled_whole("0", "20.00")],
            5000,
            Ok(3000),
        ),
        (
            "a cancelled line that shows two amounts",
            vec![canceled_whole("16.00", "4.00")],
            5000,
            Err("cannot_add_up"),
        ),
        (
            "less than its orders",
            vec![whole()],
            4999,
            Err("covers_less"),
        ),
        (
            "less than its live orders after a refusal",
            vec![refused_line()],
            4999,
            Err("covers_less"),
        ),
        ("no orders", vec![], 5000, Err("no_orders")),
    ] {
        let basket = basket(orders, authorised(authorised_minor));
        assert_eq!(captured(&basket), expected, "{what}");
    }
}

#[test]
fn currencies_without_cents_and_with_mills_are_exact() {
    for (currency, price, refused, minor, expected) in [
        ("JPY", "9000", "1000", 10_000, Ok(9000)),
        ("KWD", "10.230", "1.110", 11_340, Ok(10_230)),
        ("USD", "10.05", "0.10", 1015, Ok(1005)),
        ("EUR", "10.005", "1.00", 1101, Err("cannot_add_up")),
    ] {
        let order = ProductOrder {
            currency: currency.to_owned(),
            ..accepted(vec![line(price, "0", "0"), ended(line(refused, "0", "0"))])
        };
        let paid = Payment {
            amount: Money::from_minor(minor, Currency::parse(currency).expect("known")),
            ..authorised(0)
        };
        assert_eq!(captured(&basket(vec![order], paid)), expected, "{currency}");
    }
}

#[test]
fn a_basket_is_captured_only_when_all_of_it_is_decided_and_confirmed() {
    let of = |state: &str, debited: bool| ProductOrder {
        state: OrderState::parse(state),
        debited_at: debited.then(|| at(1)),
        ..order(vec![line("50.00", "5.00", "0")])
    };
    let whole = |order: ProductOrder| basket(vec![order], authorised(5000));
    for (what, order, expected) in [
        ("confirmed", of("SHIPPING", true), Ok(5000)),
        (
            "accepted",
            of("WAITING_DEBIT_PAYMENT", false),
            Err("not_confirmed"),
        ),
        (
            "waiting",
            of("WAITING_ACCEPTANCE", false),
            Err("not_decided"),
        ),
        ("unknown", of("FROZEN", true), Err("not_decided")),
        ("refused", of("REFUSED", false), Ok(0)),
        (
            "never confirmed",
            ProductOrder {
                never_confirmed: true,
                ..of("SHIPPING", false)
            },
            Ok(5000),
        ),
        (
            "one shipment of two",
            ProductOrder {
                pays_on_shipment: true,
                ..of("SHIPPING", true)
            },
            Err("not_confirmed"),
        ),
    ] {
        assert_eq!(captured(&whole(order)), expected, "{what}");
    }
    let early = Policy {
        after_capture: true,
        ..Policy::default()
    };
    let waiting = whole(of("WAITING_DEBIT_PAYMENT", false));
    assert_eq!(captured_by(&waiting, early), Ok(5000), "captured first");
    let two = basket(
        vec![of("SHIPPING", true), of("WAITING_ACCEPTANCE", false)],
        authorised(10_000),
    );
    assert_eq!(captured(&two), Err("not_decided"));
}

#[test]
fn services_of_the_basket_count() {
    let goods = || accepted(vec![line("50.00", "5.00", "0")]);
    for (what, state, debit, expected) in [
        (
            "confirmed",
            "ORDER_ACCEPTED",
            Some(debit("20.00", DebitState::Ok)),
            Ok(7000),
        ),
        (
            "waiting",
            "ORDER_ACCEPTED",
            Some(debit("20.00", DebitState::Waiting)),
            Err("not_confirmed"),
        ),
        (
            "accepted without a debit",
            "ORDER_ACCEPTED",
            None,
            Err("not_confirmed"),
        ),
        (
            "not accepted",
            "WAITING_ACCEPTANCE",
            None,
            Err("not_decided"),
        ),
        ("refused", "ORDER_REFUSED", None, Ok(5000)),
        ("expired", "ORDER_EXPIRED", None, Ok(5000)),
        (
            "cancelled with its debit",
            "ORDER_CANCELLED",
            Some(debit("19.00", DebitState::Refused)),
            Ok(5100),
        ),
        ("a new word", "ORDER_DREAMT", None, Err("not_decided")),
    ] {
        let basket = Basket {
            services: vec![service(state, "20.00")],
            debits: debit.into_iter().collect(),
            ..basket(vec![goods()], authorised(7000))
        };
        assert_eq!(captured(&basket), expected, "{what}");
    }
    let odd = Basket {
        services: vec![ServiceOrder {
            price: None,
            ..service("ORDER_REFUSED", "1")
        }],
        ..basket(vec![goods()], authorised(7000))
    };
    assert_eq!(captured(&odd), Err("cannot_add_up"));
}
