//! What Stripe and the bank say of payouts: refused, come back, cancelled, followed.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, InvoiceSeed, Receiver};

use crate::support::{Finished, World};

const PAY: &str = "POST /v1/payouts";
const MOVE: &str = "POST /v1/transfers";

fn plain(id: i64, shop: i64, amount: &str) -> InvoiceSeed {
    InvoiceSeed::new(id, shop).transferred(amount)
}

async fn told(world: &mut World) -> Receiver {
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    server
}

async fn resolve(world: &World, invoice: i64, decision: &[&str]) -> Finished {
    let id = world.payout_row(invoice).await["internalId"].to_string();
    world
        .run(&[&["resolve", "payout", &id], decision].concat())
        .await
}

#[tokio::test]
async fn payouts_that_stripe_refuses_as_not_allowed_wait_for_the_account() {
    let mut world = World::with_sellers(2).await;
    let server = told(&mut world).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world
        .sim
        .stripe()
        .set_payouts_enabled("acct_shop2000", false);
    world.payout().await.exits(3);
    world
        .payout_stands(1, "PAYOUT_FAILED", "payouts_not_allowed")
        .await;
    let failures = || {
        let received = server.received().into_iter();
        received
            .filter(|d| d.json["type"] == "payout.failed")
            .count()
    };
    assert_eq!(failures(), 1);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    world
        .payout_stands(1, "PAYOUT_ON_HOLD", "payouts_disabled")
        .await;
    world
        .sim
        .stripe()
        .set_payouts_enabled("acct_shop2000", true);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.paid_out(2)),
        (vec![1000], vec![1000])
    );
    assert_eq!(failures(), 1, "told once");
}

#[tokio::test]
async fn a_missing_bank_account_is_told_once_and_tried_again_under_a_new_key() {
    let mut world = World::with_sellers(2).await;
    let server = told(&mut world).await;
    world
        .sim
        .stripe()
        .external_account("acct_shop2000", "eur", false);
    world.mirakl.put_invoice(plain(77, 2000, "10.00"));
    world.mirakl.put_invoice(plain(78, 2001, "10.00"));
    world.payout().await.exits(3);
    let row = world.payout_row(77).await;
    assert_eq!(row["status"], "PAYOUT_FAILED", "{row:#}");
    for minutes in [6, 11] {
        world.pass(TimeDelta::minutes(minutes));
        world.payout().await.exits(3);
    }
    let received: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    let id = row["internalId"].clone();
    let reason = row["failedReason"].clone();
    assert_eq!(
        received,
        [json!({"type": "payout.failed", "payload": {
            "internalId": id, "amount": 1000, "currency": "EUR", "miraklInvoiceId": 77,
            "stripePayoutId": null, "status": "PAYOUT_FAILED", "failedReason": reason}})]
    );
    assert!(
        reason.as_str().unwrap().contains("external accounts"),
        "{reason}"
    );
    world
        .sim
        .stripe()
        .external_account("acct_shop2000", "eur", true);
    world.pass(TimeDelta::minutes(21));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(77), [1000]);
    let row = world.payout_row(77).await;
    assert_eq!(row["attempt"], 4, "{row:#}");
}

#[tokio::test]
async fn a_payout_that_comes_back_after_it_was_paid_is_told_once_and_paid_again() {
    let mut world = World::with_sellers(2).await;
    let server = told(&mut world).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    for _ in 0..3 {
        world.pass(TimeDelta::hours(24));
        world.payout().await.exits(0);
    }
    let row = world.payout_row(1).await;
    assert_eq!(row["stripeStatus"], "paid", "{row:#}");
    let first = row["stripePayoutId"].as_str().unwrap().to_owned();
    world.sim.stripe().fail_payout(&first, "account_closed");
    // Operators mark what was paid: that it came back is no contradiction.
    for id in [1, 2] {
        world.mirakl.update_invoice(id, |invoice| {
            invoice["payment"]["state"] = "PAID".into();
        });
    }
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(3);
    let row = world
        .payout_stands(1, "PAYOUT_FAILED", "account_closed")
        .await;
    assert_eq!(row["failedPayoutIds"], json!([first]), "{row:#}");
    world.payout().await.exits(0);
    let received: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(received.len(), 1, "{received:#?}");
    assert_eq!(received[0]["payload"]["stripePayoutId"], first);
    assert!(
        received[0]["payload"]["failedReason"]
            .as_str()
            .unwrap()
            .contains("account_closed")
    );
    // Cron comes a little earlier in its hour the next day.
    world.pass(TimeDelta::hours(24) - TimeDelta::seconds(20));
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.paid_out(2)),
        (vec![1000], vec![1000])
    );
    assert_eq!(world.sim.stripe().payouts().len(), 3);
    assert_eq!(world.payout_row(1).await["attempt"], 2);
}

