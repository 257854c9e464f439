//! Service orders are paid to their sellers like product orders, by what SPA11 says was debited.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{DebitSeed, Effect, Fault, LineSeed, OrderSeed, PaymentSeed, ServiceSeed};

use crate::support::{Row, World, eur, service};

const DEBITS: &str = "GET /api/mms/debits";

#[tokio::test]
async fn a_basket_of_goods_and_services_is_paid_to_both_sellers_to_the_cent() {
    let world = World::with_services().await;
    let intent = world.captured("C1", 5734);
    let goods = eur("C1-A", 2000, "37.33", "4.11").transaction(&intent);
    world.mirakl.put(goods);
    world
        .mirakl
        .put_service(service("C1-S", 2001, "20.01", "2.50"));
    world.debit("C1-S", "20.01", &intent);
    world.transfer().await.exits(0).says("2 created");
    world
        .moved_in_parts(&[
            ("C1-A", &[("acct_shop2000", 3322)]),
            ("C1-S", &[("acct_shop2001", 1751)]),
        ])
        .await;
    let row = world.row("C1-S").await;
    assert_eq!(row.kind.1, "SERVICE");
    // Again: nothing more.
    world.mirakl.update_service("C1-S", |_| ());
    let run = world.transfer().await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(world.sim.stripe().transfers().len(), 2);
}

#[tokio::test]
async fn a_basket_is_confirmed_captured_and_paid_by_the_three_jobs_in_turn() {
    let world = World::with_services().await;
    world
        .mirakl
        .put(eur("C1-A", 2000, "10.00", "1.00").waiting_debit());
    world
        .mirakl
        .put_service(service("C1-S", 2001, "20.00", "2.00"));
    world
        .mirakl
        .put_debit(DebitSeed::new("D1", "C1-S", "20.00"));
    let seed = PaymentSeed::new(3000, "eur").basket("C1").authorized();
    world.sim.stripe().pay(seed);
    world.transfer().await.exits(0).says("2 waiting");
    world.run(&["validate-pending-debit"]).await.exits(0);
    world.transfer().await.exits(0).says("2 created");
    world
        .moved_in_parts(&[
            ("C1-A", &[("acct_shop2000", 900)]),
            ("C1-S", &[("acct_shop2001", 1800)]),
        ])
        .await;
}

#[tokio::test]
async fn a_service_order_waits_until_each_of_its_debits_is_paid() {
    let mut world = World::with_services().await;
    let long_ago = world.sim.clock().now() - TimeDelta::days(2);
    for id in ["C1-S", "C2-S"] {
        let order = service(id, 2001, "20.00", "2.00").updated_at(long_ago);
        world.mirakl.put_service(order);
        let (intent, waits) = (world.captured(&id[..2], 2000), format!("W-{id}"));
        world
            .mirakl
            .put_debit(DebitSeed::new(&waits, id, "5.00").transaction(&intent));
        world.debit(id, "15.00", &intent);
    }
    world.transfer().await.exits(0).says("2 waiting");
    world
        .stands("C1-S", "TRANSFER_ON_HOLD", "not_debited")
        .await;
    world
        .mirakl
        .update_debit("W-C1-S", |debit| debit["state"] = json!("OK"));
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0).says("1 created, 1 waiting");
    world
        .moved_in_parts(&[("C1-S", &[("acct_shop2001", 1800)])])
        .await;
    world
        .stands("C2-S", "TRANSFER_ON_HOLD", "not_debited")
        .await;
}

#[tokio::test]
async fn what_a_service_order_says_is_done() {
    let world = World::with_services().await;
    let old = world.sim.clock().now() - TimeDelta::days(40);
    let good = |id: &str| service(id, 2001, "20.00", "2.00");
    let ended = |id: &str, state: &str| good(id).state(state);
    world
        .mirakl
        .put_service(ended("REFUSED-S", "ORDER_REFUSED"));
    world
        .mirakl
        .put_service(ended("EXPIRED-S", "ORDER_EXPIRED"));
    world.paid_service(ended("CANCELLED-S", "ORDER_CANCELLED"), "20.00", 2000);
    world.paid_service(ended("NEW-S", "WAITING_ACCEPTANCE"), "20.00", 2000);
    world.paid_service(ended("ODD-S", "ORDER_PAUSED"), "20.00", 2000);
    world.paid_service(good("NOCOM-S").without("commission"), "20.00", 2000);
    world.paid_service(good("FREE-S").commission("0", "0"), "20.00", 2000);
    world.paid_service(good("ALL-S").commission("20.00", "20.00"), "20.00", 2000);
    world.paid_service(good("LITTLE-S"), "20.00", 1700);
    world.mirakl.put_service(good("DENIED-S"));
    world
        .mirakl
        .put_debit(DebitSeed::new("D1", "DENIED-S", "20.00").state("REFUSED"));
    world.mirakl.put_service(good("UNPAID-S"));
    world.paid_service(good("USD-S"), "20.00", 2000);
    world
        .mirakl
        .update_debit("D-USD-S", |debit| debit["currency_code"] = json!("USD"));
    world.paid_service(good("TWO-S"), "20.00", 2000);
    let other = world.captured("OTHER", 1000);
    world.mirakl.put_debit(
        DebitSeed::new("D2", "TWO-S", "5.00")
            .state("OK")
            .transaction(&other),
    );
    world.paid_service(good("OLD-S"), "20.00", 2000);
    world.mirakl.update_debit("D-OLD-S", |debit| {
        debit["transaction_date"] = json!(old.to_rfc3339());
    });
    world.paid_service(service("SHOP-S", 2999, "20.00", "2.00"), "20.00", 2000);
    world.transfer().await.exits(0);
    for (id, status, code) in [
        ("REFUSED-S", "TRANSFER_ABORTED", "order_ended"),
        ("EXPIRED-S", "TRANSFER_ABORTED", "order_ended"),
        ("CANCELLED-S", "TRANSFER_ABORTED", "order_ended"),
        ("NEW-S", "TRANSFER_ON_HOLD", "not_accepted"),
        ("ODD-S", "TRANSFER_ON_HOLD", "unknown_state"),
        ("NOCOM-S", "TRANSFER_ON_HOLD", "no_commission"),
        ("FREE-S", "TRANSFER_CREATED", ""),
        ("ALL-S", "TRANSFER_ABORTED", "nothing_to_transfer"),
        ("LITTLE-S", "TRANSFER_ON_HOLD", "above_debited"),
        ("DENIED-S", "TRANSFER_ON_HOLD", "debit_refused"),
        ("UNPAID-S", "TRANSFER_ON_HOLD", "not_debited"),
        ("USD-S", "TRANSFER_ON_HOLD", "cannot_add_up"),
        ("TWO-S", "TRANSFER_ON_HOLD", "several_payments"),
        ("OLD-S", "TRANSFER_IGNORED", "before_start"),
        ("SHOP-S", "TRANSFER_ON_HOLD", "no_account"),
    ] {
        world.stands(id, status, code).await;
    }
    world
        .moved_in_parts(&[("FREE-S", &[("acct_shop2001", 2000)])])
        .await;
}

