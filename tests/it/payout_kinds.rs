//! What an invoice can look like: amounts, signs, currencies, states; each is paid to the cent, or held
//! with a reason that says what to do, and the others go on.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::{AccountSeed, Effect, Fault, InvoiceSeed};

use crate::support::World;

fn plain(id: i64, shop: i64, amount: &str) -> InvoiceSeed {
    InvoiceSeed::new(id, shop).transferred(amount)
}

/// The transfers of the store, by Mirakl id and type: status and reason code.
async fn movements(world: &World, invoice: &str) -> Vec<(String, String, Value)> {
    let arguments = ["list", "transfers", "--output", "json", "--id", invoice];
    let listed = world.run(&arguments).await.exits(0).json();
    let mut rows: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["miraklId"] == invoice)
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("type"), text("status"), row["reasonCode"].clone())
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

#[tokio::test]
async fn what_cannot_be_paid_is_held_with_its_reason_and_the_others_go_on() {
    let world = World::with_sellers(3).await;
    let stripe = world.sim.stripe().clone();
    stripe.add_account(AccountSeed::new().id("acct_yen"));
    for seed in [
        plain(1, 2000, "10.00").subscription("4.00"),
        plain(2, 2000, "10.00").other_credits("-4.00"),
        plain(3, 2001, "10.001"),
        plain(4, 2001, "10.00").currency("XXX"),
        plain(5, 2001, "10.00").currency("USD"),
        plain(6, 2001, "10.00").state("WEIRD"),
        plain(7, 2099, "10.00"),
        plain(8, 2000, "10.00").set("/payment/state", "PAID".into()),
        plain(9, 2000, "10.00").set("/payment/state", "ON_ICE".into()),
        plain(10, 2002, "10.00"),
    ] {
        world.mirakl.put_invoice(seed);
    }
    // IV01 shows GENERATED and COMPLETE alone unless asked otherwise: 6 is not shown.
    world.payout().await.exits(0);
    for (invoice, code) in [
        (1, "unexpected_sign"),
        (2, "unexpected_sign"),
        (3, "inexact_amount"),
        (4, "unknown_currency"),
        (7, "no_account"),
        (8, "paid_elsewhere"),
        (9, "unknown_payment_state"),
    ] {
        let row = world.payout_stands(invoice, "PAYOUT_ON_HOLD", code).await;
        assert!(!row["nextLookAt"].is_null(), "{row:#}");
    }
    assert_eq!(world.paid_out(10), [1000]);
    assert_eq!(stripe.payouts().len(), 1);
    assert!(stripe.transfers().is_empty());
}

#[tokio::test]
async fn a_currency_that_the_account_does_not_hold_waits_and_nothing_is_converted() {
    let world = World::with_sellers(2).await;
    let seed = plain(1, 2000, "10.00").currency("USD");
    world
        .mirakl
        .put_invoice(seed.other_credits("5.00").subscription("-1.00"));
    world.mirakl.put_invoice(plain(2, 2001, "10.00"));
    let usd = world.sim.stripe().platform_id();
    world.sim.stripe().add_funds(&usd, "usd", 10_000);
    world.payout().await.exits(0);
    let row = world
        .payout_stands(1, "PAYOUT_ON_HOLD", "transfers_open")
        .await;
    let why = row["statusReason"].as_str().unwrap();
    assert!(
        why.contains("TRANSFER_EXTRA_CREDITS is TRANSFER_ON_HOLD"),
        "{why}"
    );
    assert_eq!(
        movements(&world, "1").await,
        [
            (
                "TRANSFER_EXTRA_CREDITS".to_owned(),
                "TRANSFER_ON_HOLD".to_owned(),
                json!("other_currency")
            ),
            (
                "TRANSFER_SUBSCRIPTION".to_owned(),
                "TRANSFER_ON_HOLD".to_owned(),
                json!("other_currency")
            ),
        ]
    );
    assert!(world.sim.stripe().transfers().is_empty());
    assert_eq!(world.paid_out(2), [1000]);
}

