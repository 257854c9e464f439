//! Where people, the former connector or changes at Mirakl have been at an invoice before: nothing is moved
//! or paid a second time, and nothing is forgotten.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::{InvoiceSeed, Receiver, ShopSeed, TransferSeed};

use crate::support::{Database, Finished, World};

const OLD: &str = "MiraklConnector";

fn plain(id: i64, shop: i64, amount: &str) -> InvoiceSeed {
    InvoiceSeed::new(id, shop).transferred(amount)
}

/// The row of a movement.
async fn movement(world: &World, invoice: i64, kind: &str) -> Value {
    let id = invoice.to_string();
    let arguments = ["list", "transfers", "--output", "json", "--id", &id];
    let listed = world.run(&arguments).await.exits(0).json();
    let rows = listed.as_array().unwrap().iter();
    let mut rows = rows.filter(|row| row["type"] == kind && row["miraklId"] == id.as_str());
    rows.next()
        .unwrap_or_else(|| panic!("no {kind} of {invoice} in {listed:#}"))
        .clone()
}

async fn resolve(world: &World, subject: &str, row: &Value, decision: &[&str]) -> Finished {
    let id = row["internalId"].to_string();
    world
        .run(&[&["resolve", subject, &id], decision].concat())
        .await
}

#[tokio::test]
async fn what_the_old_connector_settled_is_taken_over_and_not_settled_again() {
    for days_ago in [0, 40] {
        let mut world = World::with_sellers(2).await;
        let stripe = world.sim.stripe().clone();
        let at = Utc::now() - TimeDelta::days(days_ago);
        // process-transfer has been here for a while, and has seen the platform's list.
        world.transfer().await.exits(0);
        let seed = plain(1, 2000, "81.00")
            .other_credits("5.00")
            .subscription("-9.99");
        let seed = seed.other_invoices("-3.01").created_at(at);
        world.mirakl.put_invoice(seed);
        world.mirakl.put_invoice(plain(2, 2001, "7.00"));
        let names = [
            ("pluginName", OLD),
            ("miraklId", "1"),
            ("miraklShopId", "2000"),
        ];
        let credit = TransferSeed::new("acct_shop2000", 500, "eur").created_at(at);
        let credit = names
            .iter()
            .fold(credit, |seed, (name, value)| seed.metadata(name, value));
        stripe.add_transfer(credit);
        stripe.old_seller_transfer("acct_shop2000", 301, "eur", &names, at);
        stripe.old_seller_transfer("acct_shop2000", 999, "eur", &names, at);
        let names = [
            ("pluginName", OLD),
            ("invoiceId", "1"),
            ("miraklShopId", "2000"),
        ];
        let paid = stripe.old_payout("acct_shop2000", 8100, "eur", &names, at);
        world.set("START_DATE", "2020-01-01");
        world.use_database(Database::migrated().await);
        world.shop(2000).await;
        world.shop(2001).await;
        world.payout().await.exits(0);
        assert_eq!(stripe.seller_transfers().len(), 2, "{days_ago}");
        assert_eq!(stripe.payouts().len(), 2, "{days_ago}");
        assert!(world.moved_for(1, "EXTRA_CREDITS").is_empty());
        let row = world.payout_stands(1, "PAYOUT_CREATED", "adopted").await;
        assert_eq!(row["stripePayoutId"], paid);
        for kind in ["EXTRA_CREDITS", "SUBSCRIPTION", "EXTRA_INVOICES"] {
            let row = movement(&world, 1, &format!("TRANSFER_{kind}")).await;
            assert_eq!(row["status"], "TRANSFER_CREATED", "{row:#}");
        }
        assert_eq!(world.paid_out(2), [700]);
    }
}

#[tokio::test]
async fn a_transfer_of_the_old_connector_with_another_amount_waits_for_a_person() {
    let mut world = World::with_sellers(2).await;
    let stripe = world.sim.stripe().clone();
    let names = [("pluginName", OLD), ("miraklId", "1")];
    let at = Utc::now() - TimeDelta::hours(2);
    let old = stripe.old_seller_transfer("acct_shop2000", 700, "eur", &names, at);
    let others = [("pluginName", OLD), ("miraklId", "2")];
    stripe.old_seller_transfer("acct_shop2001", 700, "eur", &others, at);
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").subscription("-9.99"));
    }
    world.payout().await.exits(0);
    let mut rows = Vec::new();
    for id in [1, 2] {
        let row = movement(&world, id, "TRANSFER_SUBSCRIPTION").await;
        assert_eq!(
            (&row["status"], &row["reasonCode"]),
            (&json!("TRANSFER_ON_HOLD"), &json!("moved_by_old")),
            "{row:#}"
        );
        rows.push(row);
        assert!(world.paid_out(id).is_empty());
    }
    resolve(&world, "transfer", &rows[0], &["--stripe-id", &old])
        .await
        .exits(0);
    resolve(&world, "transfer", &rows[1], &["--retry"])
        .await
        .exits(0);
    world.pass(TimeDelta::hours(6));
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.paid_out(2)),
        (vec![1000], vec![1000])
    );
    // The one that was named says now what it paid; no other was made.
    assert_eq!(
        world.moved_for(1, "SUBSCRIPTION"),
        [(700, stripe.platform_id())]
    );
    assert_eq!(world.moved_for(2, "SUBSCRIPTION").len(), 1);
    let row = movement(&world, 1, "TRANSFER_SUBSCRIPTION").await;
    assert_eq!(
        (&row["transferId"], &row["stripeAccountId"]),
        (&json!(old), &json!("acct_shop2000"))
    );
}

