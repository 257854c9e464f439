//! What Stripe changes is seen: under way within a run, everywhere within the sweep's time.

use chrono::TimeDelta;
use simulator::{AccountSeed, Effect, Fault};

use crate::support::{World, eur};

const LIST: &str = "GET /v1/accounts";
const ONE: &str = "GET /v1/accounts/{id}";

/// Other people's accounts, newer than ours, fill the newest pages; the store has seen them all.
async fn crowd(world: &mut World, pages: usize) {
    world.pass(TimeDelta::minutes(20));
    for _ in 0..pages * 100 {
        world.sim.stripe().add_account(AccountSeed::new());
    }
    world.pass(TimeDelta::minutes(20));
    world.sync().await.exits(0);
}

#[tokio::test]
async fn a_seller_under_way_who_is_not_on_the_newest_page_is_read_singly() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    crowd(&mut world, 3).await;
    world.sim.clear_calls();
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.sync().await.exits(0);
    assert_eq!(world.count(ONE), 2);
    assert_eq!(world.kyc(2000), "PENDING_APPROVAL");
    // Submitted, and something is being checked: still under way.
    world.sim.stripe().verify(&world.account(2000).id);
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "APPROVED");
    world.sim.clear_calls();
    world.sync().await.exits(0);
    assert_eq!(
        world.count(ONE),
        1,
        "a verified seller is left to the sweep"
    );
}

#[tokio::test]
async fn every_account_is_read_within_the_sweeps_time_however_many_there_are() {
    let mut world = World::without_shops().await;
    world.new_shops(2000..2005);
    world.sync().await.exits(0);
    for shop in 2000..2005 {
        world.sim.stripe().verify(&world.account(shop).id);
    }
    world.sync().await.exits(0);
    crowd(&mut world, 6).await;
    world
        .sim
        .stripe()
        .require(&world.account(2000).id, "individual.id_number");
    world.sim.clear_calls();
    for _ in 0..12 {
        world.pass(TimeDelta::minutes(5));
        world.sync().await.exits(0);
    }
    assert_eq!(world.kyc(2000), "PENDING_SUBMISSION");
    // Twelve newest pages, and the seven pages of the list once, give or take a step.
    let lists = world.count(LIST);
    assert!((12 + 6..=12 + 14).contains(&lists), "{lists}");
}

#[tokio::test]
async fn an_account_that_stripe_no_longer_shows_can_receive_nothing_and_is_said_so() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    let account = world.account(2000).id;
    world.sim.stripe().verify(&account);
    world.sync().await.exits(0);
    world.sim.stripe().disconnect(&account);
    for _ in 0..3 {
        world.pass(TimeDelta::minutes(61));
        world.sync().await.exits(0);
    }
    let row = world.accounts().await.remove(&2000).unwrap();
    assert_eq!(row["transfersActive"], false, "{row}");
    assert_eq!(row["payoutsEnabled"], false);
    assert_eq!(row["disabledReason"], "not connected to this platform");
}

#[tokio::test]
async fn an_account_that_cannot_be_read_now_stays_as_it_was_last_seen() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.sync().await.exits(0);
    crowd(&mut world, 2).await;
    let before = world.accounts().await;
    let mut conn = world.db.connect().await;
    sqlx::query("update accounts set observed_at = observed_at - interval '1 hour'")
        .execute(&mut conn)
        .await
        .unwrap();
    world
        .sim
        .faults()
        .add(Fault::on(ONE).always().then(Effect::Refusal {
            status: 400,
            code: None,
            param: None,
            message: "Not now.".to_owned(),
        }));
    world.sync().await.exits(0).says("could not be read");
    let after = world.accounts().await;
    for field in [
        "transfersActive",
        "detailsSubmitted",
        "disabledReason",
        "stripeAccountId",
    ] {
        assert_eq!(before[&2000][field], after[&2000][field], "{field}");
    }
}

#[tokio::test]
async fn an_older_observation_never_replaces_a_newer_one() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().verify(&world.account(2000).id);
    let mut conn = world.db.connect().await;
    sqlx::query("update accounts set observed_at = now() + interval '1 hour'")
        .execute(&mut conn)
        .await
        .unwrap();
    world.sync().await.exits(0);
    assert_eq!(world.accounts().await[&2000]["transfersActive"], false);
}

#[tokio::test]
async fn a_refused_transfer_is_no_change_of_the_account() {
    let mut world = World::without_shops().await;
    let server = simulator::Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().verify(&world.account(2000).id);
    world.sync().await.exits(0);
    let told = |kind: &str| {
        let all = server.accepted().into_iter();
        all.filter(|delivery| delivery.json["type"] == kind).count()
    };
    assert_eq!(told("account.updated"), 1);
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.sim.faults().add(
        Fault::on("POST /v1/transfers")
            .always()
            .then(Effect::Refusal {
                status: 400,
                code: Some("transfers_not_allowed".to_owned()),
                param: None,
                message: "Not allowed.".to_owned(),
            }),
    );
    world.transfer().await.exits(3);
    for _ in 0..4 {
        world.sync().await.exits(0);
        world.transfer().await;
    }
    assert_eq!(told("account.updated"), 1);
    assert_eq!(told("transfer.failed"), 1);
    assert_eq!(world.row("C1-A").await.attempt, 2, "its time has not come");
}
