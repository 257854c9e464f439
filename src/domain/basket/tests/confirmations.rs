//! Which debits are confirmed.

use super::*;

fn confirmed(basket: &Basket, policy: Policy) -> Result<String, &'static str> {
    match confirm(basket, policy, now()) {
        ConfirmDecision::Confirm { transaction, .. } => Ok(transaction),
        ConfirmDecision::Refuse => Ok("refused".to_owned()),
        ConfirmDecision::Hold(reason) => Err(reason.code()),
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn a_debit_is_confirmed_when_one_payment_covers_the_whole_basket() {
    let waiting = |price: &str| ProductOrder {
        state: OrderState::parse("WAITING_DEBIT_PAYMENT"),
        debited_at: None,
        ..order(vec![line(price, "0", "0")])
    };
    let with = |payments: Vec<Payment>| Basket {
        orders: vec![waiting("50.00")],
        payments: payments.into_iter().map(known).collect(),
        ..Basket::default()
    };
    let of = |change: fn(&mut Payment)| {
        let mut payment = authorised(5000);
        change(&mut payment);
        payment
    };
    let failed = || of(|p| p.status = PaymentStatus::Failed);
    let other = |id: &str, payment: Payment| Payment {
        intent: Some(id.into()),
        ..payment
    };
    let usd = Money::from_minor(5000, Currency::parse("USD").expect("known"));
    let settled = Currency::parse("USD").ok();
    for (what, basket, expected) in [
        ("authorised", with(vec![authorised(5000)]), Ok("pi_1")),
        ("captured", with(vec![payment(5000)]), Ok("pi_1")),
        ("larger", with(vec![authorised(9000)]), Ok("pi_1")),
        (
            "a declined card before",
            with(vec![other("pi_0", failed()), authorised(5000)]),
            Ok("pi_1"),
        ),
        (
            "an intent left unpaid before",
            with(vec![
                other(
                    "pi_0",
                    of(|p| {
                        p.pending = true;
                        p.awaits_customer = true;
                    }),
                ),
                authorised(5000),
            ]),
            Ok("pi_1"),
        ),
        (
            "a bank debit under way beside it",
            with(vec![
                other("pi_0", of(|p| p.pending = true)),
                authorised(5000),
            ]),
            Err("several_payments"),
        ),
        ("none", with(vec![]), Err("no_payment")),
        ("failed", with(vec![failed()]), Err("payment_ended")),
        (
            "cancelled",
            with(vec![of(|p| p.status = PaymentStatus::Canceled)]),
            Err("payment_ended"),
        ),
        (
            "two",
            with(vec![authorised(5000), other("pi_2", authorised(5000))]),
            Err("several_payments"),
        ),
        (
            "under way",
            with(vec![of(|p| p.pending = true)]),
            Err("payment_pending"),
        ),
        (
            "no charge",
            with(vec![of(|p| p.charge = None)]),
            Err("payment_pending"),
        ),
        (
            "gone elsewhere",
            with(vec![of(|p| p.destination_charge = true)]),
            Err("destination_charge"),
        ),
        (
            "too small",
            with(vec![authorised(4999)]),
            Err("covers_less"),
        ),
        (
            "partly refunded",
            with(vec![Payment {
                refunded: 1,
                ..payment(5000)
            }]),
            Err("covers_less"),
        ),
        (
            "another currency",
            with(vec![Payment {
                amount: usd,
                ..authorised(5000)
            }]),
            Err("other_currency"),
        ),
        (
            "settled in another currency",
            with(vec![Payment {
                settlement: settled,
                ..payment(5000)
            }]),
            Err("other_settlement"),
        ),
        (
            "not read",
            Basket {
                unread: Some("x".to_owned()),
                ..with(vec![authorised(5000)])
            },
            Err("unread"),
        ),
        (
            "covers one order of two",
            Basket {
                orders: vec![waiting("50.00"), waiting("0.01")],
                ..with(vec![authorised(5000)])
            },
            Err("covers_less"),
        ),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(confirmed(&basket, Policy::default()), expected, "{what}");
    }
}

#[test]
fn an_order_is_refused_only_by_order_and_a_day_after_every_payment_ended() {
    let refuse = Policy {
        refuse_failed: true,
        ..Policy::default()
    };
    let ended = |since| KnownPayment {
        payment: Payment {
            status: PaymentStatus::Failed,
            ..authorised(5000)
        },
        since,
        observed_at: since,
    };
    let with = |payments: Vec<KnownPayment>| Basket {
        orders: vec![order(vec![line("50.00", "0", "0")])],
        payments,
        ..Basket::default()
    };
    let day = TimeDelta::hours(24);
    for (what, payments, policy, expected) in [
        ("a day ago", vec![ended(now() - day)], refuse, Ok("refused")),
        (
            "an hour ago",
            vec![ended(now() - TimeDelta::hours(1))],
            refuse,
            Err("payment_ended"),
        ),
        (
            "one of two an hour ago",
            vec![ended(now() - day), ended(now() - TimeDelta::hours(1))],
            refuse,
            Err("payment_ended"),
        ),
        ("none", vec![], refuse, Err("no_payment")),
        (
            "not asked for",
            vec![ended(now() - day)],
            Policy::default(),
            Err("payment_ended"),
        ),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(confirmed(&with(payments), policy), expected, "{what}");
    }
    let early = Policy {
        after_capture: true,
        ..Policy::default()
    };
    let waiting = with(vec![known(authorised(5000))]);
    assert_eq!(confirmed(&waiting, early), Err("not_captured"));
}
