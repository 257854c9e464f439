//! Accepted orders are confirmed on Mirakl, and captured on Stripe once for each basket.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{
    BatchRule, DebitSeed, Effect, Fault, LineSeed, OrderSeed, PaymentSeed, ServiceRoot,
    ServiceSeed, When,
};

use crate::support::{Finished, World, eur};

const CONFIRM: &str = "PUT /api/payment/debit";
const CAPTURE: &str = "POST /v1/payment_intents/{id}/capture";

/// An order of one line that its seller has accepted, and whose debit waits.
pub fn accepted(id: &str, price: &str) -> OrderSeed {
    eur(id, 2000, price, "1.00").waiting_debit()
}

/// An authorised payment of `cents` that names a basket; its intent.
pub fn authorised(world: &World, basket: &str, cents: i64) -> String {
    let seed = PaymentSeed::new(cents, "eur").basket(basket).authorized();
    world.sim.stripe().pay(seed).intent.unwrap()
}

pub async fn debits(world: &World) -> Finished {
    world.run(&["validate-pending-debit"]).await
}

/// What Stripe has taken of a payment, by its ledger: every capture.
pub fn captured(world: &World, intent: &str) -> Vec<i64> {
    let captures = world.sim.stripe().captures().into_iter();
    captures
        .filter(|capture| capture.payment == intent)
        .map(|capture| capture.amount)
        .collect()
}

/// What Mirakl took for an order: the payments it was told.
pub fn confirmed(world: &World, order: &str) -> Vec<String> {
    let told = world.mirakl.confirmations().into_iter();
    told.filter(|told| told.order_id == order && told.applied && told.status == "OK")
        .map(|told| told.transaction_number.unwrap())
        .collect()
}

