use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{DebitSeed, ServiceRefundSeed, ServiceSeed};

use crate::client::World;

fn ids(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().expect("data").iter();
    data.map(|item| item["id"].as_str().expect("an id"))
        .collect()
}

/// Services `S00` and on, a minute apart.
async fn services(count: i64) -> World {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    for n in 0..count {
        let at = start + TimeDelta::minutes(n);
        let seed = ServiceSeed::new(&format!("S{n:02}"), "C1", 2001);
        world
            .sim
            .mirakl()
            .put_service(seed.created_at(at).updated_at(at));
    }
    world
}

#[tokio::test]
async fn a_service_order_shows_its_price_options_commission_and_refunds() {
    let world = World::new().await;
    let seed = ServiceSeed::new("S1", "C1", 2001)
        .state("ORDER_PENDING")
        .workflow("PAY_AFTER_CONSUMPTION")
        .currency("SEK")
        .customer("cust-9")
        .price("40.00")
        .quantity(2)
        .price_tax("16.00")
        .option("5.00")
        .option_tax("1.00")
        .commission("8.00", "9.60")
        .refund(
            ServiceRefundSeed::new("R-1", "10.00")
                .tax("2.00")
                .option("5.00")
                .option_tax("1.00")
                .commission("1.00", "1.20")
                .state("OK"),
        )
        .without("payment_type")
        .set("/shop/name", json!("Ours"));
    world.sim.mirakl().put_service(seed);
    let page = world.mirakl("/api/mms/orders").await.json();
    let order = &page["data"][0];
    assert_eq!(
        (&order["id"], &order["commercial_order_id"]),
        (&"S1".into(), &"C1".into())
    );
    assert_eq!(order["state"], "ORDER_PENDING");
    assert_eq!(order["workflow"]["type"], "PAY_AFTER_CONSUMPTION");
    assert_eq!(order["currency_code"], "SEK");
    assert_eq!(order["shop"], json!({ "id": 2001, "name": "Ours" }));
    assert_eq!(order["customer"]["id"], "cust-9");
    assert!(order["date_accepted"].is_string() && order.get("payment_type").is_none());
    let price = &order["price"];
    assert_eq!(price["type"], "FIXED_PRICE");
    assert_eq!(price["amount"].to_string(), "40.00");
    assert_eq!(price["quantity"], 2);
    assert_eq!(price["taxes"][0]["amount"].to_string(), "16.00");
    assert_eq!(price["options"][0]["type"], "BOOLEAN");
    assert_eq!(
        price["options"][0]["taxes"][0]["amount"].to_string(),
        "1.00"
    );
    let commission = &order["commission"];
    assert_eq!(commission["amount_including_taxes"].to_string(), "9.60");
    assert_eq!(
        commission["commission_taxes"][0]["amount"].to_string(),
        "1.60"
    );
    let refund = &order["refunds"][0];
    assert_eq!(
        (&refund["id"], &refund["state"]),
        (&"R-1".into(), &"OK".into())
    );
    assert_eq!(refund["options"][0]["amount"].to_string(), "5.00");
    assert_eq!(
        refund["commission"]["amount_excluding_taxes"].to_string(),
        "1.00"
    );
}

#[tokio::test]
async fn a_page_leads_to_the_next_by_a_token_that_knows_everything() {
    let world = services(7).await;
    let mirakl = world.sim.mirakl();
    mirakl.update_service("S03", |order| order["state"] = json!("ORDER_CLOSED"));
    let first = world
        .mirakl("/api/mms/orders?state=ORDER_ACCEPTED&limit=4")
        .await
        .json();
    assert_eq!(ids(&first), ["S00", "S01", "S02", "S04"]);
    let token = first["next_page_token"].as_str().expect("a token");
    // What comes in between does not shift the rest, and no other parameter counts.
    let early = world.sim.clock().now() - TimeDelta::days(9);
    mirakl.put_service(ServiceSeed::new("S-1", "C1", 1).created_at(early));
    let path = format!("/api/mms/orders?page_token={token}&limit=1&state=ORDER_CLOSED&order_id=X");
    let second = world.mirakl(&path).await.json();
    assert_eq!(ids(&second), ["S05", "S06"]);
    assert!(second.get("next_page_token").is_none());
}

