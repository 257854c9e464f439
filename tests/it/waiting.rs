//! Nothing is stuck: what waits is looked at again, and what was done is watched.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{AccountSeed, ShopSeed};

use crate::support::{World, eur};

#[tokio::test]
async fn a_held_order_is_looked_at_again_later_and_later() {
    let mut world = World::new().await;
    world.mirakl.put(
        eur("C1-A", 2000, "10.00", "1.00")
            .unpaid()
            .updated_at(world.sim.clock().now() - TimeDelta::days(2)),
    );
    for minutes in [5, 10, 20, 40, 80, 160, 320, 360, 360] {
        world.transfer().await.exits(0);
        let row = world
            .stands("C1-A", "TRANSFER_ON_HOLD", "not_debited")
            .await;
        let wait = row.next_look_at.unwrap() - world.sim.clock().now();
        let expected = TimeDelta::minutes(minutes);
        assert!(
            wait <= expected && wait > expected - TimeDelta::minutes(1),
            "{wait} for {minutes}"
        );
        world.pass(expected + TimeDelta::seconds(30));
    }
}

#[tokio::test]
async fn due_orders_are_read_by_id_a_hundred_a_call() {
    let mut world = World::new().await;
    let old = world.sim.clock().now() - TimeDelta::days(2);
    for n in 0..120 {
        let order = eur(&format!("C{n}-A"), 2000, "10.00", "1.00");
        world.mirakl.put(order.unpaid().updated_at(old));
    }
    let newest = eur("NEW-A", 2000, "10.00", "1.00").unpaid();
    world.mirakl.put(newest);
    world.transfer().await.exits(0);
    world.pass(TimeDelta::minutes(6));
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    let calls = world.sim.calls();
    let by_ids = calls
        .iter()
        .filter(|call| call.path_and_query.contains("order_ids="));
    assert_eq!(by_ids.count(), 2);
}

#[tokio::test]
async fn an_order_that_mirakl_no_longer_returns_says_so() {
    let mut world = World::new().await;
    world
        .mirakl
        .put(eur("C1-A", 2000, "10.00", "1.00").unpaid());
    world.transfer().await.exits(0);
    world.mirakl.remove("C1-A");
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    world.stands("C1-A", "TRANSFER_ON_HOLD", "gone").await;
}

#[tokio::test]
async fn linking_an_account_makes_what_waits_for_it_due_at_once() {
    let world = World::new().await;
    world.paid(eur("C1-A", 2005, "10.00", "1.00"), "C1", 1000);
    world.paid(eur("C2-A", 2006, "10.00", "1.00"), "C2", 1000);
    world.transfer().await.exits(0);
    world.stands("C1-A", "TRANSFER_ON_HOLD", "no_account").await;
    world
        .sim
        .stripe()
        .add_account(AccountSeed::new().id("acct_shop2005"));
    world
        .run(&[
            "link-account",
            "--shop",
            "2005",
            "--account",
            "acct_shop2005",
        ])
        .await
        .exits(0)
        .says("1 waiting rows are due at once");
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
    world.stands("C2-A", "TRANSFER_ON_HOLD", "no_account").await;
}

#[tokio::test]
async fn an_excluded_shop_is_ignored_and_paid_when_the_exclusion_ends() {
    let mut world = World::new().await;
    world.shop(2001).await;
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.paid(eur("C2-A", 2001, "10.00", "1.00"), "C2", 1000);
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    world
        .mirakl
        .set_shop_field(2000, "stripe-ignored", Some("true"));
    world.sync().await.exits(0);
    world
        .transfer()
        .await
        .exits(0)
        .says("1 created, 0 waiting, 0 failed, 0 aborted, 1 ignored");
    world
        .stands("C1-A", "TRANSFER_IGNORED", "shop_excluded")
        .await;
    // The order itself does not change: the end of the exclusion opens it.
    world.pass(TimeDelta::hours(1));
    world.transfer().await.exits(0);
    world
        .mirakl
        .set_shop_field(2000, "stripe-ignored", Some("false"));
    world.sync().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "shop_included")
        .await;
    world.transfer().await.exits(0);
    world
        .each_moved_once(&["C1-A".to_owned(), "C2-A".to_owned()], 900)
        .await;
}

