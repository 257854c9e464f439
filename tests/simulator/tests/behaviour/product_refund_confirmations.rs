use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{BatchRule, Effect, Fault, LineSeed, MIRAKL_KEY, OrderSeed, RefundSeed};

use crate::client::World;

const PATH: &str = "/api/payment/refund";

/// Orders `C1-A` to `C1-C` of yesterday, each with a refund `R1` to `R3` of 10.00.
async fn world() -> World {
    let world = World::new().await;
    let at = world.sim.clock().now() - TimeDelta::days(1);
    for (n, order) in (1..).zip(["C1-A", "C1-B", "C1-C"]) {
        let line = LineSeed::new("30.00").refund(&format!("R{n}"), "10.00");
        let seed = OrderSeed::new(order, "C1", 2001).line(line);
        world.sim.mirakl().put(seed.updated_at(at));
    }
    world
}

fn ok(id: &str) -> Value {
    json!({ "refund_id": id, "payment_status": "OK", "amount": 10 })
}

/// An item with one field otherwise.
fn with(field: &str, value: Value) -> Value {
    let mut item = ok("R1");
    item[field] = value;
    item
}

fn refund(world: &World, order: &str) -> Value {
    let order = world.sim.mirakl().order(order).expect("an order");
    order["order_lines"][0]["refunds"][0].clone()
}

async fn waiting(world: &World) -> usize {
    let list = world.mirakl(PATH).await.json();
    list["orders"]["order"].as_array().map_or(0, Vec::len)
}

async fn put(world: &World, items: &[Value]) -> u16 {
    world.put(PATH, &json!({ "refunds": items })).await.status
}

#[tokio::test]
async fn a_confirmed_refund_is_refunded_and_waits_no_more() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let before = mirakl.order("C1-A").expect("an order");
    let mut item = ok("R1");
    item["amount"] = serde_json::from_str("10.0").expect("a number");
    item["currency_iso_code"] = "EUR".into();
    item["transaction_number"] = "re_1".into();
    item["transaction_date"] = "2026-05-07T10:05:00+02:00".into();
    let reply = world.put(PATH, &json!({ "refunds": [item] })).await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    let after = mirakl.order("C1-A").expect("an order");
    assert_ne!(after["last_updated_date"], before["last_updated_date"]);
    assert_eq!(after["total_price"], before["total_price"]);
    let refund = refund(&world, "C1-A");
    assert_eq!(refund["refund_state"], "REFUNDED");
    assert_eq!(refund["state"], "REFUNDED");
    assert_eq!(refund["transaction_number"], "re_1");
    assert_eq!(refund["transaction_date"], "2026-05-07T08:05:00Z");
    assert_eq!(waiting(&world).await, 2);
    let [one] = <[_; 1]>::try_from(mirakl.refund_confirmations()).expect("one");
    assert_eq!((one.refund_id.as_str(), one.status.as_str()), ("R1", "OK"));
    assert_eq!(one.amount.as_deref(), Some("10.0"));
    assert_eq!(one.currency.as_deref(), Some("EUR"));
    assert_eq!(one.transaction_number.as_deref(), Some("re_1"));
    assert!(one.applied);
}

#[tokio::test]
async fn a_refund_is_confirmed_once() {
    let world = world().await;
    assert_eq!(put(&world, &[ok("R1")]).await, 204);
    let again = world.put(PATH, &json!({ "refunds": [ok("R1")] })).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json()["status"], 400);
    assert!(
        again.json()["message"]
            .as_str()
            .is_some_and(|m| m.contains("R1"))
    );
    assert_eq!(put(&world, &[ok("R2"), ok("R2")]).await, 400);
    assert_eq!(
        refund(&world, "C1-B")["refund_state"],
        "WAITING_REFUND_PAYMENT"
    );
    let applied = world.sim.mirakl().refund_confirmations();
    let applied: Vec<bool> = applied.iter().map(|one| one.applied).collect();
    assert_eq!(applied, [true, false, false, false]);
}

#[tokio::test]
async fn a_refused_refund_waits_no_more_and_is_not_refunded() {
    let world = world().await;
    let item = json!({ "refund_id": "R1", "payment_status": "REFUSED" });
    assert_eq!(put(&world, &[item]).await, 204);
    let refund = refund(&world, "C1-A");
    assert_eq!(refund["refund_state"], "WAITING_REFUND");
    assert!(refund["transaction_number"].is_null());
    assert_eq!(waiting(&world).await, 2);
    assert_eq!(put(&world, &[ok("R1")]).await, 400);
}

#[tokio::test]
async fn a_refunds_item_that_is_wrong_is_refused() {
    let world = world().await;
    for item in [
        with("refund_id", json!("R9")),
        with("refund_id", Value::Null),
        with("refund_id", json!("")),
        with("payment_status", json!("MAYBE")),
        with("payment_status", Value::Null),
        with("amount", json!(11)),
        with("amount", json!("10")),
        with("amount", Value::Null),
        with("currency_iso_code", json!("USD")),
        with("transaction_number", json!(7)),
        with("transaction_date", json!("yesterday")),
    ] {
        let reply = world.put(PATH, &json!({ "refunds": [item] })).await;
        assert_eq!(reply.status, 400, "{item}");
        assert!(reply.json()["message"].is_string());
    }
    for body in [json!([]), json!({}), json!({ "refunds": [] })] {
        assert_eq!(world.put(PATH, &body).await.status, 400, "{body}");
    }
    assert_eq!(waiting(&world).await, 3);
}

