use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{LineSeed, OrderSeed};

use crate::client::World;

fn waiting(id: &str, price: &str) -> OrderSeed {
    OrderSeed::new(id, "C1", 2001)
        .waiting_debit()
        .line(LineSeed::new(price))
}

async fn list(world: &World) -> Value {
    world.mirakl("/api/payment/debit").await.json()
}

/// The amounts of the debits that wait, by order.
async fn amounts(world: &World) -> Vec<(String, String)> {
    let list = list(world).await;
    let orders = list["orders"]["order"].as_array().cloned();
    let amount = |order: &Value| {
        let id = order["order_id"].as_str().expect("an id").to_owned();
        (id, order["amount"].to_string())
    };
    orders.unwrap_or_default().iter().map(amount).collect()
}

#[tokio::test]
async fn an_order_that_waits_for_its_debit_is_neither_debited_nor_has_it_a_number() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(waiting("C1-A", "10.00").transaction("pi_1").waiting_debit());
    let order = mirakl.order("C1-A").expect("an order");
    assert_eq!(order["order_state"], "WAITING_DEBIT_PAYMENT");
    assert_eq!(order["customer_debited_date"], Value::Null);
    assert_eq!(order["transaction_number"], Value::Null);
    assert_eq!(order["order_lines"][0]["debited_date"], Value::Null);
}

#[tokio::test]
async fn a_debit_is_shown_with_all_but_a_transaction_number() {
    let world = World::new().await;
    world
        .sim
        .mirakl()
        .put(waiting("C1-A", "42.50").customer("cust-9").currency("SEK"));
    let list = list(&world).await;
    assert_eq!(list["total_count"], 1);
    assert_eq!(
        list["orders"]["order"][0],
        json!({
            "order_id": "C1-A",
            "order_commercial_id": "C1",
            "amount": serde_json::from_str::<Value>("42.50").expect("a number"),
            "currency_iso_code": "SEK",
            "customer_id": "cust-9",
            "imprint_number": null,
            "payment_type": "CARD",
            "shop_id": "2001",
            "pay_out_psp_code": "NOT_SPECIFIED",
            "debit_entity": { "type": "ORDER", "id": "C1-A" },
            "order_lines": { "order_line": [{
                "order_line_id": "C1-A-1",
                "offer_id": "3301",
                "order_line_amount": serde_json::from_str::<Value>("42.50").expect("a number"),
                "order_line_quantity": 1,
            }] },
        })
    );
}

#[tokio::test]
async fn only_orders_with_a_debit_to_confirm_are_listed() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put(waiting("C1-A", "1.00"));
    mirakl.put(waiting("C1-B", "2.00").workflow("PAY_ON_DELIVERY"));
    mirakl.put(waiting("C1-C", "3.00").workflow("NO_CUSTOMER_PAYMENT_CONFIRMATION"));
    mirakl.put(waiting("C1-D", "4.00").debited_at(Some(world.sim.clock().now())));
    for state in ["WAITING_ACCEPTANCE", "WAITING_DEBIT", "SHIPPING", "REFUSED"] {
        mirakl.put(waiting(state, "5.00").state(state));
    }
    let shipped = OrderSeed::new("C1-E", "C1", 2001).workflow("PAY_ON_DELIVERY");
    mirakl.put(
        shipped
            .state("SHIPPED")
            .line(LineSeed::new("6.00"))
            .debit_asked(),
    );
    mirakl.put_json(json!({ "order_state": "WAITING_DEBIT_PAYMENT" }));
    let found = amounts(&world).await;
    let found: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(found, ["C1-A", "C1-B", "C1-E"]);
    mirakl.update("C1-A", |order| order["order_state"] = json!("CANCELED"));
    assert_eq!(amounts(&world).await.len(), 2);
}