/// `list payments` of one basket.
pub async fn payment(world: &World, basket: &str) -> Value {
    let arguments = ["list", "payments", "--id", basket, "--output", "json"];
    let listed = world.run(&arguments).await.exits(0).json();
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// Why a basket waits.
pub async fn waits(world: &World, basket: &str, code: &str) -> String {
    let row = payment(world, basket).await;
    assert_eq!(row["reasonCode"], code, "{row}");
    row["statusReason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_accepted_order_is_confirmed_and_captured_in_one_run() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "12.34"));
    let intent = authorised(&world, "C1", 1234);
    debits(&world).await.exits(0).says("2 created");
    assert_eq!(confirmed(&world, "C1-A"), std::slice::from_ref(&intent));
    assert_eq!(captured(&world, &intent), [1234]);
    let order = world.mirakl.order("C1-A").unwrap();
    assert_eq!(order["transaction_number"], intent);
    assert_eq!(order["order_state"], "SHIPPING");
    let row = payment(&world, "C1").await;
    assert_eq!(
        (&row["status"], &row["captured"]),
        (&json!("CAPTURED"), &json!(1234))
    );
    let run = debits(&world).await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(captured(&world, &intent), [1234]);
    // The seller's part follows at once.
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 1134).await;
}

#[tokio::test]
async fn an_order_that_waited_for_the_capture_is_paid_by_the_next_transfer_run() {
    let mut world = World::new().await;
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    // Mirakl knows of the payment already: only its capture is waited for.
    world
        .mirakl
        .put(eur("C1-A", 2000, "10.00", "1.00").transaction(&intent));
    world.transfer().await.exits(0).says("1 waiting");
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "not_captured")
        .await;
    world.move_on().await;
    debits(&world).await.exits(0);
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn a_basket_of_several_sellers_is_captured_once_for_what_was_accepted() {
    let mut world = World::new().await;
    world.mirakl.put(accepted("C1-A", "30.00"));
    world.mirakl.put(
        eur("C1-B", 2001, "20.00", "1.00")
            .state("WAITING_ACCEPTANCE")
            .unpaid(),
    );
    let intent = authorised(&world, "C1", 6000);
    debits(&world).await.exits(0);
    assert_eq!(confirmed(&world, "C1-A"), std::slice::from_ref(&intent));
    assert_eq!(
        captured(&world, &intent),
        Vec::<i64>::new(),
        "the other seller decides yet"
    );
    let why = waits(&world, "C1", "not_decided").await;
    assert!(why.contains("C1-B"), "{why}");
    // The other seller refuses; nobody asks Mirakl for a debit, so the basket's time must come.
    world.mirakl.update("C1-B", |order| {
        order["order_state"] = json!("REFUSED");
        for line in order["order_lines"].as_array_mut().unwrap() {
            line["order_line_state"] = json!("REFUSED");
        }
    });
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    // 60.00 authorised: 30.00 accepted, 20.00 refused, 10.00 the operator's own goods.
    assert_eq!(captured(&world, &intent), [4000]);
    let row = payment(&world, "C1").await;
    let explained = row["amountExplained"].as_str().unwrap();
    assert!(
        explained.contains("60.00 EUR - refused or cancelled 20.00 EUR = 40.00 EUR"),
        "{explained}"
    );
}

#[tokio::test]
async fn refused_lines_cancelled_parts_and_taxes_on_top_are_left_out_to_the_cent() {
    let world = World::new().await;
    let order = OrderSeed::new("C1-A", "C1", 2000)
        .line(LineSeed::new("30.00").tax("6.00"))
        .line(LineSeed::new("20.00").tax("4.00").state("REFUSED"))
        .line(
            LineSeed::new("7.50")
                .tax("1.50")
                .canceled_part("2.50", "0.40")
                .canceled_tax("0.50"),
        )
        .tax_mode("TAX_EXCLUDED")
        .waiting_debit();
    world.mirakl.put(order);
    // 36 + 24 + 9 + what was cancelled of the third line: 3.40.
    let intent = authorised(&world, "C1", 7240);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [4500]);
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn a_basket_that_every_seller_refused_is_cancelled() {
    let world = World::new().await;
    world.mirakl.put(
        OrderSeed::new("C1-A", "C1", 2000)
            .line(LineSeed::new("30.00").state("REFUSED"))
            .state("REFUSED")
            .unpaid(),
    );
    let intent = authorised(&world, "C1", 3000);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    let canceled = world.sim.stripe().cancellations();
    assert_eq!(canceled.len(), 1);
    assert_eq!(canceled[0].payment, intent);
    assert_eq!(payment(&world, "C1").await["status"], "CANCELED");
    debits(&world).await.exits(0);
    assert_eq!(world.sim.stripe().cancellations().len(), 1);
}

#[tokio::test]
async fn a_declined_first_card_decides_nothing() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let seed = PaymentSeed::new(1000, "eur").basket("C1").failed();
    let intent = world.sim.stripe().pay(seed).intent.unwrap();
    debits(&world).await.exits(0).says("1 waiting");
    assert_eq!(world.mirakl.confirmations().len(), 0);
    world.sim.stripe().pay_again(&intent);
    debits(&world).await.exits(0);
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn what_does_not_fit_is_held_with_both_facts_and_confirmed_nowhere() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    authorised(&world, "C1", 999);
    world.mirakl.put(accepted("C2-A", "10.00"));
    let usd = PaymentSeed::new(1000, "usd").basket("C2").authorized();
    world.sim.stripe().pay(usd);
    world.mirakl.put(accepted("C3-A", "10.00"));
    authorised(&world, "C3", 1000);
    let second = authorised(&world, "C3", 1000);
    world.mirakl.put(accepted("C4-A", "10.00"));
    debits(&world).await.exits(0).says("waiting");
    assert_eq!(world.mirakl.confirmations().len(), 0);
    assert_eq!(world.sim.stripe().captures().len(), 0);
    let less = waits(&world, "C1", "not_confirmed").await;
    assert!(less.contains("C1-A"), "{less}");
    let listed = world.run(&["list", "payments"]).await.exits(0).stdout;
    let arguments = ["list", "payments", "--output", "json"];
    let rows = world.run(&arguments).await.exits(0).json();
    let rows = rows.as_array().unwrap().iter();
    let reasons: Vec<&str> = rows.filter_map(|row| row["debits"].as_str()).collect();
    let reasons = reasons.join("; ");
    assert!(listed.contains("its orders need 10.00 EUR"), "{listed}");
    for fact in [
        "C1-A: the payment holds 9.99 EUR, its orders need 10.00 EUR",
        "C2-A: order C2-A is in EUR, the payment in USD",
        "C3-A: several payments name this basket",
        "C4-A: no payment at Stripe names this basket",
    ] {
        assert!(reasons.contains(fact), "{fact} is not in {reasons}");
    }
    // The person who cancels one of the two lets the other be used.
    world.sim.stripe().cancel(&second);
    debits(&world).await.exits(0);
    assert_eq!(confirmed(&world, "C3-A").len(), 1);
}

