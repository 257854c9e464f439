//! Reading Mirakl: pages, checkpoints, filters, credentials, and what it costs.

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{Effect, Fault, MIRAKL_CLIENT_ID, MIRAKL_CLIENT_SECRET, When};

use crate::support::{Finished, World, eur};

const LIST: &str = "GET /api/orders";

#[tokio::test]
async fn pages_of_a_hundred_are_read_by_their_links_to_the_end() {
    let world = World::new().await;
    let ids = world.orders(230);
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
    let calls = world.sim.calls();
    let lists: Vec<_> = calls.iter().filter(|call| call.endpoint == LIST).collect();
    assert_eq!(lists.len(), 3);
    assert!(
        lists
            .iter()
            .all(|call| call.path_and_query.contains("max=100"))
    );
    assert!(lists[2].path_and_query.contains("offset=200"));
    // Three pages of charges, one list of transfers, 230 transfers, the platform's account.
    let stripe = calls
        .iter()
        .filter(|call| call.api == simulator::Api::Stripe);
    assert!(stripe.count() <= 230 + 5);
}

fn since(world: &World) -> DateTime<Utc> {
    let calls = world.sim.calls();
    let list = calls
        .iter()
        .rev()
        .find(|call| call.endpoint == LIST)
        .unwrap();
    let query = list.path_and_query.split_once('?').unwrap().1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs
        .find(|(name, _)| *name == "start_update_date")
        .unwrap();
    value.replace("%3A", ":").parse().unwrap()
}

#[tokio::test]
async fn the_next_pass_begins_five_minutes_before_the_newest_order_seen() {
    let mut world = World::new().await;
    let updated = world.sim.clock().now() - TimeDelta::hours(2);
    world.paid(
        eur("C1-A", 2000, "10.00", "1.00").updated_at(updated),
        "C1",
        1000,
    );
    world.paid(
        eur("C2-A", 2000, "10.00", "1.00").updated_at(updated - TimeDelta::hours(1)),
        "C2",
        1000,
    );
    world.transfer().await.exits(0);
    world.transfer().await.exits(0);
    let begun = since(&world);
    assert!(
        (begun - (updated - TimeDelta::minutes(5)))
            .num_seconds()
            .abs()
            <= 1,
        "{begun}"
    );
    world.set("CHECKPOINT_OVERLAP_MINUTES", "30");
    world.transfer().await.exits(0);
    let begun = since(&world);
    assert!(
        (begun - (updated - TimeDelta::minutes(30)))
            .num_seconds()
            .abs()
            <= 1,
        "{begun}"
    );
}

#[tokio::test]
async fn the_checkpoint_is_never_later_than_the_beginning_of_the_pass_by_mirakls_clock() {
    let world = World::new().await;
    // An order from the future: a clock at Mirakl that runs ahead for one order.
    let ahead = world.sim.clock().now() + TimeDelta::hours(5);
    world.paid(
        eur("C1-A", 2000, "10.00", "1.00").updated_at(ahead),
        "C1",
        1000,
    );
    world.transfer().await.exits(0);
    world.transfer().await.exits(0);
    assert!(since(&world) < world.sim.clock().now());
}

