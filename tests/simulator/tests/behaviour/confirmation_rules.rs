use serde_json::{Value, json};
use simulator::{BatchRule, LineSeed, MIRAKL_KEY, OrderSeed};

use crate::client::World;

const PATH: &str = "/api/payment/debit";

fn order(id: &str) -> OrderSeed {
    OrderSeed::new(id, "C1", 2001)
        .line(LineSeed::new("10.00"))
        .waiting_debit()
}

fn ok(id: &str) -> Value {
    json!({
        "order_id": id,
        "customer_id": "customer-C1",
        "payment_status": "OK",
        "amount": 10,
    })
}

/// An item with one field otherwise.
fn with(field: &str, value: Value) -> Value {
    let mut item = ok("C1-A");
    item[field] = value;
    item
}

fn state(world: &World, id: &str) -> String {
    let order = world.sim.mirakl().order(id).expect("an order");
    order["order_state"].as_str().expect("a state").to_owned()
}

#[tokio::test]
async fn an_item_that_is_wrong_is_refused() {
    let world = World::new().await;
    world.sim.mirakl().put(order("C1-A"));
    let wrong = [
        with("order_id", json!("C9-A")),
        with("order_id", Value::Null),
        with("customer_id", json!("somebody")),
        with("customer_id", Value::Null),
        with("payment_status", json!("MAYBE")),
        with("payment_status", Value::Null),
        with("amount", json!(11)),
        with("amount", json!("10")),
        with("amount", Value::Null),
        with("currency_iso_code", json!("USD")),
        with("debit_entity", json!({ "type": "ORDER" })),
        with("debit_entity", json!({ "type": "ORDER", "id": "C1" })),
        with("debit_entity", json!({ "type": "SHIPMENT", "id": "C1-A" })),
        with("debit_entity", json!({ "type": "BASKET", "id": "C1-A" })),
        with("transaction_number", json!(7)),
        with("transaction_date", json!("yesterday")),
    ];
    for item in wrong {
        let reply = world.put(PATH, &json!({ "orders": [item] })).await;
        assert_eq!(reply.status, 400, "{item}");
        assert!(reply.json()["message"].is_string());
        assert_eq!(reply.json()["status"], 400);
    }
    assert_eq!(state(&world, "C1-A"), "WAITING_DEBIT_PAYMENT");
    let good = json!({ "orders": [with("currency_iso_code", json!("EUR"))] });
    assert_eq!(world.put(PATH, &good).await.status, 204);
}

#[tokio::test]
async fn the_currency_must_be_given_unless_it_is_the_platforms() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A").currency("SEK"));
    let silent = json!({ "orders": [ok("C1-A")] });
    let reply = world.put(PATH, &silent).await;
    assert!(reply.text.contains("currency_iso_code"), "{}", reply.text);
    let told = json!({ "orders": [with("currency_iso_code", json!("SEK"))] });
    assert_eq!(world.put(PATH, &told).await.status, 204);
    mirakl.platform_currency("SEK");
    mirakl.put(order("C1-A").currency("SEK"));
    assert_eq!(world.put(PATH, &silent).await.status, 204);
    mirakl.put(order("C1-A"));
    assert_eq!(world.put(PATH, &silent).await.status, 400);
}

#[tokio::test]
async fn a_body_must_be_json_that_holds_orders() {
    let world = World::new().await;
    for body in [
        json!([]),
        json!({}),
        json!({ "orders": [] }),
        json!({ "orders": {} }),
    ] {
        assert_eq!(world.put(PATH, &body).await.status, 400, "{body}");
    }
    let client = reqwest::Client::new();
    let put = |kind: &'static str, body: &'static str| {
        let request = client.put(format!("{}{PATH}", world.sim.mirakl().url()));
        let request = request.header("Authorization", MIRAKL_KEY);
        request.header("Content-Type", kind).body(body).send()
    };
    let broken = put("application/json", "{").await.expect("an answer");
    assert_eq!(broken.status(), 400);
    let text = put("text/plain", "{}").await.expect("an answer");
    assert_eq!(text.status(), 415);
    let posted = client.post(format!("{}{PATH}", world.sim.mirakl().url()));
    let posted = posted.header("Authorization", MIRAKL_KEY).send().await;
    assert_eq!(posted.expect("an answer").status(), 405);
}

#[tokio::test]
async fn a_call_holds_at_most_a_hundred_orders() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let ids: Vec<String> = (0..101)
        .map(|n| mirakl.put(order(&format!("C{n}"))))
        .collect();
    let items: Vec<Value> = ids.iter().map(|id| ok(id)).collect();
    let reply = world.put(PATH, &json!({ "orders": items })).await;
    assert!(reply.text.contains("limit of 100"), "{}", reply.text);
    assert_eq!(mirakl.confirmations().len(), 101);
    let reply = world.put(PATH, &json!({ "orders": items[1..] })).await;
    assert_eq!(reply.status, 204);
    assert_eq!(state(&world, "C0"), "WAITING_DEBIT_PAYMENT");
    assert_eq!(state(&world, "C100"), "SHIPPING");
}

#[tokio::test]
async fn a_batch_with_a_wrong_order_applies_nothing() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A"));
    mirakl.put(order("C1-B").state("SHIPPING"));
    let batch = json!({ "orders": [ok("C1-A"), ok("C1-B")] });
    let reply = world.put(PATH, &batch).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("C1-B"), "{}", reply.text);
    assert_eq!(state(&world, "C1-A"), "WAITING_DEBIT_PAYMENT");
    assert!(mirakl.confirmations().iter().all(|item| !item.applied));
}

#[tokio::test]
async fn a_batch_may_apply_what_is_right_and_still_be_refused() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.batch_rule(BatchRule::AppliesValid);
    mirakl.put(order("C1-A"));
    mirakl.put(order("C1-B").state("SHIPPING"));
    mirakl.put(order("C1-C"));
    let batch = json!({ "orders": [ok("C1-A"), ok("C1-B"), ok("C1-C")] });
    assert_eq!(world.put(PATH, &batch).await.status, 400);
    assert_eq!(state(&world, "C1-A"), "SHIPPING");
    assert_eq!(state(&world, "C1-C"), "SHIPPING");
    let applied: Vec<bool> = mirakl.confirmations().iter().map(|c| c.applied).collect();
    assert_eq!(applied, [true, false, true]);
}

#[tokio::test]
async fn an_order_is_confirmed_once_in_a_batch() {
    let world = World::new().await;
    world.sim.mirakl().put(order("C1-A"));
    let batch = json!({ "orders": [ok("C1-A"), ok("C1-A")] });
    assert_eq!(world.put(PATH, &batch).await.status, 400);
    assert_eq!(state(&world, "C1-A"), "WAITING_DEBIT_PAYMENT");
}

#[tokio::test]
async fn an_order_put_again_asks_anew() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A").shipment_debits(&[("SH1", "10.00")]));
    mirakl.put(order("C1-A"));
    let list = world.mirakl(PATH).await.json();
    assert_eq!(list["total_count"], 1);
    assert_eq!(list["orders"]["order"][0]["debit_entity"]["type"], "ORDER");
    let by_basket = world
        .mirakl("/api/orders?commercial_ids=C1,C2")
        .await
        .json();
    assert_eq!(by_basket["total_count"], 1);
    let many = vec!["C"; 101].join(",");
    let reply = world
        .mirakl(&format!("/api/orders?commercial_ids={many}"))
        .await;
    assert_eq!(reply.status, 400);
}