#[tokio::test]
async fn a_payment_that_no_list_has_shown_is_searched() {
    let mut world = World::new().await;
    let old = PaymentSeed::new(1000, "eur")
        .basket("C1")
        .created_at(world.sim.clock().now() - TimeDelta::days(20))
        .capture_before(world.sim.clock().now() + TimeDelta::days(5))
        .authorized();
    let intent = world.sim.stripe().pay(old).intent.unwrap();
    world.mirakl.put(accepted("C1-A", "10.00"));
    world.sim.stripe().search_delay(TimeDelta::days(30));
    debits(&world).await.exits(0).says("1 waiting");
    world.sim.stripe().search_delay(TimeDelta::zero());
    world.pass(TimeDelta::minutes(6));
    let run = debits(&world).await.exits(0);
    assert_eq!(run.stderr, "");
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn services_are_confirmed_and_count_in_the_basket() {
    for root in [ServiceRoot::Array, ServiceRoot::Orders] {
        let world = World::new().await;
        world.mirakl.service_root(root);
        world.mirakl.put(accepted("C1-A", "30.00"));
        world
            .mirakl
            .put_service(ServiceSeed::new("S1", "C1", 2000).price("20.00"));
        world.mirakl.put_debit(DebitSeed::new("D1", "S1", "20.00"));
        world.mirakl.put_service(
            ServiceSeed::new("S2", "C1", 2000)
                .price("5.00")
                .state("ORDER_REFUSED"),
        );
        let intent = authorised(&world, "C1", 5500);
        debits(&world).await.exits(0);
        let told = world.mirakl.service_confirmations();
        assert_eq!(told.len(), 1);
        assert!(told[0].applied && told[0].state == "OK");
        assert_eq!(told[0].transaction_number.as_ref(), Some(&intent));
        assert_eq!(captured(&world, &intent), [5000]);
    }
}

#[tokio::test]
async fn services_that_another_system_confirms_are_left_to_it() {
    let mut world = World::new().await;
    world.set("CONFIRM_SERVICE_DEBITS", "false");
    world
        .mirakl
        .put_service(ServiceSeed::new("S1", "C1", 2000).price("20.00"));
    world.mirakl.put_debit(DebitSeed::new("D1", "S1", "20.00"));
    let intent = authorised(&world, "C1", 2000);
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.service_confirmations().len(), 0);
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    world
        .mirakl
        .update_debit("D1", |debit| debit["state"] = json!("OK"));
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [2000]);
}

#[tokio::test]
async fn each_shipment_is_confirmed_by_itself_and_the_basket_captured_after_the_last() {
    let world = World::new().await;
    let order = OrderSeed::new("C1-A", "C1", 2000)
        .line(LineSeed::new("12.00"))
        .line(LineSeed::new("8.00"))
        .shipment_debits(&[("SH1", "12.00"), ("SH2", "8.00")]);
    world.mirakl.put(order);
    let intent = authorised(&world, "C1", 2000);
    debits(&world).await.exits(0);
    let told = world.mirakl.confirmations();
    let entities: Vec<Option<(String, String)>> =
        told.iter().map(|told| told.debit_entity.clone()).collect();
    let shipment = |id: &str| Some(("SHIPMENT".to_owned(), id.to_owned()));
    assert_eq!(entities, [shipment("SH1"), shipment("SH2")]);
    let mut world = world;
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [2000]);
    assert_eq!(world.mirakl.confirmations().len(), 2, "each once");
}

