//! What cannot be right is held or ended with a reason; the others go on and nothing is lost.

use serde_json::{Value, json};
use simulator::{Effect, Fault, LineSeed, OrderSeed, PaymentSeed};

use crate::support::{World, eur};

/// A world whose good order must be paid whatever else is there.
async fn beside_a_good_order() -> World {
    let world = World::new().await;
    world.paid(eur("GOOD-A", 2000, "10.00", "1.00"), "GOOD", 1000);
    world
}

async fn the_good_order_is_paid(world: &World) {
    world.each_moved_once(&["GOOD-A".to_owned()], 900).await;
}

#[tokio::test]
async fn an_order_that_is_odd_waits_or_ends_with_its_reason() {
    let world = beside_a_good_order().await;
    let pay = |order: OrderSeed, basket: &str| world.paid(order, basket, 100_000);
    let odd = |id: &str| eur(id, 2000, "10.00", "1.00");
    let line = |price: &str, commission: &str| LineSeed::new(price).commission(commission);
    let new = |id: &str| OrderSeed::new(id, "B", 2000);
    pay(odd("MISSING-A").without("total_price"), "B1");
    pay(odd("STATE-A").state("FROZEN"), "B2");
    pay(odd("CURRENCY-A").currency("XXX"), "B3");
    pay(odd("IQD-A").currency("IQD"), "B4");
    pay(new("DECIMALS-A").line(line("10.001", "1.00")), "B5");
    pay(new("NEGATIVE-A").line(line("-10.00", "1.00")), "B6");
    pay(new("ZERO-A").line(line("0.00", "0.00")), "B7");
    pay(odd("TEXT-A").set("total_price", json!("ten")), "B8");
    pay(odd("HUGE-A").set("total_price", json!(1e300)), "B9");
    pay(odd("SUM-A").set("total_price", json!(11)), "B10");
    pay(odd("DATE-A").set("created_date", json!("yesterday")), "B11");
    pay(odd("LINES-A").without("order_lines"), "B12");
    world.mirakl.put(odd("NUMBER-A").transaction("PAYPAL-1"));
    world.mirakl.put(odd("UNKNOWN-A").transaction("pi_unknown"));
    world
        .mirakl
        .put(odd("PATH-A").transaction("pi_../../v1/account"));
    world.mirakl.put(odd("NONE-A"));
    pay(eur("SHOP-A", 999_999_999, "10.00", "1.00"), "B13");
    pay(odd("DIRECT-A").directly_paid(), "B14");
    pay(odd("REFUSED-A").state("REFUSED"), "B15");

    world.transfer().await.exits(0);
    for (id, status, code) in [
        ("MISSING-A", "ON_HOLD", "unreadable"),
        ("STATE-A", "ON_HOLD", "unknown_state"),
        ("CURRENCY-A", "ON_HOLD", "unknown_currency"),
        ("IQD-A", "ON_HOLD", "unknown_currency"),
        ("DECIMALS-A", "ON_HOLD", "inexact_amount"),
        ("NEGATIVE-A", "ABORTED", "nothing_to_transfer"),
        ("ZERO-A", "ABORTED", "nothing_to_transfer"),
        ("TEXT-A", "ON_HOLD", "unreadable"),
        ("HUGE-A", "ON_HOLD", "unreadable"),
        ("SUM-A", "ON_HOLD", "cannot_add_up"),
        ("DATE-A", "ON_HOLD", "unreadable"),
        ("LINES-A", "ON_HOLD", "unreadable"),
        ("NUMBER-A", "ON_HOLD", "transaction_not_stripe"),
        ("UNKNOWN-A", "ON_HOLD", "payment_unknown"),
        ("PATH-A", "ON_HOLD", "transaction_not_stripe"),
        ("NONE-A", "ON_HOLD", "no_payment"),
        ("SHOP-A", "ON_HOLD", "no_account"),
        ("DIRECT-A", "IGNORED", "customer_pays_seller"),
        ("REFUSED-A", "ABORTED", "order_ended"),
    ] {
        let row = world.stands(id, &format!("TRANSFER_{status}"), code).await;
        assert!(row.reason.len() > 10, "{row:?}");
        assert_eq!(row.next_look_at.is_some(), status == "ON_HOLD", "{row:?}");
    }
    the_good_order_is_paid(&world).await;
}

#[tokio::test]
async fn an_order_that_is_mended_is_paid_at_the_next_run() {
    let world = beside_a_good_order().await;
    world.paid(
        eur("C1-A", 2000, "10.00", "1.00").without("shop_id"),
        "C1",
        1000,
    );
    world.transfer().await.exits(0);
    world.stands("C1-A", "TRANSFER_ON_HOLD", "unreadable").await;
    world
        .mirakl
        .update("C1-A", |order| order["shop_id"] = json!(2000));
    world.transfer().await.exits(0);
    world
        .each_moved_once(&["GOOD-A".to_owned(), "C1-A".to_owned()], 900)
        .await;
}

