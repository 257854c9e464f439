//! Which payment an order is paid from, and what it costs to know.

use chrono::TimeDelta;
use simulator::{Effect, Fault, PaymentSeed};

use crate::support::{World, eur};

const SINGLE: &str = "GET /v1/payment_intents/{id}";

fn order(id: &str) -> simulator::OrderSeed {
    eur(id, 2000, "10.00", "1.00")
}

#[tokio::test]
async fn each_kind_of_transaction_number_leads_to_its_charge() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let intent = stripe.pay(PaymentSeed::new(1000, "eur"));
    let of_intent = stripe.pay(PaymentSeed::new(1000, "eur"));
    let bare = stripe.pay(PaymentSeed::new(1000, "eur").bare_charge());
    let py = stripe.pay(PaymentSeed::new(1000, "eur").bare_charge().py());
    let basket = stripe.pay(PaymentSeed::new(1000, "eur").basket("C5"));
    let on_charge = stripe.pay(PaymentSeed::new(1000, "eur").basket_on_charge("C6"));
    world
        .mirakl
        .put(order("C1-A").transaction(intent.intent.as_deref().unwrap()));
    world
        .mirakl
        .put(order("C2-A").transaction(&of_intent.charge));
    world.mirakl.put(order("C3-A").transaction(&bare.charge));
    world.mirakl.put(order("C4-A").transaction(&py.charge));
    world.mirakl.put(order("C5-A"));
    world
        .mirakl
        .put(order("C6-A").transaction("not a Stripe id"));
    world.transfer().await.exits(0).says("6 created");
    for (id, payment) in [
        ("C1-A", intent),
        ("C2-A", of_intent),
        ("C3-A", bare),
        ("C4-A", py),
        ("C5-A", basket),
        ("C6-A", on_charge),
    ] {
        let transfers = world.sim.stripe().transfers_for(id);
        assert_eq!(transfers.len(), 1, "{id}");
        assert_eq!(
            transfers[0].source_transaction,
            Some(payment.charge),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_payment_that_cannot_be_used_yet_holds_the_order_until_it_can() {
    let mut world = World::new().await;
    let pay = |id: &str, seed: PaymentSeed| {
        let payment = world.sim.stripe().pay(seed);
        world
            .mirakl
            .put(order(id).transaction(payment.intent.as_deref().unwrap()));
        payment.charge
    };
    let authorised = pay("C1-A", PaymentSeed::new(1000, "eur").authorized());
    let pending = pay("C2-A", PaymentSeed::new(1000, "eur").processing());
    pay("C3-A", PaymentSeed::new(1000, "eur").failed());
    pay("C4-A", PaymentSeed::new(1000, "eur").canceled());
    pay("C5-A", PaymentSeed::new(1000, "usd"));
    pay("C6-A", PaymentSeed::new(1000, "eur").settlement("usd"));
    let refunded = pay("C7-A", PaymentSeed::new(1000, "eur"));
    world.sim.stripe().refund(&refunded, 1000);
    let partly = pay("C8-A", PaymentSeed::new(1000, "eur"));
    world.sim.stripe().refund(&partly, 400);
    pay("C9-A", PaymentSeed::new(899, "eur"));
    world.transfer().await.exits(0);
    for (id, status, code) in [
        ("C1-A", "TRANSFER_ON_HOLD", "not_captured"),
        ("C2-A", "TRANSFER_ON_HOLD", "payment_pending"),
        ("C3-A", "TRANSFER_ON_HOLD", "payment_pending"),
        ("C4-A", "TRANSFER_ON_HOLD", "payment_canceled"),
        ("C5-A", "TRANSFER_ON_HOLD", "other_currency"),
        ("C6-A", "TRANSFER_ON_HOLD", "other_settlement"),
        ("C7-A", "TRANSFER_ABORTED", "fully_refunded"),
        ("C8-A", "TRANSFER_CREATED", ""),
        ("C9-A", "TRANSFER_ON_HOLD", "above_debited"),
    ] {
        world.stands(id, status, code).await;
    }
    world.sim.stripe().capture(&authorised, None);
    world.sim.stripe().succeed(&pending);
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    assert_eq!(
        (world.moved("C1-A"), world.moved("C2-A")),
        (vec![900], vec![900])
    );
}

#[tokio::test]
async fn a_declined_card_before_the_one_that_paid_changes_nothing() {
    let world = World::new().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(2000, "eur").basket("C1").failed());
    let intent = payment.intent.unwrap();
    let second = world.sim.stripe().pay_again(&intent);
    world.mirakl.put(order("C1-A").transaction(&intent));
    world.mirakl.put(order("C1-B"));
    world.transfer().await.exits(0);
    let transfers = world.sim.stripe().transfers();
    assert!(
        transfers
            .iter()
            .all(|t| t.source_transaction.as_deref() == Some(second.as_str()))
    );
    assert_eq!(transfers.len(), 2);
}

#[tokio::test]
async fn several_live_payments_of_one_basket_are_for_a_person_to_decide() {
    let world = World::new().await;
    let one = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").basket("C1"));
    let two = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").basket("C1"));
    world.mirakl.put(order("C1-A"));
    world.transfer().await.exits(0);
    let row = world
        .stands("C1-A", "TRANSFER_ON_HOLD", "several_payments")
        .await;
    for payment in [one, two] {
        assert!(
            row.reason.contains(payment.intent.as_deref().unwrap()),
            "{row:?}"
        );
    }
}

#[tokio::test]
async fn orders_of_one_basket_are_paid_from_one_charge_one_by_one() {
    let world = World::new().await;
    world.shop(2001).await;
    world.shop(2002).await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(3000, "eur").basket("B"));
    for (id, shop) in [("B-A", 2000), ("B-B", 2001), ("B-C", 2002)] {
        let order = eur(id, shop, "10.00", "1.00");
        world
            .mirakl
            .put(order.transaction(payment.intent.as_deref().unwrap()));
    }
    // Stripe works on each for a while, and refuses a second one on the same charge meanwhile.
    let slow = Fault::on("POST /v1/transfers").always();
    world
        .sim
        .faults()
        .add(slow.then(Effect::Delay(std::time::Duration::from_millis(60))));
    world.transfer().await.exits(0);
    assert!(
        world
            .sim
            .calls()
            .iter()
            .all(|call| call.status != Some(429))
    );
    let ids = ["B-A", "B-B", "B-C"].map(str::to_owned);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn more_than_the_charge_holds_is_refused_by_stripe_and_shown() {
    let world = World::new().await;
    world.shop(2001).await;
    // Two orders of 9.00 each on a payment of 10.00.
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").basket("B"));
    for (id, shop) in [("B-A", 2000), ("B-B", 2001)] {
        let order = eur(id, shop, "10.00", "1.00");
        world
            .mirakl
            .put(order.transaction(payment.intent.as_deref().unwrap()));
    }
    world.transfer().await.exits(3);
    let rows = world.rows().await;
    let statuses: Vec<&str> = rows.values().map(|row| row.status.as_str()).collect();
    assert_eq!(statuses, ["TRANSFER_CREATED", "TRANSFER_FAILED"]);
    assert_eq!(world.sim.stripe().transfers().len(), 1);
}

#[tokio::test]
async fn payments_come_from_the_list_as_long_as_that_is_cheaper() {
    let world = World::new().await;
    world.orders(150);
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert_eq!(
        world.sim.count("GET /v1/charges"),
        2,
        "two pages hold them all"
    );
    assert_eq!(world.sim.count(SINGLE), 0);

    // Among foreign charges a few orders are cheaper to ask for singly.
    let world = World::new().await;
    world.orders(4);
    for _ in 0..900 {
        world.sim.stripe().pay(PaymentSeed::new(500, "eur"));
    }
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert!(world.sim.count("GET /v1/charges") <= 4);
    assert!(world.sim.count(SINGLE) <= 4);
    assert_eq!(world.sim.stripe().transfers().len(), 4);

    // One alone is asked for at once.
    let world = World::new().await;
    world.orders(1);
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert_eq!(
        (world.sim.count("GET /v1/charges"), world.sim.count(SINGLE)),
        (0, 1)
    );
}

#[tokio::test]
async fn a_payment_seen_long_ago_is_read_again_before_money_moves_by_it() {
    let mut world = World::new().await;
    let charge = world.paid(order("C1-A").unpaid(), "C1", 1000);
    // Seen while another order of the run made the list worth reading.
    world.orders(3);
    world.mirakl.put(order("C1-A").unpaid());
    world.transfer().await.exits(0);
    world.sim.stripe().refund(&charge, 1000);
    world.pass(TimeDelta::hours(2));
    world.paid(order("X-A").unpaid(), "X", 1000);
    world.mirakl.put(order("C1-A"));
    world.transfer().await.exits(0);
    let row = world.row("C1-A").await;
    assert_ne!(row.status, "TRANSFER_CREATED", "{row:?}");
    assert!(world.moved("C1-A").is_empty());
}

#[tokio::test]
async fn a_second_payment_of_a_basket_that_was_seen_long_ago_still_counts() {
    let mut world = World::new().await;
    let stripe = world.sim.stripe();
    stripe.pay(PaymentSeed::new(1000, "eur").basket("C1"));
    let second = PaymentSeed::new(1000, "eur").basket("C1").authorized();
    stripe.pay(second);
    world.mirakl.put(order("C1-A"));
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "several_payments")
        .await;
    world.pass(TimeDelta::hours(2));
    world.mirakl.update("C1-A", |_| ());
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "several_payments")
        .await;
    // When Stripe does not tell what became of one, nothing is concluded.
    world.pass(TimeDelta::hours(2));
    world.mirakl.update("C1-A", |_| ());
    for endpoint in [SINGLE, "GET /v1/charges"] {
        let unreadable = Fault::on(endpoint).always();
        world.sim.faults().add(unreadable.then(Effect::Html));
    }
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "payment_unread")
        .await;
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_taken_for_a_missing_payment() {
    let mut world = World::new().await;
    world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").basket("C1"));
    world.mirakl.put(order("C1-A"));
    let list = Fault::on("GET /v1/charges").always();
    world.sim.faults().add(list.then(Effect::Html));
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "payment_unread")
        .await;
    world.sim.faults().clear();
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
}
