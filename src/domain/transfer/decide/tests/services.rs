//! The rules for service orders.

use super::super::super::Debits;
use super::super::super::fixtures::{debit, service};
use super::*;
use crate::domain::service::{DebitState, ServiceDebit, ServiceOrder, ServiceState};

fn scene(order: &ServiceOrder, debits: Vec<ServiceDebit>) -> Scene {
    Scene::of(Payable::of_service(order, &Debits::Read(debits)))
}

fn seller(scene: &Scene) -> Result<i64, String> {
    let decisions = scene.decide(&PaymentFacts::One(payment(2000)));
    short(decisions.seller.expect("a decision"))
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_a_service_order_says() {
    let in_state = |word: &str| ServiceOrder {
        state: ServiceState::parse(word),
        ..service("20.00", "2.00")
    };
    let paid = || vec![debit("D1", "20.00")];
    let waiting = ServiceDebit {
        state: DebitState::Waiting,
        ..debit("D1", "20.00")
    };
    let on = |day| ServiceDebit {
        debited_at: Some(at(day)),
        ..debit(&format!("D{day}"), "10.00")
    };
    let by = |id: &str, number: &str| ServiceDebit {
        transaction_number: Some(number.to_owned()),
        ..debit(id, "10.00")
    };
    for (what, order, debits, expected) in [
        ("accepted", in_state("ORDER_ACCEPTED"), paid(), Ok(1800)),
        ("consumed", in_state("ORDER_CONSUMED"), paid(), Ok(1800)),
        ("closed", in_state("ORDER_CLOSED"), paid(), Ok(1800)),
        (
            "waiting",
            in_state("WAITING_ACCEPTANCE"),
            paid(),
            Err("hold not_accepted"),
        ),
        (
            "a new word",
            in_state("ORDER_PAUSED"),
            paid(),
            Err("hold unknown_state"),
        ),
        (
            "refused",
            in_state("ORDER_REFUSED"),
            paid(),
            Err("abort order_ended"),
        ),
        (
            "expired",
            in_state("ORDER_EXPIRED"),
            paid(),
            Err("abort order_ended"),
        ),
        (
            "cancelled",
            in_state("ORDER_CANCELLED"),
            paid(),
            Err("abort order_ended"),
        ),
        (
            "scored out",
            in_state("SCORING_KO"),
            paid(),
            Err("abort order_ended"),
        ),
        (
            "no debit",
            in_state("ORDER_ACCEPTED"),
            vec![],
            Err("hold not_debited"),
        ),
        (
            "a debit waits",
            in_state("ORDER_ACCEPTED"),
            vec![waiting],
            Err("hold not_debited"),
        ),
        (
            "before the start",
            in_state("ORDER_ACCEPTED"),
            vec![on(-2)],
            Err("ignore before_start"),
        ),
        (
            "before and after the start",
            in_state("ORDER_ACCEPTED"),
            vec![on(-2), on(1)],
            Ok(1800),
        ),
        (
            "two payments",
            in_state("ORDER_ACCEPTED"),
            vec![by("D1", "pi_1"), by("D2", "pi_2")],
            Err("hold several_payments"),
        ),
        (
            "more than the payment",
            in_state("ORDER_ACCEPTED"),
            vec![debit("D1", "30.00")],
            Err("hold above_debited"),
        ),
        (
            "nothing left",
            service("20.00", "20.00"),
            paid(),
            Err("abort nothing_to_transfer"),
        ),
        (
            "no commission",
            ServiceOrder {
                commission: None,
                ..service("20.00", "0")
            },
            paid(),
            Err("hold no_commission"),
        ),
    ] {
        assert_eq!(
            seller(&scene(&order, debits)),
            expected.map_err(str::to_owned),
            "{what}"
        );
    }
}

#[test]
fn debits_that_could_not_be_read_hold_and_say_nothing_about_what_was_transferred() {
    let unread = Debits::Unread("busy".to_owned());
    let order = Payable::of_service(&service("20.00", "2.00"), &unread);
    let scene = Scene::of(order);
    assert_eq!(seller(&scene), Err("hold debits_unread".into()));
    let comparison = compare_seller(
        &scene.order,
        money(1800, "EUR"),
        &scene.rows,
        &Division::Whole,
    );
    assert_eq!(comparison, Comparison::Silent);
}

#[test]
fn a_service_that_the_old_connector_may_have_paid_waits_for_a_person() {
    let good = scene(&service("20.00", "2.00"), vec![debit("D1", "20.00")]);
    let maybe_paid = Scene {
        old_transfer: Some("tr_old".into()),
        split_on: true,
        tax_account: Some("acct_tax".into()),
        ..good.clone()
    };
    assert_eq!(seller(&good), Ok(1800));
    assert_eq!(seller(&maybe_paid), Err("hold old_transfer".into()));
    let reason = maybe_paid.with_facts(before_payment).expect("held");
    assert!(format!("{reason:?}").contains("tr_old"), "{reason:?}");
    let no_account = Scene {
        account: None,
        ..maybe_paid
    };
    assert_eq!(seller(&no_account), Err("hold old_transfer".into()));
}