#[tokio::test]
async fn what_is_debited_are_the_live_lines_with_taxes_that_are_not_in_them() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let order = |id: &str| {
        OrderSeed::new(id, "C1", 1)
            .line(
                LineSeed::new("10.00")
                    .shipping("2.00")
                    .tax("1.00")
                    .shipping_tax("0.20"),
            )
            .line(LineSeed::new("5.00").tax("0.50").state("REFUSED"))
            .line(LineSeed::new("3.00").tax("0.30").state("CANCELED"))
            .waiting_debit()
    };
    mirakl.put(order("C1-A").tax_mode("TAX_EXCLUDED"));
    mirakl.put(order("C1-B"));
    let expected = [("C1-A", "13.20"), ("C1-B", "12.00")];
    assert_eq!(
        amounts(&world).await,
        expected.map(|(id, amount)| (id.to_owned(), amount.to_owned()))
    );
    let lines = &list(&world).await["orders"]["order"][0]["order_lines"]["order_line"];
    assert_eq!(lines.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_part_that_is_not_the_customers_to_pay_is_not_debited() {
    let world = World::new().await;
    let line = LineSeed::new("10.00")
        .part_not_debitable("1.50")
        .part_not_payable("0.50");
    let order = OrderSeed::new("C1-A", "C1", 1).line(line).waiting_debit();
    world.sim.mirakl().put(order);
    assert_eq!(amounts(&world).await[0].1, "8.50");
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    let parts = &order["order_lines"][0]["price_amount_breakdown"]["parts"];
    let flags = |at: usize| {
        let part = &parts[at];
        (
            part["amount"].to_string(),
            part["debitable_from_customer"].as_bool(),
            part["payable_to_shop"].as_bool(),
        )
    };
    assert_eq!(flags(0), ("8.00".to_owned(), Some(true), Some(true)));
    assert_eq!(flags(1), ("0.50".to_owned(), Some(true), Some(false)));
    assert_eq!(flags(2), ("1.50".to_owned(), Some(false), Some(true)));
}

#[tokio::test]
async fn a_part_that_was_cancelled_is_beside_the_price_that_is_left() {
    let world = World::new().await;
    let line = LineSeed::new("20.00")
        .shipping("1.00")
        .canceled_part("10.00", "2.00")
        .canceled_tax("1.00")
        .canceled_shipping_tax("0.20")
        .canceled_part("5.00", "0.00");
    let order = OrderSeed::new("C1-A", "C1", 1).line(line).waiting_debit();
    world.sim.mirakl().put(order);
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    let canceled = &order["order_lines"][0]["cancelations"];
    assert_eq!(canceled[0]["amount"].to_string(), "10.00");
    assert_eq!(canceled[0]["shipping_amount"].to_string(), "2.00");
    assert_eq!(canceled[0]["taxes"][0]["amount"].to_string(), "1.00");
    assert_eq!(
        canceled[0]["shipping_taxes"][0]["amount"].to_string(),
        "0.20"
    );
    assert_eq!(canceled[1]["amount"].to_string(), "5.00");
    assert_eq!(canceled[1]["taxes"], json!([]));
    assert_ne!(canceled[0]["id"], canceled[1]["id"]);
    assert_eq!(amounts(&world).await[0].1, "21.00");
}

#[tokio::test]
async fn each_shipment_has_a_debit_of_its_own() {
    let world = World::new().await;
    let order = OrderSeed::new("C1-A", "C1", 1)
        .line(LineSeed::new("12.00"))
        .line(LineSeed::new("8.00"))
        .shipment_debits(&[("SH1", "12.00"), ("SH2", "8.00")]);
    world.sim.mirakl().put(order);
    let list = list(&world).await;
    assert_eq!(list["total_count"], 2);
    let debits = &list["orders"]["order"];
    assert_eq!(
        debits[0]["debit_entity"],
        json!({ "type": "SHIPMENT", "id": "SH1" })
    );
    assert_eq!(
        debits[1]["debit_entity"],
        json!({ "type": "SHIPMENT", "id": "SH2" })
    );
    assert_eq!(debits[1]["order_id"], "C1-A");
    assert_eq!(debits[1]["amount"].to_string(), "8.00");
    assert_eq!(
        debits[1]["order_lines"]["order_line"][0]["order_line_id"],
        "C1-A-2"
    );
    let order = world.sim.mirakl().order("C1-A").expect("an order");
    assert_eq!(order["payment_workflow"], "PAY_ON_SHIPMENT");
    assert_eq!(order["customer_debited_date"], Value::Null);
}

#[tokio::test]
async fn an_empty_list_has_now_an_empty_object_and_now_none() {
    let world = World::new().await;
    let expected = [
        json!({ "orders": {}, "total_count": 0 }),
        json!({ "total_count": 0 }),
    ];
    for empty in expected.iter().cycle().take(4) {
        assert_eq!(list(&world).await, *empty);
    }
}

#[tokio::test]
async fn debits_page_by_offset_with_links() {
    let world = World::new().await;
    for n in 0..12 {
        let at = world.sim.clock().now() - TimeDelta::minutes(20 - n);
        world
            .sim
            .mirakl()
            .put(waiting(&format!("C{n:02}"), "1.00").created_at(at));
    }
    let first = world.mirakl("/api/payment/debit").await;
    assert_eq!(
        first.json()["orders"]["order"].as_array().map(Vec::len),
        Some(10)
    );
    assert_eq!(first.json()["total_count"], 12);
    let link = first.header("link").expect("a link");
    assert!(
        link.contains("/api/payment/debit?offset=10") && link.contains("next"),
        "{link}"
    );
    let second = world.mirakl("/api/payment/debit?max=100&offset=10").await;
    assert_eq!(second.json()["orders"]["order"][0]["order_id"], "C10");
    assert!(!second.header("link").expect("a link").contains("next"));
    assert_eq!(world.mirakl("/api/payment/debit?max=101").await.status, 400);
}
