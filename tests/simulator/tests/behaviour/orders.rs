use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::{LineSeed, OrderSeed};

use crate::client::World;

/// An amount as its text.
fn text(value: &Value) -> String {
    value.to_string()
}

#[tokio::test]
async fn an_orders_sums_are_those_of_its_live_lines() {
    let world = World::new().await;
    let order = OrderSeed::new("C1-A", "C1", 2001)
        .line(LineSeed::new("30.10").shipping("5.00").commission("4.20"))
        .line(LineSeed::new("0.20").commission("0.01"))
        .line(LineSeed::new("20.00").commission("2.40").state("REFUSED"))
        .line(LineSeed::new("10.00").commission("1.40").state("CANCELED"));
    world.sim.mirakl().put(order);
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    assert_eq!(text(&order["price"]), "30.30");
    assert_eq!(text(&order["shipping_price"]), "5.00");
    assert_eq!(text(&order["total_price"]), "35.30");
    assert_eq!(text(&order["total_commission"]), "4.21");
    assert_eq!(text(&order["order_lines"][0]["total_price"]), "35.10");
    assert_eq!(order["order_lines"][2]["debited_date"], Value::Null);
    assert_eq!(order["order_lines"][3]["order_line_id"], "C1-A-4");
}

#[tokio::test]
async fn amounts_keep_their_digits_over_the_wire() {
    let world = World::new().await;
    world
        .sim
        .mirakl()
        .put(OrderSeed::new("C1-A", "C1", 1).line(LineSeed::new("12.30")));
    world
        .sim
        .mirakl()
        .put(OrderSeed::new("C2-A", "C2", 1).line(LineSeed::new("1500")));
    let reply = world.mirakl("/api/orders").await;
    assert!(
        reply.text.contains(r#""total_price":12.30"#),
        "{}",
        reply.text
    );
    assert!(
        reply.text.contains(r#""total_price":1500"#),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn an_order_is_shipping_and_paid_unless_told_otherwise() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(OrderSeed::new("C1-A", "C1", 1));
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "SHIPPING");
    assert_eq!(order["payment_workflow"], "PAY_ON_ACCEPTANCE");
    assert!(order["customer_debited_date"].is_string());
    assert_eq!(order["transaction_number"], Value::Null);
    mirakl.put(OrderSeed::new("C1-A", "C1", 1).unpaid().transaction("pi_1"));
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["customer_debited_date"], Value::Null);
    assert_eq!(order["transaction_number"], "pi_1");
    assert_eq!(mirakl.orders().len(), 1);
}

#[tokio::test]
async fn any_field_can_be_set_or_left_out() {
    let world = World::new().await;
    let order = OrderSeed::new("C1-A", "C1", 1)
        .line(LineSeed::new("1.00").set("order_line_id", json!("other")))
        .set("total_price", json!("free"))
        .set("/order_lines/0/taxes", Value::Null)
        .set("/customer/organization/name", json!("Co"))
        .without("order_taxes")
        .without("/customer/customer_id");
    world.sim.mirakl().put(order);
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    assert_eq!(order["total_price"], "free");
    assert_eq!(order["order_lines"][0]["taxes"], Value::Null);
    assert_eq!(order["order_lines"][0]["order_line_id"], "other");
    assert_eq!(
        order["customer"],
        json!({ "organization": { "name": "Co" } })
    );
    assert!(order.get("order_taxes").is_none());
}

#[tokio::test]
async fn parts_that_are_not_payable_split_the_price() {
    let world = World::new().await;
    let line = LineSeed::new("10.00").part_not_payable("1.50");
    world
        .sim
        .mirakl()
        .put(OrderSeed::new("C1-A", "C1", 1).line(line).order_tax("0.70"));
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    let parts = &order["order_lines"][0]["price_amount_breakdown"]["parts"];
    assert_eq!(text(&parts[0]["amount"]), "8.50");
    assert_eq!(parts[0]["payable_to_shop"], true);
    assert_eq!(text(&parts[1]["amount"]), "1.50");
    assert_eq!(parts[1]["payable_to_shop"], false);
    assert_eq!(text(&order["order_taxes"][0]["total_amount"]), "0.70");
}

#[tokio::test]
async fn a_change_moves_the_update_date_to_now() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let long_ago = world.sim.clock().now() - TimeDelta::days(30);
    mirakl.put(
        OrderSeed::new("C1-A", "C1", 1)
            .created_at(long_ago)
            .updated_at(long_ago),
    );
    world.sim.clock().advance(TimeDelta::hours(1));
    mirakl.update("C1-A", |order| order["order_state"] = json!("SHIPPED"));
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "SHIPPED");
    let updated = order["last_updated_date"].as_str().expect("a date");
    let updated = DateTime::parse_from_rfc3339(updated).expect("RFC 3339");
    assert!(world.sim.clock().now().signed_duration_since(updated) < TimeDelta::seconds(5));
}