#[tokio::test]
async fn one_order_that_mirakl_refuses_stops_no_other() {
    for rule in [BatchRule::Atomic, BatchRule::AppliesValid] {
        let world = World::new().await;
        world.mirakl.batch_rule(rule);
        for n in 1..=5 {
            let order = accepted(&format!("C{n}-A"), "10.00");
            // Mirakl knows another customer than the one it names.
            world.mirakl.put(order);
            authorised(&world, &format!("C{n}"), 1000);
        }
        world
            .sim
            .faults()
            .add(
                Fault::on(CONFIRM)
                    .containing("C3-A")
                    .always()
                    .then(Effect::Refusal {
                        status: 400,
                        code: None,
                        param: None,
                        message: "Cannot move order C3-A to SHIPPING".to_owned(),
                    }),
            );
        debits(&world).await.exits(3).says("Cannot move order C3-A");
        for n in [1, 2, 4, 5] {
            assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1, "{n}");
        }
        assert_eq!(confirmed(&world, "C3-A").len(), 0);
        assert_eq!(world.sim.stripe().captures().len(), 4);
        world.sim.faults().clear();
        debits(&world).await.exits(0);
        assert_eq!(confirmed(&world, "C3-A").len(), 1);
    }
}

#[tokio::test]
async fn a_confirmation_whose_answer_is_lost_is_settled_by_reading() {
    for (effect, known) in [
        (Effect::CutAfter, true),
        (Effect::StatusAfter(500), true),
        // Without an answer nothing is told again before the next run.
        (Effect::CutBefore, false),
        // Mirakl answered that it did nothing: one of the batch may be why, so each is told alone.
        (Effect::Status(503), true),
    ] {
        let what = format!("{effect:?}");
        let world = World::new().await;
        for n in 1..=3 {
            world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
            authorised(&world, &format!("C{n}"), 1000);
        }
        world
            .sim
            .faults()
            .add(Fault::on(CONFIRM).times(1).then(effect));
        let run = debits(&world).await;
        assert_eq!(run.code, Some(if known { 0 } else { 3 }), "{what}: {run:?}");
        debits(&world).await.exits(0);
        for n in 1..=3 {
            assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1, "{what}");
        }
        let mut world = world;
        world.pass(TimeDelta::minutes(6));
        debits(&world).await.exits(0);
        assert_eq!(world.sim.stripe().captures().len(), 3, "{what}");
    }
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_settled_and_made_once() {
    for (effect, times) in [
        (Effect::CutAfter, 1),
        (Effect::CutAfter, 100),
        (Effect::StatusAfter(500), 1),
        (Effect::Status(500), 1),
        (Effect::Html, 1),
    ] {
        let what = format!("{effect:?} {times}");
        let mut world = World::new().await;
        world.mirakl.put(accepted("C1-A", "10.00"));
        let intent = authorised(&world, "C1", 1500);
        world
            .sim
            .faults()
            .add(Fault::on(CAPTURE).times(times).then(effect));
        debits(&world).await;
        world.sim.faults().clear();
        world.pass(TimeDelta::minutes(6));
        debits(&world).await.exits(0);
        assert_eq!(captured(&world, &intent), [1500], "{what}");
        assert_eq!(payment(&world, "C1").await["status"], "CAPTURED", "{what}");
        // Also when Stripe has forgotten the key.
        world.pass(TimeDelta::hours(30));
        debits(&world).await.exits(0);
        assert_eq!(captured(&world, &intent), [1500], "{what}");
    }
}

#[tokio::test]
async fn captured_or_cancelled_elsewhere_is_recognised() {
    let mut world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let first = authorised(&world, "C1", 1000);
    world.mirakl.put(accepted("C2-A", "10.00"));
    let second = authorised(&world, "C2", 1000);
    world
        .sim
        .faults()
        .add(Fault::on(CAPTURE).always().then(Effect::CutBefore));
    debits(&world).await.exits(3);
    world.sim.faults().clear();
    world.sim.stripe().capture(&first, Some(700));
    world.sim.stripe().cancel(&second);
    world.pass(TimeDelta::hours(30));
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["status"], "CAPTURED");
    assert_eq!(payment(&world, "C2").await["status"], "CANCELED");
    let flag = payment(&world, "C1").await["difference"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        flag.contains("7.00 EUR") && flag.contains("10.00 EUR"),
        "{flag}"
    );
    let world = world;
    assert_eq!(
        world.sim.stripe().captures().len(),
        1,
        "only the other one's"
    );
}

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

