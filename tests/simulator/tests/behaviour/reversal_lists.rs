use chrono::TimeDelta;
use serde_json::Value;
use simulator::{AccountSeed, TransferSeed};

use crate::client::World;

/// A transfer with twelve reversals a minute apart, the oldest first.
async fn world() -> (World, String, Vec<String>) {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let transfer = stripe.add_transfer(TransferSeed::new(&seller, 10_000, "eur"));
    let other = stripe.add_transfer(TransferSeed::new(&seller, 10_000, "eur"));
    let start = world.sim.clock().now() - TimeDelta::days(1);
    let ids = (1..=12)
        .map(|n| {
            let at = start + TimeDelta::minutes(n);
            stripe.old_reversal(&other, 1, &[], at);
            let id = n.to_string();
            stripe.old_reversal(&transfer, n, &[("n", &id)], at)
        })
        .collect();
    (world, transfer, ids)
}

async fn page(world: &World, transfer: &str, query: &str) -> (Vec<String>, Value) {
    let path = format!("/v1/transfers/{transfer}/reversals?{query}");
    let page = world.stripe(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.json();
    let data = page["data"].as_array().expect("data").iter();
    let ids = data.map(|item| item["id"].as_str().expect("an id").to_owned());
    (ids.collect(), page)
}

#[tokio::test]
async fn a_transfers_reversals_are_listed_newest_first_and_paged() {
    let (world, transfer, mut all) = world().await;
    all.reverse();
    let (ids, first) = page(&world, &transfer, "").await;
    assert_eq!(ids, all[..10]);
    assert_eq!(first["has_more"], true);
    assert_eq!(first["url"], format!("/v1/transfers/{transfer}/reversals"));
    let (ids, last) = page(&world, &transfer, &format!("starting_after={}", all[9])).await;
    assert_eq!(ids, all[10..]);
    assert_eq!(last["has_more"], false);
    let query = format!("limit=2&ending_before={}", all[5]);
    assert_eq!(page(&world, &transfer, &query).await.0, all[3..5]);
    let count = world.sim.count("GET /v1/transfers/{id}/reversals");
    assert_eq!(count, 3);
}

#[tokio::test]
async fn a_transfer_shows_its_ten_newest_reversals() {
    let (world, transfer, all) = world().await;
    let shown = world
        .stripe(&format!("/v1/transfers/{transfer}"))
        .await
        .json();
    let inside = &shown["reversals"];
    assert_eq!(inside["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(inside["data"][0]["id"], all[11].as_str());
    assert_eq!(inside["has_more"], true);
    assert_eq!(shown["amount_reversed"], 78);
}

#[tokio::test]
async fn a_reversal_is_read_by_its_own_id_and_its_transfers() {
    let (world, transfer, all) = world().await;
    let path = |transfer: &str, id: &str| format!("/v1/transfers/{transfer}/reversals/{id}");
    let one = world.stripe(&path(&transfer, &all[2])).await.json();
    assert_eq!(
        (&one["amount"], &one["metadata"]["n"]),
        (&3.into(), &"3".into())
    );
    let elsewhere = world.sim.stripe().reversals()[0].id.clone();
    for path in [
        path(&transfer, "trr_none"),
        path(&transfer, &elsewhere),
        path("tr_none", &all[2]),
        "/v1/transfers/tr_none/reversals".to_owned(),
    ] {
        let missing = world.stripe(&path).await;
        assert_eq!(
            (missing.status, missing.code().as_str()),
            (404, "resource_missing")
        );
    }
    assert_eq!(world.sim.count("GET /v1/transfers/{id}/reversals/{id}"), 4);
}

#[tokio::test]
async fn reversals_are_not_filtered_by_anything() {
    let (world, transfer, _) = world().await;
    for query in ["created[gte]=1", "metadata[n]=1", "transfer=tr_1"] {
        let path = format!("/v1/transfers/{transfer}/reversals?{query}");
        assert_eq!(world.stripe(&path).await.code(), "parameter_unknown");
    }
    let elsewhere = world.sim.stripe().reversals()[0].id.clone();
    let path = format!("/v1/transfers/{transfer}/reversals?starting_after={elsewhere}");
    assert_eq!(world.stripe(&path).await.code(), "resource_missing");
}

#[tokio::test]
async fn a_reversal_by_hand_is_listed_without_metadata() {
    let (world, transfer, _) = world().await;
    let stripe = world.sim.stripe();
    let id = stripe.reverse(&transfer, 40);
    let (ids, list) = page(&world, &transfer, "limit=1").await;
    assert_eq!(ids, [&*id]);
    assert_eq!(list["data"][0]["metadata"], serde_json::json!({}));
    let reversals = stripe.reversals();
    assert_eq!(reversals.len(), 25);
    let by_hand = &reversals[24];
    assert_eq!(
        (&by_hand.id, by_hand.amount, &by_hand.transfer),
        (&id, 40, &transfer)
    );
    assert!(by_hand.idempotency_key.is_none() && by_hand.metadata.is_empty());
    assert_eq!(reversals[3].metadata["n"], "2");
}
