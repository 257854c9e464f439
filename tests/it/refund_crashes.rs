//! The process is killed, answers get lost, the database is restored or lost: every step of a refund is
//! done once.

use std::time::Duration;

use chrono::TimeDelta;
use simulator::{BatchRule, Effect, Fault, When};

use crate::support::{Database, Finished, World};

const REFUND: &str = "POST /v1/refunds";
const CONFIRM: &str = "PUT /api/payment/refund";
const REVERSE: &str = "POST /v1/transfers/{id}/reversals";

/// Three refunds on two transferred orders, one request at a time.
async fn small_world() -> World {
    let mut world = World::with_refunds().await;
    world.set("ENABLE_SERVICE_PAYMENT_REFUND", "false");
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    world.orders(2);
    world.transfer().await.exits(0);
    world.asks("C1-A", "1", "3.00", "0.30");
    world.asks("C1-A", "2", "4.00", "0.40");
    world.asks("C2-A", "3", "10.00", "1.00");
    world
}

async fn each_refunded_once(world: &World) {
    let listed = world.refund_rows().await;
    world.refunded_once_by(&listed, "1", 300, &[270]);
    world.refunded_once_by(&listed, "2", 400, &[360]);
    world.refunded_once_by(&listed, "3", 1000, &[900]);
    assert_eq!(world.sim.stripe().refunds().len(), 3);
    assert_eq!(world.sim.stripe().reversals().len(), 3);
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(&["process-refund"]).spawn();
    switch.arm(child.id().unwrap());
    let finished = Finished::of(child).await;
    assert_eq!(finished.code.is_none(), switch.fired(), "{finished:#?}");
    world.sim.faults().clear();
    switch.fired()
}

