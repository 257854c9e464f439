//! The operator's server is told, each thing at least once, in order, whatever it answers.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Behaviour, Delivery, Effect, Fault, Receiver};

use crate::support::World;

/// Shops with accounts, and a server that is told.
async fn told_world(shops: std::ops::Range<i64>) -> (World, Receiver) {
    let mut world = World::without_shops().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.new_shops(shops);
    world.sync().await.exits(0);
    (world, server)
}

fn change(world: &World, shop: i64, requirement: &str) {
    let account = world.account(shop).id;
    world.sim.stripe().require(&account, requirement);
}

fn shop_of(delivery: &Delivery) -> i64 {
    delivery.json["payload"]["miraklShopId"].as_i64().unwrap()
}

fn statuses(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_kept_and_nobody_is_asked() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    change(&world, 2000, "x");
    world.sync().await.exits(0);
    assert_eq!(world.notifications().await, Vec::<Value>::new());
}

#[tokio::test]
async fn whatever_a_bad_endpoint_does_nothing_is_lost_and_every_try_has_the_same_id() {
    for (behaviour, error) in [
        (Behaviour::Status(500), "it answered 500"),
        (Behaviour::Status(404), "it answered 404"),
        (
            Behaviour::Redirect("https://elsewhere.example/".to_owned()),
            "it answered 307",
        ),
        (Behaviour::Close, "broke"),
    ] {
        let what = format!("{behaviour:?}");
        let (mut world, server) = told_world(2000..2002).await;
        server.behave(behaviour);
        change(&world, 2000, "x");
        change(&world, 2001, "x");
        let run = world.sync().await.exits(0);
        assert!(
            run.stderr.contains("did not take a notification"),
            "{what}: {run:?}"
        );
        assert_eq!(
            server.received().len(),
            1,
            "{what}: stops at the first failure"
        );
        let rows = world.notifications().await;
        assert_eq!(statuses(&rows), ["WAITING", "WAITING"], "{what}");
        let said = rows[0]["lastError"].as_str().unwrap();
        assert!(said.contains(error), "{what}: {said}");
        assert_eq!(
            (&rows[0]["tries"], &rows[1]["tries"]),
            (&json!(1), &json!(0))
        );
        server.behave(Behaviour::Accept);
        world.pass(TimeDelta::minutes(2));
        world.sync().await.exits(0);
        assert_eq!(
            statuses(&world.notifications().await),
            ["DELIVERED", "DELIVERED"],
            "{what}"
        );
        let all = server.received();
        let of_first: Vec<&Delivery> = all
            .iter()
            .filter(|d| shop_of(d) == shop_of(&all[0]))
            .collect();
        assert_eq!(of_first.len(), 2, "{what}");
        assert_eq!(of_first[0].id, of_first[1].id, "{what}");
        assert_eq!(of_first[0].body, of_first[1].body, "{what}");
        assert_eq!(
            of_first[0].id.as_deref(),
            rows[0]["notificationId"].as_str()
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_costs_a_run_nothing_but_a_try() {
    let (mut world, _server) = told_world(2000..2001).await;
    world.set("OPERATOR_NOTIFICATION_URL", "http://127.0.0.1:1/");
    change(&world, 2000, "x");
    world.sync().await.exits(0).says("no connection");
    world.pass(TimeDelta::minutes(2));
    let run = world.sync().await.exits(0);
    assert_eq!(run.stderr, "", "cron mails it once");
    let rows = world.notifications().await;
    assert_eq!(rows[0]["tries"], 2);
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_a_run_up_for_one_try() {
    let (world, server) = told_world(2000..2003).await;
    server.behave(Behaviour::Hang);
    for shop in 2000..2003 {
        change(&world, shop, "x");
    }
    world.sync().await.exits(0).says("did not answer in time");
    assert_eq!(server.received().len(), 1);
    // The job itself was done long before: another run is not kept out.
    let rows = world.notifications().await;
    assert_eq!(statuses(&rows), ["WAITING"; 3]);
}

#[tokio::test]
async fn a_slow_endpoint_is_left_after_half_a_minute_in_all() {
    let (world, server) = told_world(2000..2012).await;
    server.behave(Behaviour::Slow(Duration::from_secs(4)));
    for shop in 2000..2012 {
        change(&world, shop, "x");
    }
    world.sync().await.exits(0);
    let delivered = server.accepted().len();
    assert!((1..=8).contains(&delivered), "{delivered}");
    server.behave(Behaviour::Accept);
    let mut world = world;
    world.pass(TimeDelta::minutes(2));
    world.sync().await.exits(0);
    let mut shops: Vec<i64> = server.accepted().iter().map(shop_of).collect();
    shops.dedup();
    assert_eq!(shops, (2000..2012).collect::<Vec<i64>>(), "each, in order");
}

#[tokio::test]
async fn the_answers_body_is_not_waited_for() {
    let (world, server) = told_world(2000..2001).await;
    server.behave(Behaviour::SlowBody(Duration::from_mins(5)));
    change(&world, 2000, "x");
    world.sync().await.exits(0);
    assert_eq!(statuses(&world.notifications().await), ["DELIVERED"]);
}

#[tokio::test]
async fn one_that_is_never_taken_holds_up_its_own_seller_only_and_in_order() {
    let (mut world, server) = told_world(2000..2002).await;
    server.behave_for(|delivery| shop_of(delivery) == 2000, Behaviour::Status(400));
    change(&world, 2000, "a");
    world.sync().await.exits(0);
    change(&world, 2000, "b");
    change(&world, 2001, "a");
    world.sync().await.exits(0);
    let shops: Vec<i64> = server.accepted().iter().map(shop_of).collect();
    assert_eq!(shops, [2001], "the other seller is told");
    let tried = server.received().len();
    world.sync().await.exits(0);
    assert_eq!(
        server.received().len(),
        tried,
        "the first of 2000 waits, so does the second"
    );
    server.behave(Behaviour::Accept);
    world.pass(TimeDelta::hours(2));
    world.sync().await.exits(0);
    let ids: Vec<Option<String>> = server
        .accepted()
        .into_iter()
        .filter(|delivery| shop_of(delivery) == 2000)
        .map(|delivery| delivery.id)
        .collect();
    let rows = world.notifications().await;
    let stored: Vec<Option<String>> = rows
        .iter()
        .filter(|row| row["miraklShopId"] == 2000)
        .map(|row| row["notificationId"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(ids, stored, "in the order of the changes");
}

#[tokio::test]
async fn after_three_days_it_is_given_up_listed_and_kept() {
    let (mut world, server) = told_world(2000..2001).await;
    server.behave(Behaviour::Status(503));
    change(&world, 2000, "x");
    world.sync().await.exits(0);
    for _ in 0..3 {
        world.pass(TimeDelta::hours(23));
        world.sync().await.exits(0);
    }
    assert_eq!(statuses(&world.notifications().await), ["WAITING"]);
    world.pass(TimeDelta::hours(4));
    world.sync().await.exits(0).says("given up after 3 days");
    world
        .run(&["list", "notifications", "--status", "given-up"])
        .await
        .exits(0)
        .says("it answered 503");
    server.behave(Behaviour::Accept);
    world.pass(TimeDelta::days(100));
    world.sync().await.exits(0);
    assert_eq!(server.accepted().len(), 0);
    assert_eq!(
        statuses(&world.notifications().await),
        ["GIVEN_UP"],
        "never deleted unseen"
    );
}

#[tokio::test]
async fn what_was_delivered_is_forgotten_after_the_retention() {
    let (mut world, server) = told_world(2000..2001).await;
    change(&world, 2000, "x");
    world.sync().await.exits(0);
    assert_eq!(server.accepted().len(), 1);
    world.pass(TimeDelta::days(89));
    world.sync().await.exits(0);
    assert_eq!(world.notifications().await.len(), 1);
    world.pass(TimeDelta::days(2));
    world.sync().await.exits(0);
    assert_eq!(world.notifications().await.len(), 0);
}

#[tokio::test]
async fn a_refused_transfer_is_told_once_for_each_reason_and_never_without_its_row() {
    let mut world = World::new().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.orders(1);
    let refuse = |message: &str| {
        let refusal = Effect::Refusal {
            status: 400,
            code: Some("balance_insufficient".to_owned()),
            param: None,
            message: message.to_owned(),
        };
        world.sim.faults().clear();
        let fault = Fault::on("POST /v1/transfers").always().then(refusal);
        world.sim.faults().add(fault);
    };
    refuse("Insufficient funds.");
    world.transfer().await.exits(3);
    let row = world.row("C1-A").await;
    let charge = world
        .sim
        .calls()
        .into_iter()
        .find(|c| c.endpoint == "POST /v1/transfers");
    let charge = charge.unwrap().body;
    let charge = charge
        .split('&')
        .find_map(|pair| pair.strip_prefix("source_transaction="));
    let told = server.accepted();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].json,
        json!({
            "type": "transfer.failed",
            "payload": {
                "internalId": row.id,
                "miraklId": "C1-A",
                "type": "TRANSFER_ORDER",
                "orderType": "PRODUCT",
                "stripeAccountId": "acct_shop2000",
                "miraklShopId": 2000,
                "transferId": null,
                "transactionId": charge,
                "amount": 900,
                "status": "TRANSFER_FAILED",
                "failedReason": row.reason,
                "currency": "EUR",
            },
        })
    );
    // Refused again for the same reason: no news.
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(3);
    assert_eq!(world.row("C1-A").await.attempt, 3);
    assert_eq!(server.accepted().len(), 1);
    let refuse_otherwise = Effect::Refusal {
        status: 400,
        code: Some("request_blocked".to_owned()),
        param: None,
        message: "Blocked.".to_owned(),
    };
    world.sim.faults().clear();
    let fault = Fault::on("POST /v1/transfers")
        .always()
        .then(refuse_otherwise);
    world.sim.faults().add(fault);
    world.pass(TimeDelta::minutes(11));
    world.transfer().await.exits(3);
    let told = server.accepted();
    assert_eq!(told.len(), 2);
    let reason = told[1].json["payload"]["failedReason"].as_str().unwrap();
    assert!(reason.contains("Blocked."), "{reason}");
}

#[tokio::test]
async fn a_run_killed_at_any_delivery_tells_everything_at_least_once() {
    use simulator::When;
    let mut kills = 0;
    for n in 1.. {
        let (world, server) = told_world(2000..2003).await;
        for shop in 2000..2003 {
            change(&world, shop, "x");
        }
        let switch = world.sim.faults().kill_at_call(n, When::After);
        let child = world.program(&["sync-onboarding"]).spawn();
        switch.arm(child.id().unwrap());
        crate::support::Finished::of(child).await;
        world.sim.faults().clear();
        if !switch.fired() {
            break;
        }
        kills += 1;
        world.sync().await.exits(0);
        let mut shops: Vec<i64> = server.accepted().iter().map(shop_of).collect();
        shops.dedup();
        assert_eq!(shops, [2000, 2001, 2002], "killed at call {n}");
    }
    assert!(kills >= 2);
}
