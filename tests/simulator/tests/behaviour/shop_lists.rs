use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use simulator::{Effect, Fault, MIRAKL_KEY, ShopSeed};

use crate::client::{Reply, World};

fn ids(reply: &Reply) -> Vec<i64> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let page = reply.json();
    let shops = page["shops"].as_array().expect("shops").iter();
    shops
        .map(|shop| shop["shop_id"].as_i64().unwrap_or(-1))
        .collect()
}

async fn list(world: &World, query: &str) -> Vec<i64> {
    ids(&world.mirakl(&format!("/api/shops?{query}")).await)
}

fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Five shops an hour apart, 2005 the oldest.
async fn five() -> (World, DateTime<Utc>) {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    for n in 1..=5 {
        let at = start + TimeDelta::hours(5 - n);
        let shop = ShopSeed::new(2000 + n).created_at(at).updated_at(at);
        world.sim.mirakl().put_shop(shop);
    }
    (world, start)
}

fn next(reply: &Reply) -> Option<String> {
    let mut links = reply.header("link")?.split(", ");
    let link = links.find(|link| link.ends_with("rel=\"next\""))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[tokio::test]
async fn shops_are_sorted_by_creation_and_paged_by_ten() {
    let (world, start) = five().await;
    assert_eq!(list(&world, "").await, [2005, 2004, 2003, 2002, 2001]);
    // Created at the same time as 2003.
    let shop = ShopSeed::new(1999).created_at(start + TimeDelta::hours(2));
    world.sim.mirakl().put_shop(shop);
    assert_eq!(list(&world, "").await, [2005, 2004, 1999, 2003, 2002, 2001]);
    for id in 1..=6 {
        world.sim.mirakl().put_shop(ShopSeed::new(id));
    }
    assert_eq!(list(&world, "").await.len(), 10);
    assert_eq!(list(&world, "max=100").await.len(), 12);
    assert_eq!(list(&world, "paginate=true&max=3").await.len(), 3);
}

#[tokio::test]
async fn following_the_next_links_visits_every_shop_once() {
    let (world, start) = five().await;
    let since = date(start);
    let mut url = format!(
        "{}/api/shops?max=2&updated_since={since}&domains=PRODUCT%2CSERVICE",
        world.sim.mirakl().url()
    );
    let mut seen = Vec::new();
    loop {
        let headers = [("Authorization", MIRAKL_KEY)];
        let reply = world.get(&url, &headers).await.expect("an answer");
        assert_eq!(reply.json()["total_count"], 5);
        seen.extend(ids(&reply));
        match next(&reply) {
            Some(next) => url = next,
            None => break,
        }
        assert!(url.contains("domains=PRODUCT%2CSERVICE"), "{url}");
    }
    assert_eq!(seen, [2005, 2004, 2003, 2002, 2001]);
    world.sim.mirakl().page_limit(Some(1));
    assert_eq!(list(&world, "max=100&offset=1").await, [2004]);
}

#[tokio::test]
async fn all_shops_come_at_once_without_pagination() {
    let (world, _) = five().await;
    for id in 1..=100 {
        world.sim.mirakl().put_shop(ShopSeed::new(id));
    }
    let reply = world.mirakl("/api/shops?paginate=false&max=3").await;
    assert_eq!(ids(&reply).len(), 105);
    assert_eq!(reply.header("link"), None);
}

#[tokio::test]
async fn shops_are_filtered_by_the_time_of_their_last_change() {
    let (world, start) = five().await;
    let since = async |at: DateTime<Utc>| {
        let query = format!("updated_since={}", date(at));
        list(&world, &query).await
    };
    let third = start + TimeDelta::hours(2);
    assert_eq!(since(third).await, [2003, 2002, 2001]);
    assert_eq!(
        since(third + TimeDelta::milliseconds(1)).await,
        [2002, 2001]
    );
    world
        .sim
        .mirakl()
        .update_shop(2005, |shop| shop["shop_name"] = json!("New"));
    let now = world.sim.clock().now();
    assert_eq!(since(now - TimeDelta::minutes(1)).await, [2005]);
    assert_eq!(since(now + TimeDelta::seconds(1)).await.len(), 0);
    // A zone that is not UTC.
    let zoned = "updated_since=2020-01-01T00%3A00%3A00%2B01%3A00";
    assert_eq!(list(&world, zoned).await.len(), 5);
}

#[tokio::test]
async fn service_shops_are_listed_only_when_asked_for() {
    let (world, _) = five().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_shop(ShopSeed::new(3000).service());
    mirakl.put_shop(ShopSeed::new(3001).set("domains", json!(["PRODUCT", "SERVICE"])));
    assert_eq!(list(&world, "shop_ids=2001,3000,3001").await, [2001, 3001]);
    assert_eq!(list(&world, "domains=SERVICE").await, [3000, 3001]);
    assert_eq!(list(&world, "domains=PRODUCT,SERVICE").await.len(), 7);
    assert_eq!(mirakl.shops().len(), 7);
}

#[tokio::test]
async fn certain_shops_can_be_asked_for() {
    let (world, _) = five().await;
    assert_eq!(list(&world, "shop_ids=2001,2004,9").await, [2004, 2001]);
    world.sim.mirakl().remove_shop(2004);
    assert_eq!(list(&world, "shop_ids=2001,2004,9").await, [2001]);
}

#[tokio::test]
async fn a_wrong_query_for_shops_is_refused() {
    let world = World::new().await;
    let ids = |count: usize| {
        let ids: Vec<String> = (1..=count).map(|id| id.to_string()).collect();
        format!("shop_ids={}", ids.join(","))
    };
    for query in [
        "max=0",
        "max=101",
        "offset=-1",
        "paginate=no",
        "updated_since=yesterday",
        "domains=GOODS",
        "shop_ids=a",
        &ids(101),
    ] {
        let reply = world.mirakl(&format!("/api/shops?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["status"], 400, "{query}");
    }
    for query in [&ids(100), "colour=red"] {
        let reply = world.mirakl(&format!("/api/shops?{query}")).await;
        assert_eq!(reply.status, 200, "{query}");
    }
}

#[tokio::test]
async fn broken_shops_are_on_every_page_that_asks_for_no_certain_shops() {
    let (world, _) = five().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_shop_json(json!({ "shop_id": "2001", "shop_name": "text" }));
    mirakl.put_shop_json(json!("nonsense"));
    for offset in [0, 4] {
        let path = format!("/api/shops?max=1&offset={offset}");
        let page = world.mirakl(&path).await.json();
        assert_eq!(page["shops"].as_array().map(Vec::len), Some(3));
        assert_eq!(page["shops"][2], "nonsense");
        assert_eq!(page["total_count"], 7);
    }
    assert_eq!(list(&world, "shop_ids=2001").await, [2001]);
    mirakl.remove_unusable_shops();
    assert_eq!(list(&world, "").await.len(), 5);
    // With an id it is a shop, whatever else it lacks; and it has no domain.
    mirakl.put_shop_json(json!({ "shop_id": 7 }));
    assert_eq!(mirakl.shop(7), Some(json!({ "shop_id": 7 })));
    mirakl.put_shop_json(json!({ "shop_id": 8, "domains": ["PRODUCT"] }));
    assert_eq!(list(&world, "shop_ids=7,8").await, [8]);
}

#[tokio::test]
async fn shops_are_for_the_operator_only() {
    let world = World::new().await;
    let url = format!("{}/api/shops", world.sim.mirakl().url());
    for headers in [&[][..], &[("Authorization", "Bearer guess")]] {
        let reply = world.get(&url, headers).await.expect("an answer");
        assert_eq!(reply.status, 401);
    }
    let headers = [("Authorization", MIRAKL_KEY)];
    assert_eq!(
        world.get(&url, &headers).await.expect("an answer").status,
        200
    );
}

#[tokio::test]
async fn faults_hit_the_list_of_shops() {
    let (world, _) = five().await;
    let fault = Fault::on("GET /api/shops").nth(2);
    world.sim.faults().add(fault.then(Effect::TooManyRequests {
        retry_after: Some(3),
    }));
    assert_eq!(world.mirakl("/api/shops").await.status, 200);
    let reply = world.mirakl("/api/shops?max=1").await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("3"))
    );
    assert_eq!(world.sim.count("GET /api/shops"), 2);
}