#[tokio::test]
async fn a_refunds_currency_must_be_given_unless_it_is_the_platforms() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let seed = || {
        let line = LineSeed::new("30.00").refund("R1", "10.00");
        OrderSeed::new("C1-A", "C1", 2001)
            .currency("SEK")
            .line(line)
    };
    mirakl.put(seed());
    assert_eq!(put(&world, &[ok("R1")]).await, 400);
    let told = with("currency_iso_code", json!("SEK"));
    assert_eq!(put(&world, &[told]).await, 204);
    mirakl.platform_currency("SEK");
    mirakl.put(seed());
    assert_eq!(put(&world, &[ok("R1")]).await, 204);
}

#[tokio::test]
async fn refunds_are_confirmed_in_json_and_no_other_way() {
    let world = world().await;
    let client = reqwest::Client::new();
    let url = format!("{}{PATH}", world.sim.mirakl().url());
    let put = client.put(&url).header("Authorization", MIRAKL_KEY);
    let text = put.header("Content-Type", "text/plain").body("{}").send();
    assert_eq!(text.await.expect("an answer").status(), 415);
    let posted = client.post(&url).header("Authorization", MIRAKL_KEY);
    assert_eq!(posted.send().await.expect("an answer").status(), 405);
    let stranger = client.put(&url).body("{}").send().await;
    assert_eq!(stranger.expect("an answer").status(), 401);
}

#[tokio::test]
async fn a_call_holds_at_most_a_hundred_refunds() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let mut line = LineSeed::new("2000.00");
    for n in 0..101 {
        line = line.refund(&format!("{n}"), "10.00");
    }
    mirakl.put(OrderSeed::new("C1-A", "C1", 2001).line(line));
    let items: Vec<Value> = (0..101).map(|n| ok(&format!("{n}"))).collect();
    let reply = world.put(PATH, &json!({ "refunds": items })).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("limit of 100"), "{}", reply.text);
    assert_eq!(mirakl.refund_confirmations().len(), 101);
    assert_eq!(put(&world, &items[1..]).await, 204);
    let left = world.mirakl(PATH).await.json();
    assert_eq!(left["orders"]["order"][0]["amount"].to_string(), "10.00");
}

#[tokio::test]
async fn one_wrong_refund_spoils_a_batch_unless_the_rest_is_applied() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    mirakl.refuse_refund("R2", Some("The period is closed"));
    let batch = [ok("R1"), ok("R2"), ok("R3")];
    let reply = world.put(PATH, &json!({ "refunds": batch })).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["message"], "The period is closed");
    assert_eq!(waiting(&world).await, 3);
    mirakl.batch_rule(BatchRule::AppliesValid);
    assert_eq!(put(&world, &batch).await, 400);
    assert_eq!(waiting(&world).await, 1);
    mirakl.refuse_refund("R2", None);
    assert_eq!(put(&world, &[ok("R2")]).await, 204);
    let applied = mirakl.refund_confirmations();
    let applied: Vec<bool> = applied.iter().map(|one| one.applied).collect();
    assert_eq!(applied, [false, false, false, true, false, true, true]);
}

#[tokio::test]
async fn a_refund_that_no_order_shows_can_be_confirmed() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let line = json!({ "refunds": { "refund": [
        { "id": 8, "amount": 10 }, { "id": "R1", "amount": 10 },
    ] } });
    let order = json!({ "currency_iso_code": "EUR", "order_lines": { "order_line": [line] } });
    mirakl.put_pending_refund_json(order);
    assert_eq!(put(&world, &[with("refund_id", json!(8))]).await, 204);
    let list = world.mirakl(PATH).await.json();
    let left = &list["orders"]["order"][0]["order_lines"]["order_line"][0]["refunds"]["refund"];
    assert_eq!(*left, json!([{ "id": "R1", "amount": 10 }]));
    assert_eq!(put(&world, &[with("amount", json!(9))]).await, 400);
    assert_eq!(put(&world, &[ok("R1")]).await, 204);
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_refund_confirmed() {
    let world = world().await;
    let faults = world.sim.faults();
    faults.add(Fault::on("PUT /api/payment/refund").then(Effect::CutAfter));
    let body = json!({ "refunds": [ok("R1")] });
    assert!(world.try_put(PATH, &body).await.is_err());
    assert_eq!(refund(&world, "C1-A")["refund_state"], "REFUNDED");
    faults.add(Fault::on("PUT /api/payment/refund").then(Effect::Status(500)));
    assert_eq!(put(&world, &[ok("R2")]).await, 500);
    assert_eq!(waiting(&world).await, 2);
    let mirakl = world.sim.mirakl();
    mirakl.add_refund("C1-A", 1, RefundSeed::new("R4", "1.00"));
    assert_eq!(waiting(&world).await, 3);
}
