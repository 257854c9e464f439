//! Debits and payments that wait, end or turn around by a setting.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{DebitSeed, Effect, Fault, LineSeed, OrderSeed, PaymentSeed, ServiceSeed};

use crate::support::debits::{CAPTURE, accepted, authorised, captured, confirmed, debits, payment};
use crate::support::{World, eur};

#[tokio::test]
async fn an_authorisation_about_to_end_is_flagged_and_one_that_ended_has_failed() {
    let mut world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    world.mirakl.put(
        eur("C1-B", 2001, "5.00", "1.00")
            .state("WAITING_ACCEPTANCE")
            .unpaid(),
    );
    authorised(&world, "C1", 1500);
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["difference"], Value::Null);
    world.pass(TimeDelta::hours(5 * 24 + 1));
    debits(&world).await.exits(0).says("about to end");
    let flag = payment(&world, "C1").await["difference"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(flag.contains("C1-B"), "what holds it up: {flag}");
    world.pass(TimeDelta::days(3));
    debits(&world).await.exits(0);
    let row = payment(&world, "C1").await;
    assert_eq!(row["status"], "FAILED", "{row}");
    let why = row["failure"].as_str().unwrap();
    assert!(why.contains("ended before it was captured"), "{why}");
}

#[tokio::test]
async fn orders_of_ended_payments_are_refused_only_where_that_is_set() {
    let mut world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    world.sim.stripe().cancel(&intent);
    debits(&world).await.exits(0);
    world.pass(TimeDelta::hours(25));
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.confirmations().len(), 0);
    world.set("REFUSE_FAILED_PAYMENTS", "true");
    debits(&world).await.exits(0);
    assert_eq!(
        world.mirakl.order("C1-A").unwrap()["order_state"],
        "CANCELED"
    );
}

#[tokio::test]
async fn turned_around_the_money_is_taken_before_mirakl_is_told() {
    let mut world = World::new().await;
    world.set("PA01_AFTER_CAPTURE", "true");
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    world
        .sim
        .faults()
        .add(Fault::on(CAPTURE).always().then(Effect::CutBefore));
    debits(&world).await.exits(3);
    assert_eq!(world.mirakl.confirmations().len(), 0);
    world.sim.faults().clear();
    debits(&world).await.exits(0);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [1000]);
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn a_debit_that_somebody_else_confirms_or_that_ends_waits_no_longer() {
    let world = World::new().await;
    for n in 1..=2 {
        world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
    }
    debits(&world).await.exits(0).says("2 waiting");
    world.mirakl.put(
        accepted("C1-A", "10.00")
            .state("SHIPPING")
            .debited_at(Some(world.sim.clock().now()))
            .transaction("pi_other"),
    );
    world
        .mirakl
        .update("C2-A", |order| order["order_state"] = json!("CANCELED"));
    debits(&world).await.exits(0);
    let rows = world
        .value("select string_agg(order_id || ' ' || status, ', ' order by order_id) from debits")
        .await;
    assert_eq!(rows, "C1-A DEBIT_CONFIRMED, C2-A DEBIT_ENDED");
}

#[tokio::test]
async fn a_dry_run_shows_each_confirmation_and_each_capture_with_its_arithmetic() {
    let world = World::new().await;
    world.mirakl.put(
        OrderSeed::new("C1-A", "C1", 2000)
            .line(LineSeed::new("30.00"))
            .line(LineSeed::new("20.00").state("REFUSED"))
            .waiting_debit(),
    );
    let intent = authorised(&world, "C1", 5000);
    world.sim.clear_calls();
    let arguments = ["validate-pending-debit", "--dry-run", "--output", "json"];
    let planned = world.run(&arguments).await.exits(0).json();
    let rows = planned.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{planned}");
    assert_eq!(
        (&rows[0]["action"], &rows[0]["amount"]),
        (&json!("confirm"), &json!(3000))
    );
    assert_eq!(
        (&rows[1]["action"], &rows[1]["amount"]),
        (&json!("capture"), &json!(3000))
    );
    assert_eq!(rows[1]["transactionId"], intent);
    let why = rows[1]["reason"].as_str().unwrap();
    assert!(
        why.contains("50.00 EUR - refused or cancelled 20.00 EUR = 30.00 EUR"),
        "{why}"
    );
    let wrote = world
        .sim
        .calls()
        .into_iter()
        .filter(|call| call.method != "GET");
    assert_eq!(wrote.count(), 0);
    assert_eq!(
        world.value("select count(*)::text from payments").await,
        "0"
    );
}

#[tokio::test]
async fn a_service_whose_debit_comes_late_is_confirmed_by_a_payment_that_comes_later() {
    let mut world = World::new().await;
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    world
        .mirakl
        .put_service(ServiceSeed::new("S1", "C1", 2000).price("20.00"));
    debits(&world).await.exits(0).says("1 waiting");
    world.pass(TimeDelta::hours(8));
    world.mirakl.put_service(
        ServiceSeed::new("S9", "C9", 2000)
            .price("1.00")
            .state("ORDER_REFUSED"),
    );
    debits(&world).await.exits(0);
    // Neither date of the order moves.
    world.mirakl.put_debit(DebitSeed::new("D1", "S1", "20.00"));
    world.pass(TimeDelta::hours(1));
    debits(&world).await.exits(0);
    let intent = authorised(&world, "C1", 2000);
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.service_confirmations().len(), 1);
    assert_eq!(captured(&world, &intent), [2000]);
    let open =
        "select count(*)::text from debits where status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING')";
    assert_eq!(world.value(open).await, "0");
}

#[tokio::test]
async fn an_order_that_cannot_be_read_holds_up_its_own_basket_only() {
    let world = World::new().await;
    for n in 1..=3 {
        world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
        authorised(&world, &format!("C{n}"), 1000);
    }
    world
        .mirakl
        .update("C2-A", |order| order["total_price"] = json!("much"));
    debits(&world).await.exits(0);
    assert_eq!(world.sim.stripe().captures().len(), 2);
    assert_eq!(confirmed(&world, "C2-A").len(), 0);
    let why = world
        .value("select status_reason from debits where order_id = 'C2-A'")
        .await;
    assert!(why.as_str().unwrap().contains("C2-A"), "{why}");
}

#[tokio::test]
async fn payments_of_many_waiting_baskets_are_read_again_in_bulk() {
    let mut world = World::new().await;
    for n in 1..=40 {
        let waiting = eur(&format!("C{n}-A"), 2000, "10.00", "1.00");
        world
            .mirakl
            .put(waiting.state("WAITING_ACCEPTANCE").unpaid());
        authorised(&world, &format!("C{n}"), 1000);
    }
    debits(&world).await.exits(0).says("40 waiting");
    for n in 1..=40 {
        world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
    }
    world.pass(TimeDelta::hours(1));
    world.sim.clear_calls();
    debits(&world).await.exits(0).says("80 created");
    assert_eq!(world.sim.stripe().captures().len(), 40);
    assert_eq!(world.count("GET /v1/payment_intents/{id}"), 0);
    assert!(world.count("GET /v1/charges") <= 2);
}

#[tokio::test]
async fn a_first_intent_that_was_declined_decides_nothing_beside_a_second_one() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let declined = PaymentSeed::new(1000, "eur").basket("C1").failed();
    world.sim.stripe().pay(declined);
    let intent = authorised(&world, "C1", 1000);
    debits(&world).await.exits(0).says("2 created");
    assert_eq!(confirmed(&world, "C1-A"), std::slice::from_ref(&intent));
    assert_eq!(captured(&world, &intent), [1000]);
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 900).await;
}