#[tokio::test]
async fn a_page_holds_ten_unless_told_otherwise_and_a_hundred_at_most() {
    let world = services(12).await;
    let page = world.mirakl("/api/mms/orders").await.json();
    assert_eq!(ids(&page).len(), 10);
    let page = world.mirakl("/api/mms/orders?limit=100").await.json();
    assert_eq!(ids(&page).len(), 12);
    world.sim.mirakl().page_limit(Some(5));
    let page = world.mirakl("/api/mms/orders?limit=100").await.json();
    assert_eq!(ids(&page).len(), 5);
    for query in [
        "limit=101",
        "limit=0",
        "limit=x",
        "page_token=odd",
        "page_token=6f",
    ] {
        let reply = world.mirakl(&format!("/api/mms/orders?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_own_list() {
    let world = services(2).await;
    let page = world.mirakl("/api/mms/orders?limit=1").await.json();
    let token = page["next_page_token"].as_str().expect("a token");
    let reply = world
        .mirakl(&format!("/api/mms/debits?page_token={token}"))
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn service_orders_are_asked_for_by_repeated_parameters_and_dates() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let now = world.sim.clock().now();
    let day = TimeDelta::days(1);
    mirakl.put_service(
        ServiceSeed::new("S1", "C1", 1)
            .created_at(now - day * 4)
            .updated_at(now - day * 3),
    );
    mirakl.put_service(ServiceSeed::new("S2", "C2", 1).state("WAITING_SCORING"));
    mirakl.put_service(ServiceSeed::new("S3", "C3", 1).customer("cust-9"));
    let at = (now - day * 3 - TimeDelta::seconds(1)).format("%Y-%m-%dT%H:%M:%SZ");
    for (query, expected) in [
        (
            "order_id=S1&order_id=S3&order_id=S9".to_owned(),
            vec!["S1", "S3"],
        ),
        (
            "commercial_order_id=C1&commercial_order_id=C2".to_owned(),
            vec!["S1", "S2"],
        ),
        (
            "state=WAITING_SCORING&state=ORDER_CLOSED".to_owned(),
            vec!["S2"],
        ),
        (
            "customer_id=cust-9&customer_id=customer-C1".to_owned(),
            vec!["S1", "S3"],
        ),
        ("order_id=S1&state=WAITING_SCORING".to_owned(), vec![]),
        ("order_id=S1,S3".to_owned(), vec![]),
        (format!("date_created_start={at}"), vec!["S2", "S3"]),
        (format!("date_created_end={at}"), vec!["S1"]),
        (format!("date_updated_start={at}"), vec!["S1", "S2", "S3"]),
        (format!("date_updated_end={at}"), vec![]),
    ] {
        let page = world
            .mirakl(&format!("/api/mms/orders?{query}"))
            .await
            .json();
        assert_eq!(ids(&page), expected, "{query}");
    }
    let many = (0..101).map(|n| format!("commercial_order_id=C{n}&"));
    let path = format!("/api/mms/orders?{}", many.collect::<String>());
    assert_eq!(world.mirakl(&path).await.status, 400);
    let reply = world.mirakl("/api/mms/orders?date_created_end=today").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn broken_service_orders_are_on_every_page_that_asks_for_no_certain_ones() {
    let world = services(2).await;
    world.sim.mirakl().put_service_json(json!("nonsense"));
    let page = world.mirakl("/api/mms/orders?limit=1").await.json();
    assert_eq!(page["data"][1], "nonsense");
    let page = world.mirakl("/api/mms/orders?order_id=S00").await.json();
    assert_eq!(ids(&page), ["S00"]);
}

#[tokio::test]
async fn a_change_moves_a_services_update_date_to_now() {
    let world = services(1).await;
    let mirakl = world.sim.mirakl();
    let before = mirakl.service("S00").expect("an order");
    mirakl.update_service("S00", |order| order["state"] = json!("ORDER_CANCELLED"));
    let after = mirakl.service("S00").expect("an order");
    assert_eq!(after["state"], "ORDER_CANCELLED");
    assert_eq!(after["date_created"], before["date_created"]);
    assert_ne!(after["date_updated"], before["date_updated"]);
    assert_eq!(mirakl.services().len(), 1);
}

#[tokio::test]
async fn debits_are_listed_paid_or_not() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_service(
        ServiceSeed::new("S1", "C1", 1)
            .currency("SEK")
            .customer("cust-9"),
    );
    mirakl.put_debit(DebitSeed::new("D-1", "S1", "102.00"));
    mirakl.put_debit(
        DebitSeed::new("D-2", "S2", "5.00")
            .state("OK")
            .transaction("pi_1"),
    );
    mirakl.put_debit(
        DebitSeed::new("D-3", "S3", "6.00")
            .state("REFUSED")
            .currency("USD"),
    );
    let page = world
        .mirakl("/api/mms/debits?order_id=S1&order_id=S2")
        .await
        .json();
    assert_eq!(ids(&page), ["D-1", "D-2"]);
    let (open, paid) = (&page["data"][0], &page["data"][1]);
    assert_eq!(
        (&open["order_id"], &open["state"]),
        (&"S1".into(), &"WAITING".into())
    );
    assert_eq!(
        (&open["customer_id"], &open["currency_code"]),
        (&"cust-9".into(), &"SEK".into())
    );
    assert_eq!(open["amount"].to_string(), "102.00");
    assert!(open["date_created"].is_string() && open["date_updated"].is_string());
    assert!(open.get("transaction_number").is_none());
    assert_eq!(
        (&paid["state"], &paid["currency_code"]),
        (&"OK".into(), &"EUR".into())
    );
    assert_eq!(paid["transaction_number"], "pi_1");
    let first = world.mirakl("/api/mms/debits?limit=2").await.json();
    let token = first["next_page_token"].as_str().expect("a token");
    let second = world
        .mirakl(&format!("/api/mms/debits?page_token={token}"))
        .await
        .json();
    assert_eq!(ids(&second), ["D-3"]);
    assert_eq!(second["data"][0]["currency_code"], "USD");
}

#[tokio::test]
async fn debits_may_be_read_so_often_a_minute() {
    let world = World::new().await;
    world.sim.mirakl().limit_debits(Some(3));
    for _ in 0..3 {
        assert_eq!(world.mirakl("/api/mms/debits").await.status, 200);
    }
    let reply = world.mirakl("/api/mms/debits").await;
    assert_eq!(reply.status, 429);
    let wait: i64 = reply
        .header("retry-after")
        .expect("a wait")
        .parse()
        .expect("seconds");
    assert!((50..=60).contains(&wait), "{wait}");
    assert_eq!(world.mirakl("/api/mms/orders").await.status, 200);
    world.sim.clock().advance(TimeDelta::seconds(wait));
    assert_eq!(world.mirakl("/api/mms/debits").await.status, 200);
    world.sim.mirakl().limit_debits(None);
    for _ in 0..5 {
        assert_eq!(world.mirakl("/api/mms/debits").await.status, 200);
    }
}
