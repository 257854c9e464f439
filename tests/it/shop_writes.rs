//! Writes to shops: a refused one harms no other, a lost one is found again.

use chrono::TimeDelta;
use serde_json::Value;
use simulator::{Effect, Fault, ShopSeed};

use crate::support::World;

const WRITE: &str = "PUT /api/shops";

#[tokio::test]
async fn a_hundred_shops_are_written_by_one_call_and_a_refused_one_harms_no_other() {
    let mut world = World::without_shops().await;
    world.new_shops(2000..2100);
    world.mirakl.refuse_shop(2050, Some("the shop is frozen"));
    let run = world.sync().await.exits(3);
    run.says("100 created, 0 waiting, 1 failed");
    assert_eq!(world.count(WRITE), 1);
    for shop in (2000..2100).filter(|shop| *shop != 2050) {
        world.link(shop);
    }
    assert_eq!(world.field(2050), None);
    let row = world
        .shop_stands(2050, "ACCOUNT_CREATED", "the shop is frozen")
        .await;
    assert!(row["nextLookAt"].is_string(), "{row}");
    world.sim.clear_calls();
    world.sync().await.exits(0);
    assert_eq!(world.count(WRITE), 0, "not every minute");
    world.mirakl.refuse_shop(2050, None);
    world.pass(TimeDelta::minutes(6));
    world.sync().await.exits(0);
    world.link(2050);
    let row = world.shop_stands(2050, "ACCOUNT_CREATED", "").await;
    assert_eq!(row["statusReason"], Value::Null);
}

#[tokio::test]
async fn a_shop_for_which_mirakl_refuses_the_whole_call_harms_no_other() {
    let world = World::without_shops().await;
    world.new_shops(2000..2020);
    world.mirakl.refuse_batches_with(Some(2013));
    world.sync().await.exits(3).says("1 failed");
    for shop in (2000..2020).filter(|shop| *shop != 2013) {
        world.link(shop);
    }
    assert_eq!(world.field(2013), None);
    world
        .shop_stands(2013, "ACCOUNT_CREATED", "Mirakl refused")
        .await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_settled_by_reading() {
    for (effect, held) in [
        (Effect::CutAfter, true),
        (Effect::StatusAfter(500), true),
        (Effect::Html, true),
        (Effect::CutBefore, false),
        (Effect::Status(503), false),
    ] {
        let world = World::without_shops().await;
        world.new_shops([2000, 2001]);
        let what = format!("{effect:?}");
        world
            .sim
            .faults()
            .add(Fault::on(WRITE).times(1).then(effect));
        let run = world.sync().await;
        assert_eq!(run.code, Some(if held { 0 } else { 3 }), "{what}: {run:?}");
        assert_eq!(world.count(WRITE), 1, "{what}");
        if held {
            world.sim.clear_calls();
            world.sync().await.exits(0);
            assert_eq!(world.count(WRITE), 0, "{what}: it is known to be there");
        } else {
            world.sync().await.exits(0);
        }
        for shop in [2000, 2001] {
            world.link(shop);
        }
    }
}

#[tokio::test]
async fn a_refused_link_concerns_one_shop_and_the_link_is_in_no_log() {
    let world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    world.sim.stripe().disconnect(&world.account(2000).id);
    let mut world = world;
    world.pass(TimeDelta::minutes(5));
    let run = world
        .run(&["sync-onboarding", "--log-level", "trace"])
        .await;
    let row = world.accounts().await.remove(&2000).unwrap();
    assert_eq!(
        row["disabledReason"], "not connected to this platform",
        "{row}"
    );
    assert_eq!(row["transfersActive"], false);
    for log in [&run.stdout, &run.stderr] {
        assert!(!log.contains("connect.stripe.com"), "{log}");
    }
    assert_ne!(world.link(2001), world.sim.stripe().links()[1].url);
}

#[tokio::test]
async fn a_busy_mirakl_is_no_shops_fault_and_is_not_asked_again_and_again() {
    for effect in [
        Effect::TooManyRequests {
            retry_after: Some(300),
        },
        Effect::Status(404),
    ] {
        let world = World::without_shops().await;
        world.new_shops(2000..2150);
        let what = format!("{effect:?}");
        world
            .sim
            .faults()
            .add(Fault::on(WRITE).always().then(effect));
        world.sync().await.exits(3);
        assert_eq!(world.count(WRITE), 1, "{what}");
        assert_eq!(
            world.count("POST /v1/account_links"),
            100,
            "{what}: one call's worth"
        );
        world.sim.faults().clear();
        world.sync().await.exits(0);
        for shop in 2000..2150 {
            world.link(shop);
        }
    }
}

#[tokio::test]
async fn a_field_that_mirakl_refuses_does_not_keep_the_status_away() {
    let mut world = World::without_shops().await;
    // The custom field was never made, or under another code.
    world.mirakl.define_fields(&["stripe-ignored"]);
    world.mirakl.put_shop(ShopSeed::new(2000).kyc("APPROVED"));
    world.sync().await.exits(3);
    assert_eq!(world.kyc(2000), "PENDING_SUBMISSION");
    world
        .shop_stands(2000, "ACCOUNT_CREATED", "Mirakl refused")
        .await;
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.pass(TimeDelta::minutes(1));
    world.sync().await;
    assert_eq!(world.kyc(2000), "PENDING_APPROVAL", "while the field waits");
}

#[tokio::test]
async fn a_refusal_that_quotes_the_link_is_shown_without_it() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    let body = r#"{"message":"'https://connect.stripe.com/setup/e/secret' is\u0000 not valid","status":400}"#;
    world.sim.faults().add(
        Fault::on(WRITE)
            .always()
            .then(Effect::Body(400, body.to_owned())),
    );
    let run = world.sync().await.exits(3).says("(address) is not valid");
    assert!(!run.stderr.contains("connect.stripe.com"), "{run:?}");
    world
        .shop_stands(2000, "ACCOUNT_CREATED", "(address) is not valid")
        .await;
}

#[tokio::test]
async fn a_stripe_that_makes_no_links_for_a_while_sets_nobody_back() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sim.faults().add(
        Fault::on("POST /v1/account_links")
            .always()
            .then(Effect::CutBefore),
    );
    for _ in 0..2 {
        world.sync().await.exits(3);
        world.pass(TimeDelta::minutes(1));
    }
    world.sim.faults().clear();
    world.sync().await.exits(0);
    world.link(2000);
    world.link(2001);
}

#[tokio::test]
async fn more_shops_than_a_page_are_all_onboarded_and_services_too() {
    let mut world = World::without_shops().await;
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    for shop in 2000..2250 {
        let seed = ShopSeed::new(shop);
        let seed = if shop % 2 == 0 { seed } else { seed.service() };
        world.mirakl.put_shop(seed);
    }
    world.sync().await.exits(0).says("250 created");
    assert_eq!(world.count("GET /api/shops"), 3);
    assert_eq!(world.count(WRITE), 3);
    for shop in 2000..2250 {
        world.link(shop);
    }
    assert_eq!(world.sim.stripe().accounts().len(), 250);
}
