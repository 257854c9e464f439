//! Two runs, two marketplaces, two modes: none touches what is the other's.

use std::time::Duration;

use chrono::TimeDelta;
use simulator::{Api, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY};

use crate::support::{Database, Finished, World, eur};

#[tokio::test]
async fn a_second_run_says_that_the_first_is_at_work_and_exits_0() {
    let world = World::new().await;
    let ids = world.orders(5);
    world
        .sim
        .faults()
        .latency(Api::Mirakl, Duration::from_secs(3));
    let first = world.program(&["process-transfer"]).spawn();
    while world.sim.count("GET /api/orders") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = world
        .run(&["process-transfer", "--output", "json"])
        .await
        .exits(0);
    assert_eq!(second.json()["outcome"], "skipped");
    Finished::of(first).await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn many_runs_at_once_move_each_order_once() {
    let world = World::new().await;
    let ids = world.orders(20);
    let program = world.program(&["process-transfer"]);
    let children: Vec<_> = (0..6).map(|_| program.spawn()).collect();
    for child in children {
        Finished::of(child).await.exits(0);
    }
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_holder_of_more_than_an_hour_is_an_alarm() {
    let mut world = World::new().await;
    world
        .sim
        .faults()
        .latency(Api::Mirakl, Duration::from_secs(4));
    let first = world.program(&["process-transfer"]).spawn();
    while world.sim.count("GET /api/orders") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.pass(TimeDelta::minutes(61));
    world
        .transfer()
        .await
        .exits(1)
        .says("for more than an hour");
    // The clock that it was started with did not go on with the others.
    Finished::of(first).await.exits(1).says("the clock of this");
}

#[tokio::test]
async fn a_run_that_loses_its_lock_stops_before_it_sends() {
    let world = World::new().await;
    let ids = world.orders(3);
    world
        .sim
        .faults()
        .latency(Api::Mirakl, Duration::from_secs(3));
    let child = world.program(&["process-transfer"]).spawn();
    while world.sim.count("GET /api/orders") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut conn = world.db.connect().await;
    let ended: Vec<bool> = sqlx::query_scalar(
        "select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(ended, [true]);
    Finished::of(child).await.exits(1).says("lock is lost");
    assert!(world.sim.stripe().transfers().is_empty());
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn two_marketplaces_on_one_stripe_account_with_the_same_ids_stay_apart() {
    let world = World::new().await;
    let other = world.sim.add_marketplace().await.unwrap();
    let other = World::of(world.sim.clone(), other, Database::migrated().await);
    other.shop(2000).await;
    world.orders(2);
    other.paid(eur("C1-A", 2000, "30.00", "3.00"), "other", 3000);
    other.paid(eur("C2-A", 2000, "30.00", "3.00"), "other-2", 3000);
    world.transfer().await.exits(0);
    other.transfer().await.exits(0);
    world.transfer().await.exits(0);
    for (of, cents) in [(&world, 900), (&other, 2700)] {
        for id in ["C1-A", "C2-A"] {
            let row = of.stands(id, "TRANSFER_CREATED", "").await;
            assert_eq!((row.amount, row.difference), (Some(cents), None));
            let moved = of.sim.stripe().transfers_for(id).into_iter();
            let mine: Vec<i64> = moved
                .filter(|t| t.metadata["miraklHost"] == of.mirakl.host())
                .map(|t| t.amount)
                .collect();
            assert_eq!(mine, [cents]);
        }
    }
    // Nor does a lost database take over the other's.
    let mut world = world;
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.transfer().await.exits(0);
    assert_eq!(
        world
            .stands("C1-A", "TRANSFER_CREATED", "adopted")
            .await
            .amount,
        Some(900)
    );
    assert_eq!(world.sim.stripe().transfers().len(), 4);
}

#[tokio::test]
async fn a_database_serves_one_marketplace_one_platform_and_one_mode() {
    let mut world = World::new().await;
    world.transfer().await.exits(0);
    world.set("STRIPE_CLIENT_SECRET", STRIPE_LIVE_KEY);
    world
        .transfer()
        .await
        .exits(2)
        .says("serves test mode, the settings name live mode");
    world.set("STRIPE_CLIENT_SECRET", simulator::STRIPE_KEY);
    let other = world.sim.add_marketplace().await.unwrap();
    let own = world.mirakl.url();
    world.set("MIRAKL_HOST_NAME", &other.url());
    world
        .transfer()
        .await
        .exits(2)
        .says("do not: an empty database would pay again");
    world.set("MIRAKL_HOST_NAME", &own);
    // Another key of the same account is fine, and is checked once.
    world.set("STRIPE_CLIENT_SECRET", STRIPE_RESTRICTED_KEY);
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    world.transfer().await.exits(0);
    assert_eq!(world.sim.count("GET /v1/account"), 1);
    // The other way round: a live database refuses a test key.
    let mut live = World::of(
        world.sim.clone(),
        world.mirakl.clone(),
        Database::migrated().await,
    );
    live.set("STRIPE_CLIENT_SECRET", STRIPE_LIVE_KEY);
    live.transfer().await.exits(0);
    live.set("STRIPE_CLIENT_SECRET", simulator::STRIPE_KEY);
    live.transfer()
        .await
        .exits(2)
        .says("serves live mode, the settings name test mode");
}

#[tokio::test]
async fn another_platform_on_the_same_database_is_refused() {
    let world = World::new().await;
    world.transfer().await.exits(0);
    let mut conn = world.db.connect().await;
    sqlx::query(
        "update identity set stripe_account_id = 'acct_another', key_fingerprint = repeat('0', 64)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    world
        .transfer()
        .await
        .exits(2)
        .says("belongs to another Stripe account");
}
