use chrono::TimeDelta;
use serde_json::Value;
use simulator::{PaymentSeed, TransferSeed};

use crate::client::{Reply, World};

/// Five charges a minute apart; their ids, newest first, and the time of the oldest.
async fn five() -> (World, Vec<String>, i64) {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    let mut ids: Vec<String> = (0..5)
        .map(|n| {
            let at = start + TimeDelta::minutes(n);
            let seed = PaymentSeed::new(1000 + n, "eur").created_at(at);
            world.sim.stripe().pay(seed).charge
        })
        .collect();
    ids.reverse();
    (world, ids, start.timestamp())
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let page = reply.json();
    let data = page["data"].as_array().expect("data").iter();
    data.map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn lists_are_newest_first_and_page_with_starting_after() {
    let (world, all, _) = five().await;
    let first = world.stripe("/v1/charges?limit=2").await;
    assert_eq!(ids(&first), all[..2]);
    assert_eq!(first.json()["has_more"], true);
    assert_eq!(first.json()["object"], "list");
    let second = world
        .stripe(&format!("/v1/charges?limit=3&starting_after={}", all[1]))
        .await;
    assert_eq!(ids(&second), all[2..]);
    assert_eq!(second.json()["has_more"], false);
}

#[tokio::test]
async fn ending_before_gives_the_page_next_to_the_cursor() {
    let (world, all, _) = five().await;
    let page = world
        .stripe(&format!("/v1/charges?limit=2&ending_before={}", all[3]))
        .await;
    assert_eq!(ids(&page), all[1..3]);
    assert_eq!(page.json()["has_more"], true);
    let page = world
        .stripe(&format!("/v1/charges?limit=2&ending_before={}", all[1]))
        .await;
    assert_eq!(ids(&page), all[..1]);
    assert_eq!(page.json()["has_more"], false);
}

#[tokio::test]
async fn charges_of_the_same_second_are_each_listed_once() {
    let world = World::new().await;
    let at = world.sim.clock().now();
    for _ in 0..7 {
        world
            .sim
            .stripe()
            .pay(PaymentSeed::new(1, "eur").created_at(at));
    }
    let mut seen = ids(&world.stripe("/v1/charges?limit=3").await);
    while seen.len() < 7 {
        let last = seen.last().expect("one").clone();
        seen.extend(ids(&world
            .stripe(&format!("/v1/charges?limit=3&starting_after={last}"))
            .await));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn lists_are_filtered_by_time_of_creation() {
    let (world, all, start) = five().await;
    let list = async |query: String| ids(&world.stripe(&format!("/v1/charges?{query}")).await);
    let at = |n: i64| start + 60 * n;
    assert_eq!(list(format!("created[gte]={}", at(3))).await, all[..2]);
    assert_eq!(list(format!("created[gt]={}", at(3))).await, all[..1]);
    assert_eq!(list(format!("created%5Blte%5D={}", at(1))).await, all[3..]);
    assert_eq!(list(format!("created[lt]={}", at(1))).await, all[4..]);
    assert_eq!(list(format!("created={}", at(2))).await, all[2..3]);
    assert_eq!(
        list(format!("created[gte]={}&created[lt]={}", at(1), at(3))).await,
        all[2..4]
    );
    assert!(
        list(format!("created[gt]={}&created[lt]={}", at(4), at(1)))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_wrong_list_parameter_is_refused_by_name() {
    let (world, all, _) = five().await;
    for (query, code, param) in [
        ("limit=0", "parameter_invalid_integer", "limit"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("limit=2.5", "parameter_invalid_integer", "limit"),
        ("metadata[a]=b", "parameter_unknown", "metadata"),
        ("created[after]=1", "parameter_unknown", "created[after]"),
        ("created[gt]=x", "parameter_invalid_integer", "created[gt]"),
        (
            "starting_after=ch_none",
            "resource_missing",
            "starting_after",
        ),
        (
            "payment_intent=",
            "parameter_invalid_empty",
            "payment_intent",
        ),
    ] {
        let reply = world.stripe(&format!("/v1/charges?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.code(), code, "{query}");
        assert_eq!(reply.json()["error"]["param"], param, "{query}");
    }
    let query = format!("starting_after={}&ending_before={}", all[0], all[1]);
    let reply = world.stripe(&format!("/v1/charges?{query}")).await;
    assert_eq!(reply.code(), "parameters_exclusive");
    let reply = world
        .stripe("/v1/charges?expand[]=data.refunds.everything")
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn charges_are_filtered_by_intent_group_and_customer() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let plain = stripe.pay(PaymentSeed::new(1, "eur"));
    let grouped = stripe.pay(
        PaymentSeed::new(1, "eur")
            .transfer_group("g")
            .customer("cus_1"),
    );
    let intent = plain.intent.expect("an intent");
    let list = async |query: &str| ids(&world.stripe(&format!("/v1/charges?{query}")).await);
    assert_eq!(
        list(&format!("payment_intent={intent}")).await,
        [plain.charge]
    );
    assert_eq!(
        list("transfer_group=g").await,
        std::slice::from_ref(&grouped.charge)
    );
    assert_eq!(list("customer=cus_1").await, [grouped.charge]);
}

#[tokio::test]
async fn objects_are_ids_unless_expanded() {
    let world = World::new().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(500, "eur").basket("C9"));
    let intent = payment.intent.expect("an intent");
    let charge = |page: &Value| page["data"][0].clone();
    let plain = charge(&world.stripe("/v1/charges").await.json());
    assert_eq!(plain["payment_intent"], intent.as_str());
    assert!(
        plain["balance_transaction"]
            .as_str()
            .is_some_and(|id| id.starts_with("txn_"))
    );
    let path = "/v1/charges?expand[]=data.payment_intent&expand[1]=data.balance_transaction";
    let full = charge(&world.stripe(path).await.json());
    assert_eq!(
        full["payment_intent"]["metadata"]["mirakl_commercial_order_id"],
        "C9"
    );
    assert_eq!(
        full["payment_intent"]["latest_charge"],
        payment.charge.as_str()
    );
    assert_eq!(full["balance_transaction"]["currency"], "eur");
    assert_eq!(full["balance_transaction"]["net"], 500);
    let path = format!("/v1/charges/{}?expand[]=payment_intent", payment.charge);
    let one = world.stripe(&path).await.json();
    assert_eq!(one["payment_intent"]["id"], intent.as_str());
    assert!(one["balance_transaction"].is_string());
}

#[tokio::test]
async fn an_intent_shows_its_charge_by_id_or_whole() {
    let world = World::new().await;
    let payment = world.sim.stripe().pay(PaymentSeed::new(500, "eur"));
    let path = format!("/v1/payment_intents/{}", payment.intent.expect("an intent"));
    let plain = world.stripe(&path).await.json();
    assert_eq!(plain["latest_charge"], payment.charge.as_str());
    let whole = world
        .stripe(&format!("{path}?expand[]=latest_charge"))
        .await
        .json();
    assert_eq!(whole["latest_charge"]["captured"], true);
    assert!(whole["latest_charge"]["balance_transaction"].is_string());
    let path = format!("{path}?expand[]=latest_charge.balance_transaction");
    let deep = world.stripe(&path).await.json();
    assert_eq!(deep["latest_charge"]["balance_transaction"]["amount"], 500);
}

#[tokio::test]
async fn transfers_are_filtered_by_destination_and_group() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    let other = stripe.add_account(simulator::AccountSeed::new());
    let seed = TransferSeed::new(&seller, 100, "eur").source_transaction(&charge);
    let first = stripe.add_transfer(seed);
    let second = stripe.add_transfer(TransferSeed::new(&other, 100, "eur").transfer_group("g"));
    let list = async |query: String| ids(&world.stripe(&format!("/v1/transfers?{query}")).await);
    assert_eq!(list(format!("destination={seller}")).await, [first]);
    assert_eq!(
        list("transfer_group=g".to_owned()).await,
        std::slice::from_ref(&second)
    );
    let one = world
        .stripe(&format!("/v1/transfers/{second}"))
        .await
        .json();
    assert_eq!(one["destination"], other.as_str());
}

#[tokio::test]
async fn missing_objects_are_404() {
    let world = World::new().await;
    for path in ["charges/ch_1", "payment_intents/pi_1", "transfers/tr_1"] {
        let reply = world.stripe(&format!("/v1/{path}")).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "resource_missing")
        );
    }
}
