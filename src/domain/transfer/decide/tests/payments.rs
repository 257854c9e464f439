//! The rules for the payment.

use super::*;

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
