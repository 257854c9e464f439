//! Refunds of services, of orders whose taxes went elsewhere, and of what the former connector began.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Effect, Fault, LineSeed, OrderSeed, RefundSeed, ServiceRefundSeed};

use crate::support::{TAX_ACCOUNT, World, eur, service};

/// What came back from an account for a refund, by the ledger.
fn taken_from(world: &World, refund: &str, account: &str) -> Vec<i64> {
    let transfers = world.sim.stripe().transfers();
    let to = |transfer: &str| {
        let found = transfers.iter().find(|found| found.id == transfer);
        found.unwrap().destination.clone()
    };
    let reversals = world.sim.stripe().reversals().into_iter();
    reversals
        .filter(|made| {
            made.metadata
                .get("miraklRefundId")
                .is_some_and(|of| of == refund)
        })
        .filter(|made| to(&made.transfer) == account)
        .map(|made| made.amount)
        .collect()
}

async fn with_services() -> World {
    let mut world = World::with_taxes().await;
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
    world.set("ENABLE_SERVICE_PAYMENT_REFUND", "true");
    world
}

#[tokio::test]
async fn a_service_is_refunded_confirmed_and_taken_back_like_goods() {
    let mut world = with_services().await;
    world.set("ENABLE_PAYMENT_TAX_SPLIT", "false");
    world.paid_service(service("S1-S", 2001, "40.00", "4.00"), "40.00", 4000);
    world.paid_service(service("S2-S", 2001, "40.00", "4.00"), "40.00", 4000);
    world.transfer().await.exits(0).says("2 created");
    let refund = ServiceRefundSeed::new("R-1", "10.00").commission("0.80", "1.00");
    world.mirakl.add_service_refund("S1-S", refund);
    let refund = ServiceRefundSeed::new("R-2", "28.00").option("2.00");
    world
        .mirakl
        .add_service_refund("S1-S", refund.commission("2.00", "2.40"));
    // Mirakl does not show what goes back of the commission.
    world
        .mirakl
        .add_service_refund("S2-S", ServiceRefundSeed::new("R-3", "40.00"));
    world.mirakl.update_service("S2-S", |order| {
        order["refunds"][0]["commission"] = json!({});
    });
    world.refund().await.exits(0).says("2 created");
    world.refunded_once("R-1", 1000, &[900]).await;
    world.refunded_once("R-2", 3000, &[2700]).await;
    // It asked for 27.60, and 27.00 were left.
    assert_eq!(
        world.refund_row("R-2").await["reversals"][0]["shortfall"],
        60
    );
    world
        .refund_stands("R-3", "REFUND_ON_HOLD", "REFUND", "no_commission")
        .await;
    let made = &world.sim.stripe().refunds()[0];
    assert_eq!(made.metadata["miraklType"], "SERVICE_REFUND");
}

#[tokio::test]
async fn a_marketplace_without_services_has_no_list_of_their_refunds() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let none = Fault::on("GET /api/mms/refunds").always();
    world.sim.faults().add(none.then(Effect::Status(404)));
    world.refund().await.exits(0);
    world.refunded_once("1100", 1000, &[900]).await;
}

#[tokio::test]
async fn a_service_that_was_never_transferred_is_refunded_by_the_payment_of_its_debit() {
    let mut world = with_services().await;
    world.set("ENABLE_SERVICE_PAYMENT_SPLIT", "false");
    let charge = world.paid_service(service("S1-S", 2001, "40.00", "4.00"), "40.00", 4000);
    let refund = ServiceRefundSeed::new("R-1", "10.00").commission("0.80", "1.00");
    world.mirakl.add_service_refund("S1-S", refund);
    world.refund().await.exits(0);
    world.refunded_once("R-1", 1000, &[]).await;
    assert_eq!(world.sim.stripe().refunds()[0].charge, charge);
    world
        .refund_stands("R-1", "REFUND_CREATED", "REVERSE", "split_off")
        .await;
}

