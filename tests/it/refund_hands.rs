//! People who refund or take back by hand while a row is in doubt or failed: nothing goes the same way twice, and
//! what they did is not forgotten with the database.

use chrono::TimeDelta;
use simulator::{Effect, Fault, LineSeed, OrderSeed, Receiver, RefundSeed};

use crate::support::{Database, Finished, TAX_ACCOUNT, World};

const REFUND: &str = "POST /v1/refunds";
const REVERSE: &str = "POST /v1/transfers/{id}/reversals";

async fn resolve(world: &World, refund: &str, decision: &[&str]) -> Finished {
    let id = world.refund_row(refund).await["internalId"].to_string();
    let arguments = [&["resolve", "refund", &id], decision].concat();
    world.run(&arguments).await
}

/// Minor units of a charge that went back, by the ledger.
fn gone_back(world: &World, charge: &str) -> i64 {
    let refunds = world.sim.stripe().refunds().into_iter();
    let of = refunds.filter(|made| made.charge == charge);
    let reached = of.filter(|made| !["failed", "canceled"].contains(&made.status.as_str()));
    reached.map(|made| made.amount).sum()
}

#[tokio::test]
async fn a_refund_in_doubt_that_a_person_made_meanwhile_is_not_made_again() {
    for hours in [0, 30] {
        let mut world = World::with_refunds().await;
        let charge = world.sold("C1-A", "100.00", "10.00", 10_000).await;
        world.sold("C2-A", "30.00", "3.00", 3000).await;
        world.asks("C1-A", "1100", "20.00", "2.00");
        world.asks("C2-A", "1101", "10.00", "1.00");
        let lost = Fault::on(REFUND).always().then(Effect::CutBefore);
        world.sim.faults().add(lost);
        world.refund().await.exits(3);
        world.sim.faults().clear();
        let by_hand = world.sim.stripe().refund(&charge, 2000);
        // The first request could still be on its way.
        world.refund().await.exits(3).says("in doubt");
        world.refunded_once("1101", 1000, &[900]).await;
        world.pass(TimeDelta::hours(hours) + TimeDelta::minutes(6));
        world.refund().await.exits(3).says("1 failed");
        let row = world
            .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
            .await;
        assert!(row["nextLookAt"].is_null(), "{row:#}");
        assert_eq!(gone_back(&world, &charge), 2000);
        resolve(&world, "1100", &["--stripe-id", &by_hand])
            .await
            .exits(0);
        world.refund().await.exits(0);
        let row = world
            .refund_stands("1100", "REFUND_CREATED", "REVERSE", "")
            .await;
        assert_eq!(row["stripeRefundId"], by_hand);
        assert_eq!(gone_back(&world, &charge), 2000);
    }
}

#[tokio::test]
async fn a_refund_in_doubt_beside_one_of_somebody_else_is_found_or_made_when_a_person_says_so() {
    let mut world = World::with_refunds().await;
    let charge = world.sold("C1-A", "100.00", "10.00", 10_000).await;
    let other = world.sold("C2-A", "100.00", "10.00", 10_000).await;
    world.asks("C1-A", "1100", "20.00", "2.00");
    world.asks("C2-A", "1101", "20.00", "2.00");
    let lost = |effect, of: &str| {
        let fault = Fault::on(REFUND).always().containing(of);
        world.sim.faults().add(fault.then(effect));
    };
    lost(Effect::CutBefore, "1100");
    lost(Effect::CutAfter, "1101");
    world.refund().await.exits(3);
    world.sim.faults().clear();
    world.sim.stripe().refund(&charge, 500);
    world.sim.stripe().refund(&other, 500);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3);
    // This one was made: what others did does not matter to it.
    world.refunded_once("1101", 2000, &[1800]).await;
    world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 2000, &[1800]).await;
    assert_eq!(gone_back(&world, &charge), 2500);
}

