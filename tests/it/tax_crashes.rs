//! The process is killed in the midst of a basket of goods and services whose taxes are split off,
//! and run again: each of the four transfers is made exactly once.

use simulator::When;

use crate::support::{Database, Finished, TAX_ACCOUNT, World, eur, service};

const PARTS: &[(&str, &[(&str, i64)])] = &[
    ("B1-A", &[("acct_shop2000", 700), (TAX_ACCOUNT, 200)]),
    ("B1-S", &[("acct_shop2001", 1500), (TAX_ACCOUNT, 300)]),
];

/// A basket of goods and services, each with taxes, in a world of one request at a time.
async fn taxed_basket() -> World {
    let mut world = World::with_taxes().await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    let intent = world.captured("B1", 3000);
    let goods = simulator::OrderSeed::new("B1-A", "B1", 2000)
        .line(
            simulator::LineSeed::new("10.00")
                .commission("1.00")
                .tax("2.00"),
        )
        .transaction(&intent);
    world.mirakl.put(goods);
    let order = service("B1-S", 2001, "17.00", "2.00").price_tax("3.00");
    world.mirakl.put_service(order);
    world.debit("B1-S", "20.00", &intent);
    world
        .mirakl
        .put(eur("W1-A", 2000, "10.00", "1.00").unpaid());
    world
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(&["process-transfer"]).spawn();
    switch.arm(child.id().unwrap());
    let finished = Finished::of(child).await;
    assert_eq!(finished.code.is_none(), switch.fired(), "{finished:#?}");
    world.sim.faults().clear();
    if !switch.fired() {
        finished.exits(0);
    }
    switch.fired()
}

/// Kills at every call in turn, and lets `then` bring the rest to its end.
async fn killed_at_every_call(when: When, then: impl AsyncFn(&mut World)) {
    let mut kills = 0;
    loop {
        let mut world = taxed_basket().await;
        if !killed_at(&world, kills + 1, when).await {
            break;
        }
        kills += 1;
        then(&mut world).await;
        world.moved_in_parts(PARTS).await;
    }
    // The list of transfers, two lists of orders, debits, a payment, and four transfers.
    assert!(kills >= 9, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_and_run_again_each_part_moves_once() {
    let again = async |world: &mut World| drop(world.transfer().await.exits(0));
    killed_at_every_call(When::Before, again).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_each_part_moves_once() {
    let again = async |world: &mut World| drop(world.transfer().await.exits(0));
    killed_at_every_call(When::After, again).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_when_stripe_has_forgotten_the_keys() {
    let again = async |world: &mut World| {
        world.pass(chrono::TimeDelta::hours(25));
        world.transfer().await.exits(0);
    };
    killed_at_every_call(When::After, again).await;
}

#[tokio::test]
async fn killed_after_any_call_with_the_database_lost_each_part_moves_once() {
    let again = async |world: &mut World| {
        world.use_database(Database::migrated().await);
        for shop in ["2000", "2001"] {
            let account = format!("acct_shop{shop}");
            let link = ["link-account", "--shop", shop, "--account", &account];
            world.run(&link).await.exits(0);
        }
        world.transfer().await.exits(0);
    };
    killed_at_every_call(When::After, again).await;
}

#[tokio::test]
async fn killed_and_run_again_with_the_split_switched_off_no_part_moves_twice() {
    // Whatever left by then decides how the order is divided; the sum never is more than the whole.
    for n in 1.. {
        let mut world = taxed_basket().await;
        if !killed_at(&world, n, When::After).await {
            break;
        }
        world.set("ENABLE_PAYMENT_TAX_SPLIT", "false");
        world.pass(chrono::TimeDelta::minutes(11));
        world.transfer().await.exits(0);
        for (id, account, whole, split, tax) in [
            ("B1-A", "acct_shop2000", 900, 700, 200),
            ("B1-S", "acct_shop2001", 1800, 1500, 300),
        ] {
            let seller = world.moved_to(id, account);
            match seller[..] {
                [amount] if amount == whole => {
                    assert_eq!(
                        world.moved_to(id, TAX_ACCOUNT),
                        Vec::<i64>::new(),
                        "{id} {n}"
                    );
                }
                [amount] if amount == split => {
                    assert_eq!(world.moved_to(id, TAX_ACCOUNT), [tax], "{id} {n}");
                }
                _ => panic!("{id} at {n}: {seller:?}"),
            }
        }
    }
}