#[tokio::test]
async fn a_refused_debit_counts_nothing_and_a_payment_is_found_by_the_basket_too() {
    let world = World::with_services().await;
    world
        .mirakl
        .put_service(service("C1-S", 2001, "20.00", "2.00"));
    world.captured("C1", 2000);
    let debit = |id: &str, amount: &str| DebitSeed::new(id, "C1-S", amount);
    world
        .mirakl
        .put_debit(debit("D1", "99.00").state("REFUSED"));
    world.mirakl.put_debit(debit("D2", "20.00").state("OK"));
    world
        .mirakl
        .put_service(service("C2-S", 2001, "7.00", "1.00"));
    world.transfer().await.exits(0).says("1 created, 1 waiting");
    world
        .moved_in_parts(&[("C1-S", &[("acct_shop2001", 1800)])])
        .await;
}

#[tokio::test]
async fn yen_and_dinars_of_services_keep_their_own_units() {
    let world = World::with_services().await;
    for (id, currency, price, commission, minor) in [
        ("J1-S", "JPY", "500", "45", 500),
        ("K1-S", "KWD", "12.340", "1.230", 12_340),
        ("K2-S", "KWD", "12.345", "1.230", 12_350),
    ] {
        let basket = &id[..2];
        let order = ServiceSeed::new(id, basket, 2001)
            .currency(currency)
            .price(price)
            .commission(commission, commission);
        world.mirakl.put_service(order);
        let seed = PaymentSeed::new(minor, &currency.to_lowercase()).basket(basket);
        let intent = world.sim.stripe().pay(seed).intent.unwrap();
        world.debit(id, price, &intent);
    }
    world.transfer().await.exits(0).says("2 created, 1 waiting");
    world
        .moved_in_parts(&[
            ("J1-S", &[("acct_shop2001", 455)]),
            ("K1-S", &[("acct_shop2001", 11_110)]),
        ])
        .await;
    world
        .stands("K2-S", "TRANSFER_ON_HOLD", "inexact_amount")
        .await;
}

#[tokio::test]
async fn a_transferred_service_that_comes_to_something_else_is_flagged() {
    let world = World::with_services().await;
    for id in ["C1-S", "C2-S", "C3-S"] {
        world.paid_service(service(id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    world.transfer().await.exits(0);
    world.mirakl.update_service("C1-S", |order| {
        order["commission"]["amount_including_taxes"] = json!(3);
    });
    world
        .mirakl
        .update_service("C2-S", |order| order["state"] = json!("ORDER_CANCELLED"));
    world
        .mirakl
        .update_service("C3-S", |order| order["state"] = json!("ORDER_CLOSED"));
    world.transfer().await.exits(0).says("has changed");
    let flag = |row: Row| row.difference.unwrap_or_default();
    let changed = flag(world.row("C1-S").await);
    assert!(
        changed.contains("18.00 EUR") && changed.contains("17.00 EUR"),
        "{changed}"
    );
    assert!(flag(world.row("C2-S").await).contains("ORDER_CANCELLED"));
    assert_eq!(flag(world.row("C3-S").await), "");
    // Debits that cannot be read say nothing: the flag stays.
    let error = Effect::Body(400, "{}".to_owned());
    world
        .sim
        .faults()
        .add(Fault::on(DEBITS).always().then(error));
    world.mirakl.update_service("C1-S", |_| ());
    world.transfer().await.exits(0);
    assert_eq!(flag(world.row("C1-S").await), changed);
}

#[tokio::test]
async fn a_line_that_pays_on_shipment_beside_a_service_holds_its_order_alone() {
    let world = World::with_services().await;
    let intent = world.captured("C1", 3000);
    let order = OrderSeed::new("C1-A", "C1", 2000)
        .line(LineSeed::new("10.00").debited_at(None))
        .workflow("PAY_ON_SHIPMENT")
        .transaction(&intent);
    world.mirakl.put(order);
    world
        .mirakl
        .put_service(service("C1-S", 2001, "20.00", "2.00"));
    world.debit("C1-S", "20.00", &intent);
    world.transfer().await.exits(0).says("1 created, 1 waiting");
    world
        .moved_in_parts(&[("C1-S", &[("acct_shop2001", 1800)])])
        .await;
}
