//! What a person made at Stripe, and what this program made elsewhere or under another number: it is
//! known again by a database that was lost or restored, and nothing is moved a second time.

use chrono::TimeDelta;
use serde_json::Value;
use simulator::{AccountSeed, Effect, Fault, InvoiceSeed, Receiver, ShopSeed, TransferSeed};

use crate::support::{Database, Finished, World, eur};

const CREATE: &str = "POST /v1/transfers";

fn refusal(code: &str) -> Effect {
    Effect::Refusal {
        status: 400,
        code: Some(code.to_owned()),
        param: None,
        message: "No.".to_owned(),
    }
}

async fn resolve(world: &World, subject: &str, id: &Value, decision: &[&str]) -> Finished {
    let id = id.to_string();
    world
        .run(&[&["resolve", subject, &id], decision].concat())
        .await
}

/// Order C1-A, refused once, and its charge.
async fn refused() -> (World, String) {
    let world = World::new().await;
    let charge = world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    let fault = Fault::on(CREATE).then(refusal("request_blocked"));
    world.sim.faults().add(fault);
    world.transfer().await.exits(3);
    (world, charge)
}

#[tokio::test]
async fn a_transfer_that_a_person_named_is_known_to_a_lost_database() {
    let (mut world, _) = refused().await;
    let stripe = world.sim.stripe().clone();
    stripe.add_funds(&stripe.platform_id(), "eur", 10_000);
    let by_hand = stripe.add_transfer(TransferSeed::new("acct_shop2000", 850, "eur"));
    let id = Value::from(world.row("C1-A").await.id);
    resolve(&world, "transfer", &id, &["--stripe-id", &by_hand])
        .await
        .exits(0);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.transfer().await.exits(0);
    world.stands("C1-A", "TRANSFER_CREATED", "adopted").await;
    assert_eq!(world.moved("C1-A"), [850]);
    assert_eq!(stripe.transfers().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_marked_at_stripe_settles_nothing() {
    let (world, _) = refused().await;
    let stripe = world.sim.stripe().clone();
    stripe.add_funds(&stripe.platform_id(), "eur", 10_000);
    let by_hand = stripe.add_transfer(TransferSeed::new("acct_shop2000", 850, "eur"));
    let fault = Fault::on("POST /v1/transfers/{id}").then(refusal("request_blocked"));
    world.sim.faults().add(fault);
    let id = Value::from(world.row("C1-A").await.id);
    let decision = ["--stripe-id", by_hand.as_str()];
    resolve(&world, "transfer", &id, &decision)
        .await
        .exits(1)
        .says("nothing was settled");
    world
        .stands("C1-A", "TRANSFER_FAILED", "request_blocked")
        .await;
    resolve(&world, "transfer", &id, &decision).await.exits(0);
}

#[tokio::test]
async fn a_payout_that_a_person_named_is_known_to_a_lost_database() {
    let mut world = World::with_sellers(1).await;
    let stripe = world.sim.stripe().clone();
    let invoice = InvoiceSeed::new(1, 2000).transferred("10.00");
    world.mirakl.put_invoice(invoice);
    let fault = Fault::on("POST /v1/payouts").then(refusal("payouts_limit_exceeded"));
    world.sim.faults().add(fault);
    world.payout().await.exits(3);
    let by_hand = stripe.payout_by_hand("acct_shop2000", 1000, "eur");
    let row = world.payout_row(1).await;
    let decision = ["--stripe-id", by_hand.as_str()];
    resolve(&world, "payout", &row["internalId"], &decision)
        .await
        .exits(0);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.payout().await.exits(0);
    world.payout_stands(1, "PAYOUT_CREATED", "adopted").await;
    assert_eq!(world.paid_out(1), [1000]);
    assert_eq!(stripe.payouts().len(), 1);
}

#[tokio::test]
async fn what_somebody_made_for_a_refused_transfer_is_left_to_a_person() {
    let (mut world, charge) = refused().await;
    let seed = TransferSeed::new("acct_shop2000", 50, "eur").source_transaction(&charge);
    let by_hand = world.sim.stripe().add_transfer(seed);
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(3);
    let row = world
        .stands("C1-A", "TRANSFER_FAILED", "made_by_hand")
        .await;
    assert!(row.reason.contains(&by_hand) && row.next_look_at.is_none());
    world.pass(TimeDelta::days(3));
    world.transfer().await.exits(0);
    assert!(world.moved("C1-A").is_empty(), "a person decides");
    resolve(&world, "transfer", &Value::from(row.id), &["--retry"])
        .await
        .exits(0);
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900], "what a person has accepted");
}

