//! How service orders and their debits are read, and what was transferred for them by others.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Effect, Fault};

use crate::support::{Database, World, day, service};

const DEBITS: &str = "GET /api/mms/debits";

#[tokio::test]
async fn service_orders_are_read_page_by_page_with_one_look_at_the_debits_of_each() {
    let mut world = World::with_services().await;
    world.unset("ENABLE_PRODUCT_PAYMENT_SPLIT");
    for n in 0..130 {
        let id = format!("C{n}-S");
        world.paid_service(service(&id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    world.sim.clear_calls();
    world.transfer().await.exits(0).says("130 created");
    assert_eq!(world.count("GET /api/mms/orders"), 2);
    assert_eq!(world.count(DEBITS), 2);
    assert_eq!(world.count("GET /api/orders"), 0, "goods are switched off");
    let ids: Vec<String> = (0..130).map(|n| format!("C{n}-S")).collect();
    world.each_moved_once(&ids, 1800).await;
    // The next run begins where this one ended.
    world.pass(TimeDelta::minutes(30));
    world.paid_service(service("N1-S", 2001, "20.00", "2.00"), "20.00", 2000);
    world.transfer().await.exits(0).says("1 created");
    world.sim.clear_calls();
    world.pass(TimeDelta::minutes(30));
    world.transfer().await.exits(0);
    assert_eq!(world.count("GET /api/mms/orders"), 1);
}

#[tokio::test]
async fn debits_that_cannot_be_read_hold_their_orders_and_not_the_run() {
    let mut world = World::with_services().await;
    for id in ["C1-S", "C2-S"] {
        world.paid_service(service(id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    let goods = world.orders(1);
    let error = Effect::Body(400, r#"{"message":"not today","status":400}"#.to_owned());
    world
        .sim
        .faults()
        .add(Fault::on(DEBITS).always().then(error));
    let run = world.transfer().await.exits(0);
    run.says("1 created, 2 waiting");
    let row = world
        .stands("C1-S", "TRANSFER_ON_HOLD", "debits_unread")
        .await;
    assert!(row.reason.contains("not today"), "{row:?}");
    world.sim.faults().clear();
    // One debit without an amount holds its own order alone.
    world.mirakl.update_debit("D-C1-S", |debit| {
        debit.as_object_mut().unwrap().remove("amount");
    });
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0).says("1 created, 1 waiting");
    world
        .stands("C1-S", "TRANSFER_ON_HOLD", "debits_unread")
        .await;
    world
        .moved_in_parts(&[
            (&goods[0], &[("acct_shop2000", 900)]),
            ("C2-S", &[("acct_shop2001", 1800)]),
        ])
        .await;
}

#[tokio::test]
async fn a_wrong_key_for_the_debits_stops_the_run() {
    let world = World::with_services().await;
    world.paid_service(service("C1-S", 2001, "20.00", "2.00"), "20.00", 2000);
    let fault = Fault::on(DEBITS).always().then(Effect::Status(401));
    world.sim.faults().add(fault);
    world
        .transfer()
        .await
        .exits(1)
        .says("refused the credentials");
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn what_the_old_connector_transferred_for_a_service_is_not_paid_again() {
    let mut world = World::with_services().await;
    let paid = |id: &str| world.paid_service(service(id, 2001, "20.00", "2.00"), "20.00", 2000);
    let (old, taxes) = (paid("OLD-S"), paid("TAX-S"));
    paid("NEW-S");
    let transfer = world.old_transfer("OLD-S", &old, "acct_shop2001", 1800);
    world.old_transfer("TAX-S", &taxes, "acct_shop2000", 300);
    world.set("STRIPE_TAX_ACCOUNT", "acct_shop2000");
    let plan = world.run(&["process-transfer", "--dry-run", "--output", "json"]);
    let plan = plan.await.exits(0).json();
    let planned = plan
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["miraklId"] == "OLD-S");
    let planned = planned.unwrap();
    assert_eq!(
        (&planned["action"], &planned["type"]),
        (&json!("hold"), &json!("TRANSFER_ORDER"))
    );
    assert_eq!(planned["orderType"], "SERVICE");
    for _ in 0..2 {
        world.transfer().await.exits(0);
        world.pass(TimeDelta::hours(7));
    }
    assert_eq!(world.moved("NEW-S"), [1800]);
    assert_eq!(world.moved("OLD-S"), [1800]);
    assert_eq!(world.moved("TAX-S"), [300]);
    let held: Vec<_> = world.services_held("old_transfer").await;
    assert_eq!(held.len(), 2, "{held:?}");
    let (number, reason) = held
        .iter()
        .find(|(_, reason)| reason.contains(&transfer))
        .unwrap();
    assert!(reason.contains("abandon this row"), "{reason}");
    let number = number.to_string();
    let resolve = [
        "resolve",
        "transfer",
        &number,
        "--abandon",
        "the old connector paid it",
    ];
    world.run(&resolve).await.exits(0);
    world.mirakl.update_service("OLD-S", |_| ());
    world.transfer().await.exits(0);
    assert_eq!(world.moved("OLD-S"), [1800]);
}

#[tokio::test]
async fn a_transfer_that_the_old_connector_makes_meanwhile_stops_a_service_that_was_decided() {
    let mut world = World::with_services().await;
    world.transfer().await.exits(0);
    let charge = world.paid_service(service("C1-S", 2001, "20.00", "2.00"), "20.00", 2000);
    world.paid_service(service("C2-S", 2001, "20.00", "2.00"), "20.00", 2000);
    world.old_transfer("C1-S", &charge, "acct_shop2001", 1800);
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-S"), [1800], "the old connector's alone");
    assert_eq!(world.moved("C2-S"), [1800]);
    world.pass(TimeDelta::minutes(11));
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-S"), [1800]);
    assert_eq!(world.services_held("old_transfer").await.len(), 1);
}

#[tokio::test]
async fn a_lost_database_takes_over_what_was_transferred_for_services() {
    let mut world = World::with_services().await;
    world.paid_service(service("C1-S", 2001, "20.00", "2.00"), "20.00", 2000);
    world.paid_service(service("C2-S", 2000, "30.00", "2.00"), "30.00", 3000);
    world.orders(1);
    world.transfer().await.exits(0).says("3 created");
    world.use_database(Database::migrated().await);
    for shop in ["2000", "2001"] {
        let account = format!("acct_shop{shop}");
        let link = ["link-account", "--shop", shop, "--account", &account];
        world.run(&link).await.exits(0);
    }
    world.transfer().await.exits(0).says("3 created");
    world
        .moved_in_parts(&[
            ("C1-S", &[("acct_shop2001", 1800)]),
            ("C2-S", &[("acct_shop2000", 2800)]),
            ("C1-A", &[("acct_shop2000", 900)]),
        ])
        .await;
}

#[tokio::test]
async fn services_that_are_switched_on_later_begin_where_the_goods_began() {
    let mut world = World::new().await;
    world.shop(2001).await;
    world.unset("START_DATE");
    let since = day(-10);
    world.orders(1);
    world
        .run(&["process-transfer", "--since", &since])
        .await
        .exits(0);
    world.set("ENABLE_SERVICE_PAYMENT_SPLIT", "true");
    let old = world.sim.clock().now() - TimeDelta::days(12);
    for id in ["C1-S", "C2-S"] {
        world.paid_service(service(id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    world.mirakl.update_debit("D-C2-S", |debit| {
        debit["transaction_date"] = json!(old.to_rfc3339());
    });
    world
        .transfer()
        .await
        .exits(0)
        .says("1 created, 0 waiting, 0 failed, 0 aborted, 1 ignored");
    assert_eq!(world.moved("C1-S"), [1800]);
    world
        .stands("C2-S", "TRANSFER_IGNORED", "before_start")
        .await;
}

#[tokio::test]
async fn an_order_that_is_asked_for_by_name_is_found_in_either_list() {
    let world = World::with_services().await;
    let goods = world.orders(2);
    for id in ["C1-S", "C2-S"] {
        world.paid_service(service(id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    let asked = [
        "process-transfer",
        "--order",
        "C1-S",
        "--order",
        &goods[0],
        "--order",
        "C9-X",
    ];
    world
        .run(&asked)
        .await
        .exits(3)
        .says("Mirakl has no such order")
        .says("2 created");
    world
        .moved_in_parts(&[
            ("C1-S", &[("acct_shop2001", 1800)]),
            (&goods[0], &[("acct_shop2000", 900)]),
        ])
        .await;
    world
        .run(&["process-transfer", "--order", "C1-S"])
        .await
        .exits(0);
}

#[tokio::test]
async fn a_list_of_services_that_never_ends_stops_the_run_and_says_so() {
    let world = World::with_services().await;
    for n in 0..3 {
        let id = format!("C{n}-S");
        world.paid_service(service(&id, 2001, "20.00", "2.00"), "20.00", 2000);
    }
    world.mirakl.forever_paging(true);
    world.transfer().await.exits(1).says("the same page again");
}
