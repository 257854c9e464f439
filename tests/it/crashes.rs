//! The process is killed, really, and run again: every order is moved exactly once.

use std::time::Duration;

use simulator::When;

use crate::support::{Finished, World, eur};

const SERIAL: &[&str] = &["process-transfer"];

/// Four orders, two of them of one basket and one that waits, in a world of one request at a time.
async fn small_world() -> (World, Vec<String>) {
    let mut world = World::new().await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    world.shop(2001).await;
    let mut ids = world.orders(2);
    let basket = world.paid(eur("B1-A", 2000, "10.00", "1.00"), "B1", 2000);
    assert!(basket.starts_with("ch_"));
    let intent = world.mirakl.order("B1-A").unwrap()["transaction_number"].clone();
    let second = eur("B1-B", 2001, "10.00", "1.00").transaction(intent.as_str().unwrap());
    world.mirakl.put(second);
    world
        .mirakl
        .put(eur("W1-A", 2000, "10.00", "1.00").unpaid());
    ids.extend(["B1-A".to_owned(), "B1-B".to_owned()]);
    (world, ids)
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(SERIAL).spawn();
    switch.arm(child.id().unwrap());
    let finished = Finished::of(child).await;
    assert_eq!(finished.code.is_none(), switch.fired(), "{finished:#?}");
    world.sim.faults().clear();
    if !switch.fired() {
        finished.exits(0);
    }
    switch.fired()
}

async fn killed_at_every_call(when: When) {
    let mut kills = 0;
    loop {
        let (world, ids) = small_world().await;
        if !killed_at(&world, kills + 1, when).await {
            break;
        }
        kills += 1;
        world.transfer().await.exits(0);
        world.each_moved_once(&ids, 900).await;
        world
            .stands("W1-A", "TRANSFER_ON_HOLD", "not_debited")
            .await;
    }
    // The list of transfers, a page of orders, payments, and four transfers at least.
    assert!(kills >= 7, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_of_a_run_and_run_again_each_order_moves_once() {
    killed_at_every_call(When::Before).await;
}

#[tokio::test]
async fn killed_after_any_call_of_a_run_and_run_again_each_order_moves_once() {
    killed_at_every_call(When::After).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_when_stripe_has_forgotten_the_keys() {
    for n in 1.. {
        let (mut world, ids) = small_world().await;
        if !killed_at(&world, n, When::After).await {
            break;
        }
        world.pass(chrono::TimeDelta::hours(25));
        world.transfer().await.exits(0);
        world.each_moved_once(&ids, 900).await;
    }
}

#[tokio::test]
async fn killed_again_and_again_it_still_ends_with_each_order_moved_once() {
    let (world, ids) = small_world().await;
    for n in [3, 5, 2, 6, 4, 1, 5, 3] {
        for when in [When::After, When::Before] {
            killed_at(&world, n, when).await;
        }
    }
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn killed_at_random_instants_at_full_concurrency() {
    let world = World::new().await;
    let ids = world.orders(60);
    world
        .sim
        .faults()
        .latency(simulator::Api::Stripe, Duration::from_millis(3));
    let mut killed = 0;
    // The instants come from how far the run got, not from a clock that a busy machine bends.
    for kill_at in [4, 9, 17, 23, 31, 44] {
        let mut child = world.program(SERIAL).spawn();
        world.sim.clear_calls();
        loop {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            if world.sim.calls().len() >= kill_at {
                child.start_kill().unwrap();
                killed += 1;
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        child.wait().await.unwrap();
    }
    assert!(killed > 0);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_run_that_died_is_shown_as_crashed() {
    let (world, _) = small_world().await;
    assert!(killed_at(&world, 5, When::Before).await);
    world.transfer().await.exits(0);
    let runs = world
        .run(&["list", "runs", "--output", "json"])
        .await
        .json();
    let outcomes: Vec<&str> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["ok", "crashed"]);
    assert_eq!(runs[0]["job"], "process-transfer");
    assert!(runs[0]["stripeCalls"].as_i64().unwrap() > 0);
}
