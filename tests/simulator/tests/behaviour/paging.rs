use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use simulator::OrderSeed;

use crate::client::{Reply, World};

/// Five orders of two shops, an hour apart, oldest C1.
async fn five() -> (World, DateTime<Utc>) {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    for n in 1..=5 {
        let at = start + TimeDelta::hours(n);
        let order = OrderSeed::new(&format!("C{n}-A"), &format!("C{n}"), 2000 + n % 2)
            .state(if n == 5 {
                "WAITING_DEBIT_PAYMENT"
            } else {
                "SHIPPED"
            })
            .workflow(if n == 4 {
                "PAY_ON_DELIVERY"
            } else {
                "PAY_ON_ACCEPTANCE"
            })
            .debited_at((n != 5).then_some(at))
            .created_at(at)
            .updated_at(at);
        world.sim.mirakl().put(order);
    }
    (world, start)
}

fn ids(reply: &Reply) -> Vec<String> {
    let page = reply.json();
    let orders = page["orders"].as_array().expect("orders").iter();
    orders
        .map(|order| order["order_id"].as_str().unwrap_or("?").to_owned())
        .collect()
}

fn link(reply: &Reply, rel: &str) -> Option<String> {
    let links = reply.header("link")?;
    let link = links
        .split(", ")
        .find(|link| link.ends_with(&format!("rel=\"{rel}\"")))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}

