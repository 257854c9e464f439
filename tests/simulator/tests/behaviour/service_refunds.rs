use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{ServiceRefundSeed, ServiceSeed};

use crate::client::World;

const PATH: &str = "/api/mms/refunds";

/// Services `S1` to `S3`, an hour apart, each with a refund `R-1` to `R-3` of 10.00.
async fn world() -> World {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    for n in 1..=3 {
        let at = start + TimeDelta::hours(n);
        let seed = ServiceSeed::new(&format!("S{n}"), "C1", 2001).created_at(at);
        let refund = ServiceRefundSeed::new(&format!("R-{n}"), "10.00");
        world
            .sim
            .mirakl()
            .put_service(seed.updated_at(at).refund(refund));
    }
    world
}

async fn ids(world: &World, query: &str) -> Vec<String> {
    let page = world.mirakl(&format!("{PATH}?{query}")).await.json();
    let data = page["data"].as_array().expect("data").iter();
    data.map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_service_refund_shows_all_that_the_customer_gets_back() {
    let world = World::new().await;
    let refund = ServiceRefundSeed::new("R-1", "10.00")
        .tax("2.00")
        .option("5.00")
        .option_tax("1.00")
        .option_values(&[("1.00", "0.20"), ("3.00", "0.60")])
        .commission("1.00", "1.20");
    let seed = ServiceSeed::new("S1", "C1", 2001)
        .currency("SEK")
        .customer("cust-9")
        .updated_at(world.sim.clock().now() - TimeDelta::days(1))
        .refund(refund);
    world.sim.mirakl().put_service(seed);
    let page = world.mirakl(PATH).await.json();
    let shown = page["data"][0].as_object().expect("a refund");
    assert_eq!(shown["id"], "R-1");
    assert_eq!(shown["order_id"], "S1");
    assert_eq!(shown["customer_id"], "cust-9");
    assert_eq!(shown["amount"].to_string(), "22.80");
    assert_eq!(shown["currency_code"], "SEK");
    assert_eq!(shown["state"], "WAITING");
    let order = world.sim.mirakl().service("S1").expect("an order");
    assert_eq!(shown["date_created"], order["refunds"][0]["creation_date"]);
    assert_eq!(shown["date_updated"], shown["date_created"]);
    assert!(!shown.contains_key("transaction_number"));
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn service_refunds_are_listed_whatever_their_state_unless_asked() {
    let world = world().await;
    let done = ServiceRefundSeed::new("R-4", "1.00").state("OK");
    world.sim.mirakl().add_service_refund("S1", done);
    assert_eq!(ids(&world, "").await, ["R-1", "R-2", "R-3", "R-4"]);
    assert_eq!(ids(&world, "state=OK").await, ["R-4"]);
    assert_eq!(ids(&world, "state=WAITING&state=OK").await.len(), 4);
    assert_eq!(
        ids(&world, "order_id=S1&order_id=S3").await,
        ["R-1", "R-3", "R-4"]
    );
    assert_eq!(ids(&world, "order_id=S1&state=WAITING").await, ["R-1"]);
}

#[tokio::test]
async fn service_refunds_are_paged_by_tokens() {
    let world = world().await;
    let page = world.mirakl(&format!("{PATH}?limit=2")).await.json();
    assert_eq!(page["data"][1]["id"], "R-2");
    let token = page["next_page_token"].as_str().expect("a token");
    // Beside a token nothing else counts.
    let query = format!("{PATH}?page_token={token}&limit=1&state=OK");
    let last = world.mirakl(&query).await.json();
    assert_eq!(last["data"][0]["id"], "R-3");
    assert!(last.get("next_page_token").is_none());
    let other = format!("/api/mms/debits?page_token={token}");
    assert_eq!(world.mirakl(&other).await.status, 400);
    assert_eq!(world.sim.count("GET /api/mms/refunds"), 2);
}

#[tokio::test]
async fn a_refund_added_to_a_service_updates_it() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let before = mirakl.service("S1").expect("an order");
    let refund = ServiceRefundSeed::new("R-9", "3.00").tax("0.60");
    mirakl.add_service_refund("S1", refund);
    let after = mirakl.service("S1").expect("an order");
    assert_ne!(after["date_updated"], before["date_updated"]);
    assert_eq!(after["refunds"][1]["amount"].to_string(), "3.00");
    let shown = mirakl.service_refund("R-9").expect("a refund");
    assert_eq!(shown["amount"].to_string(), "3.60");
    let untouched = mirakl.service_refund("R-1").expect("a refund");
    assert_eq!(untouched["date_updated"], before["date_updated"]);
}

#[tokio::test]
async fn both_views_of_a_service_refund_follow_the_order() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    mirakl.update_service("S1", |order| order["refunds"][0]["amount"] = json!(7));
    let shown = mirakl.service_refund("R-1").expect("a refund");
    assert_eq!(shown["amount"], 7);
    assert_ne!(shown["date_updated"], shown["date_created"]);
    mirakl.update_service("S1", |order| order["refunds"] = json!([]));
    assert_eq!(mirakl.service_refund("R-1"), None);
    let raw = json!({ "id": "S2", "refunds": [{ "id": "R-7", "amount": 1, "state": "WAITING" }] });
    mirakl.put_service_json(raw);
    assert_eq!(ids(&world, "order_id=S2").await, ["R-7"]);
}

#[tokio::test]
async fn a_service_refund_may_be_listed_that_no_order_shows() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_service_refund_json(json!({ "id": "R-8", "order_id": "S1", "state": "WAITING" }));
    mirakl.put_service_refund_json(json!({ "odd": true }));
    mirakl.update_service("S1", |order| order["refunds"] = json!([]));
    assert_eq!(ids(&world, "order_id=S1").await, ["R-8"]);
    let page = world.mirakl(PATH).await.json();
    let last = page["data"]
        .as_array()
        .and_then(|data| data.last().cloned());
    assert_eq!(last, Some(json!({ "odd": true })));
}

#[tokio::test]
async fn a_service_may_be_priced_by_units_and_have_options_of_values() {
    let world = World::new().await;
    let seed = ServiceSeed::new("S1", "C1", 2001)
        .multi_price(&[("10.00", 2), ("4.50", 1)])
        .price_tax("4.90")
        .option_values(&[("1.00", "0.20"), ("2.00", "0.40")])
        .option("5.00")
        .option_tax("1.00");
    world.sim.mirakl().put_service(seed);
    let order = world.sim.mirakl().service("S1").expect("an order");
    let price = &order["price"];
    assert_eq!(price["type"], "FIXED_PRICE_MULTI");
    assert!(price.get("amount").is_none() && price.get("quantity").is_none());
    let units = &price["ordered_service_units"][0]["values"];
    assert_eq!(units[0]["amount"].to_string(), "10.00");
    assert_eq!(units[0]["ordered_quantity"], 2);
    assert_eq!(units[1]["amount"].to_string(), "4.50");
    assert_eq!(price["taxes"][0]["amount"].to_string(), "4.90");
    let list = &price["options"][0];
    assert_eq!(list["type"], "VALUE_LIST");
    assert!(list.get("amount").is_none());
    assert_eq!(list["values"][1]["amount"].to_string(), "2.00");
    assert_eq!(list["values"][1]["taxes"][0]["amount"].to_string(), "0.40");
    assert_eq!(price["options"][1]["type"], "BOOLEAN");
    let amounts = [&units[0]["amount"], &list["values"][0]["amount"]];
    assert!(amounts.into_iter().all(Value::is_number));
}
