//! Refunds that cannot be decided yet, that wait for a person, or that are looked at singly.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{PaymentSeed, RefundSeed};

use crate::refunds::REFUND;
use crate::support::{World, eur};

#[tokio::test]
async fn a_payment_that_is_not_captured_waits_and_is_never_cancelled() {
    let mut world = World::with_refunds().await;
    let stripe = world.sim.stripe().clone();
    let payment = stripe.pay(PaymentSeed::new(3000, "eur").basket("C1").authorized());
    let intent = payment.intent.unwrap();
    let order = eur("C1-A", 2000, "30.00", "3.00").transaction(&intent);
    world.mirakl.put(order);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.sold("C2-A", "30.00", "3.00", 3000).await;
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(0);
    world
        .refund_stands("1100", "REFUND_ON_HOLD", "REFUND", "not_captured")
        .await;
    // It holds up no other.
    world.refunded_once("1101", 1000, &[900]).await;
    assert!(stripe.cancellations().is_empty());
    assert_eq!(world.given_back("1100"), [] as [i64; 0]);
    stripe.capture(&intent, Some(3000));
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_charge_that_somebody_else_refunded_in_full_waits_for_a_person() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sold("C2-A", "30.00", "3.00", 3000).await;
    let by_hand = world.sim.stripe().refund(&charge, 3000);
    world.asks("C1-A", "1100", "30.00", "3.00");
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(3).says("1 failed");
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    assert!(row["nextLookAt"].is_null(), "{row:#}");
    let reason = row["failedReason"].as_str().unwrap();
    assert!(reason.contains("30.00 EUR of charge"), "{reason}");
    world.refunded_once("1101", 1000, &[900]).await;
    // It is not tried again by itself.
    world.sim.clear_calls();
    world.refund().await;
    assert_eq!(world.sim.count(REFUND), 0);
    // It was this refund: the person says so, and the rest is done.
    let id = row["internalId"].to_string();
    let resolve = ["resolve", "refund", &id, "--stripe-id", &by_hand];
    world.run(&resolve).await.exits(0).says("settled as");
    world.refund().await.exits(0);
    assert_eq!(world.told_of("1100"), [by_hand.as_str()]);
    assert_eq!(world.taken_back("1100"), [2700]);
    let row = world.refund_row("1100").await;
    assert_eq!(row["status"], "REFUND_CREATED");
    assert_eq!(row["stripeRefundId"], by_hand);
}

#[tokio::test]
async fn a_charge_that_somebody_else_refunded_in_part_waits_for_a_person_who_says_go_on() {
    let mut world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sim.stripe().refund(&charge, 500);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    let id = row["internalId"].to_string();
    world
        .run(&["resolve", "refund", &id, "--retry"])
        .await
        .exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
    // Another one by hand is looked at anew, also one that was made while a run was on its way.
    world.asks("C1-A", "1101", "5.00", "0.50");
    world.pass(TimeDelta::minutes(1));
    world.sim.stripe().refund(&charge, 1500);
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1101", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    assert!(row["failedReason"].as_str().unwrap().contains("20.00 EUR"));
    let id = row["internalId"].to_string();
    let abandon = ["resolve", "refund", &id, "--abandon", "paid in cash"];
    world.run(&abandon).await.exits(0);
    world
        .refund_stands("1101", "REFUND_ABORTED", "REFUND", "resolved_abandoned")
        .await;
    assert_eq!(world.given_back("1101"), [] as [i64; 0]);
}

#[tokio::test]
async fn a_refund_by_hand_that_the_list_did_not_show_yet_is_found_when_stripe_refuses() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.refund().await.exits(0);
    world.asks("C1-A", "1100", "30.00", "3.00");
    // Between the look at the list and the request.
    let by_hand = world.sim.stripe().refund(&charge, 1000);
    let mut conn = world.db.connect().await;
    sqlx::query("update adoptions set covered_until = now() + interval '1 day'")
        .execute(&mut conn)
        .await
        .unwrap();
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    assert!(row["nextLookAt"].is_null(), "{row:#}");
    // It was another one; what is left of the charge is not enough, and that is said once more.
    let id = row["internalId"].to_string();
    let retry = ["resolve", "refund", &id, "--retry"];
    world.run(&retry).await.exits(0);
    world.sim.stripe().fail_refund(&by_hand, "declined");
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [3000]);
}