#[tokio::test]
async fn a_pass_that_breaks_off_keeps_its_checkpoint_and_loses_nothing() {
    let world = World::new().await;
    let ids = world.orders(150);
    let second = Fault::on(LIST).always().containing("offset=100");
    world.sim.faults().add(second.then(Effect::Status(400)));
    world.transfer().await.exits(1);
    assert_eq!(world.sim.stripe().transfers().len(), 100);
    world.sim.faults().clear();
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_first_run_must_be_told_where_to_begin() {
    let mut world = World::new().await;
    world.unset("START_DATE");
    world.orders(1);
    world
        .transfer()
        .await
        .exits(2)
        .says("set START_DATE, or give --since");
    assert!(world.sim.stripe().transfers().is_empty());
    // --since says so too, and stays known: what was debited earlier is not ours.
    let long_ago = world.sim.clock().now() - TimeDelta::days(20);
    let old = eur("OLD-A", 2000, "10.00", "1.00").debited_at(Some(long_ago));
    world.paid(old, "OLD", 1000);
    let yesterday = crate::support::day(-1);
    world
        .run(&["process-transfer", "--since", &yesterday])
        .await
        .exits(0);
    world
        .stands("OLD-A", "TRANSFER_IGNORED", "before_start")
        .await;
    world.mirakl.update("OLD-A", |_| ());
    world.transfer().await.exits(0);
    world
        .stands("OLD-A", "TRANSFER_IGNORED", "before_start")
        .await;
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn orders_can_be_named_and_the_checkpoint_stays() {
    let world = World::new().await;
    world.orders(3);
    let run = [
        "process-transfer",
        "--order",
        "C1-A",
        "--order",
        "C3-A",
        "--order",
        "GONE-A",
    ];
    world
        .run(&run)
        .await
        .exits(3)
        .says("Mirakl has no such order")
        .says("2 created, 0 waiting, 1 failed");
    assert_eq!(world.moved("C2-A"), Vec::<i64>::new());
    assert_eq!(
        (world.moved("C1-A"), world.moved("C3-A")),
        (vec![900], vec![900])
    );
    assert_eq!(world.rows().await.len(), 2, "no row for a typing mistake");
    assert_eq!(
        world
            .value("select max(reached)::text from checkpoints")
            .await,
        serde_json::Value::Null
    );
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C2-A"), [900]);
}

#[tokio::test]
async fn a_busy_mirakl_is_obeyed() {
    let world = World::new().await;
    let ids = world.orders(1);
    let busy = Fault::on(LIST).then(Effect::TooManyRequests {
        retry_after: Some(1),
    });
    world.sim.faults().add(busy);
    let before = std::time::Instant::now();
    world.transfer().await.exits(0);
    assert!(
        before.elapsed() >= std::time::Duration::from_secs(1),
        "Retry-After is kept"
    );
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn oauth_credentials_buy_a_token_and_renew_one_that_was_revoked() {
    let mut world = World::new().await;
    let ids = world.orders(2);
    world.unset("MIRAKL_API_KEY");
    world.set("MIRAKL_CLIENT_ID", MIRAKL_CLIENT_ID);
    world.set("MIRAKL_CLIENT_SECRET", MIRAKL_CLIENT_SECRET);
    world.set("MIRAKL_TOKEN_URL", &world.mirakl.token_url());
    world.sim.clear_calls();
    // The token is revoked between the two pages of a run.
    world
        .sim
        .faults()
        .add(Fault::on(LIST).then(Effect::Status(401)));
    world.transfer().await.exits(0);
    assert_eq!(world.sim.count("POST /oauth/token"), 2);
    world.each_moved_once(&ids, 900).await;
    world.set("MIRAKL_CLIENT_SECRET", "wrong");
    world
        .transfer()
        .await
        .exits(1)
        .says("Mirakl refused the credentials");
}

#[tokio::test]
async fn nothing_to_do_costs_one_call() {
    let world = World::new().await;
    let ids = world.orders(5);
    world.transfer().await.exits(0);
    world.sim.clear_calls();
    let run = world.transfer().await.exits(0);
    assert_eq!(run.stdout, "", "cron mails what is printed");
    assert_eq!(run.stderr, "");
    assert_eq!(world.sim.calls().len(), 1);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn gather_and_record_take_a_constant_number_of_statements_a_page() {
    let statements = |number: usize| async move {
        let world = World::new().await;
        for n in 0..number {
            let order = eur(&format!("C{n}-A"), 2000, "10.00", "1.00").unpaid();
            world.mirakl.put(order);
        }
        let run = world
            .program(&["process-transfer", "--log-level", "trace"])
            .run()
            .await
            .exits(0);
        // What the driver asks about types depends on which connection it takes.
        let statements = run
            .stderr
            .lines()
            .filter(|line| line.contains("rows_affected"));
        statements.filter(|line| !line.contains("pg_type")).count()
    };
    let (few, many) = (statements(2).await, statements(100).await);
    assert!(few > 5, "{few} statements were seen");
    assert_eq!(few, many);
}

#[tokio::test]
async fn a_run_killed_between_two_pages_reads_both_again() {
    let world = World::new().await;
    let ids = world.orders(150);
    let switch = world.sim.faults().kill_at_call(120, When::After);
    let child = world.program(&["process-transfer"]).spawn();
    switch.arm(child.id().unwrap());
    Finished::of(child).await;
    assert!(switch.fired());
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}
