//! The process is killed, the database is restored or lost: every movement of an invoice is made once,
//! and every payout is paid once.

use std::time::Duration;

use chrono::TimeDelta;
use simulator::{Api, When};

use crate::support::{Database, Finished, Settled, World};

/// Two sellers, one invoice each.
pub const INVOICES: [Settled; 2] = [
    Settled {
        invoice: 1,
        shop: 2000,
        credits: 500,
        subscription: 999,
        other_invoices: 301,
        payout: 8100,
    },
    Settled {
        invoice: 2,
        shop: 2001,
        credits: 1,
        subscription: 2000,
        other_invoices: 7,
        payout: 4001,
    },
];

/// Two sellers with one invoice each, one request at a time.
pub async fn small_world() -> World {
    let mut world = World::with_sellers(2).await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    for settled in INVOICES {
        world.mirakl.put_invoice(settled.seed());
    }
    world
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(&["process-payout"]).spawn();
    switch.arm(child.id().unwrap());
    let finished = Finished::of(child).await;
    assert_eq!(finished.code.is_none(), switch.fired(), "{finished:#?}");
    world.sim.faults().clear();
    switch.fired()
}

/// The next two runs bring everything to its end.
async fn goes_on(world: &World) {
    world.payout().await.exits(0);
    world.payout().await.exits(0);
    world.each_settled_once(&INVOICES).await;
}

/// Kills a run at each of its calls from the `first`, in steps of `step`, each time in a new world; does
/// `before` what is kept from before the run, and `then` before the next run.
///
/// Steps of three and another beginning for each kind of `then`: so all of them together see each call.
async fn killed_at_calls<T>(
    (first, step): (usize, usize),
    when: When,
    before: impl AsyncFn(&World) -> T,
    then: impl AsyncFn(&mut World, T, usize),
) {
    let mut call = first;
    loop {
        let mut world = small_world().await;
        let kept = before(&world).await;
        if !killed_at(&world, call, when).await {
            world.each_settled_once(&INVOICES).await;
            break;
        }
        then(&mut world, kept, call).await;
        goes_on(&world).await;
        call += step;
    }
    // An account, invoices, credits; of each seller two lists, three movements, a balance, a payout.
    assert!(call >= 14, "only {call} calls");
}

async fn on_an_empty_database(world: &mut World) {
    world.use_database(Database::migrated().await);
    for settled in INVOICES {
        world.shop(settled.shop).await;
    }
}

#[tokio::test]
async fn killed_before_any_call_and_run_again_each_is_moved_and_paid_once() {
    killed_at_calls((1, 1), When::Before, async |_| {}, async |_, (), _| {}).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_each_is_moved_and_paid_once() {
    killed_at_calls((1, 1), When::After, async |_| {}, async |_, (), _| {}).await;
}

#[tokio::test]
async fn killed_after_a_call_and_run_again_when_stripe_has_forgotten_the_keys() {
    killed_at_calls(
        (1, 3),
        When::After,
        async |_| {},
        async |world, (), _| {
            world.pass(TimeDelta::hours(25));
        },
    )
    .await;
}

#[tokio::test]
async fn killed_after_a_call_and_run_again_on_an_empty_database() {
    killed_at_calls(
        (2, 3),
        When::After,
        async |_| {},
        async |world, (), call| {
            world.pass(TimeDelta::hours(if call % 2 == 0 { 26 } else { 0 }));
            on_an_empty_database(world).await;
        },
    )
    .await;
}

#[tokio::test]
async fn killed_after_a_call_and_run_again_on_the_backup_from_before() {
    let backup = async |world: &World| world.db.backup().await;
    killed_at_calls((3, 3), When::After, backup, async |world, backup, call| {
        world.pass(TimeDelta::hours(if call % 2 == 0 { 1 } else { 26 }));
        world.use_database(backup);
    })
    .await;
}

#[tokio::test]
async fn a_backup_from_after_a_call_does_nothing_again_however_old() {
    killed_at_calls(
        (2, 3),
        When::After,
        async |_| {},
        async |world, (), call| {
            let backup = world.db.backup().await;
            world.payout().await.exits(0);
            world.each_settled_once(&INVOICES).await;
            world.pass(TimeDelta::hours(if call % 2 == 0 { 0 } else { 50 }));
            world.use_database(backup);
        },
    )
    .await;
}

#[tokio::test]
async fn a_backup_from_before_a_later_invoice_was_paid_does_not_pay_it_again() {
    for hours in [1, 30] {
        let mut world = small_world().await;
        world.payout().await.exits(0);
        let backup = world.db.backup().await;
        let third = Settled {
            invoice: 3,
            ..INVOICES[0]
        };
        world.pass(TimeDelta::hours(24));
        world.mirakl.put_invoice(third.seed());
        world.payout().await.exits(0);
        world.pass(TimeDelta::hours(hours));
        world.use_database(backup);
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world
            .each_settled_once(&[INVOICES[0], INVOICES[1], third])
            .await;
    }
}

#[tokio::test]
async fn a_lost_database_goes_on_with_new_invoices() {
    for hours in [1, 30] {
        let mut world = small_world().await;
        world.payout().await.exits(0);
        world.pass(TimeDelta::hours(hours));
        on_an_empty_database(&mut world).await;
        let third = Settled {
            invoice: 3,
            ..INVOICES[0]
        };
        world.mirakl.put_invoice(third.seed());
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world
            .each_settled_once(&[INVOICES[0], INVOICES[1], third])
            .await;
    }
}

/// Everything is paid, the first payout comes back, and the database is lost.
async fn lost_with_a_payout_that_came_back(end: impl Fn(&World, &str)) -> World {
    let mut world = small_world().await;
    world.payout().await.exits(0);
    let first = world.payout_row(1).await["stripePayoutId"].clone();
    end(&world, first.as_str().unwrap());
    world.pass(TimeDelta::hours(1));
    on_an_empty_database(&mut world).await;
    world.payout().await;
    world
}

#[tokio::test]
async fn a_lost_database_learns_that_a_payout_had_come_back_and_waits_a_day() {
    let failed = |world: &World, payout: &str| {
        world.sim.stripe().fail_payout(payout, "account_closed");
    };
    let mut world = lost_with_a_payout_that_came_back(failed).await;
    world
        .payout_stands(1, "PAYOUT_FAILED", "account_closed")
        .await;
    world.pass(TimeDelta::hours(25));
    world.payout().await.exits(0);
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.paid_out(2)),
        (vec![8100], vec![4001])
    );
}

