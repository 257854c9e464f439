use chrono::TimeDelta;
use serde_json::Value;
use simulator::PaymentSeed;

use crate::client::{Reply, World};

const BASKET: &str = "mirakl_commercial_order_id";

async fn search(world: &World, query: &str, rest: &str) -> Reply {
    let query: String = form_encoded(query);
    world
        .stripe(&format!("/v1/payment_intents/search?query={query}{rest}"))
        .await
}

/// A text as it is written in a query.
fn form_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn ids(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().expect("data").iter();
    data.map(|intent| intent["id"].as_str().expect("an id"))
        .collect()
}

fn pay(world: &World, basket: &str) -> String {
    let seed = PaymentSeed::new(1000, "eur").basket(basket);
    world.sim.stripe().pay(seed).intent.expect("an intent")
}

#[tokio::test]
async fn metadata_is_found_exactly_whatever_the_case() {
    let world = World::new().await;
    let wanted = pay(&world, "Basket-1");
    pay(&world, "Basket-10");
    pay(&world, "Basket");
    let query = format!("metadata[\"{BASKET}\"]:\"basket-1\"");
    let page = search(&world, &query, "").await.json();
    assert_eq!(page["object"], "search_result");
    assert_eq!(page["url"], "/v1/payment_intents/search");
    assert_eq!(ids(&page), [wanted.as_str()]);
    assert_eq!(page["has_more"], false);
    assert_eq!(page["next_page"], Value::Null);
    let none = search(&world, "metadata[\"other\"]:\"basket-1\"", "").await;
    assert_eq!(none.json()["data"], serde_json::json!([]));
    assert_eq!(world.sim.count("GET /v1/payment_intents/search"), 2);
}

#[tokio::test]
async fn a_status_narrows_the_search() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let failed = stripe.pay(PaymentSeed::new(1, "eur").basket("C1").failed());
    let good = pay(&world, "C1");
    let query = format!("metadata[\"{BASKET}\"]:\"C1\" AND status:\"succeeded\"");
    assert_eq!(
        ids(&search(&world, &query, "").await.json()),
        [good.as_str()]
    );
    let query = "status:\"requires_payment_method\"";
    let page = search(&world, query, "&expand[]=data.latest_charge")
        .await
        .json();
    assert_eq!(ids(&page), [failed.intent.expect("an intent").as_str()]);
    assert_eq!(
        page["data"][0]["latest_charge"]["id"],
        failed.charge.as_str()
    );
}

#[tokio::test]
async fn results_page_by_a_token() {
    let world = World::new().await;
    let mut all: Vec<String> = (0..5).map(|_| pay(&world, "C1")).collect();
    all.reverse();
    let query = format!("metadata[\"{BASKET}\"]:\"C1\"");
    let mut found = Vec::new();
    let mut rest = "&limit=2".to_owned();
    for more in [true, true, false] {
        let page = search(&world, &query, &rest).await.json();
        found.extend(ids(&page).into_iter().map(str::to_owned));
        assert_eq!(page["has_more"], more);
        let next = page["next_page"].as_str().unwrap_or_default();
        rest = format!("&limit=2&page={next}");
    }
    assert_eq!(found, all);
    assert_eq!(search(&world, &query, "&page=odd").await.status, 400);
    let counted = search(&world, &query, "&limit=1&expand[]=total_count").await;
    assert_eq!(counted.json()["total_count"], 5);
}

#[tokio::test]
async fn what_is_too_young_is_not_found_yet() {
    let world = World::new().await;
    world.sim.stripe().search_delay(TimeDelta::minutes(1));
    let id = pay(&world, "C1");
    let query = format!("metadata[\"{BASKET}\"]:\"C1\"");
    assert!(ids(&search(&world, &query, "").await.json()).is_empty());
    let read = world.stripe(&format!("/v1/payment_intents/{id}")).await;
    assert_eq!(read.status, 200);
    world.sim.clock().advance(TimeDelta::minutes(2));
    assert_eq!(ids(&search(&world, &query, "").await.json()), [id.as_str()]);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused() {
    let world = World::new().await;
    for query in [
        "C1",
        "amount>100",
        "metadata['a']:'b'",
        "status:\"a\" OR status:\"b\"",
    ] {
        let reply = search(&world, query, "").await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["error"]["param"], "query");
    }
    let reply = world.stripe("/v1/payment_intents/search").await;
    assert_eq!(reply.code(), "parameter_missing");
    let reply = search(&world, "status:\"canceled\"", "&created=1").await;
    assert_eq!(reply.code(), "parameter_unknown");
}