#[tokio::test]
async fn a_payout_whose_second_try_a_restored_database_has_forgotten_is_not_made_a_third_time() {
    let mut world = World::with_sellers(1).await;
    let stripe = world.sim.stripe().clone();
    let invoice = |id| InvoiceSeed::new(id, 2000).transferred("10.00");
    world.mirakl.put_invoice(invoice(1));
    world.payout().await.exits(0);
    let backup = world.db.backup().await;
    stripe.fail_payout(&stripe.payouts()[0].id, "no_account");
    for _ in 0..2 {
        world.pass(TimeDelta::days(1));
        world.payout().await;
    }
    assert_eq!(world.paid_out(1), [1000], "by the second try");
    world.pass(TimeDelta::days(2));
    world.use_database(backup);
    // Stripe's list is seen, and the first payout's end is not.
    let unread = Fault::on("GET /v1/payouts/{id}").always();
    world.sim.faults().add(unread.then(Effect::Status(500)));
    world.mirakl.put_invoice(invoice(2));
    world.payout().await;
    world.sim.faults().clear();
    for _ in 0..3 {
        world.pass(TimeDelta::days(1));
        world.payout().await;
    }
    assert_eq!(world.paid_out(1), [1000]);
    assert_eq!(world.paid_out(2), [1000]);
}

#[tokio::test]
async fn a_payout_that_stripe_answers_with_an_ended_one_is_told() {
    let mut world = World::with_sellers(1).await;
    let stripe = world.sim.stripe().clone();
    let server = Receiver::start().await.unwrap();
    let invoice = InvoiceSeed::new(1, 2000).transferred("10.00");
    world.mirakl.put_invoice(invoice);
    let fault = Fault::on("POST /v1/payouts").then(refusal("payouts_limit_exceeded"));
    world.sim.faults().add(fault);
    world.payout().await.exits(3);
    world.pass(TimeDelta::hours(1));
    world.payout().await.exits(0);
    stripe.cancel_payout(&stripe.payouts()[0].id);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.payout().await.exits(3);
    let row = world.payout_stands(1, "PAYOUT_FAILED", "canceled").await;
    resolve(&world, "payout", &row["internalId"], &["--retry"])
        .await
        .exits(0);
    world.payout().await.exits(3);
    world.payout_stands(1, "PAYOUT_FAILED", "replayed").await;
    let told: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    let reason = told[1]["payload"]["failedReason"].as_str().unwrap();
    assert!(reason.contains("earlier payout"), "{told:#?}");
}

#[tokio::test]
async fn a_payout_in_doubt_on_an_account_that_stripe_no_longer_shows_ends_by_a_person() {
    let mut world = World::with_sellers(1).await;
    let stripe = world.sim.stripe().clone();
    let invoice = |id| InvoiceSeed::new(id, 2000).transferred("10.00");
    world.mirakl.put_invoice(invoice(1));
    let lost = Fault::on("POST /v1/payouts").always();
    world.sim.faults().add(lost.then(Effect::CutBefore));
    world.payout().await.exits(3);
    world.sim.faults().clear();
    stripe.disconnect("acct_shop2000");
    world.pass(TimeDelta::days(1));
    world.payout().await.exits(3);
    let row = world.payout_row(1).await;
    assert_eq!(row["status"], "PAYOUT_FAILED", "{row:#}");
    assert_eq!(row["nextLookAt"], Value::Null, "{row:#}");
    resolve(
        &world,
        "payout",
        &row["internalId"],
        &["--abandon", "paid by hand"],
    )
    .await
    .exits(0);
    stripe.add_account(AccountSeed::new().id("acct_new"));
    stripe.add_funds("acct_new", "eur", 5000);
    let link = ["link-account", "--shop", "2000", "--account", "acct_new"];
    world.run(&link).await.exits(0);
    world.mirakl.put_invoice(invoice(2));
    world.pass(TimeDelta::days(1));
    world.payout().await.exits(0);
    assert!(world.paid_out(1).is_empty());
    assert_eq!(world.paid_out(2), [1000]);
}

#[tokio::test]
async fn a_lost_database_does_not_take_the_first_account_of_a_shop_that_was_linked_to_another() {
    let mut world = World::new().await;
    world.mirakl.put_shop(ShopSeed::new(2000));
    let stripe = world.sim.stripe().clone();
    stripe.add_account(AccountSeed::new().id("acct_new"));
    let link = ["link-account", "--shop", "2000", "--account", "acct_new"];
    world.run(&link).await.exits(0);
    let shown = stripe.account_json("acct_new").unwrap();
    assert_eq!(shown["metadata"]["miraklShopId"], "2000", "{shown:#}");
    world.use_database(Database::migrated().await);
    world.sync().await;
    world.shop_stands(2000, "ACCOUNT_ON_HOLD", "several").await;
    // An account that is another shop's already keeps the name of that shop.
    let shared = ["link-account", "--shop", "2001", "--account", "acct_new"];
    world.run(&shared).await.exits(0).says("keep a note");
    let shown = stripe.account_json("acct_new").unwrap();
    assert_eq!(shown["metadata"]["miraklShopId"], "2000", "{shown:#}");
}