#[tokio::test]
async fn a_refund_made_anew_before_the_database_was_put_back_is_found_and_not_made_a_third_time() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    let other = world.sold("C2-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    let backup = world.db.backup().await;
    let first = world.sim.stripe().refunds()[0].id.clone();
    world.sim.stripe().fail_refund(&first, "declined");
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    let second = world.refund_row("1100").await["stripeRefundId"].clone();
    // What was made before this one is not listed again.
    world.pass(TimeDelta::hours(1));
    world.sim.stripe().refund(&other, 100);
    world.pass(TimeDelta::hours(25));
    world.use_database(backup);
    // Another one has Stripe's list compared while the first still seems to count.
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.taken_back("1100"), [900]);
    let row = world
        .refund_stands("1100", "REFUND_CREATED", "REVERSE", "")
        .await;
    assert_eq!(row["stripeRefundId"], second);
    assert!(row["difference"].is_null(), "{row:#}");
}

#[tokio::test]
async fn a_refused_reversal_that_a_person_made_meanwhile_is_not_made_again() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    let stripe = world.sim.stripe().clone();
    stripe.drain("acct_shop2000", "eur", 2700);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(3);
    stripe.add_funds("acct_shop2000", "eur", 2700);
    let transfer = stripe.transfers_for("C1-A")[0].id.clone();
    let by_hand = stripe.reverse(&transfer, 900);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3).says("1 failed");
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REVERSE", "reversed_by_others")
        .await;
    assert!(row["nextLookAt"].is_null(), "{row:#}");
    world.pass(TimeDelta::days(2));
    world.refund().await;
    assert_eq!(stripe.transfers_for("C1-A")[0].amount_reversed, 900);
    resolve(&world, "1100", &["--stripe-id", &by_hand])
        .await
        .exits(0);
    // What is named is nobody's no longer: the next refund of the order is not held up by it.
    stripe.drain("acct_shop2000", "eur", 1800);
    world.asks("C1-A", "1101", "5.00", "0.50");
    world.refund().await.exits(3);
    stripe.add_funds("acct_shop2000", "eur", 1800);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    world.refunded_once("1101", 500, &[450]).await;
    let row = world
        .refund_stands("1100", "REFUND_CREATED", "REVERSE", "")
        .await;
    assert_eq!(row["stripeReversalId"], by_hand);
}

#[tokio::test]
async fn a_reversal_in_doubt_beside_one_of_somebody_else_goes_on_when_a_person_says_so() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let lost = Fault::on(REVERSE).always().then(Effect::CutBefore);
    world.sim.faults().add(lost);
    world.refund().await.exits(3);
    world.sim.faults().clear();
    let stripe = world.sim.stripe().clone();
    let transfer = stripe.transfers_for("C1-A")[0].id.clone();
    stripe.reverse(&transfer, 100);
    // The first request could still be on its way.
    world.refund().await.exits(3);
    world
        .refund_stands("1100", "REFUND_PENDING", "REVERSE", "")
        .await;
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3);
    world
        .refund_stands("1100", "REFUND_FAILED", "REVERSE", "reversed_by_others")
        .await;
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
    assert_eq!(stripe.transfers_for("C1-A")[0].amount_reversed, 1000);
}