#[tokio::test]
async fn dates_show_milliseconds_only_when_there_are_any() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let date = |text: &str| text.parse::<DateTime<Utc>>().expect("a date");
    mirakl.put(
        OrderSeed::new("C1-A", "C1", 1)
            .created_at(date("2026-05-04T09:12:30Z"))
            .updated_at(date("2026-05-04T09:12:30.250Z")),
    );
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["created_date"], "2026-05-04T09:12:30Z");
    assert_eq!(order["last_updated_date"], "2026-05-04T09:12:30.250Z");
}

#[tokio::test]
async fn the_tax_mode_asked_for_is_that_of_all_amounts() {
    let world = World::new().await;
    let line = LineSeed::new("30.00")
        .tax("6.00")
        .shipping("5.00")
        .shipping_tax("1.00");
    let refused = LineSeed::new("10.00").tax("2.00").state("REFUSED");
    let order = OrderSeed::new("C1-A", "C1", 1).tax_mode("TAX_EXCLUDED");
    world.sim.mirakl().put(order.line(line).line(refused));
    let reply = world
        .mirakl("/api/orders?order_tax_mode=TAX_INCLUDED")
        .await;
    let order = &reply.json()["orders"][0];
    assert_eq!(order["order_tax_mode"], "TAX_INCLUDED");
    assert_eq!(text(&order["total_price"]), "42.00");
    assert_eq!(text(&order["order_lines"][0]["price"]), "36.00");
    assert_eq!(text(&order["order_lines"][1]["price"]), "12.00");
    let reply = world
        .mirakl("/api/orders?order_tax_mode=TAX_EXCLUDED")
        .await;
    assert_eq!(text(&reply.json()["orders"][0]["total_price"]), "35.00");
    assert_eq!(
        world.mirakl("/api/orders?order_tax_mode=NONE").await.status,
        400
    );
}

#[tokio::test]
async fn broken_elements_are_on_every_page_that_asks_for_no_certain_orders() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_json(json!({ "order_id": 7, "total_price": "?" }));
    mirakl.put_json(json!("nonsense"));
    mirakl.put(OrderSeed::new("C1-A", "C1", 1));
    mirakl.put(OrderSeed::new("C2-A", "C2", 1));
    for offset in [0, 1] {
        let page = world
            .mirakl(&format!("/api/orders?max=1&offset={offset}"))
            .await
            .json();
        assert_eq!(page["orders"].as_array().map(Vec::len), Some(3));
        assert_eq!(page["orders"][2], "nonsense");
        assert_eq!(page["total_count"], 4);
    }
    let page = world.mirakl("/api/orders?order_ids=C1-A").await.json();
    assert_eq!(page["orders"].as_array().map(Vec::len), Some(1));
    mirakl.remove_unusable();
    let page = world.mirakl("/api/orders").await.json();
    assert_eq!(page["total_count"], 2);
}

#[tokio::test]
async fn an_order_with_an_id_but_nothing_else_is_listed() {
    let world = World::new().await;
    world.sim.mirakl().put_json(json!({ "order_id": "X" }));
    let page = world.mirakl("/api/orders?order_ids=X").await.json();
    assert_eq!(page["orders"][0], json!({ "order_id": "X" }));
    world.sim.mirakl().remove("X");
    assert_eq!(world.mirakl("/api/orders").await.json()["total_count"], 0);
}
