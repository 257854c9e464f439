use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use simulator::{Effect, Fault, LineSeed, OrderSeed};

use crate::client::{Reply, World};

const PATH: &str = "/api/payment/debit";

fn order(id: &str) -> OrderSeed {
    OrderSeed::new(id, "C1", 2001)
        .line(LineSeed::new("10.00").commission("1.00"))
        .waiting_debit()
}

fn ok(id: &str) -> Value {
    json!({
        "order_id": id,
        "customer_id": "customer-C1",
        "payment_status": "OK",
        "amount": 10,
        "transaction_number": "pi_1",
        "transaction_date": "2026-05-07T08:00:00Z",
    })
}

fn refused(id: &str) -> Value {
    json!({ "order_id": id, "customer_id": "customer-C1", "payment_status": "REFUSED" })
}

async fn confirm(world: &World, item: Value) -> Reply {
    world.put(PATH, &json!({ "orders": [item] })).await
}

async fn waiting(world: &World) -> u64 {
    let list = world.mirakl(PATH).await.json();
    list["total_count"].as_u64().expect("a count")
}

#[tokio::test]
async fn a_confirmed_order_is_debited_and_ships() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let old = world.sim.clock().now() - TimeDelta::days(2);
    mirakl.put(order("C1-A").created_at(old).updated_at(old));
    let reply = confirm(&world, ok("C1-A")).await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "SHIPPING");
    assert_eq!(order["transaction_number"], "pi_1");
    assert_eq!(order["transaction_date"], "2026-05-07T08:00:00Z");
    assert_eq!(order["order_lines"][0]["order_line_state"], "SHIPPING");
    assert!(order["order_lines"][0]["debited_date"].is_string());
    for date in ["customer_debited_date", "last_updated_date"] {
        let date = order[date].as_str().expect("a date");
        let date = DateTime::parse_from_rfc3339(date).expect("RFC 3339");
        assert!(world.sim.clock().now().signed_duration_since(date) < TimeDelta::seconds(5));
    }
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn a_refused_order_is_cancelled_with_its_lines() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A").line(LineSeed::new("5.00").state("REFUSED")));
    assert_eq!(confirm(&world, refused("C1-A")).await.status, 204);
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "CANCELED");
    assert_eq!(order["customer_debited_date"], Value::Null);
    let lines = &order["order_lines"];
    assert_eq!(lines[0]["order_line_state"], "CANCELED");
    assert_eq!(lines[0]["cancelations"][0]["amount"].to_string(), "10.00");
    assert_eq!(lines[1]["order_line_state"], "REFUSED");
    assert_eq!(lines[1]["cancelations"], json!([]));
    assert_eq!(order["total_price"].to_string(), "0");
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn an_order_is_confirmed_once() {
    let world = World::new().await;
    world.sim.mirakl().put(order("C1-A"));
    assert_eq!(confirm(&world, ok("C1-A")).await.status, 204);
    let again = confirm(&world, ok("C1-A")).await;
    assert_eq!(again.status, 400);
    assert_eq!(
        again.json(),
        json!({
            "message": "Cannot move order C1-A to SHIPPING: it is not in WAITING_DEBIT_PAYMENT",
            "status": 400,
        })
    );
    let refusal = confirm(&world, refused("C1-A")).await;
    assert!(refusal.text.contains("to CANCELED"), "{}", refusal.text);
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "SHIPPING");
}

#[tokio::test]
async fn what_ships_before_it_is_paid_keeps_its_state() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    for (workflow, state) in [
        ("PAY_ON_DELIVERY", "SHIPPED"),
        ("PAY_ON_DUE_DATE", "RECEIVED"),
        ("PAY_ON_DUE_DATE", "WAITING_DEBIT_PAYMENT"),
    ] {
        mirakl.put(order("C1-A").workflow(workflow).state(state).debit_asked());
        assert_eq!(waiting(&world).await, 1);
        assert_eq!(confirm(&world, ok("C1-A")).await.status, 204);
        let order = mirakl.order("C1-A").expect("an order");
        assert_eq!(order["order_state"], state);
        assert!(order["customer_debited_date"].is_string());
        assert_eq!(waiting(&world).await, 0);
    }
}

