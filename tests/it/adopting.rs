//! The database is restored, lost or second: what Stripe already has is taken over, not paid again.

use chrono::TimeDelta;
use simulator::{Effect, Fault, TransferSeed, When};

use crate::support::{Database, Finished, World, day, eur};

#[tokio::test]
async fn a_lost_database_takes_over_what_was_transferred() {
    let mut world = World::new().await;
    let mut ids = world.orders(3);
    world.transfer().await.exits(0);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    ids.push("N1-A".to_owned());
    world.paid(eur("N1-A", 2000, "10.00", "1.00"), "N1", 1000);
    world.transfer().await.exits(0).says("4 created");
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_backup_from_before_the_orders_takes_over_what_was_transferred_since() {
    let mut world = World::new().await;
    world.transfer().await.exits(0);
    let backup = world.db.backup().await;
    let ids = world.orders(3);
    world.transfer().await.exits(0);
    // Long after the keys of those transfers have expired.
    world.pass(TimeDelta::days(3));
    world.use_database(backup);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_backup_from_between_record_and_send_does_not_pay_again_however_old() {
    for when in [
        TimeDelta::minutes(1),
        TimeDelta::minutes(30),
        TimeDelta::hours(50),
    ] {
        let mut world = World::new().await;
        let ids = world.orders(3);
        // Dies at its first transfer: everything is recorded, nothing has been answered.
        let faults = world.sim.faults();
        let switch = faults.kill_at_call(4, When::Before);
        let child = world.program(&["process-transfer"]).spawn();
        switch.arm(child.id().unwrap());
        Finished::of(child).await;
        assert!(switch.fired());
        faults.clear();
        let backup = world.db.backup().await;
        let pending = world.rows().await.into_values();
        assert_eq!(
            pending.filter(|r| r.status == "TRANSFER_PENDING").count(),
            3
        );
        world.transfer().await.exits(0);
        world.pass(when);
        world.use_database(backup);
        world.transfer().await.exits(0);
        world.each_moved_once(&ids, 900).await;
    }
}

#[tokio::test]
async fn a_take_over_that_is_killed_halfway_starts_over() {
    let mut world = World::new().await;
    // More than two pages of transfers, the older ones made so long before the newest page that
    // Stripe has forgotten their keys.
    world.set("STRIPE_MAX_CONCURRENCY", "64");
    let mut ids = world.orders(110);
    world.transfer().await.exits(0);
    world.pass(TimeDelta::hours(26));
    for n in 0..110 {
        let id = format!("L{n}-A");
        world.paid(eur(&id, 2000, "10.00", "1.00"), &format!("L{n}"), 1000);
        ids.push(id);
    }
    world.transfer().await.exits(0);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    // The newest page is taken over, then the process dies.
    let switch = world.sim.faults().kill_at_call(2, When::Before);
    let child = world.program(&["process-transfer"]).spawn();
    switch.arm(child.id().unwrap());
    Finished::of(child).await;
    assert!(switch.fired());
    assert_eq!(world.rows().await.len(), 100);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn what_the_old_connector_transferred_is_not_paid_again() {
    let world = World::new().await;
    let charge = world.paid(eur("OLD-A", 2000, "10.00", "1.00"), "OLD", 1000);
    world.paid(eur("NEW-A", 2000, "10.00", "1.00"), "NEW", 1000);
    let old = TransferSeed::new("acct_shop2000", 900, "eur")
        .source_transaction(&charge)
        .metadata("miraklId", "OLD-A")
        .metadata("pluginName", "MiraklConnector")
        .metadata("pluginVersion", "4.1.1");
    let old = world.sim.stripe().add_transfer(old);
    world.transfer().await.exits(0);
    assert_eq!(world.moved("OLD-A"), [900]);
    assert_eq!(world.moved("NEW-A"), [900]);
    let row = world.stands("OLD-A", "TRANSFER_CREATED", "adopted").await;
    assert_eq!(row.transfer, Some(old));
    assert!(row.reason.contains("old connector"), "{row:?}");
}

#[tokio::test]
async fn an_earlier_start_date_reads_stripes_list_back_to_it_before_paying() {
    let mut world = World::new().await;
    world.set("START_DATE", &day(-2));
    world.transfer().await.exits(0);
    // Debited and transferred by the old connector before that start.
    let long_ago = world.sim.clock().now() - TimeDelta::days(10);
    let order = eur("OLD-A", 2000, "10.00", "1.00")
        .created_at(long_ago)
        .debited_at(Some(long_ago));
    let charge = world.paid(order, "OLD", 1000);
    let old = TransferSeed::new("acct_shop2000", 900, "eur")
        .source_transaction(&charge)
        .created_at(long_ago + TimeDelta::hours(1))
        .metadata("miraklId", "OLD-A")
        .metadata("pluginName", "MiraklConnector");
    world.sim.stripe().add_transfer(old);
    world.transfer().await.exits(0);
    world
        .stands("OLD-A", "TRANSFER_IGNORED", "before_start")
        .await;
    world.set("START_DATE", &day(-20));
    world.mirakl.update("OLD-A", |_| ());
    world.transfer().await.exits(0);
    assert_eq!(world.moved("OLD-A"), [900]);
    world.stands("OLD-A", "TRANSFER_CREATED", "adopted").await;
}

#[tokio::test]
async fn a_transfer_for_an_order_that_was_ended_here_is_shown_as_made_and_flagged() {
    let mut world = World::new().await;
    let ids = world.orders(2);
    world.transfer().await.exits(0);
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    // The new database ends the order before it learns of the transfer: Stripe's list is empty.
    world
        .mirakl
        .update("C1-A", |order| order["order_state"] = "CANCELED".into());
    let empty = r#"{"object":"list","data":[],"has_more":false,"url":"/v1/transfers"}"#;
    let list = Fault::on("GET /v1/transfers").always();
    world
        .sim
        .faults()
        .add(list.then(Effect::Body(200, empty.to_owned())));
    world.mirakl.remove("C2-A");
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ABORTED", "order_ended")
        .await;
    world.sim.faults().clear();
    world.paid(eur("N1-A", 2000, "10.00", "1.00"), "N1", 1000);
    world.transfer().await.exits(0);
    let row = world.stands("C1-A", "TRANSFER_CREATED", "adopted").await;
    assert!(row.difference.is_some(), "{row:?}");
    assert_eq!(world.moved(&ids[0]), [900]);
    assert_eq!(world.moved(&ids[1]), [900]);
}

#[tokio::test]
async fn a_second_transfer_made_by_hand_is_flagged_and_mentioned() {
    let world = World::new().await;
    world.orders(1);
    world.transfer().await.exits(0);
    let first = world.sim.stripe().transfers().remove(0);
    world
        .sim
        .stripe()
        .add_funds(&world.sim.stripe().platform_id(), "eur", 10_000);
    let mut second = TransferSeed::new("acct_shop2000", 900, "eur");
    for (name, value) in &first.metadata {
        second = second.metadata(name, value);
    }
    let second = world.sim.stripe().add_transfer(second);
    world.paid(eur("N1-A", 2000, "10.00", "1.00"), "N1", 1000);
    world.transfer().await.exits(0).says("second transfer");
    let row = world.row("C1-A").await;
    assert_eq!(row.transfer, Some(first.id));
    assert!(row.difference.unwrap().contains(&second));
}
