//! Where people, the former connector or bad luck have been at it before: nothing is refunded, confirmed or
//! taken back a second time, and nothing is forgotten.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, LineSeed, OrderSeed, Receiver, RefundSeed, When};

use crate::support::{Database, Finished, TAX_ACCOUNT, World, day};

const CONFIRM: &str = "PUT /api/payment/refund";
const REVERSE: &str = "POST /v1/transfers/{id}/reversals";

async fn resolve(world: &World, refund: &str, decision: &[&str]) -> Finished {
    let id = world.refund_row(refund).await["internalId"].to_string();
    let arguments = [&["resolve", "refund", &id], decision].concat();
    world.run(&arguments).await
}

#[tokio::test]
async fn of_two_parts_one_refused_and_one_in_doubt_both_come_to_their_end() {
    for refused in ["acct_shop2000", TAX_ACCOUNT] {
        let mut world = World::with_taxes().await;
        world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
        world.set("STRIPE_MAX_CONCURRENCY", "1");
        let line = LineSeed::new("30.00").commission("3.00").tax("5.00");
        world.paid(OrderSeed::new("C1-A", "C1", 2000).line(line), "C1", 3000);
        world.transfer().await.exits(0);
        let refund = RefundSeed::new("1", "12.00").commission("1.20").tax("2.00");
        world.mirakl.add_refund("C1-A", 1, refund);
        let stripe = world.sim.stripe().clone();
        let balance = stripe.balance(refused, "eur");
        stripe.drain(refused, "eur", balance);
        let other = if refused == TAX_ACCOUNT { 880 } else { 200 };
        let lost = Fault::on(REVERSE)
            .always()
            .containing(&format!("amount={other}&"));
        world.sim.faults().add(lost.then(Effect::CutAfter));
        world.refund().await.exits(3);
        world.sim.faults().clear();
        stripe.add_funds(refused, "eur", balance);
        world.pass(TimeDelta::minutes(6));
        world.refund().await;
        world.pass(TimeDelta::minutes(6));
        world.refund().await.exits(0);
        let mut back = world.taken_back("1");
        back.sort_unstable();
        assert_eq!(back, [200, 880], "{refused}");
        let row = world.refund_row("1").await;
        assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
    }
}

#[tokio::test]
async fn a_refund_that_failed_is_made_anew_also_where_mirakl_knew_before_the_store_did() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let lost = Fault::on(CONFIRM).then(Effect::CutAfter);
    world.sim.faults().add(lost);
    let gone = Fault::on("GET /api/orders").nth(2).always();
    world.sim.faults().add(gone.then(Effect::Status(503)));
    world.refund().await;
    world.sim.faults().clear();
    let row = world.refund_row("1100").await;
    assert!(row["confirmedAt"].is_null(), "{row:#}");
    let first = row["stripeRefundId"].as_str().unwrap().to_owned();
    world.sim.stripe().fail_refund(&first, "declined");
    world.pass(TimeDelta::minutes(5));
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.taken_back("1100"), [900]);
    let row = world.refund_row("1100").await;
    assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
}

#[tokio::test]
async fn a_run_that_dies_before_the_new_try_leaves_nothing_behind_for_ever() {
    let mut world = World::with_refunds().await;
    world.set("ENABLE_SERVICE_PAYMENT_REFUND", "false");
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    let first = world.refund_row("1100").await["stripeRefundId"].clone();
    let first = first.as_str().unwrap();
    world.sim.stripe().fail_refund(first, "declined");
    world.pass(TimeDelta::minutes(1));
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    // Decided and recorded, but never sent; and Mirakl does not ask for it.
    let mut conn = world.db.connect().await;
    let switch = world.sim.faults().kill_at_call(5, When::Before);
    let child = world.program(&["process-refund"]).spawn();
    switch.arm(child.id().unwrap());
    Finished::of(child).await;
    world.sim.faults().clear();
    sqlx::query("update refunds set sent_at = null where step = 'REFUND'")
        .execute(&mut conn)
        .await
        .unwrap();
    world
        .refund_stands("1100", "REFUND_PENDING", "REFUND", "")
        .await;
    world.pass(TimeDelta::hours(1));
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [1000]);
}