#[tokio::test]
async fn what_cannot_be_decided_waits_with_its_reason_and_holds_up_no_other() {
    let world = World::with_refunds().await;
    for n in 1..=7 {
        world.sold(&format!("C{n}-A"), "30.00", "3.00", 3000).await;
    }
    for n in 1..=7 {
        world.asks(&format!("C{n}-A"), &format!("110{n}"), "10.00", "1.00");
    }
    // Not in its order; another amount; no commission; another currency; sub-cents; no order.
    world.mirakl.put_pending_refund_json(json!({
        "order_id": "C1-A", "order_commercial_id": "C1", "amount": 5, "currency_iso_code": "EUR",
        "customer_id": "c", "imprint_number": "", "payment_type": "", "shop_id": "2000",
        "order_lines": {"order_line": [{"order_line_id": "C1-A-1", "offer_id": "1",
            "order_line_amount": 5, "order_line_quantity": 1,
            "refunds": {"refund": [{"id": "nowhere", "amount": 5}]}}]},
    }));
    let refund = |order: &str, field: &str, value: Value| {
        world.mirakl.update(order, |order| {
            order["order_lines"][0]["refunds"][0][field] = value;
        });
    };
    refund("C3-A", "commission_total_amount", Value::Null);
    refund("C4-A", "taxes", json!([{"code": "VAT", "amount": "much"}]));
    refund("C5-A", "commission_total_amount", json!(0.333));
    world.mirakl.update("C6-A", |order| {
        order["order_tax_mode"] = json!("TAX_WHATEVER");
    });
    world.refund().await.exits(0);
    world.refunded_once("1101", 1000, &[900]).await;
    world.refunded_once("1107", 1000, &[900]).await;
    for (id, code) in [
        ("nowhere", "not_in_order"),
        ("1103", "no_commission"),
        ("1104", "unreadable"),
        ("1105", "inexact_amount"),
        ("1106", "cannot_add_up"),
    ] {
        world
            .refund_stands(id, "REFUND_ON_HOLD", "REFUND", code)
            .await;
        assert_eq!(world.given_back(id), [] as [i64; 0], "{id}");
    }
}

#[tokio::test]
async fn a_refund_that_mirakl_shows_otherwise_than_it_asks_waits_with_both_amounts() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.mirakl.put_pending_refund_json(json!({
        "order_id": "C1-A", "order_commercial_id": "C1", "amount": 12, "currency_iso_code": "EUR",
        "customer_id": "c", "imprint_number": "", "payment_type": "", "shop_id": "2000",
        "order_lines": {"order_line": [{"order_line_id": "C1-A-1", "offer_id": "1",
            "order_line_amount": 12, "order_line_quantity": 1,
            "refunds": {"refund": [{"id": "1100", "amount": 12}]}}]},
    }));
    let refund = RefundSeed::new("1100", "10.00").commission("1.00");
    world
        .mirakl
        .add_refund("C1-A", 1, refund.state("WAITING_REFUND"));
    world.refund().await.exits(0);
    let row = world
        .refund_stands("1100", "REFUND_ON_HOLD", "REFUND", "cannot_add_up")
        .await;
    let reason = row["statusReason"].as_str().unwrap();
    assert!(
        reason.contains("asks for 12") && reason.contains("10.00"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_waiting_refund_that_mirakl_was_told_of_by_somebody_else_ends() {
    let mut world = World::with_refunds().await;
    let payment = PaymentSeed::new(3000, "eur").basket("C1").authorized();
    let payment = world.sim.stripe().pay(payment);
    let order = eur("C1-A", 2000, "30.00", "3.00");
    world
        .mirakl
        .put(order.transaction(payment.intent.as_deref().unwrap()));
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world.mirakl.update("C1-A", |order| {
        let refund = &mut order["order_lines"][0]["refunds"][0];
        refund["refund_state"] = json!("REFUNDED");
        refund["state"] = json!("REFUNDED");
    });
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0).says("1 aborted");
    world
        .refund_stands("1100", "REFUND_ABORTED", "REFUND", "confirmed_elsewhere")
        .await;
}