#[tokio::test]
async fn an_invoice_that_somebody_marked_as_paid_waits_and_a_retry_pays_it() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        let seed = plain(id, shop, "400.00").set("/payment/state", "PAID".into());
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    let row = world
        .payout_stands(1, "PAYOUT_ON_HOLD", "paid_elsewhere")
        .await;
    resolve(&world, "payout", &row, &["--retry"]).await.exits(0);
    world.payout().await.exits(0);
    // Other reasons come in between, and what was accepted stays so.
    world
        .payout_stands(1, "PAYOUT_ON_HOLD", "balance_too_low")
        .await;
    for account in ["acct_shop2000", "acct_shop2001"] {
        world.sim.stripe().add_funds(account, "eur", 10_000);
    }
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [40_000]);
    world
        .payout_stands(2, "PAYOUT_ON_HOLD", "paid_elsewhere")
        .await;
}

#[tokio::test]
async fn an_invoice_that_changes_after_a_part_was_moved_waits_until_somebody_accepts_that() {
    let mut world = World::with_sellers(3).await;
    for (id, shop) in [(1, 2000), (2, 2001), (3, 2002)] {
        let seed = plain(id, shop, "400.00")
            .other_credits("5.00")
            .subscription("-1.00");
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    world.mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["total_other_credits_incl_tax"] = json!(6);
    });
    world.mirakl.update_invoice(3, |invoice| {
        for field in [
            "total_other_credits_incl_tax",
            "total_subscription_incl_tax",
            "amount_transferred",
        ] {
            invoice["summary"][field] = json!(0);
        }
    });
    for account in ["acct_shop2000", "acct_shop2001"] {
        world.sim.stripe().add_funds(account, "eur", 20_000);
    }
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(2), [40_000]);
    let row = world.payout_stands(1, "PAYOUT_ON_HOLD", "changed").await;
    let told = row["statusReason"].as_str().unwrap();
    assert!(
        told.contains("TRANSFER_EXTRA_CREDITS moved 5.00 EUR, the invoice now asks for 6.00 EUR"),
        "{told}"
    );
    world.payout_stands(3, "PAYOUT_ON_HOLD", "changed").await;
    resolve(&world, "payout", &row, &["--retry"]).await.exits(0);
    // It changes once more before the next run: that was not accepted.
    world.mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["total_other_credits_incl_tax"] = json!(7);
    });
    world.payout().await.exits(0);
    let row = world.payout_stands(1, "PAYOUT_ON_HOLD", "changed").await;
    resolve(&world, "payout", &row, &["--retry"]).await.exits(0);
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [40_000]);
    assert_eq!(world.moved_for(1, "EXTRA_CREDITS").len(), 1);
}

#[tokio::test]
async fn a_payout_that_was_made_stays_and_what_its_invoice_says_otherwise_is_flagged() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    world.mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["amount_transferred"] = json!(12);
        invoice["summary"]["total_other_credits_incl_tax"] = json!(2);
    });
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    let row = world.payout_stands(1, "PAYOUT_CREATED", "").await;
    let told = row["difference"].as_str().unwrap();
    assert!(
        told.contains("paid out were 10.00 EUR, the invoice now shows 12 EUR"),
        "{told}"
    );
    assert!(
        told.contains("TRANSFER_EXTRA_CREDITS of 2.00 EUR"),
        "{told}"
    );
    assert!(world.sim.stripe().transfers().is_empty());
    assert_eq!(world.payout_row(2).await["difference"], Value::Null);
}

#[tokio::test]
async fn what_a_person_ended_is_not_begun_when_the_shop_gets_its_account() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2050), (2, 2051)] {
        let seed = plain(id, shop, "10.00")
            .other_credits("5.00")
            .subscription("-1.00");
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    let row = world.payout_stands(1, "PAYOUT_ON_HOLD", "no_account").await;
    resolve(&world, "payout", &row, &["--abandon", "paid by wire"])
        .await
        .exits(0);
    for shop in [2050, 2051] {
        let account = world.shop(shop).await;
        world.sim.stripe().add_funds(&account, "eur", 5_000);
    }
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    world
        .payout_stands(1, "PAYOUT_ABORTED", "resolved_abandoned")
        .await;
    assert!(world.moved_for(1, "EXTRA_CREDITS").is_empty());
    assert!(world.moved_for(1, "SUBSCRIPTION").is_empty());
    assert_eq!(world.paid_out(2), [1000]);
    assert_eq!(world.moved_for(2, "EXTRA_CREDITS").len(), 1);
}