#[tokio::test]
async fn a_lost_database_learns_that_a_payout_was_cancelled_and_leaves_it_to_a_person() {
    let cancelled = |world: &World, payout: &str| world.sim.stripe().cancel_payout(payout);
    let mut world = lost_with_a_payout_that_came_back(cancelled).await;
    for _ in 0..3 {
        world.payout_stands(1, "PAYOUT_FAILED", "canceled").await;
        world.pass(TimeDelta::hours(25));
        world.payout().await.exits(0);
    }
    assert_eq!((world.paid_out(1), world.paid_out(2)), (vec![], vec![4001]));
}

#[tokio::test]
async fn a_backup_from_before_the_second_try_does_not_pay_a_third_time() {
    let mut world = small_world().await;
    world.payout().await.exits(0);
    let first = world.payout_row(1).await["stripePayoutId"].clone();
    world
        .sim
        .stripe()
        .fail_payout(first.as_str().unwrap(), "account_closed");
    let before = world.db.backup().await;
    world.pass(TimeDelta::hours(2));
    world.payout().await.exits(3);
    let between = world.db.backup().await;
    world.pass(TimeDelta::hours(25));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [8100]);
    for (backup, days) in [(before, 2), (between, 1)] {
        world.use_database(backup);
        for _ in 0..3 {
            world.pass(TimeDelta::days(days));
            world.payout().await;
        }
        assert_eq!(world.paid_out(1), [8100]);
        world.payout_stands(1, "PAYOUT_CREATED", "adopted").await;
    }
}

#[tokio::test]
async fn killed_at_random_instants_at_full_concurrency_each_is_moved_and_paid_once() {
    for seed in [1, 2, 3] {
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::with_sellers(8).await;
        let invoices: Vec<Settled> = (0..8)
            .map(|n| Settled {
                invoice: 1 + n,
                shop: 2000 + n,
                ..INVOICES[0]
            })
            .collect();
        for settled in &invoices {
            world.mirakl.put_invoice(settled.seed());
        }
        let faults = world.sim.faults();
        faults.latency(Api::Stripe, Duration::from_millis(3));
        let mut killed = 0;
        for _ in 0..7 {
            killed += usize::from(killed_after(&world, random.usize(3..30), &mut random).await);
        }
        assert!(killed > 2, "only {killed} kills with seed {seed}");
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&invoices).await;
    }
}

/// Kills a run some moments after its `n`-th call: the instants come from how far the run got, not
/// from a clock that a busy machine bends.
async fn killed_after(world: &World, n: usize, random: &mut fastrand::Rng) -> bool {
    world.sim.clear_calls();
    let mut child = world.program(&["process-payout"]).spawn();
    let moments = Duration::from_micros(random.u64(0..4000));
    let killed = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        if world.sim.calls().len() >= n {
            tokio::time::sleep(moments).await;
            child.start_kill().unwrap();
            break true;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    };
    child.wait().await.unwrap();
    killed
}