#[tokio::test]
async fn a_payout_is_followed_for_ten_days_and_one_that_never_arrives_is_flagged() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    let lost = world.payout_row(1).await["stripePayoutId"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = json!({"id": lost, "object": "payout", "amount": 1000, "currency": "eur",
        "status": "in_transit", "created": chrono::Utc::now().timestamp(), "metadata": {}});
    let stays = Fault::on("GET /v1/payouts/{id}").containing(&lost).always();
    world
        .sim
        .faults()
        .add(stays.then(Effect::Body(200, answer.to_string())));
    for _ in 0..11 {
        world.pass(TimeDelta::hours(24));
        world.payout().await;
    }
    let row = world.payout_stands(1, "PAYOUT_CREATED", "").await;
    let told = row["difference"].as_str().unwrap();
    assert!(told.contains("still in_transit after ten days"), "{told}");
    assert_eq!(world.payout_row(2).await["difference"], Value::Null);
    world.sim.clear_calls();
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(
        world.count("GET /v1/payouts/{id}"),
        0,
        "nobody asks any more"
    );
}

#[tokio::test]
async fn a_cancelled_payout_waits_for_a_person_who_decides() {
    let mut world = World::with_sellers(3).await;
    for (id, shop) in [(1, 2000), (2, 2001), (3, 2002)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    for id in 1..=3 {
        let payout = world.payout_row(id).await["stripePayoutId"].clone();
        world.sim.stripe().cancel_payout(payout.as_str().unwrap());
    }
    for _ in 0..3 {
        world.pass(TimeDelta::hours(24));
        world.payout().await;
    }
    assert_eq!(world.sim.stripe().payouts().len(), 3, "none was made anew");
    for id in 1..=3 {
        let row = world.payout_stands(id, "PAYOUT_FAILED", "canceled").await;
        assert_eq!(row["nextLookAt"], Value::Null);
    }
    resolve(&world, 1, &["--retry"]).await.exits(0);
    let by_hand = world
        .sim
        .stripe()
        .payout_by_hand("acct_shop2001", 900, "eur");
    resolve(&world, 2, &["--stripe-id", &by_hand])
        .await
        .exits(0);
    resolve(&world, 3, &["--abandon", "paid by wire"])
        .await
        .exits(0);
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
    let row = world
        .payout_stands(2, "PAYOUT_CREATED", "resolved_made")
        .await;
    assert_eq!(
        (&row["amount"], &row["stripePayoutId"]),
        (&json!(900), &json!(by_hand))
    );
    assert!(
        row["difference"]
            .as_str()
            .unwrap()
            .contains("decided were 10.00 EUR"),
        "{row:#}"
    );
    let row = world
        .payout_stands(3, "PAYOUT_ABORTED", "resolved_abandoned")
        .await;
    assert!(
        row["statusReason"]
            .as_str()
            .unwrap()
            .contains("paid by wire")
    );
    assert_eq!(world.sim.stripe().payouts().len(), 5);
    // Done is done.
    resolve(&world, 1, &["--retry"]).await.exits(2);
    let ghost = world.payout_row(3).await["internalId"].to_string();
    let arguments = ["resolve", "payout", &ghost, "--stripe-id", "po_none"];
    world.run(&arguments).await.exits(2);
}

#[tokio::test]
async fn an_answer_that_gets_lost_is_never_paid_twice_and_each_invoice_costs_few_calls() {
    let mut world = World::with_sellers(4).await;
    for (id, shop) in [(1, 2000), (2, 2001), (3, 2002), (4, 2003)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").subscription("-1.00"));
    }
    world.sim.clear_calls();
    let lost = Fault::on(PAY).containing("invoiceId%5D=2&").always();
    world.sim.faults().add(lost.then(Effect::CutAfter));
    world.payout().await.exits(3);
    world.sim.faults().clear();
    world.pass(TimeDelta::hours(25));
    world.sim.clear_calls();
    world.payout().await.exits(0);
    for id in 1..=4 {
        assert_eq!(world.paid_out(id), [1000], "{id}");
    }
    // Another day, another invoice each: two listings, a balance, a charge and a payout; and once the
    // platform's own transfers.
    for (id, shop) in [(5, 2000), (6, 2001), (7, 2002), (8, 2003)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").subscription("-1.00"));
    }
    world.pass(TimeDelta::hours(24));
    world.sim.clear_calls();
    world.payout().await.exits(0);
    assert_eq!(world.count(PAY), 4);
    assert_eq!(world.count(MOVE), 4);
    assert_eq!(world.count("GET /v1/balance"), 4);
    assert_eq!(
        world.count("GET /v1/payouts") + world.count("GET /v1/transfers"),
        9
    );
}