/// Kills a run at each of its calls, each time in a new world, and does `then` before the next run.
async fn killed_at_every_call(when: When, then: impl AsyncFn(&mut World)) {
    let mut kills = 0;
    loop {
        let mut world = small_world().await;
        if !killed_at(&world, kills + 1, when).await {
            each_refunded_once(&world).await;
            break;
        }
        kills += 1;
        then(&mut world).await;
        // What had to wait for a look is done by the second run at the latest.
        world.refund().await.exits(0);
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
    }
    // Events, two lists, an order call, three refunds, a confirmation, three reversals at least.
    assert!(kills >= 10, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_and_run_again_each_step_is_done_once() {
    killed_at_every_call(When::Before, async |_| {}).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_each_step_is_done_once() {
    killed_at_every_call(When::After, async |_| {}).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_when_stripe_has_forgotten_the_keys() {
    killed_at_every_call(When::After, async |world| {
        world.pass(TimeDelta::hours(25));
    })
    .await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_on_the_backup_from_before() {
    let mut kills = 0;
    loop {
        let mut world = small_world().await;
        let backup = world.db.backup().await;
        if !killed_at(&world, kills + 1, When::After).await {
            break;
        }
        kills += 1;
        let hours = if kills % 2 == 0 { 26 } else { 1 };
        world.pass(TimeDelta::hours(hours));
        world.use_database(backup);
        world.refund().await.exits(0);
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
    }
    assert!(kills >= 10, "only {kills} calls");
}

#[tokio::test]
async fn a_lost_database_takes_over_what_was_refunded_confirmed_and_reversed() {
    for hours in [1, 30] {
        let mut world = small_world().await;
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
        world.pass(TimeDelta::hours(hours));
        world.use_database(Database::migrated().await);
        world.shop(2000).await;
        // Without their transfers nothing is taken back twice, with them nothing either.
        world.refund().await.exits(0);
        world.transfer().await.exits(0);
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
        // And it goes on with new ones.
        world.asks("C1-A", "4", "1.00", "0.10");
        world.refund().await.exits(0);
        world.refunded_once("4", 100, &[90]).await;
    }
}

#[tokio::test]
async fn a_backup_from_between_the_steps_does_none_of_them_again_however_old() {
    for (n, hours) in [
        (6, 0),
        (6, 50),
        (8, 0),
        (8, 50),
        (10, 0),
        (10, 50),
        (11, 50),
    ] {
        let mut world = small_world().await;
        assert!(killed_at(&world, n, When::After).await, "call {n}");
        let backup = world.db.backup().await;
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
        world.pass(TimeDelta::hours(hours));
        world.use_database(backup);
        world.refund().await.exits(0);
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
    }
}

#[tokio::test]
async fn connections_cut_after_the_effect_are_settled_within_the_run_or_by_the_next() {
    for endpoint in [REFUND, CONFIRM, REVERSE] {
        for effect in [
            Effect::CutBefore,
            Effect::CutAfter,
            Effect::StatusAfter(500),
        ] {
            let world = small_world().await;
            let fault = Fault::on(endpoint).then(effect.clone());
            world.sim.faults().add(fault);
            world.refund().await;
            world.refund().await;
            world.refund().await.exits(0);
            each_refunded_once(&world).await;
        }
    }
}

#[tokio::test]
async fn mirakl_out_of_reach_for_a_day_is_told_later_and_nothing_is_refunded_twice() {
    for hours in [0, 26] {
        for effect in [Effect::CutBefore, Effect::CutAfter, Effect::Status(503)] {
            let mut world = small_world().await;
            let fault = Fault::on(CONFIRM).always().then(effect.clone());
            world.sim.faults().add(fault);
            world.refund().await;
            assert_eq!(world.sim.stripe().refunds().len(), 3);
            world.pass(TimeDelta::hours(hours));
            world.refund().await;
            world.sim.faults().clear();
            world.pass(TimeDelta::minutes(10));
            world.refund().await.exits(0);
            world.refund().await.exits(0);
            each_refunded_once(&world).await;
        }
    }
}

#[tokio::test]
async fn reversals_do_not_wait_for_mirakl() {
    let mut world = small_world().await;
    let lost = Fault::on(REVERSE).always().then(Effect::Html);
    world.sim.faults().add(lost);
    world.refund().await.exits(3);
    world.sim.faults().clear();
    let gone = Fault::on("GET /api/payment/refund").always();
    world.sim.faults().add(gone.then(Effect::Status(503)));
    world.pass(TimeDelta::minutes(1));
    world.refund().await.exits(1);
    each_refunded_once(&world).await;
}

#[tokio::test]
async fn a_call_that_mirakl_refuses_as_a_whole_is_told_one_by_one() {
    for rule in [BatchRule::Atomic, BatchRule::AppliesValid] {
        let mut world = small_world().await;
        world.mirakl.batch_rule(rule);
        world.mirakl.refuse_refund("2", Some("not today"));
        world.refund().await.exits(3);
        world.refunded_once("1", 300, &[270]).await;
        world.refunded_once("3", 1000, &[900]).await;
        let row = world
            .refund_stands("2", "REFUND_FAILED", "CONFIRM", "refused_by_mirakl")
            .await;
        assert!(row["failedReason"].as_str().unwrap().contains("not today"));
        world.mirakl.refuse_refund("2", None);
        world.pass(TimeDelta::minutes(6));
        world.refund().await.exits(0);
        each_refunded_once(&world).await;
    }
}

#[tokio::test]
async fn many_runs_at_once_do_each_step_once() {
    let world = small_world().await;
    let program = world.program(&["process-refund"]);
    let children: Vec<_> = (0..5).map(|_| program.spawn()).collect();
    for child in children {
        Finished::of(child).await.exits(0);
    }
    world.refund().await.exits(0);
    each_refunded_once(&world).await;
}

#[tokio::test]
async fn killed_at_random_instants_at_full_concurrency_each_step_is_done_once() {
    let mut world = World::with_refunds().await;
    world.set("ENABLE_SERVICE_PAYMENT_REFUND", "false");
    let ids = world.orders(30);
    world.transfer().await.exits(0);
    for (n, id) in ids.iter().enumerate() {
        world.asks(id, &format!("{n}"), "5.00", "0.50");
    }
    world
        .sim
        .faults()
        .latency(simulator::Api::Stripe, Duration::from_millis(3));
    let mut killed = 0;
    // The instants come from how far the run got, not from a clock that a busy machine bends.
    for kill_at in [5, 9, 17, 31, 12, 20, 9] {
        world.sim.clear_calls();
        let mut child = world.program(&["process-refund"]).spawn();
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
    assert!(killed > 3);
    world.refund().await.exits(0);
    world.refund().await.exits(0);
    let listed = world.refund_rows().await;
    for n in 0..ids.len() {
        world.refunded_once_by(&listed, &n.to_string(), 500, &[450]);
    }
}

#[tokio::test]
async fn a_stored_refusal_of_an_earlier_attempt_is_not_replayed_for_ever() {
    let mut world = small_world().await;
    world
        .sim
        .faults()
        .add(Fault::on(REFUND).then(Effect::StatusStored(500)));
    world.refund().await.exits(3);
    // The key replays its 500 as long as Stripe knows it.
    world.refund().await.exits(3);
    world.pass(TimeDelta::hours(25));
    world.refund().await.exits(0);
    world.refund().await.exits(0);
    each_refunded_once(&world).await;
}

#[tokio::test]
async fn an_old_doubt_is_looked_up_even_where_stripes_list_was_already_compared() {
    let mut world = small_world().await;
    world.set("STRIPE_MAX_CONCURRENCY", "16");
    let lost = Fault::on(REFUND).always().then(Effect::CutAfter);
    world.sim.faults().add(lost);
    world.refund().await.exits(3);
    world.sim.faults().clear();
    // However the span came to end behind the doubt: what is old is not sent without a look.
    let mut conn = world.db.connect().await;
    let behind = "update adoptions set covered_until = now() + interval '2 days'
                  where stream = 'refunds'";
    sqlx::query(behind).execute(&mut conn).await.unwrap();
    world.pass(TimeDelta::hours(30));
    world.sim.clear_calls();
    world.refund().await.exits(0);
    assert_eq!(world.count(REFUND), 0, "found, not sent again");
    each_refunded_once(&world).await;
}