#[tokio::test]
async fn shipments_are_confirmed_one_by_one() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let seed = OrderSeed::new("C1-A", "C1", 1)
        .line(LineSeed::new("12.00"))
        .line(LineSeed::new("8.00"))
        .shipment_debits(&[("SH1", "12.00"), ("SH2", "8.00")]);
    mirakl.put(seed);
    let shipment = |id: &str, amount: u32, mut item: Value| {
        item["debit_entity"] = json!({ "type": "SHIPMENT", "id": id });
        item["amount"] = amount.into();
        item
    };
    let without = confirm(&world, ok("C1-A")).await;
    assert!(without.text.contains("debit_entity"), "{}", without.text);
    assert_eq!(
        confirm(&world, shipment("SH9", 8, ok("C1-A"))).await.status,
        400
    );
    assert_eq!(
        confirm(&world, shipment("SH2", 12, ok("C1-A")))
            .await
            .status,
        400
    );
    assert_eq!(
        confirm(&world, shipment("SH2", 8, ok("C1-A"))).await.status,
        204
    );
    let order = mirakl.order("C1-A").expect("an order");
    assert!(order["customer_debited_date"].is_string());
    assert_eq!(order["order_lines"][0]["debited_date"], Value::Null);
    assert!(order["order_lines"][1]["debited_date"].is_string());
    assert_eq!(waiting(&world).await, 1);
    assert_eq!(
        confirm(&world, shipment("SH2", 8, ok("C1-A"))).await.status,
        400
    );
    assert_eq!(
        confirm(&world, shipment("SH1", 12, refused("C1-A")))
            .await
            .status,
        204
    );
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "SHIPPING");
    assert_eq!(order["order_lines"][0]["order_line_state"], "CANCELED");
    assert_eq!(order["total_price"].to_string(), "8.00");
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn every_confirmation_is_on_record_whether_or_not_it_was_applied() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A"));
    let mut item = ok("C1-A");
    item["amount"] = serde_json::from_str("9.99").expect("a number");
    assert_eq!(confirm(&world, item).await.status, 400);
    let mut item = ok("C1-A");
    item["debit_entity"] = json!({ "type": "ORDER", "id": "C1-A" });
    item["currency_iso_code"] = json!("EUR");
    assert_eq!(confirm(&world, item).await.status, 204);
    assert_eq!(confirm(&world, json!(7)).await.status, 400);
    let [wrong, good, odd] = <[_; 3]>::try_from(mirakl.confirmations()).expect("three");
    assert_eq!(
        (wrong.amount.as_deref(), wrong.applied),
        (Some("9.99"), false)
    );
    assert_eq!((wrong.debit_entity, wrong.currency), (None, None));
    assert!(good.applied);
    let entity = ("ORDER".to_owned(), "C1-A".to_owned());
    assert_eq!(good.debit_entity, Some(entity));
    assert_eq!(
        (good.order_id.as_str(), good.status.as_str()),
        ("C1-A", "OK")
    );
    assert_eq!(good.currency.as_deref(), Some("EUR"));
    assert_eq!(good.customer_id, "customer-C1");
    assert_eq!(good.transaction_number.as_deref(), Some("pi_1"));
    assert!(good.at >= wrong.at && good.at <= world.sim.clock().now());
    assert_eq!((odd.order_id.as_str(), odd.applied), ("", false));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_order_confirmed() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A"));
    let faults = world.sim.faults();
    faults.add(Fault::on("PUT /api/payment/debit").then(Effect::CutBefore));
    faults.add(
        Fault::on("PUT /api/payment/debit")
            .nth(2)
            .then(Effect::CutAfter),
    );
    let body = json!({ "orders": [ok("C1-A")] });
    assert!(world.try_put(PATH, &body).await.is_err());
    assert!(mirakl.confirmations().is_empty());
    assert!(world.try_put(PATH, &body).await.is_err());
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["transaction_number"], "pi_1");
    assert_eq!(world.sim.count("PUT /api/payment/debit"), 2);
}
