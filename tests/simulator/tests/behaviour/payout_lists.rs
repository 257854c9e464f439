use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::client::World;

/// A seller with twelve payouts, six hours apart, the oldest first and three days old.
async fn world() -> (World, String, Vec<String>, DateTime<Utc>) {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let other = world.seller_with(1000);
    let start = world.sim.clock().now() - TimeDelta::hours(72);
    let stripe = world.sim.stripe();
    let ids = (0..12).map(|n| {
        let at = start + TimeDelta::hours(6 * n);
        stripe.old_payout(&other, 1, "eur", &[], at);
        stripe.old_payout(&seller, n + 1, "eur", &[], at)
    });
    let ids = ids.collect();
    (world, seller, ids, start)
}

async fn page(world: &World, seller: &str, query: &str) -> (Vec<String>, Value) {
    let path = format!("/v1/payouts?{query}");
    let page = world.stripe_for(seller, &path).await;
    assert_eq!(page.status, 200, "{query}: {}", page.text);
    let page = page.json();
    let data = page["data"].as_array().expect("data").iter();
    let ids = data.map(|item| item["id"].as_str().expect("an id").to_owned());
    (ids.collect(), page)
}

#[tokio::test]
async fn a_sellers_payouts_are_listed_newest_first_and_paged() {
    let (world, seller, mut all, _) = world().await;
    all.reverse();
    let (ids, first) = page(&world, &seller, "").await;
    assert_eq!(ids, all[..10]);
    assert_eq!(
        (&first["has_more"], &first["url"]),
        (&true.into(), &"/v1/payouts".into())
    );
    let (ids, last) = page(&world, &seller, &format!("starting_after={}", all[9])).await;
    assert_eq!(ids, all[10..]);
    assert_eq!(last["has_more"], false);
    let query = format!("limit=2&ending_before={}", all[5]);
    assert_eq!(page(&world, &seller, &query).await.0, all[3..5]);
    assert_eq!(world.sim.count("GET /v1/payouts"), 3);
    let platform = world.stripe("/v1/payouts").await.json();
    assert_eq!(platform["data"], serde_json::json!([]));
}

#[tokio::test]
async fn payouts_are_filtered_by_status() {
    let (world, seller, all, _) = world().await;
    let stripe = world.sim.stripe();
    stripe.fail_payout(&all[0], "declined");
    stripe.cancel_payout(&all[11]);
    for (status, mut wanted) in [
        ("failed", all[..1].to_vec()),
        ("paid", all[1..5].to_vec()),
        ("in_transit", all[5..9].to_vec()),
        ("pending", all[9..11].to_vec()),
        ("canceled", all[11..].to_vec()),
    ] {
        wanted.reverse();
        let query = format!("status={status}&limit=100");
        assert_eq!(page(&world, &seller, &query).await.0, wanted, "{status}");
    }
}

#[tokio::test]
async fn payouts_are_filtered_by_creation_and_arrival() {
    let (world, seller, all, start) = world().await;
    let third = (start + TimeDelta::hours(12)).timestamp();
    let arrival = third + 2 * 24 * 3600;
    for (bound, wanted) in [
        (format!("created={third}"), &all[2..3]),
        (format!("created[gte]={third}"), &all[2..]),
        (format!("created[gt]={third}"), &all[3..]),
        (format!("created[lt]={third}"), &all[..2]),
        (format!("created[lte]={third}"), &all[..3]),
        (format!("arrival_date={arrival}"), &all[2..3]),
        (format!("arrival_date[gte]={arrival}"), &all[2..]),
        (format!("arrival_date[gt]={arrival}"), &all[3..]),
        (format!("arrival_date[lt]={arrival}"), &all[..2]),
        (format!("arrival_date[lte]={arrival}"), &all[..3]),
        (
            format!("arrival_date[gte]={arrival}&created[lte]={third}"),
            &all[2..3],
        ),
    ] {
        let mut wanted = wanted.to_vec();
        wanted.reverse();
        let query = format!("{bound}&limit=100");
        assert_eq!(page(&world, &seller, &query).await.0, wanted, "{bound}");
    }
}

#[tokio::test]
async fn payouts_are_filtered_by_their_external_account() {
    let (world, seller, all, _) = world().await;
    let krona = world.sim.stripe().payout_by_hand(&seller, 5, "sek");
    let (_, list) = page(&world, &seller, "limit=1").await;
    assert_eq!(list["data"][0]["id"], krona.as_str());
    let to = |list: &Value| {
        let to = list["data"][0]["destination"].as_str();
        to.expect("an external account").to_owned()
    };
    let query = format!("destination={}", to(&list));
    assert_eq!(page(&world, &seller, &query).await.0, [krona]);
    let euro = page(&world, &seller, "limit=1&status=paid").await.1;
    let query = format!("limit=100&destination={}", to(&euro));
    assert_eq!(page(&world, &seller, &query).await.0.len(), all.len());
    assert!(
        page(&world, &seller, "destination=ba_none")
            .await
            .0
            .is_empty()
    );
}

#[tokio::test]
async fn wrong_values_in_a_query_of_payouts_are_refused() {
    let (world, seller, _, _) = world().await;
    for (query, param) in [
        ("status=open", "status"),
        ("arrival_date=today", "arrival_date"),
        ("arrival_date[gte]=today", "arrival_date[gte]"),
        ("arrival_date[after]=1", "arrival_date[after]"),
        ("limit=101", "limit"),
        ("starting_after=po_none", "starting_after"),
        ("metadata[a]=b", "metadata"),
        ("currency=eur", "currency"),
    ] {
        let path = format!("/v1/payouts?{query}");
        let reply = world.stripe_for(&seller, &path).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["error"]["param"], param, "{query}");
    }
}

#[tokio::test]
async fn a_payout_is_read_by_its_owner_only() {
    let (world, seller, all, _) = world().await;
    let other = world.seller_with(0);
    let path = format!("/v1/payouts/{}", all[0]);
    let own = world.stripe_for(&seller, &path).await;
    assert_eq!((own.status, &own.json()["amount"]), (200, &1.into()));
    for reply in [
        world.stripe(&path).await,
        world.stripe_for(&other, &path).await,
        world.stripe_for(&seller, "/v1/payouts/po_none").await,
    ] {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "resource_missing")
        );
    }
    assert_eq!(world.sim.count("GET /v1/payouts/{id}"), 4);
}
