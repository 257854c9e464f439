//! Accepted orders are confirmed on Mirakl, and captured on Stripe once for each basket.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{DebitSeed, LineSeed, OrderSeed, PaymentSeed, ServiceRoot, ServiceSeed};

use crate::support::debits::{accepted, authorised, captured, confirmed, debits, payment, waits};
use crate::support::{World, eur};

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
