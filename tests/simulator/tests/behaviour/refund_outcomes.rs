use serde_json::Value;
use simulator::{PaymentSeed, RefundBalanceRule};

use crate::client::World;

/// A charge of 10 euro.
fn charge(world: &World) -> String {
    world.sim.stripe().pay(PaymentSeed::new(1000, "eur")).charge
}

fn platform_balance(world: &World) -> i64 {
    let stripe = world.sim.stripe();
    stripe.balance(&stripe.platform_id(), "eur")
}

async fn refund(world: &World, charge: &str, amount: i64) -> Value {
    let form = format!("charge={charge}&amount={amount}");
    world.make("refunds", &form).await.json()
}

async fn read(world: &World, refund: &Value) -> Value {
    let id = refund["id"].as_str().expect("an id");
    world.stripe(&format!("/v1/refunds/{id}")).await.json()
}

async fn amount_refunded(world: &World, charge: &str) -> i64 {
    let charge = world.stripe(&format!("/v1/charges/{charge}")).await.json();
    charge["amount_refunded"].as_i64().expect("an amount")
}

#[tokio::test]
async fn a_pending_refund_counts_and_may_succeed() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = charge(&world);
    stripe.refunds_stay_pending(true);
    let made = refund(&world, &charge, 400).await;
    assert_eq!(made["status"], "pending");
    assert_eq!(made["pending_reason"], "processing");
    assert!(made["balance_transaction"].is_string());
    assert_eq!(amount_refunded(&world, &charge).await, 400);
    assert_eq!(platform_balance(&world), 600);
    stripe.settle_refund(made["id"].as_str().expect("an id"));
    let settled = read(&world, &made).await;
    assert_eq!(settled["status"], "succeeded");
    assert!(settled.get("pending_reason").is_none());
    assert_eq!(platform_balance(&world), 600);
    stripe.refunds_stay_pending(false);
    assert_eq!(refund(&world, &charge, 100).await["status"], "succeeded");
}

#[tokio::test]
async fn a_refund_that_fails_brings_its_money_back() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = charge(&world);
    let kept = refund(&world, &charge, 100).await;
    for pending in [false, true] {
        stripe.refunds_stay_pending(pending);
        let made = refund(&world, &charge, 900).await;
        assert_eq!(platform_balance(&world), 0);
        let full = world.make("refunds", &format!("charge={charge}")).await;
        assert_eq!(full.code(), "charge_already_refunded");
        stripe.fail_refund(made["id"].as_str().expect("an id"), "lost_or_stolen_card");
        let failed = read(&world, &made).await;
        assert_eq!(failed["status"], "failed");
        assert_eq!(failed["failure_reason"], "lost_or_stolen_card");
        assert!(failed["failure_balance_transaction"].is_string());
        assert_ne!(
            failed["failure_balance_transaction"],
            failed["balance_transaction"]
        );
        assert_eq!(amount_refunded(&world, &charge).await, 100);
        assert_eq!(platform_balance(&world), 900);
    }
    assert_eq!(read(&world, &kept).await["status"], "succeeded");
    let states: Vec<String> = stripe.refunds().into_iter().map(|r| r.status).collect();
    assert_eq!(states, ["succeeded", "failed", "failed"]);
    stripe.refunds_stay_pending(false);
    assert_eq!(refund(&world, &charge, 900).await["status"], "succeeded");
}

#[tokio::test]
async fn the_platforms_balance_matters_only_where_asked_to() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = charge(&world);
    stripe.drain(&stripe.platform_id(), "eur", 700);
    assert_eq!(refund(&world, &charge, 400).await["status"], "succeeded");
    assert_eq!(platform_balance(&world), -100);
    stripe.add_funds(&stripe.platform_id(), "eur", 200);
    stripe.refund_balance_rule(RefundBalanceRule::Refuse);
    let form = format!("charge={charge}&amount=101");
    let reply = world.make("refunds", &form).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "balance_insufficient")
    );
    assert_eq!(amount_refunded(&world, &charge).await, 400);
    assert_eq!(refund(&world, &charge, 100).await["status"], "succeeded");
    assert_eq!(platform_balance(&world), 0);
}

#[tokio::test]
async fn a_refund_may_wait_for_money_of_the_platform() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = charge(&world);
    stripe.refund_balance_rule(RefundBalanceRule::Pending);
    stripe.drain(&stripe.platform_id(), "eur", 700);
    let made = refund(&world, &charge, 400).await;
    assert_eq!(made["status"], "pending");
    assert_eq!(made["pending_reason"], "insufficient_funds");
    assert!(made["balance_transaction"].is_null());
    assert_eq!(amount_refunded(&world, &charge).await, 400);
    assert_eq!(platform_balance(&world), 300);
    let other = refund(&world, &charge, 300).await;
    assert_eq!(other["status"], "succeeded");
    stripe.add_funds(&stripe.platform_id(), "eur", 400);
    stripe.settle_refund(made["id"].as_str().expect("an id"));
    let settled = read(&world, &made).await;
    assert_eq!(settled["status"], "succeeded");
    assert!(settled["balance_transaction"].is_string());
    assert_eq!(platform_balance(&world), 0);
}

#[tokio::test]
async fn a_refund_without_money_fails_without_bringing_any() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = charge(&world);
    stripe.refund_balance_rule(RefundBalanceRule::Pending);
    stripe.drain(&stripe.platform_id(), "eur", 1000);
    let made = refund(&world, &charge, 400).await;
    stripe.fail_refund(made["id"].as_str().expect("an id"), "insufficient_funds");
    let failed = read(&world, &made).await;
    assert!(failed["failure_balance_transaction"].is_null());
    assert_eq!(amount_refunded(&world, &charge).await, 0);
    assert_eq!(platform_balance(&world), 0);
}

#[tokio::test]
async fn a_failed_refund_brings_back_what_it_took_in_the_settlement_currency() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seed = PaymentSeed::new(1000, "gbp").settlement("eur");
    let charge = stripe.pay(seed).charge;
    let platform = stripe.platform_id();
    assert_eq!(stripe.balance(&platform, "eur"), 1250);
    let made = refund(&world, &charge, 401).await;
    assert_eq!(made["currency"], "gbp");
    assert_eq!(stripe.balance(&platform, "eur"), 1250 - 501);
    stripe.fail_refund(made["id"].as_str().expect("an id"), "unknown");
    assert_eq!(stripe.balance(&platform, "eur"), 1250);
    assert_eq!(stripe.balance(&platform, "gbp"), 0);
}