#[tokio::test]
async fn a_refund_by_hand_that_a_person_accepted_makes_no_room_for_another_one() {
    let mut world = World::with_refunds().await;
    let charge = world.sold("C1-A", "100.00", "10.00", 10_000).await;
    let stripe = world.sim.stripe().clone();
    let of_the_first = stripe.refund(&charge, 2000);
    world.asks("C1-A", "1100", "20.00", "2.00");
    world.asks("C1-A", "1101", "10.00", "1.00");
    world.refund().await.exits(3).says("2 failed");
    resolve(&world, "1101", &["--retry"]).await.exits(0);
    resolve(&world, "1100", &["--stripe-id", &of_the_first])
        .await
        .exits(0);
    stripe.dispute(&charge);
    world.refund().await.exits(3).says("1 failed");
    let of_the_second = stripe.refund(&charge, 1000);
    stripe.end_dispute(&charge);
    world.pass(TimeDelta::days(2));
    world.refund().await.exits(3).says("1 failed");
    assert_eq!(gone_back(&world, &charge), 3000);
    world
        .refund_stands("1101", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    resolve(&world, "1101", &["--stripe-id", &of_the_second])
        .await
        .exits(0);
    world.refund().await.exits(0);
    assert_eq!(gone_back(&world, &charge), 3000);
    assert_eq!(stripe.transfers_for("C1-A")[0].amount_reversed, 2700);
}

#[tokio::test]
async fn a_reversal_by_hand_that_a_person_knows_of_makes_no_room_for_another_one() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    let stripe = world.sim.stripe().clone();
    stripe.drain("acct_shop2000", "eur", 2700);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C1-A", "1101", "5.00", "0.50");
    world.refund().await.exits(3);
    let transfer = stripe.transfers_for("C1-A")[0].id.clone();
    stripe.add_funds("acct_shop2000", "eur", 900);
    let of_the_first = stripe.reverse(&transfer, 900);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(3).says("2 failed");
    resolve(&world, "1101", &["--retry"]).await.exits(0);
    resolve(&world, "1100", &["--stripe-id", &of_the_first])
        .await
        .exits(0);
    world.refund().await.exits(3);
    stripe.add_funds("acct_shop2000", "eur", 2700);
    let of_the_second = stripe.reverse(&transfer, 450);
    world.pass(TimeDelta::days(2));
    world.refund().await.exits(3).says("1 failed");
    world
        .refund_stands("1101", "REFUND_FAILED", "REVERSE", "reversed_by_others")
        .await;
    resolve(&world, "1101", &["--stripe-id", &of_the_second])
        .await
        .exits(0);
    world.refund().await.exits(0);
    assert_eq!(stripe.transfers_for("C1-A")[0].amount_reversed, 1350);
}

#[tokio::test]
async fn what_a_person_named_is_found_again_by_a_database_that_was_put_back_or_lost() {
    for lost in [false, true] {
        let mut world = World::with_refunds().await;
        let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
        world.sold("C2-A", "30.00", "3.00", 3000).await;
        let stripe = world.sim.stripe().clone();
        stripe.dispute(&charge);
        world.asks("C1-A", "1100", "10.00", "1.00");
        world.refund().await.exits(3);
        stripe.end_dispute(&charge);
        stripe.drain("acct_shop2000", "eur", 5400);
        world.asks("C2-A", "1101", "10.00", "1.00");
        world.refund().await.exits(3);
        stripe.add_funds("acct_shop2000", "eur", 5400);
        let backup = match lost {
            false => world.db.backup().await,
            true => Database::migrated().await,
        };
        let refund = stripe.refund(&charge, 1000);
        resolve(&world, "1100", &["--stripe-id", &refund])
            .await
            .exits(0);
        let transfer = stripe.transfers_for("C2-A")[0].id.clone();
        let reversal = stripe.reverse(&transfer, 900);
        resolve(&world, "1101", &["--stripe-id", &reversal])
            .await
            .exits(0);
        world.use_database(backup);
        world.pass(TimeDelta::hours(50));
        if lost {
            world.shop(2000).await;
        }
        world.transfer().await.exits(0);
        world.refund().await.exits(0);
        world.refund().await.exits(0);
        assert_eq!(gone_back(&world, &charge), 1000);
        assert_eq!(stripe.transfers_for("C2-A")[0].amount_reversed, 900);
        world.refunded_once("1100", 1000, &[900]).await;
        world.refunded_once("1101", 1000, &[900]).await;
    }
}

#[tokio::test]
async fn what_stripe_does_not_let_name_settles_nothing() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let by_hand = world.sim.stripe().refund(&charge, 1000);
    world.refund().await.exits(3);
    let refused = Fault::on("POST /v1/refunds/{id}").always();
    world.sim.faults().add(refused.then(Effect::Status(403)));
    resolve(&world, "1100", &["--stripe-id", &by_hand])
        .await
        .exits(1)
        .says("nothing is settled");
    world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
    world.sim.faults().clear();
    resolve(&world, "1100", &["--stripe-id", &by_hand])
        .await
        .exits(0);
    let made = world.sim.stripe().refunds();
    assert_eq!(made[0].metadata["miraklRefundId"], "1100");
    // One that a row has is not named anew for another.
    world.asks("C1-A", "1101", "10.00", "1.00");
    world.refund().await;
    world.asks("C1-A", "1102", "10.00", "1.00");
    world.sim.stripe().refund(&charge, 100);
    world.refund().await.exits(3);
    resolve(&world, "1102", &["--stripe-id", &by_hand])
        .await
        .exits(2)
        .says("was made for refund 1100");
}

