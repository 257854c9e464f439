//! Refunds that wait on Mirakl: the customer gets the money, Mirakl is told, the seller's part comes
//! back, each once and to the cent.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Receiver, RefundBalanceRule};

use crate::support::{World, eur};

pub const REFUND: &str = "POST /v1/refunds";

#[tokio::test]
async fn a_refund_is_made_confirmed_and_taken_back_from_its_seller() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let finished = world.refund().await.exits(0);
    assert!(finished.stdout.contains("1 created"), "{finished:?}");
    world.refunded_once("1100", 1000, &[900]).await;
    let refund = &world.sim.stripe().refunds()[0];
    assert_eq!(refund.charge, charge);
    for (name, value) in [
        ("miraklId", "1100"),
        ("miraklType", "PRODUCT_REFUND"),
        ("miraklOrderId", "C1-A"),
        ("miraklShopId", "2000"),
        ("pluginName", "mirakl-stripe"),
    ] {
        assert_eq!(refund.metadata[name], value, "{name}");
        assert_eq!(
            world.sim.stripe().reversals()[0].metadata[name],
            value,
            "{name}"
        );
    }
    assert!(
        refund
            .idempotency_key
            .as_ref()
            .unwrap()
            .ends_with(":refund:PRODUCT_REFUND:1100:1")
    );
    // Nothing is left to do, and nothing is said.
    let idle = world.refund().await.exits(0);
    assert_eq!(idle.stdout, "");
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_refund_before_its_transfer_is_made_at_once_and_taken_back_when_the_transfer_exists() {
    let mut world = World::with_refunds().await;
    // Shop 2001 has no account yet.
    world.paid(eur("C1-A", 2001, "30.00", "3.00"), "C1", 3000);
    world.transfer().await.exits(0);
    world.stands("C1-A", "TRANSFER_ON_HOLD", "no_account").await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0).says("1 waiting");
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.told_of("1100").len(), 1);
    let row = world
        .refund_stands("1100", "REFUND_ON_HOLD", "REVERSE", "transfer_not_made")
        .await;
    assert!(row["nextLookAt"].is_string());
    world.shop(2001).await;
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [2700]);
    // Its transfer exists: it does not wait for its next look.
    world.refund().await.exits(0).says("1 created");
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn an_order_that_was_never_seen_by_process_transfer_only_holds_up_the_reversal() {
    let world = World::with_refunds().await;
    world.paid(eur("C1-A", 2000, "30.00", "3.00"), "C1", 3000);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world
        .refund_stands("1100", "REFUND_ON_HOLD", "REVERSE", "transfer_not_made")
        .await;
    world.transfer().await.exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_transfer_that_ended_leaves_nothing_to_take_back_until_one_appears() {
    let mut world = World::with_refunds().await;
    // Excluded from the start: ignored, so nothing was given to the seller.
    world
        .mirakl
        .put_shop(simulator::ShopSeed::new(2000).field("stripe-ignored", "true"));
    world.set("ENABLE_SELLER_ONBOARDING", "true");
    world.sync().await.exits(0);
    world.paid(eur("C1-A", 2000, "30.00", "3.00"), "C1", 3000);
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_IGNORED", "shop_excluded")
        .await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0).says("1 created");
    world
        .refund_stands("1100", "REFUND_CREATED", "REVERSE", "transfer_ended")
        .await;
    world.refunded_once("1100", 1000, &[]).await;
    // The exclusion ends, the order is paid whole: now the seller owes a part of it.
    world
        .mirakl
        .update_shop(2000, |shop| shop["shop_additional_fields"] = json!([]));
    world.pass(TimeDelta::minutes(2));
    world.sync().await.exits(0);
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [2700]);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn an_order_that_somebody_else_paid_to_its_seller_is_flagged_with_what_to_take_back() {
    let world = World::with_refunds().await;
    let long_ago = chrono::Utc::now() - TimeDelta::days(60);
    let order = eur("C1-A", 2000, "30.00", "3.00").debited_at(Some(long_ago));
    world.paid(order, "C1", 3000);
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_IGNORED", "before_start")
        .await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[]).await;
    let row = world.refund_row("1100").await;
    let told = row["difference"].as_str().unwrap();
    assert!(told.contains("take 9.00 EUR back"), "{told}");
}