async fn list(world: &World, query: &str) -> Vec<String> {
    let reply = world.mirakl(&format!("/api/orders?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    ids(&reply)
}

fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[tokio::test]
async fn following_the_next_links_visits_every_order_once() {
    let (world, _) = five().await;
    let mut url = format!(
        "{}/api/orders?max=2&payment_type=x%20y",
        world.sim.mirakl().url()
    );
    let mut seen = Vec::new();
    loop {
        let key = [("Authorization", simulator::MIRAKL_KEY)];
        let reply = world.get(&url, &key).await.expect("an answer");
        assert_eq!(reply.json()["total_count"], 5);
        seen.extend(ids(&reply));
        match link(&reply, "next") {
            Some(next) => url = next,
            None => break,
        }
        assert!(url.contains("payment_type=x+y&"), "{url}");
    }
    assert_eq!(seen, ["C1-A", "C2-A", "C3-A", "C4-A", "C5-A"]);
}

#[tokio::test]
async fn the_first_page_has_no_previous_and_the_last_no_next() {
    let (world, _) = five().await;
    let first = world.mirakl("/api/orders?max=3").await;
    assert!(link(&first, "previous").is_none());
    assert!(link(&first, "next").is_some_and(|url| url.contains("offset=3")));
    let last = world.mirakl("/api/orders?max=3&offset=3").await;
    assert!(link(&last, "previous").is_some_and(|url| url.contains("offset=0")));
    assert!(link(&last, "next").is_none());
    let past = world.mirakl("/api/orders?offset=50").await;
    assert!(ids(&past).is_empty());
    assert_eq!(past.json()["total_count"], 5);
}

#[tokio::test]
async fn a_page_has_ten_orders_unless_told_otherwise() {
    let world = World::new().await;
    for n in 0..12 {
        world
            .sim
            .mirakl()
            .put(OrderSeed::new(&format!("C{n:02}"), "C", 1));
    }
    assert_eq!(list(&world, "").await.len(), 10);
    assert_eq!(list(&world, "max=100").await.len(), 12);
}

#[tokio::test]
async fn forever_paging_repeats_the_first_page() {
    let (world, _) = five().await;
    world.sim.mirakl().forever_paging(true);
    for offset in [0, 2, 400] {
        let reply = world
            .mirakl(&format!("/api/orders?max=2&offset={offset}"))
            .await;
        assert_eq!(ids(&reply), ["C1-A", "C2-A"]);
        let next = format!("max=2&offset={}", offset + 2);
        assert!(link(&reply, "next").is_some_and(|url| url.ends_with(&next)));
    }
}

#[tokio::test]
async fn wrong_values_are_refused_with_400() {
    let world = World::new().await;
    for query in [
        "max=0",
        "max=101",
        "max=x",
        "offset=-1",
        "order=up",
        "sort=price",
        "customer_debited=maybe",
        "start_date=yesterday",
        "start_update_date=2026-05-04",
        "end_update_date=2026-05-04T10:00:00",
    ] {
        let reply = world.mirakl(&format!("/api/orders?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["status"], 400, "{query}");
    }
}

#[tokio::test]
async fn lists_of_more_than_100_ids_are_refused() {
    let world = World::new().await;
    for name in ["order_ids", "commercial_ids", "shop_ids"] {
        let values = vec!["1"; 101];
        let path = format!("/api/orders?{name}={}", values[..100].join(","));
        assert_eq!(world.mirakl(&path).await.status, 200);
        let path = format!("/api/orders?{name}={}", values.join(","));
        let reply = world.mirakl(&path).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text.contains("100"), "{}", reply.text);
    }
}

#[tokio::test]
async fn orders_are_filtered_by_ids_states_and_payment() {
    let (world, _) = five().await;
    assert_eq!(
        list(&world, "order_ids=C4-A,C2-A,none").await,
        ["C2-A", "C4-A"]
    );
    assert_eq!(list(&world, "commercial_ids=C3,C1").await, ["C1-A", "C3-A"]);
    assert_eq!(list(&world, "shop_ids=2000").await, ["C2-A", "C4-A"]);
    assert_eq!(
        list(&world, "order_state_codes=WAITING_DEBIT_PAYMENT").await,
        ["C5-A"]
    );
    assert_eq!(list(&world, "customer_debited=false").await, ["C5-A"]);
    assert_eq!(
        list(&world, "payment_workflow=PAY_ON_DELIVERY").await,
        ["C4-A"]
    );
    assert_eq!(
        list(&world, "shop_ids=2001&commercial_ids=C1,C2").await,
        ["C1-A"]
    );
    assert_eq!(
        list(&world, "sort=dateCreated&order=desc&max=2").await,
        ["C5-A", "C4-A"]
    );
}

#[tokio::test]
async fn orders_are_filtered_by_dates_of_creation_and_update() {
    let (world, start) = five().await;
    let third = date(start + TimeDelta::hours(3));
    assert_eq!(
        list(&world, &format!("start_date={third}")).await,
        ["C3-A", "C4-A", "C5-A"]
    );
    assert_eq!(
        list(&world, &format!("end_date={third}")).await,
        ["C1-A", "C2-A", "C3-A"]
    );
    assert_eq!(
        list(&world, &format!("end_update_date={third}"))
            .await
            .len(),
        3
    );
    world.sim.mirakl().update("C1-A", |_| {});
    let fourth = date(start + TimeDelta::hours(4));
    let query = format!("start_update_date={fourth}");
    assert_eq!(list(&world, &query).await, ["C1-A", "C4-A", "C5-A"]);
}

#[tokio::test]
async fn the_start_of_updates_looks_back_a_minute_further() {
    let (world, start) = five().await;
    let after = |seconds| date(start + TimeDelta::hours(5) + TimeDelta::seconds(seconds));
    assert_eq!(
        list(&world, &format!("start_update_date={}", after(59))).await,
        ["C5-A"]
    );
    assert!(
        list(&world, &format!("start_update_date={}", after(61)))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn dates_with_an_offset_are_read() {
    let (world, start) = five().await;
    let zone = chrono::FixedOffset::east_opt(2 * 3600).expect("an offset");
    let third = (start + TimeDelta::hours(3)).with_timezone(&zone);
    let third = third
        .to_rfc3339_opts(SecondsFormat::Millis, false)
        .replace('+', "%2B");
    assert_eq!(list(&world, &format!("start_date={third}")).await.len(), 3);
    let loose = third.replace("02:00", "0200");
    assert_eq!(list(&world, &format!("start_date={loose}")).await.len(), 3);
}

#[tokio::test]
async fn unknown_parameters_are_passed_over() {
    let (world, _) = five().await;
    assert_eq!(list(&world, "what=ever&limit=1").await.len(), 5);
}

#[tokio::test]
async fn a_change_between_two_pages_is_seen_by_the_second() {
    let (world, start) = five().await;
    let query = format!("start_update_date={}&max=2", date(start));
    assert_eq!(list(&world, &query).await, ["C1-A", "C2-A"]);
    world.sim.mirakl().remove("C1-A");
    assert_eq!(
        list(&world, &format!("{query}&offset=2")).await,
        ["C4-A", "C5-A"]
    );
}

#[tokio::test]
async fn pages_can_be_shorter_than_asked_for() {
    let (world, _) = five().await;
    world.sim.mirakl().page_limit(Some(3));
    let first = world.mirakl("/api/orders?max=100").await;
    assert_eq!(ids(&first).len(), 3);
    let next = link(&first, "next").expect("a next page");
    assert!(next.contains("max=100&offset=3"), "{next}");
}