#[tokio::test]
async fn an_element_without_an_id_keeps_the_checkpoint_and_is_mentioned() {
    for element in [
        json!({"commercial_id": "C9"}),
        json!(null),
        json!("order"),
        json!({"order_id": 7}),
    ] {
        let world = beside_a_good_order().await;
        world.mirakl.put_json(element.clone());
        let run = world.transfer().await.exits(3).says("without an id");
        assert!(run.stdout.contains("1 failed"), "{element}: {run:#?}");
        the_good_order_is_paid(&world).await;
        assert_eq!(
            world
                .value("select max(reached)::text from checkpoints")
                .await,
            Value::Null
        );
        world.mirakl.remove_unusable();
        world.transfer().await.exits(0);
        assert_ne!(
            world
                .value("select max(reached)::text from checkpoints")
                .await,
            Value::Null
        );
    }
}

#[tokio::test]
async fn a_page_that_is_no_json_stops_the_run_and_the_next_one_goes_on() {
    for effect in [
        Effect::Html,
        Effect::EmptyBody,
        Effect::Body(200, "{\"orders\":7}".to_owned()),
    ] {
        let world = beside_a_good_order().await;
        world
            .sim
            .faults()
            .add(Fault::on("GET /api/orders").then(effect));
        world
            .transfer()
            .await
            .exits(1)
            .says("the orders could not be read from Mirakl");
        world.transfer().await.exits(0);
        the_good_order_is_paid(&world).await;
    }
}

#[tokio::test]
async fn a_body_that_never_ends_stops_the_run_and_the_next_one_goes_on() {
    let mut world = beside_a_good_order().await;
    world.set("HTTP_TIMEOUT_SECONDS", "1");
    for effect in [
        Effect::EndlessBody,
        Effect::SlowBody(std::time::Duration::from_secs(20)),
    ] {
        let endless = Fault::on("GET /api/orders").always();
        world.sim.faults().add(endless.then(effect));
        world
            .transfer()
            .await
            .exits(1)
            .says("the orders could not be read from Mirakl");
        world.sim.faults().clear();
    }
    world.transfer().await.exits(0);
    the_good_order_is_paid(&world).await;
}

#[tokio::test]
async fn pages_without_end_stop_the_run_after_what_they_hold_was_paid() {
    let world = beside_a_good_order().await;
    world.mirakl.forever_paging(true);
    world
        .transfer()
        .await
        .exits(1)
        .says("the same page again and again");
    the_good_order_is_paid(&world).await;
    world.mirakl.forever_paging(false);
    world.transfer().await.exits(0);
    the_good_order_is_paid(&world).await;
}

#[tokio::test]
async fn a_payment_that_cannot_be_read_holds_its_order_only() {
    let world = beside_a_good_order().await;
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "", 1000);
    // No list, so that each payment is asked for singly; one of them answers with a page.
    world
        .sim
        .faults()
        .add(Fault::on("GET /v1/charges").always().then(Effect::Html));
    let number = world.mirakl.order("C1-A").unwrap()["transaction_number"].clone();
    let single = Fault::on("GET /v1/payment_intents/{id}").always();
    let single = single.containing(number.as_str().unwrap());
    world.sim.faults().add(single.then(Effect::Html));
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "payment_unread")
        .await;
    the_good_order_is_paid(&world).await;
    world.sim.faults().clear();
    world.mirakl.update("C1-A", |_| ());
    world.transfer().await.exits(0);
    world
        .each_moved_once(&["GOOD-A".to_owned(), "C1-A".to_owned()], 900)
        .await;
}

#[tokio::test]
async fn ids_with_odd_characters_are_paid_once() {
    let world = World::new().await;
    let mut ids = vec![
        "Ä&=1 -A".to_owned(),
        "c'1\"-A".to_owned(),
        "C🙂-A".to_owned(),
    ];
    ids.push(format!("{}-A", "x".repeat(300)));
    for (n, id) in ids.iter().enumerate() {
        world.paid(eur(id, 2000, "10.00", "1.00"), &format!("B{n}"), 1000);
    }
    world.transfer().await.exits(0);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn an_order_id_with_control_characters_does_not_stop_the_others() {
    let world = beside_a_good_order().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").basket("N"));
    let order = eur("N\u{0}-A", 2000, "10.00", "1.00");
    world
        .mirakl
        .put(order.transaction(payment.intent.as_deref().unwrap()));
    world.transfer().await.exits(3);
    assert_eq!(world.moved("GOOD-A"), [900]);
}
