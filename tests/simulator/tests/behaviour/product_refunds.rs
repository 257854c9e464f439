use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{LineSeed, OrderSeed, RefundSeed};

use crate::client::World;

const PATH: &str = "/api/payment/refund";

fn order(id: &str) -> OrderSeed {
    OrderSeed::new(id, "C1", 2001).line(LineSeed::new("30.00"))
}

fn number(digits: &str) -> Value {
    serde_json::from_str(digits).expect("a number")
}

/// Each order that PA12 lists, with its amount and its refunds' amounts.
async fn listed(world: &World) -> Vec<(String, String, Vec<String>)> {
    let list = world.mirakl(PATH).await.json();
    let orders = list["orders"]["order"].as_array().cloned();
    let show = |order: &Value| {
        let lines = order["order_lines"]["order_line"].as_array();
        let refunds = lines.into_iter().flatten();
        let refunds = refunds.filter_map(|line| line["refunds"]["refund"].as_array());
        let amounts = refunds
            .flatten()
            .map(|refund| format!("{} {}", text(&refund["id"]), refund["amount"]));
        (
            text(&order["order_id"]),
            order["amount"].to_string(),
            amounts.collect(),
        )
    };
    orders.unwrap_or_default().iter().map(show).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_refund_in_an_order_shows_its_parts() {
    let world = World::new().await;
    let refund = RefundSeed::new("9001", "10.00")
        .shipping("2.00")
        .tax("2.00")
        .shipping_tax("0.40")
        .commission("1.20")
        .part_not_payable("3.00")
        .shipping_part_not_payable("0.50")
        .set("reason_code", json!("21"))
        .without("fees");
    world
        .sim
        .mirakl()
        .put(OrderSeed::new("C1-A", "C1", 2001).line(LineSeed::new("30.00").refund_with(refund)));
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    let refund = &order["order_lines"][0]["refunds"][0];
    assert_eq!(refund["id"], "9001");
    for (field, digits) in [
        ("/amount", "10.00"),
        ("/shipping_amount", "2.00"),
        ("/taxes/0/amount", "2.00"),
        ("/shipping_taxes/0/amount", "0.40"),
        ("/commission_total_amount", "1.20"),
        ("/amount_breakdown/parts/0/amount", "7.00"),
        ("/amount_breakdown/parts/1/amount", "3.00"),
        ("/shipping_amount_breakdown/parts/1/amount", "0.50"),
    ] {
        let shown = refund.pointer(field).expect("a field");
        assert_eq!(shown.to_string(), digits, "{field}");
    }
    let parts = &refund["amount_breakdown"]["parts"];
    assert_eq!(parts[0]["payable_to_shop"], true);
    assert_eq!(parts[1]["payable_to_shop"], false);
    assert_eq!(refund["refund_state"], "WAITING_REFUND_PAYMENT");
    assert_eq!(refund["state"], "WAITING_REFUND_PAYMENT");
    assert_eq!(refund["reason_code"], "21");
    assert!(refund.get("fees").is_none() && refund["transaction_number"].is_null());
    assert_eq!(order["total_price"].to_string(), "30.00");
}

#[tokio::test]
async fn a_refund_that_waits_is_listed_within_its_line_and_order() {
    let world = World::new().await;
    let seed = OrderSeed::new("C1-A", "C1", 2001)
        .currency("SEK")
        .customer("cust-9")
        .workflow("PAY_ON_DELIVERY")
        .line(LineSeed::new("20.00"))
        .line(LineSeed::new("30.00").refund("9001", "12.00"));
    world.sim.mirakl().put(seed);
    let list = world.mirakl(PATH).await.json();
    assert_eq!(list["total_count"], 1);
    assert_eq!(
        list["orders"]["order"][0],
        json!({
            "order_id": "C1-A",
            "order_commercial_id": "C1",
            "amount": number("12.00"),
            "currency_iso_code": "SEK",
            "customer_id": "cust-9",
            "imprint_number": null,
            "payment_type": "CARD",
            "payment_workflow": "PAY_ON_DELIVERY",
            "shop_id": "2001",
            "pay_out_psp_code": "NOT_SPECIFIED",
            "order_lines": { "order_line": [{
                "order_line_id": "C1-A-2",
                "offer_id": "3302",
                "order_line_amount": number("12.00"),
                "order_line_quantity": 1,
                "refunds": { "refund": [{ "id": "9001", "amount": number("12.00") }] },
            }] },
        })
    );
}

#[tokio::test]
async fn what_a_customer_gets_back_holds_shipping_and_taxes_that_are_not_in_it() {
    let world = World::new().await;
    let refund = |id: &str| {
        RefundSeed::new(id, "10.00")
            .shipping("2.00")
            .tax("2.00")
            .shipping_tax("0.40")
            .part_not_payable("3.00")
    };
    let line = |id: &str| LineSeed::new("30.00").refund_with(refund(id));
    let mirakl = world.sim.mirakl();
    mirakl.put(OrderSeed::new("C1-A", "C1", 2001).line(line("1")));
    let excluded = OrderSeed::new("C1-B", "C1", 2001).tax_mode("TAX_EXCLUDED");
    mirakl.put(excluded.line(line("2").refund("3", "1.00")));
    assert_eq!(
        listed(&world).await,
        [
            ("C1-A".into(), "12.00".into(), vec!["1 12.00".into()]),
            (
                "C1-B".into(),
                "15.40".into(),
                vec!["2 14.40".into(), "3 1.00".into()]
            ),
        ]
    );
    // The mode that OR11 is asked to show changes nothing here.
    world
        .mirakl("/api/orders?order_tax_mode=TAX_EXCLUDED")
        .await;
    assert_eq!(listed(&world).await[0].1, "12.00");
}

#[tokio::test]
async fn only_refunds_that_wait_for_their_payment_are_listed() {
    let world = World::new().await;
    let mut line = LineSeed::new("30.00");
    for state in [
        "WAITING_REFUND_TAX_CONFIRMATION",
        "WAITING_REFUND",
        "WAITING_REFUND_PAYMENT",
        "REFUNDED",
    ] {
        line = line.refund_with(RefundSeed::new(state, "1.00").state(state));
    }
    world
        .sim
        .mirakl()
        .put(OrderSeed::new("C1-A", "C1", 2001).line(line));
    let only = vec!["WAITING_REFUND_PAYMENT 1.00".to_owned()];
    assert_eq!(
        listed(&world).await,
        [("C1-A".to_owned(), "1.00".to_owned(), only)]
    );
}

#[tokio::test]
async fn a_refund_is_added_to_an_order_whose_sums_stay() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let at = world.sim.clock().now() - TimeDelta::days(1);
    mirakl.put(order("C1-A").updated_at(at).line(LineSeed::new("5.00")));
    let before = mirakl.order("C1-A").expect("an order");
    mirakl.add_refund("C1-A", 2, RefundSeed::new("7", "4.00"));
    let after = mirakl.order("C1-A").expect("an order");
    assert_ne!(after["last_updated_date"], before["last_updated_date"]);
    for sum in ["price", "total_price", "total_commission"] {
        assert_eq!(after[sum], before[sum]);
    }
    assert_eq!(after["order_lines"][1]["refunds"][0]["id"], "7");
    assert_eq!(listed(&world).await.len(), 1);
    mirakl.update("C1-A", |order| {
        order["order_lines"][1]["refunds"] = json!([]);
    });
    assert!(listed(&world).await.is_empty());
}