#[tokio::test]
async fn what_the_former_connector_took_back_from_the_seller_is_not_taken_again() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let former = [
        ("pluginName", "MiraklConnector"),
        ("miraklRefundId", "1100"),
    ];
    let at = world.sim.clock().now();
    let stripe = world.sim.stripe();
    stripe.old_refund(&charge, 1000, &former, at);
    let transfer = stripe.transfers_for("C1-A")[0].id.clone();
    let reversal = stripe.old_reversal(&transfer, 900, &former, at);
    world.refund().await.exits(0);
    assert_eq!(stripe.reversals().len(), 1);
    let row = world.refund_row("1100").await;
    assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
    assert_eq!(row["stripeReversalId"], reversal);
}

#[tokio::test]
async fn what_was_refunded_before_the_start_counts_too() {
    let mut world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    let other = world.sold("C2-A", "30.00", "3.00", 3000).await;
    let former = [
        ("pluginName", "MiraklConnector"),
        ("miraklRefundId", "1100"),
    ];
    let before = world.sim.clock().now() - TimeDelta::days(40);
    world
        .sim
        .stripe()
        .old_refund(&charge, 1000, &former, before);
    world.sim.stripe().old_refund(&other, 500, &[], before);
    world.set("START_DATE", &day(-30));
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(3);
    assert_eq!(
        world.sim.stripe().refunds().len(),
        2,
        "nothing was refunded again"
    );
    assert_eq!(world.told_of("1100").len(), 1);
    world
        .refund_stands("1101", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
}

#[tokio::test]
async fn a_former_refund_of_another_amount_is_left_to_a_person() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let former = [
        ("pluginName", "MiraklConnector"),
        ("miraklRefundId", "1100"),
    ];
    let at = world.sim.clock().now();
    world.sim.stripe().old_refund(&charge, 100, &former, at);
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "former_differs")
        .await;
    let reason = row["failedReason"].as_str().unwrap();
    assert!(
        reason.contains("1.00 EUR") && reason.contains("10.00 EUR"),
        "{reason}"
    );
    assert!(world.told_of("1100").is_empty());
}

#[tokio::test]
async fn an_abandoned_reversal_leaves_its_share_to_the_others() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "10.00", "1.00", 1000).await;
    world.sim.stripe().drain("acct_shop2000", "eur", 900);
    world.asks("C1-A", "1", "5.00", "0.50");
    world.refund().await.exits(3);
    let abandon = ["--abandon", "the seller pays by invoice"];
    resolve(&world, "1", &abandon).await.exits(0);
    world.sim.stripe().add_funds("acct_shop2000", "eur", 900);
    world.asks("C1-A", "2", "5.00", "0.00");
    world.pass(TimeDelta::minutes(1));
    world.refund().await.exits(0);
    world.refunded_once("2", 500, &[500]).await;
    assert_eq!(world.taken_back("1"), [] as [i64; 0]);
}

#[tokio::test]
async fn one_refund_that_mirakl_cannot_work_on_holds_up_no_other() {
    let mut world = World::with_refunds().await;
    for n in 1..=5 {
        world.sold(&format!("C{n}-A"), "10.00", "1.00", 1000).await;
        world.asks(&format!("C{n}-A"), &format!("10{n}"), "5.00", "0.50");
    }
    let broken = Fault::on(CONFIRM).always().containing("\"103\"");
    world.sim.faults().add(broken.then(Effect::Status(500)));
    world.refund().await.exits(3);
    for n in [1, 2, 4, 5] {
        world.refunded_once(&format!("10{n}"), 500, &[450]).await;
    }
    world
        .refund_stands("103", "REFUND_PENDING", "CONFIRM", "")
        .await;
    world.sim.faults().clear();
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    world.refunded_once("103", 500, &[450]).await;
}