#[tokio::test]
async fn a_reversal_in_doubt_of_a_refund_that_a_person_ended_is_found_or_forgotten() {
    for (effect, back) in [(Effect::CutAfter, vec![880]), (Effect::CutBefore, vec![])] {
        let mut world = World::with_taxes().await;
        world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
        world.set("STRIPE_MAX_CONCURRENCY", "1");
        let line = LineSeed::new("30.00").commission("3.00").tax("5.00");
        world.paid(OrderSeed::new("C1-A", "C1", 2000).line(line), "C1", 3000);
        world.transfer().await.exits(0);
        let refund = RefundSeed::new("1", "12.00").commission("1.20").tax("2.00");
        world.mirakl.add_refund("C1-A", 1, refund);
        let stripe = world.sim.stripe().clone();
        stripe.drain(TAX_ACCOUNT, "eur", stripe.balance(TAX_ACCOUNT, "eur"));
        let lost = Fault::on(REVERSE).always().containing("amount=880&");
        world.sim.faults().add(lost.then(effect));
        world.refund().await.exits(3);
        world.sim.faults().clear();
        resolve(&world, "1", &["--abandon", "paid in cash"])
            .await
            .exits(0);
        world.pass(TimeDelta::minutes(6));
        world.refund().await.exits(0);
        assert_eq!(world.taken_back("1"), back);
        let row = world
            .refund_stands("1", "REFUND_ABORTED", "REVERSE", "resolved_abandoned")
            .await;
        assert_eq!(row["stripeReversalId"].is_string(), !back.is_empty());
        assert_eq!(row["difference"].is_string(), !back.is_empty(), "{row:#}");
        // Nothing is reserved for it.
        let open = "select count(*)::text from reversals
                    where sent_at is not null and reversal_id is null";
        assert_eq!(world.value(open).await, "0");
        world.sim.clear_calls();
        world.refund().await.exits(0);
        assert_eq!(world.count("GET /v1/transfers/{id}/reversals"), 0);
    }
}

#[tokio::test]
async fn a_refund_that_is_cancelled_at_stripe_is_told_once_and_made_anew_by_a_person() {
    let mut world = World::with_refunds().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sold("C2-A", "30.00", "3.00", 3000).await;
    world.sim.stripe().refunds_stay_pending(true);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C2-A", "1101", "10.00", "1.00");
    world.refund().await.exits(0);
    let id = |row: &serde_json::Value| row["stripeRefundId"].as_str().unwrap().to_owned();
    let first = id(&world.refund_row("1100").await);
    let second = id(&world.refund_row("1101").await);
    world.pass(TimeDelta::days(2));
    world.sim.stripe().cancel_refund(&first);
    // What only got there is no news.
    world.sim.stripe().settle_refund(&second);
    world.refund().await.exits(3).says("1 failed");
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REVERSE", "refund_failed_later")
        .await;
    let reason = row["failedReason"].as_str().unwrap();
    assert!(reason.contains("canceled"), "{reason}");
    world.refund().await;
    assert_eq!(server.received().len(), 1);
    world.refunded_once("1101", 1000, &[900]).await;
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    world.refund().await.exits(0);
    assert_eq!(gone_back(&world, &charge), 1000);
    assert_eq!(world.taken_back("1100"), [900]);
}

#[tokio::test]
async fn an_earlier_refund_that_stripe_answers_again_is_told_as_refused() {
    let mut world = World::with_refunds().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.sim.stripe().dispute(&charge);
    world.refund().await.exits(3);
    world.sim.stripe().end_dispute(&charge);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    // Made at the second attempt; the new database counts from one.
    let made = world.sim.stripe().refunds()[0].id.clone();
    world.sim.stripe().fail_refund(&made, "declined");
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.transfer().await.exits(0);
    world.refund().await.exits(3);
    resolve(&world, "1100", &["--retry"]).await.exits(0);
    let before = server.received().len();
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "replayed")
        .await;
    let told = server.received().split_off(before);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].json["payload"]["failedReason"], row["failedReason"]);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    assert_eq!(world.given_back("1100"), [1000]);
    assert_eq!(world.taken_back("1100"), [900]);
}