#[tokio::test]
async fn zero_makes_no_row_and_a_negative_sum_says_what_the_seller_owes() {
    let world = World::with_sellers(3).await;
    world.mirakl.put_invoice(plain(1, 2000, "0.00"));
    world.mirakl.put_invoice(
        plain(2, 2001, "0.00")
            .subscription("-9.99")
            .other_credits("0"),
    );
    world
        .mirakl
        .put_invoice(plain(3, 2002, "-12.50").subscription("-9.99"));
    world.payout().await.exits(0);
    let rows = world.payout_rows().await;
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows:#}");
    let row = world
        .payout_stands(3, "PAYOUT_ABORTED", "seller_owes")
        .await;
    assert_eq!(
        row["statusReason"],
        "nothing to pay out: the seller owes 12.50 EUR"
    );
    assert_eq!(world.moved_for(2, "SUBSCRIPTION").len(), 1);
    assert_eq!(world.moved_for(3, "SUBSCRIPTION").len(), 1);
    assert!(movements(&world, "1").await.is_empty());
    assert!(world.sim.stripe().payouts().is_empty());
}

#[tokio::test]
async fn an_invoice_that_came_to_nothing_is_paid_when_it_changes() {
    let mut world = World::with_sellers(2).await;
    world.mirakl.put_invoice(plain(1, 2000, "-12.50"));
    world.mirakl.put_invoice(plain(2, 2001, "-1.00"));
    world.payout().await.exits(0);
    world.mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["amount_transferred"] = json!(12.5);
    });
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1250]);
    world
        .payout_stands(2, "PAYOUT_ABORTED", "seller_owes")
        .await;
}

#[tokio::test]
async fn currencies_of_whole_units_are_checked_before_sending() {
    let world = World::with_sellers(2).await;
    let stripe = world.sim.stripe().clone();
    for (account, currency) in [("acct_shop2000", "huf"), ("acct_shop2001", "jpy")] {
        stripe.add_funds(account, currency, 10_000_000);
    }
    world
        .mirakl
        .put_invoice(plain(1, 2000, "12345.67").currency("HUF"));
    world
        .mirakl
        .put_invoice(plain(2, 2001, "12345").currency("JPY"));
    world.payout().await.exits(0);
    let row = world
        .payout_stands(1, "PAYOUT_ON_HOLD", "not_payable")
        .await;
    assert!(
        row["statusReason"]
            .as_str()
            .unwrap()
            .contains("whole units")
    );
    assert_eq!(world.paid_out(2), [12_345]);
    world.mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["amount_transferred"] = json!(12345);
    });
    world.run(&["process-payout", "2000"]).await.exits(0);
    assert_eq!(world.paid_out(1), [1_234_500]);
}

#[tokio::test]
async fn what_nothing_carries_out_stops_no_payout_and_is_flagged() {
    let world = World::with_sellers(2).await;
    world.mirakl.put_invoice(
        plain(1, 2000, "10.00")
            .summary("reserve_funding", "-5.00")
            .summary("total_seller_penalty_fees_incl_tax", "-1.20")
            .summary("total_seller_penalty_fees_excl_tax", "-1.00")
            .summary("total_payable_orders_incl_tax", "16.20"),
    );
    world
        .mirakl
        .put_invoice(plain(2, 2001, "10.00").summary("total_commissions_incl_tax", "-2.00"));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
    let row = world.payout_stands(1, "PAYOUT_CREATED", "").await;
    let told = row["difference"].as_str().unwrap();
    for part in [
        "reserve_funding -5.00",
        "total_seller_penalty_fees_incl_tax -1.20",
        "together -6.20 EUR",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("excl_tax"), "{told}");
    assert_eq!(world.payout_row(2).await["difference"], Value::Null);
}

#[tokio::test]
async fn an_unreadable_invoice_and_one_without_an_id_hold_back_nothing_but_themselves() {
    let mut world = World::with_sellers(2).await;
    world.mirakl.put_invoice(plain(1, 2000, "10.00"));
    world
        .mirakl
        .put_invoice(plain(2, 2001, "10.00").set("/summary/amount_transferred", "many".into()));
    world.mirakl.put_invoice_json(json!({"shop_id": 2000}));
    world.payout().await.exits(3).says("invoice without an id");
    assert_eq!(world.paid_out(1), [1000]);
    world.payout_stands(2, "PAYOUT_ON_HOLD", "unreadable").await;
    world.mirakl.remove_unusable_invoices();
    world.mirakl.update_invoice(2, |invoice| {
        invoice["summary"]["amount_transferred"] = json!(10);
    });
    world.pass(TimeDelta::hours(1));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(2), [1000]);
    assert_eq!(world.mirakl.invoice_listings(), 2, "one sweep, one by id");
}