async fn killed_at_every_call(when: When) {
    let mut kills = 0;
    loop {
        let mut world = World::new().await;
        world.set("STRIPE_MAX_CONCURRENCY", "1");
        world.mirakl.put(accepted("C1-A", "10.00"));
        world.mirakl.put(accepted("C1-B", "5.00"));
        let first = authorised(&world, "C1", 1700);
        world.mirakl.put(accepted("C2-A", "10.00"));
        let second = authorised(&world, "C2", 1000);
        let switch = world.sim.faults().kill_at_call(kills + 1, when);
        let child = world.program(&["validate-pending-debit"]).spawn();
        switch.arm(child.id().unwrap());
        Finished::of(child).await;
        world.sim.faults().clear();
        if !switch.fired() {
            break;
        }
        kills += 1;
        for _ in 0..2 {
            debits(&world).await.exits(0);
            world.pass(TimeDelta::minutes(11));
        }
        debits(&world).await.exits(0);
        for order in ["C1-A", "C1-B", "C2-A"] {
            assert_eq!(
                confirmed(&world, order).len(),
                1,
                "{order}, killed at {kills}"
            );
        }
        assert_eq!(captured(&world, &first), [1700], "killed at {kills}");
        assert_eq!(captured(&world, &second), [1000], "killed at {kills}");
    }
    assert!(kills >= 8, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_each_order_is_confirmed_and_each_payment_captured_once() {
    killed_at_every_call(When::Before).await;
}

#[tokio::test]
async fn killed_after_any_call_each_order_is_confirmed_and_each_payment_captured_once() {
    killed_at_every_call(When::After).await;
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
async fn overlapping_runs_confirm_and_capture_once() {
    let world = World::new().await;
    for n in 1..=20 {
        world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
        authorised(&world, &format!("C{n}"), 1000);
    }
    let program = world.program(&["validate-pending-debit"]);
    let (a, b) = tokio::join!(Finished::of(program.spawn()), Finished::of(program.spawn()));
    a.exits(0);
    b.exits(0);
    debits(&world).await.exits(0);
    for n in 1..=20 {
        assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1);
    }
    assert_eq!(world.sim.stripe().captures().len(), 20);
}

#[tokio::test]
async fn an_older_observation_never_takes_a_payment_back() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    authorised(&world, "C1", 1000);
    debits(&world).await.exits(0);
    let mut conn = world.db.connect().await;
    sqlx::query(
        "update payments set observed_at = now() + interval '1 hour', status = 'CANCELED', captured = 0",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["status"], "CANCELED");
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

#[tokio::test]
async fn what_a_small_capture_releases_is_no_refund_and_the_seller_is_paid() {
    let world = World::new().await;
    world.mirakl.put(
        OrderSeed::new("C1-A", "C1", 2000)
            .line(LineSeed::new("4.00").commission("1.00"))
            .line(LineSeed::new("6.00").state("REFUSED"))
            .waiting_debit(),
    );
    let intent = authorised(&world, "C1", 1000);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [400]);
    assert_eq!(payment(&world, "C1").await["refunded"], 0);
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 300).await;
}

#[tokio::test]
async fn a_payment_that_somebody_captures_while_the_run_is_under_way_is_recognised() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    let slow = Effect::Delay(std::time::Duration::from_secs(2));
    world
        .sim
        .faults()
        .add(Fault::on(CONFIRM).times(1).then(slow));
    let run = world.program(&["validate-pending-debit"]).spawn();
    while world.count(CONFIRM) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.sim.stripe().capture(&intent, None);
    Finished::of(run).await.exits(0);
    assert_eq!(world.sim.stripe().captures().len(), 1, "theirs");
    let row = payment(&world, "C1").await;
    assert_eq!(row["status"], "CAPTURED", "{row}");
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn a_list_that_never_ends_stops_the_run_and_says_so() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    world.mirakl.forever_paging(true);
    debits(&world).await.exits(1).says("the same page again");
    assert_eq!(world.mirakl.confirmations().len(), 0);
}