#[tokio::test]
async fn a_refund_found_as_failed_is_told_like_one_that_fails_later() {
    let mut world = World::with_refunds().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    let refund = world.sim.stripe().refunds()[0].id.clone();
    world.sim.stripe().fail_refund(&refund, "declined");
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.refund().await.exits(3).says("1 failed");
    world
        .refund_stands("1100", "REFUND_FAILED", "CONFIRM", "refund_failed_later")
        .await;
    let told: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["payload"]["stripeRefundId"], refund);
    // The event says the same again: nobody is told twice.
    world.refund().await;
    assert_eq!(server.received().len(), 1);
    // Another one was made by hand: that is named, and the rest is done.
    let charge = world.sim.stripe().refunds()[0].charge.clone();
    let by_hand = world.sim.stripe().refund(&charge, 1000);
    let named = ["--stripe-id", by_hand.as_str()];
    resolve(&world, "1100", &named).await.exits(0);
    world.transfer().await.exits(0);
    world.refund().await.exits(0);
    let row = world.refund_row("1100").await;
    assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
    assert_eq!(row["stripeRefundId"], by_hand);
    assert_eq!(row["failedRefundIds"], json!([refund]));
    assert_eq!(world.taken_back("1100"), [900]);
}

#[tokio::test]
async fn what_mirakl_refuses_again_after_a_retry_is_told_again_later_and_not_in_every_run() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.mirakl.refuse_refund("1100", Some("no"));
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(3);
    world
        .refund_stands("1100", "REFUND_FAILED", "CONFIRM", "refused_by_mirakl")
        .await;
    world.sim.clear_calls();
    world.refund().await;
    assert_eq!(world.count(CONFIRM), 0);
    world.mirakl.refuse_refund("1100", None);
    world.pass(TimeDelta::minutes(11));
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn what_mirakl_still_asks_for_an_hour_after_it_was_told_is_flagged() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world.mirakl.update("C1-A", |order| {
        order["order_lines"][0]["refunds"][0]["refund_state"] = json!("WAITING_REFUND_PAYMENT");
    });
    world.refund().await.exits(0);
    assert!(world.refund_row("1100").await["difference"].is_null());
    world.pass(TimeDelta::minutes(61));
    world.refund().await.says("still asks");
    let row = world.refund_row("1100").await;
    assert!(row["difference"].as_str().unwrap().contains("still asks"));
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_refund_that_the_order_shows_as_paid_is_not_paid_again() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let asked = json!({
        "order_id": "C1-A", "order_commercial_id": "C1", "amount": 10, "currency_iso_code": "EUR",
        "customer_id": "c", "imprint_number": "", "payment_type": "", "shop_id": "2000",
        "order_lines": {"order_line": [{"order_line_id": "C1-A-1", "offer_id": "1",
            "order_line_amount": 10, "order_line_quantity": 1,
            "refunds": {"refund": [{"id": "1100", "amount": 10}]}}]},
    });
    world.mirakl.update("C1-A", |order| {
        let refund = &mut order["order_lines"][0]["refunds"][0];
        refund["refund_state"] = json!("REFUNDED");
        refund["state"] = json!("REFUNDED");
    });
    world.mirakl.put_pending_refund_json(asked);
    world.refund().await.exits(0);
    world
        .refund_stands("1100", "REFUND_ON_HOLD", "REFUND", "shown_as_paid")
        .await;
    assert!(world.sim.stripe().refunds().is_empty());
}

#[tokio::test]
async fn a_dry_run_knows_what_somebody_refunded_a_moment_ago() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.sim.stripe().refund(&charge, 500);
    let dry = ["process-refund", "--dry-run", "--output", "json"];
    let plan = world.run(&dry).await.exits(0).json();
    assert_eq!(plan[0]["action"], "person", "{plan:#}");
}