#[tokio::test]
async fn spa02_that_takes_some_and_refuses_others_is_read_item_by_item() {
    let mut world = with_services().await;
    for n in 1..=3 {
        let id = format!("S{n}-S");
        world.paid_service(service(&id, 2001, "40.00", "4.00"), "40.00", 4000);
        let refund = ServiceRefundSeed::new(&format!("R-{n}"), "10.00").commission("1.00", "1.00");
        world.mirakl.add_service_refund(&id, refund);
    }
    world.transfer().await.exits(0);
    world.mirakl.refuse_refund("R-2", Some("not this one"));
    world.refund().await.exits(3);
    world.refunded_once("R-1", 1000, &[900]).await;
    world.refunded_once("R-3", 1000, &[900]).await;
    let row = world
        .refund_stands("R-2", "REFUND_FAILED", "CONFIRM", "refused_by_mirakl")
        .await;
    assert!(
        row["failedReason"]
            .as_str()
            .unwrap()
            .contains("not this one")
    );
    world.mirakl.refuse_refund("R-2", None);
    // This time the answer gets lost.
    let lost = Fault::on("PUT /api/mms/refunds").then(Effect::CutAfter);
    world.sim.faults().add(lost);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0);
    world.refunded_once("R-2", 1000, &[900]).await;
}

#[tokio::test]
async fn taxes_that_went_to_the_tax_account_come_back_from_there() {
    let world = with_services().await;
    // 30.00 with 5.00 of taxes in it: 22.00 to the seller, 5.00 to the tax account.
    let line = LineSeed::new("30.00").commission("3.00").tax("5.00");
    let order = OrderSeed::new("C1-A", "C1", 2000).line(line);
    world.paid(order, "C1", 3000);
    // On top: 24.00 of which 4.00 are taxes.
    let line = LineSeed::new("20.00").commission("2.00").tax("4.00");
    let order = OrderSeed::new("C2-A", "C2", 2001).line(line);
    world.paid(order.tax_mode("TAX_EXCLUDED"), "C2", 2400);
    let order = service("S1-S", 2001, "20.00", "2.00").price_tax("4.00");
    world.paid_service(order, "24.00", 2400);
    world.transfer().await.exits(0).says("6 created");
    let refund = |id: &str, amount: &str, commission: &str| {
        RefundSeed::new(id, amount).commission(commission)
    };
    world
        .mirakl
        .add_refund("C1-A", 1, refund("1", "12.00", "1.20").tax("2.00"));
    world
        .mirakl
        .add_refund("C1-A", 1, refund("2", "18.00", "1.80").tax("3.00"));
    world
        .mirakl
        .add_refund("C2-A", 1, refund("3", "20.00", "2.00").tax("4.00"));
    let whole = ServiceRefundSeed::new("R-1", "20.00").tax("4.00");
    world
        .mirakl
        .add_service_refund("S1-S", whole.commission("2.00", "2.00"));
    world.refund().await.exits(0).says("4 created");
    for (id, account, seller, taxes) in [
        ("1", "acct_shop2000", 880, 200),
        ("2", "acct_shop2000", 1320, 300),
        ("3", "acct_shop2001", 1800, 400),
        ("R-1", "acct_shop2001", 1800, 400),
    ] {
        assert_eq!(taken_from(&world, id, account), [seller], "{id}");
        assert_eq!(taken_from(&world, id, TAX_ACCOUNT), [taxes], "{id}");
        let row = world.refund_row(id).await;
        assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
        assert_eq!(row["reversals"].as_array().unwrap().len(), 2);
    }
    // Everything came back, not a cent more or less.
    for account in ["acct_shop2000", "acct_shop2001", TAX_ACCOUNT] {
        assert_eq!(world.sim.stripe().balance(account, "eur"), 0, "{account}");
    }
}

#[tokio::test]
async fn a_tax_account_without_money_keeps_the_seller_from_nothing_and_is_asked_again() {
    let mut world = with_services().await;
    let line = LineSeed::new("30.00").commission("3.00").tax("5.00");
    let order = OrderSeed::new("C1-A", "C1", 2000).line(line);
    world.paid(order, "C1", 3000);
    world.transfer().await.exits(0);
    world.sim.stripe().drain(TAX_ACCOUNT, "eur", 500);
    let refund = RefundSeed::new("1", "12.00").commission("1.20").tax("2.00");
    world.mirakl.add_refund("C1-A", 1, refund);
    world.refund().await.exits(3);
    let row = world
        .refund_stands("1", "REFUND_FAILED", "REVERSE", "balance_insufficient")
        .await;
    assert!(row["stripeReversalId"].is_string(), "{row:#}");
    world.sim.stripe().add_funds(TAX_ACCOUNT, "eur", 500);
    world.pass(TimeDelta::minutes(6));
    world.refund().await.exits(0).says("1 created");
    assert_eq!(taken_from(&world, "1", "acct_shop2000"), [880]);
    assert_eq!(taken_from(&world, "1", TAX_ACCOUNT), [200]);
}

