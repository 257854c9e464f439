//! The split is a property of each order: neither a switch, nor a lost database, nor the old connector
//! lets taxes be paid twice or not at all.

use chrono::TimeDelta;
use simulator::{Effect, Fault};

use crate::support::{
    Database, SPLIT, TAX_ACCOUNT, WHOLE, World, refuse, refuse_taxes, service, taxed_and_paid,
};

async fn with_empty_database(world: &mut World) {
    world.use_database(Database::migrated().await);
    for shop in ["2000", "2001"] {
        let account = format!("acct_shop{shop}");
        let link = ["link-account", "--shop", shop, "--account", &account];
        world.run(&link).await.exits(0);
    }
}

#[tokio::test]
async fn a_split_that_is_switched_on_pays_nothing_twice() {
    let mut world = World::with_services().await;
    taxed_and_paid(&world, "C1-A");
    world.paid_service(
        service("C2-S", 2001, "17.00", "2.00").price_tax("3.00"),
        "20.00",
        2000,
    );
    world.transfer().await.exits(0).says("2 created");
    world.split_taxes();
    taxed_and_paid(&world, "C3-A");
    for _ in 0..2 {
        world.mirakl.update("C1-A", |_| ());
        world.mirakl.update_service("C2-S", |_| ());
        world.transfer().await.exits(0);
        world.pass(TimeDelta::hours(7));
    }
    world
        .moved_in_parts(&[
            ("C1-A", WHOLE),
            ("C2-S", &[("acct_shop2001", 1800)]),
            ("C3-A", SPLIT),
        ])
        .await;
    assert_eq!(world.tax_rows().await.len(), 1);
}

#[tokio::test]
async fn a_split_that_is_switched_on_with_a_transfer_in_doubt_pays_nothing_twice() {
    let mut world = World::with_services().await;
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    let cut = Fault::on("POST /v1/transfers")
        .always()
        .then(Effect::CutAfter);
    world.sim.faults().add(cut);
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    world.split_taxes();
    world.mirakl.update("C1-A", |_| ());
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0);
    world
        .moved_in_parts(&[("C1-A", WHOLE), ("C2-A", WHOLE)])
        .await;
}

#[tokio::test]
async fn a_split_that_is_switched_off_leaves_the_taxes_to_sellers_that_were_not_paid() {
    let mut world = World::with_taxes().await;
    refuse(&world, "C");
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    world.transfer().await.exits(3).says("4 failed");
    world.sim.faults().clear();
    world.set("ENABLE_PAYMENT_TAX_SPLIT", "false");
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0);
    world
        .moved_in_parts(&[("C1-A", WHOLE), ("C2-A", WHOLE)])
        .await;
    world
        .taxes_stand("C1-A", "TRANSFER_ABORTED", "not_split")
        .await;
    // Once ended, the taxes of these orders are in the seller's part, whatever is switched later.
    world.set("ENABLE_PAYMENT_TAX_SPLIT", "true");
    world.mirakl.update("C1-A", |_| ());
    world.transfer().await.exits(0);
    world
        .moved_in_parts(&[("C1-A", WHOLE), ("C2-A", WHOLE)])
        .await;
}

#[tokio::test]
async fn a_split_that_is_switched_off_still_sends_the_taxes_that_sellers_lack() {
    let mut world = World::with_taxes().await;
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    refuse_taxes(&world);
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    // Neither the switch nor the account is set any more: each row names where its taxes go.
    world.unset("ENABLE_PAYMENT_TAX_SPLIT");
    world.unset("STRIPE_TAX_ACCOUNT");
    world.pass(TimeDelta::hours(25));
    taxed_and_paid(&world, "C3-A");
    world.transfer().await.exits(0).says("3 created");
    world
        .moved_in_parts(&[("C1-A", SPLIT), ("C2-A", SPLIT), ("C3-A", WHOLE)])
        .await;
}

#[tokio::test]
async fn a_lost_database_takes_over_both_parts_and_sends_the_part_that_is_missing() {
    let mut world = World::with_taxes().await;
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    let order = service("C3-S", 2001, "17.00", "2.00").price_tax("3.00");
    world.paid_service(order, "20.00", 2000);
    let nothing = Effect::Status(500);
    let fault = Fault::on("POST /v1/transfers").always();
    let fault = fault.containing(TAX_ACCOUNT).then(nothing);
    world.transfer().await.exits(0);
    taxed_and_paid(&world, "L1-A");
    taxed_and_paid(&world, "L2-A");
    world.sim.faults().add(fault);
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    assert_eq!(world.moved("L1-A"), [700], "its taxes did not arrive");
    with_empty_database(&mut world).await;
    world.transfer().await.exits(0);
    world
        .moved_in_parts(&[
            ("C1-A", SPLIT),
            ("C2-A", SPLIT),
            ("C3-S", &[("acct_shop2001", 1500), (TAX_ACCOUNT, 300)]),
            ("L1-A", SPLIT),
            ("L2-A", SPLIT),
        ])
        .await;
}

#[tokio::test]
async fn what_the_old_connector_split_is_not_paid_again() {
    let world = World::with_taxes().await;
    for id in ["C1-A", "C2-A"] {
        let charge = taxed_and_paid(&world, id);
        world.old_transfer(id, &charge, "acct_shop2000", 700);
        world.old_transfer(id, &charge, TAX_ACCOUNT, 200);
    }
    let whole = taxed_and_paid(&world, "C3-A");
    world.old_transfer("C3-A", &whole, "acct_shop2000", 900);
    world.transfer().await.exits(0).says("5 created");
    world
        .moved_in_parts(&[("C1-A", SPLIT), ("C2-A", SPLIT), ("C3-A", WHOLE)])
        .await;
    let row = world
        .taxes_stand("C1-A", "TRANSFER_CREATED", "adopted")
        .await;
    assert!(row.reason.contains("old connector"), "{row:?}");
}

#[tokio::test]
async fn taxes_that_the_old_connector_sent_elsewhere_are_not_sent_again() {
    let world = World::with_taxes().await;
    let elsewhere = simulator::AccountSeed::new().id("acct_formertax");
    world.sim.stripe().add_account(elsewhere);
    for id in ["C1-A", "C2-A"] {
        let charge = taxed_and_paid(&world, id);
        world.old_transfer(id, &charge, "acct_shop2000", 700);
        world.old_transfer(id, &charge, "acct_formertax", 200);
    }
    world.transfer().await.exits(0).says("second transfer");
    assert!(
        world
            .ledger("C1-A")
            .iter()
            .all(|(account, _)| account != TAX_ACCOUNT)
    );
    assert_eq!(world.sim.stripe().transfers().len(), 4);
}

#[tokio::test]
async fn a_tax_account_that_is_named_later_does_not_stop_what_was_taken_over_before() {
    let mut world = World::with_services().await;
    let charge = taxed_and_paid(&world, "C1-A");
    world
        .sim
        .stripe()
        .add_account(simulator::AccountSeed::new().id(TAX_ACCOUNT));
    world.old_transfer("C1-A", &charge, TAX_ACCOUNT, 200);
    world.transfer().await.exits(0);
    world.split_taxes();
    taxed_and_paid(&world, "C2-A");
    // Stripe's list is read again, and the same transfer now says something else.
    let mut conn = world.db.connect().await;
    sqlx::query("delete from adoptions")
        .execute(&mut conn)
        .await
        .unwrap();
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [200]);
    assert_eq!(world.ledger("C2-A").len(), 2);
}