#[tokio::test]
async fn an_excluded_shop_is_left_alone_with_all_that_waits_and_taken_up_when_it_is_included() {
    let mut world = World::with_sellers(2).await;
    world.new_shops([2000, 2001]);
    world.sync().await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        let seed = plain(id, shop, "10.00").other_invoices("-400.00");
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    world
        .mirakl
        .put_shop(ShopSeed::new(2000).field("stripe-ignored", "true"));
    world.pass(TimeDelta::minutes(6));
    world.sync().await;
    for account in ["acct_shop2000", "acct_shop2001"] {
        world.sim.stripe().add_funds(account, "eur", 20_000);
    }
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    world
        .payout_stands(1, "PAYOUT_IGNORED", "shop_excluded")
        .await;
    let row = movement(&world, 1, "TRANSFER_EXTRA_INVOICES").await;
    assert_eq!(row["status"], "TRANSFER_IGNORED", "{row:#}");
    assert!(world.moved_for(1, "EXTRA_INVOICES").is_empty());
    assert_eq!(world.paid_out(2), [1000]);
    world
        .mirakl
        .set_shop_field(2000, "stripe-ignored", Some("false"));
    world.pass(TimeDelta::minutes(6));
    world.sync().await;
    world.pass(TimeDelta::hours(1));
    world.transfer().await;
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
    assert_eq!(world.moved_for(1, "EXTRA_INVOICES").len(), 1);
}

#[tokio::test]
async fn a_movement_that_is_no_longer_asked_for_ends_and_comes_back_when_it_is_asked_for_again() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        let seed = plain(id, shop, "0.00").other_invoices("-400.00");
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    let set = |amount: i64| {
        world.mirakl.update_invoice(1, |invoice| {
            invoice["summary"]["total_other_invoices_incl_tax"] = json!(amount);
        });
    };
    set(0);
    let mut later = 24;
    for (amount, status, code) in [
        (-100, "TRANSFER_ABORTED", json!("no_longer_asked")),
        (0, "TRANSFER_CREATED", Value::Null),
    ] {
        world.pass(TimeDelta::hours(later));
        later = 24;
        world.payout().await.exits(0);
        let row = movement(&world, 1, "TRANSFER_EXTRA_INVOICES").await;
        assert_eq!(
            (&row["status"], &row["reasonCode"]),
            (&json!(status), &code),
            "{row:#}"
        );
        world.mirakl.update_invoice(1, |invoice| {
            invoice["summary"]["total_other_invoices_incl_tax"] = json!(amount);
        });
    }
    assert_eq!(world.moved_for(1, "EXTRA_INVOICES").len(), 1);
    assert!(world.moved_for(2, "EXTRA_INVOICES").is_empty());
}

#[tokio::test]
async fn a_payout_that_came_back_is_told_also_by_a_store_that_did_not_know_it() {
    let mut world = World::with_sellers(2).await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    let made = world.payout_row(1).await["stripePayoutId"]
        .as_str()
        .unwrap()
        .to_owned();
    world.sim.stripe().fail_payout(&made, "no_account");
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.shop(2001).await;
    world.payout().await.exits(3).says("1 failed");
    let row = world.payout_stands(1, "PAYOUT_FAILED", "no_account").await;
    assert!(!row["nextLookAt"].is_null());
    assert_eq!(
        world.sim.stripe().payouts().len(),
        2,
        "not before a day has passed"
    );
    let told: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["payload"]["stripePayoutId"], made);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.paid_out(2)),
        (vec![1000], vec![1000])
    );
}

#[tokio::test]
async fn payouts_made_by_hand_or_for_another_marketplace_are_nobody_elses() {
    let mut world = World::with_sellers(2).await;
    let stripe = world.sim.stripe().clone();
    let foreign = [
        ("pluginName", "mirakl-stripe"),
        ("miraklHost", "other.example"),
        ("miraklType", "INVOICE"),
        ("miraklId", "1"),
        ("invoiceId", "1"),
    ];
    stripe.old_payout("acct_shop2000", 1000, "eur", &foreign, Utc::now());
    stripe.payout_by_hand("acct_shop2000", 1000, "eur");
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    world.payout_stands(1, "PAYOUT_CREATED", "").await;
    assert_eq!(stripe.payouts().len(), 4);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(stripe.payouts().len(), 4);
}