#[tokio::test]
async fn an_invoice_that_appears_weeks_after_its_date_is_found_and_two_hundred_more_are_paged() {
    let mut world = World::with_sellers(2).await;
    world.set("START_DATE", "2020-01-01");
    let day = |n: i64| Utc::now() - TimeDelta::days(n);
    for id in 1..=205 {
        let shop = 2000 + id % 2;
        let seed = plain(id, shop, "0.01").created_at(day(1));
        world.mirakl.put_invoice(seed);
    }
    world.payout().await.exits(0);
    assert_eq!(world.sim.stripe().payouts().len(), 205);
    assert_eq!(world.count("GET /api/invoices"), 3);
    world
        .mirakl
        .put_invoice(plain(300, 2000, "7.00").created_at(day(30)));
    world
        .mirakl
        .put_invoice(plain(301, 2001, "7.00").created_at(day(60)));
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(300), [700]);
    assert!(
        world.paid_out(301).is_empty(),
        "older than the sweep looks back"
    );
    world
        .run(&["process-payout", "--since", "2020-01-01"])
        .await
        .exits(0);
    assert_eq!(
        world.paid_out(301),
        [700],
        "--since reads what lies further back"
    );
    assert_eq!(world.sim.stripe().payouts().len(), 207);
}

#[tokio::test]
async fn an_invoice_that_disappears_waits_and_one_shown_twice_differently_is_not_decided() {
    let mut world = World::with_sellers(3).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "400.00"));
    }
    world.payout().await.exits(0);
    world.mirakl.remove_invoice(1);
    world.pass(TimeDelta::hours(1));
    world.payout().await.exits(0);
    world.payout_stands(1, "PAYOUT_ON_HOLD", "gone").await;
    world
        .payout_stands(2, "PAYOUT_ON_HOLD", "balance_too_low")
        .await;
    world.mirakl.put_invoice(plain(3, 2002, "5.00"));
    let shown = |id: i64| world.mirakl.invoice(id).unwrap();
    let mut other = shown(2);
    other["summary"]["amount_transferred"] = json!(5);
    let page = json!({"invoices": [shown(2), shown(3), shown(3), other], "total_count": 4});
    let listing = Fault::on("GET /api/invoices").containing("start_date");
    let listing = listing.then(Effect::Body(200, page.to_string()));
    world.sim.faults().add(listing);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(3), [500]);
    let row = world.payout_stands(2, "PAYOUT_ON_HOLD", "unreadable").await;
    let told = row["statusReason"].as_str().unwrap();
    assert!(told.contains("shown twice, and differently"), "{told}");
    assert_eq!(world.sim.stripe().payouts().len(), 1);
}

#[tokio::test]
async fn invoices_before_the_start_are_never_paid() {
    let mut world = World::with_sellers(2).await;
    let now = Utc::now();
    world.set(
        "START_DATE",
        &(now - TimeDelta::days(2)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    );
    let old = plain(1, 2000, "10.00").subscription("-1.00");
    world
        .mirakl
        .put_invoice(old.created_at(now - TimeDelta::days(3)));
    world
        .mirakl
        .put_invoice(plain(2, 2001, "10.00").created_at(now - TimeDelta::days(1)));
    world
        .run(&["process-payout", "--since", "2020-01-01"])
        .await
        .exits(0);
    world
        .payout_stands(1, "PAYOUT_IGNORED", "before_start")
        .await;
    assert_eq!(world.paid_out(2), [1000]);
    assert!(world.sim.stripe().transfers().is_empty());
    world.unset("START_DATE");
}

#[tokio::test]
async fn a_first_run_that_does_not_know_where_to_begin_pays_nothing() {
    let mut world = World::with_sellers(1).await;
    world.unset("START_DATE");
    world.mirakl.put_invoice(plain(1, 2000, "10.00"));
    world.mirakl.put_invoice(plain(2, 2000, "10.00"));
    world.payout().await.exits(2).says("START_DATE");
    assert!(world.sim.stripe().payouts().is_empty());
}