#[tokio::test]
async fn with_the_split_off_nothing_is_taken_back_until_a_transfer_appears() {
    let mut world = World::with_refunds().await;
    world.set("ENABLE_PRODUCT_PAYMENT_SPLIT", "false");
    world.paid(eur("C1-A", 2000, "30.00", "3.00"), "C1", 3000);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world
        .refund_stands("1100", "REFUND_CREATED", "REVERSE", "split_off")
        .await;
    world.refunded_once("1100", 1000, &[]).await;
    world.set("ENABLE_PRODUCT_PAYMENT_SPLIT", "true");
    world.transfer().await.exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_disputed_charge_is_refused_and_tried_again_until_the_dispute_ends() {
    let mut world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sold("C2-A", "30.00", "3.00", 3000).await;
    world.sim.stripe().dispute(&charge);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refund_disputed_payment")
        .await;
    assert!(row["nextLookAt"].is_string());
    world.refunded_once("1101", 1000, &[900]).await;
    world.sim.stripe().end_dispute(&charge);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
    assert_eq!(world.refund_row("1100").await["attempt"], 2);
}

#[tokio::test]
async fn a_refund_that_stripe_fails_days_later_waits_for_a_person_and_is_made_anew_once() {
    let mut world = World::with_refunds().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
    let row = world.refund_row("1100").await;
    let first = row["stripeRefundId"].as_str().unwrap().to_owned();
    world.pass(TimeDelta::days(4));
    world
        .sim
        .stripe()
        .fail_refund(&first, "lost_or_stolen_card");
    world.refund().await.exits(3).says("1 failed");
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REVERSE", "refund_failed_later")
        .await;
    let reason = row["failedReason"].as_str().unwrap();
    assert!(
        reason.contains("lost_or_stolen_card") && reason.contains(&first),
        "{reason}"
    );
    let told: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(
        told,
        [json!({"type": "refund.failed", "payload": {
            "internalId": row["internalId"], "miraklOrderId": "C1-A", "miraklRefundId": "1100",
            "stripeRefundId": first, "stripeReversalId": row["stripeReversalId"],
            "amount": 1000, "status": "REFUND_FAILED", "failedReason": reason, "currency": "EUR",
        }})]
    );
    // Nothing happens by itself, and nobody is told twice.
    world.refund().await;
    assert_eq!(server.received().len(), 1);
    assert_eq!(world.given_back("1100"), [] as [i64; 0]);
    let id = row["internalId"].to_string();
    world
        .run(&["resolve", "refund", &id, "--retry"])
        .await
        .exits(0);
    world.refund().await.exits(0);
    // The customer has it once; Mirakl was told once, the seller's part came back once.
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.told_of("1100"), [first.as_str()]);
    assert_eq!(world.taken_back("1100"), [900]);
    let row = world.refund_row("1100").await;
    assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
    assert_eq!(row["failedRefundIds"], json!([first]));
    assert_eq!(row["attempt"], 2);
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [1000]);
}

#[tokio::test]
async fn a_refund_that_is_pending_at_stripe_counts_as_made() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sim.stripe().refunds_stay_pending(true);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_platform_without_money_is_refused_and_tried_again() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    let stripe = world.sim.stripe().clone();
    stripe.refund_balance_rule(RefundBalanceRule::Refuse);
    stripe.drain(&stripe.platform_id(), "eur", 100_000);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(3);
    world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "balance_insufficient")
        .await;
    stripe.add_funds(&stripe.platform_id(), "eur", 200_000);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_seller_without_money_keeps_the_customer_from_nothing_and_is_asked_again() {
    let mut world = World::with_refunds().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    let account = "acct_shop2000";
    world.sim.stripe().drain(account, "eur", 2700);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REVERSE", "balance_insufficient")
        .await;
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.told_of("1100").len(), 1);
    let told = server.received();
    assert_eq!(told.len(), 1);
    let payload = &told[0].json["payload"];
    assert_eq!(payload["stripeRefundId"], row["stripeRefundId"]);
    assert_eq!(payload["stripeReversalId"], Value::Null);
    assert_eq!(payload["amount"], 1000);
    // Refused again for the same reason: nobody is told again.
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3);
    assert_eq!(server.received().len(), 1);
    world.sim.stripe().add_funds(account, "eur", 2700);
    world.pass(TimeDelta::minutes(30));
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn single_refunds_are_worked_on_alone() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C1-A", "1101", "5.00", "0.50");
    world
        .run(&["process-refund", "--refund", "1101"])
        .await
        .exits(0)
        .says("1 created");
    assert_eq!(world.given_back("1100"), [] as [i64; 0]);
    world.refunded_once("1101", 500, &[450]).await;
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_dry_run_shows_the_refund_and_the_reversal_with_their_arithmetic_and_does_nothing() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "28.00", "2.80");
    world.asks("C1-A", "1101", "2.00", "0.00");
    world.paid(eur("C2-A", 2000, "30.00", "3.00"), "C2", 3000);
    world.asks("C2-A", "1102", "3.00", "0.30");
    let before = world.sim.stripe().refunds().len();
    let stored = world.value("select count(*)::text from payments").await;
    let plan = world
        .run(&["process-refund", "--dry-run", "--output", "json"])
        .await
        .exits(0)
        .json();
    let rows = plan.as_array().unwrap();
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert_eq!(rows[0]["action"], "refund");
    assert_eq!(rows[0]["amount"], 2800);
    assert_eq!(rows[0]["sellerPart"], 2520);
    assert_eq!(
        rows[0]["reason"],
        "refund 28.00 - commission 2.80 = 25.20 EUR"
    );
    assert_eq!(rows[0]["reversals"][0]["amount"], 2520);
    // The second would have 2.00, and 1.80 are left.
    assert_eq!(rows[1]["reversals"][0]["wanted"], 200);
    assert_eq!(rows[1]["reversals"][0]["amount"], 180);
    assert_eq!(rows[2]["reversals"], json!([]));
    assert!(rows[2]["reason"].as_str().unwrap().contains("not made yet"));
    world
        .run(&["process-refund", "--dry-run"])
        .await
        .exits(0)
        .says("nothing was written");
    assert_eq!(world.sim.stripe().refunds().len(), before);
    assert!(world.sim.stripe().reversals().is_empty());
    assert!(world.mirakl.refund_confirmations().is_empty());
    let written = world.value("select count(*)::text from refunds").await;
    assert_eq!(written, "0");
    let payments = world.value("select count(*)::text from payments").await;
    assert_eq!(payments, stored);
}

#[tokio::test]
async fn switched_off_it_says_so_and_asks_nobody() {
    let mut world = World::with_refunds().await;
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "false");
    world.unset("ENABLE_SERVICE_PAYMENT_REFUND");
    world.sim.clear_calls();
    let skipped = world
        .run(&["process-refund", "--output", "json"])
        .await
        .exits(0);
    assert_eq!(skipped.json()["outcome"], "skipped");
    assert!(skipped.stderr.contains("ENABLE_PRODUCT_PAYMENT_REFUND"));
    assert_eq!(world.sim.calls().len(), 0);
}