#[tokio::test]
async fn what_the_former_connector_refunded_is_confirmed_and_taken_back_but_not_refunded_again() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.asks("C1-A", "1101", "5.00", "0.50");
    let former = [
        ("pluginName", "MiraklConnector"),
        ("miraklRefundId", "1100"),
    ];
    let at = world.sim.clock().now();
    let made = world.sim.stripe().old_refund(&charge, 1000, &former, at);
    world.refund().await.exits(0).says("2 created");
    assert_eq!(world.told_of("1100"), [made.as_str()]);
    assert_eq!(
        world.given_back("1100"),
        [1000],
        "its own refund and no other"
    );
    assert_eq!(world.taken_back("1100"), [900]);
    world.refunded_once("1101", 500, &[450]).await;
}

#[tokio::test]
async fn another_marketplace_on_the_same_stripe_account_is_left_alone() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    let at = world.sim.clock().now();
    let other = [
        ("pluginName", "mirakl-stripe"),
        ("miraklHost", "other.example"),
        ("miraklType", "PRODUCT_REFUND"),
        ("miraklRefundId", "1100"),
        ("miraklOrderId", "C1-A"),
    ];
    let elsewhere = world.paid(eur("C2-A", 2000, "30.00", "3.00"), "C2", 3000);
    world.sim.stripe().old_refund(&elsewhere, 1000, &other, at);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(0);
    let ours = world.sim.stripe().refunds().into_iter();
    let ours: Vec<i64> = ours
        .filter(|r| r.charge == charge)
        .map(|r| r.amount)
        .collect();
    assert_eq!(ours, [1000]);
    assert_eq!(world.taken_back("1100"), [900]);
}

#[tokio::test]
async fn a_person_settles_the_reversal_that_was_made_by_hand() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "30.00", "3.00", 3000).await;
    world.sim.stripe().drain("acct_shop2000", "eur", 2700);
    world.asks("C1-A", "1100", "10.00", "1.00");
    world.refund().await.exits(3);
    let row = world.refund_row("1100").await;
    let id = row["internalId"].to_string();
    let transfer = world.sim.stripe().transfers_for("C1-A")[0].id.clone();
    let by_hand = world.sim.stripe().reverse(&transfer, 900);
    for (wrong, said) in [
        ("re_1", "what is missing is the reversal"),
        ("trr_unknown", "is no reversal of"),
    ] {
        let resolve = ["resolve", "refund", &id, "--stripe-id", wrong];
        world.run(&resolve).await.exits(2).says(said);
    }
    let resolve = ["resolve", "refund", &id, "--stripe-id", &by_hand];
    world.run(&resolve).await.exits(0);
    world.refund().await.exits(0);
    let row = world
        .refund_stands("1100", "REFUND_CREATED", "REVERSE", "")
        .await;
    assert_eq!(row["stripeReversalId"], by_hand);
    assert_eq!(world.sim.stripe().reversals().len(), 1);
    // What is done cannot be resolved any more, and what does not exist neither.
    let again = ["resolve", "refund", &id, "--retry"];
    world.run(&again).await.exits(2).says("REFUND_CREATED");
    let nobody = ["resolve", "refund", "999", "--retry"];
    world
        .run(&nobody)
        .await
        .exits(2)
        .says("there is no refund 999");
}

#[tokio::test]
async fn a_refund_that_a_person_names_must_be_what_mirakl_asks_for() {
    let world = World::with_refunds().await;
    let charge = world.sold("C1-A", "30.00", "3.00", 3000).await;
    let other = world.sold("C2-A", "30.00", "3.00", 3000).await;
    world.asks("C1-A", "1100", "10.00", "1.00");
    let small = world.sim.stripe().refund(&charge, 400);
    let elsewhere = world.sim.stripe().refund(&other, 1000);
    world.refund().await.exits(3);
    let row = world.refund_row("1100").await;
    let id = row["internalId"].to_string();
    for (named, said) in [
        ("tr_1", "is no Stripe refund"),
        ("re_unknown", "Stripe does not know"),
        (small.as_str(), "is not what Mirakl asks for"),
        (elsewhere.as_str(), "did not pay this order"),
    ] {
        let resolve = ["resolve", "refund", &id, "--stripe-id", named];
        world.run(&resolve).await.exits(2).says(said);
    }
    world
        .refund_stands("1100", "REFUND_FAILED", "REFUND", "refunded_by_others")
        .await;
}