#[tokio::test]
async fn an_order_that_waits_is_ignored_at_once_when_its_shop_is_excluded_even_without_an_account()
{
    let mut world = World::without_shops().await;
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    world
        .mirakl
        .put_shop(ShopSeed::new(2000).field("stripe-ignored", "true"));
    world.new_shops([2001]);
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.paid(eur("C2-A", 2001, "10.00", "1.00"), "C2", 1000);
    world.transfer().await.exits(0).says("2 waiting");
    world.move_on().await;
    world.sync().await.exits(0);
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_IGNORED", "shop_excluded")
        .await;
    world
        .stands("C2-A", "TRANSFER_ON_HOLD", "account_cannot_receive")
        .await;
}

#[tokio::test]
async fn a_decision_that_was_not_sent_for_ten_minutes_is_made_anew() {
    use simulator::When;
    let mut world = World::new().await;
    world.orders(2);
    // Dies at the first transfer: both are recorded; one at a time, so that none has been made.
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    let switch = world.sim.faults().kill_at_call(4, When::Before);
    let child = world.program(&["process-transfer"]).spawn();
    switch.arm(child.id().unwrap());
    crate::support::Finished::of(child).await;
    world.sim.faults().clear();
    let mut conn = world.db.connect().await;
    sqlx::query("update transfers set sent_at = null")
        .execute(&mut conn)
        .await
        .unwrap();
    world.stands("C1-A", "TRANSFER_PENDING", "").await;
    world
        .mirakl
        .update("C1-A", |order| order["order_state"] = json!("CANCELED"));
    world.pass(TimeDelta::minutes(11));
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ABORTED", "order_ended")
        .await;
    assert!(world.moved("C1-A").is_empty());
    assert_eq!(world.moved("C2-A"), [900]);
}

#[tokio::test]
async fn a_transferred_order_that_changes_is_flagged_with_both_amounts() {
    let world = World::new().await;
    let ids = world.orders(3);
    world.transfer().await.exits(0);
    world.mirakl.update("C1-A", |order| {
        order["total_commission"] = json!(2);
        order["order_lines"][0]["total_commission"] = json!(2);
    });
    world
        .mirakl
        .update("C2-A", |order| order["order_state"] = json!("CANCELED"));
    world
        .mirakl
        .update("C3-A", |order| order["order_state"] = json!("CLOSED"));
    world.transfer().await.exits(0).says("has changed");
    let changed = world.row("C1-A").await.difference.unwrap();
    assert!(
        changed.contains("9.00 EUR") && changed.contains("8.00 EUR"),
        "{changed}"
    );
    assert!(
        world
            .row("C2-A")
            .await
            .difference
            .unwrap()
            .contains("CANCELED")
    );
    assert_eq!(world.row("C3-A").await.difference, None);
    // The same again is no news, and what agrees again is no longer flagged.
    assert_eq!(world.transfer().await.exits(0).stdout, "");
    world.mirakl.update("C1-A", |order| {
        order["total_commission"] = json!(1);
        order["order_lines"][0]["total_commission"] = json!(1);
    });
    world.transfer().await.exits(0);
    assert_eq!(world.row("C1-A").await.difference, None);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn what_was_ignored_by_a_look_that_came_too_late_is_opened_by_the_next_run() {
    let world = World::new().await;
    world.new_shops([2000]);
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.sync().await.exits(0);
    // The transfer job had read the exclusion before it ended, and wrote afterwards.
    let mut conn = world.db.connect().await;
    sqlx::query("update shops set ignored = true")
        .execute(&mut conn)
        .await
        .unwrap();
    world.transfer().await.exits(0).says("1 ignored");
    sqlx::query("update shops set ignored = false")
        .execute(&mut conn)
        .await
        .unwrap();
    world.sync().await.exits(0);
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 900).await;
}