#[tokio::test]
async fn an_empty_list_of_refunds_may_lack_either_level() {
    let world = World::new().await;
    let first = world.mirakl(PATH).await.json();
    assert_eq!(first, json!({ "orders": {}, "total_count": 0 }));
    let second = world.mirakl(PATH).await.json();
    assert_eq!(second, json!({ "total_count": 0 }));
}

#[tokio::test]
async fn pages_and_the_total_count_orders_rather_than_refunds() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    for n in 0..3 {
        let line = LineSeed::new("30.00");
        let line = line
            .refund(&format!("{n}1"), "1.00")
            .refund(&format!("{n}2"), "2.00");
        mirakl.put(OrderSeed::new(&format!("C{n}-A"), "C1", 2001).line(line));
    }
    let page = world.mirakl(&format!("{PATH}?max=2")).await;
    let list = page.json();
    assert_eq!(list["total_count"], 3);
    assert_eq!(list["orders"]["order"].as_array().map(Vec::len), Some(2));
    let link = page.header("link").expect("a link");
    assert!(link.contains("offset=2") && link.contains(r#"rel="next""#));
    let rest = world.mirakl(&format!("{PATH}?max=2&offset=2")).await;
    assert_eq!(rest.json()["orders"]["order"][0]["order_id"], "C2-A");
    assert!(!rest.header("link").expect("a link").contains("next"));
    assert_eq!(world.sim.count("GET /api/payment/refund"), 2);
}

#[tokio::test]
async fn ids_of_refunds_may_be_numbers() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let line = LineSeed::new("30.00")
        .refund("9001", "1.00")
        .refund("R-2", "2.00");
    mirakl.put(OrderSeed::new("C1-A", "C1", 2001).line(line));
    mirakl.numeric_refund_ids(true);
    let list = world.mirakl(PATH).await.json();
    let refunds = &list["orders"]["order"][0]["order_lines"]["order_line"][0]["refunds"]["refund"];
    assert_eq!(refunds[0]["id"], 9001);
    assert_eq!(refunds[1]["id"], "R-2");
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_lines"][0]["refunds"][0]["id"], "9001");
}

#[tokio::test]
async fn a_refund_may_be_listed_that_no_order_shows() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(order("C1-A"));
    let raw = json!({ "order_id": "C1-A", "odd": true });
    mirakl.put_pending_refund_json(raw.clone());
    let list = world.mirakl(PATH).await.json();
    assert_eq!(
        list,
        json!({ "orders": { "order": [raw] }, "total_count": 1 })
    );
}
