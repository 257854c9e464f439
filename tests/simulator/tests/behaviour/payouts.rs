use chrono::TimeDelta;
use serde_json::Value;

use crate::client::World;

/// A seller of 1000 and the id of a payout of 600.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let form = "amount=600&currency=eur";
    let made = world.make_for(&seller, "payouts", form).await;
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    (world, seller, id)
}

async fn shown(world: &World, seller: &str, id: &str) -> Value {
    let reply = world.stripe_for(seller, &format!("/v1/payouts/{id}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

async fn status(world: &World, seller: &str, id: &str) -> String {
    let payout = shown(world, seller, id).await;
    payout["status"].as_str().expect("a status").to_owned()
}

/// The payout events of an account, oldest first.
async fn events(world: &World, seller: &str) -> Vec<(String, i64)> {
    let path = "/v1/events?type=payout.*&limit=100";
    let list = world.stripe_for(seller, path).await.json();
    let data = list["data"].as_array().expect("data").iter().rev();
    let events = data.map(|event| {
        let kind = event["type"].as_str().expect("a type");
        (kind.to_owned(), event["created"].as_i64().expect("a time"))
    });
    events.collect()
}

async fn kinds(world: &World, seller: &str) -> Vec<String> {
    let events = events(world, seller).await.into_iter();
    events.map(|(kind, _)| kind).collect()
}

#[tokio::test]
async fn a_payout_leaves_after_a_day_and_arrives_after_two() {
    let (world, seller, id) = world().await;
    let clock = world.sim.clock();
    let nearly = TimeDelta::days(1) - TimeDelta::minutes(1);
    for (advance, wanted) in [
        (TimeDelta::zero(), "pending"),
        (nearly, "pending"),
        (TimeDelta::minutes(1), "in_transit"),
        (nearly, "in_transit"),
        (TimeDelta::minutes(1), "paid"),
        (TimeDelta::days(9), "paid"),
    ] {
        clock.advance(advance);
        assert_eq!(status(&world, &seller, &id).await, wanted);
        assert_eq!(world.sim.stripe().payouts()[0].status, wanted);
    }
    let payout = shown(&world, &seller, &id).await;
    let created = payout["created"].as_i64().expect("a time");
    let arrived = payout["arrival_date"].as_i64().expect("a time");
    assert_eq!(arrived - created, 2 * 24 * 3600);
    assert_eq!(
        events(&world, &seller).await,
        [
            ("payout.created".to_owned(), created),
            ("payout.paid".to_owned(), arrived),
        ]
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 400);
}

#[tokio::test]
async fn a_payout_that_nobody_looked_at_has_arrived_all_the_same() {
    let (world, seller, _) = world().await;
    world.sim.clock().advance(TimeDelta::days(5));
    assert_eq!(
        kinds(&world, &seller).await,
        ["payout.created", "payout.paid"]
    );
}

#[tokio::test]
async fn a_payout_may_arrive_before_its_time() {
    let (world, seller, id) = world().await;
    world.sim.stripe().pay_payout(&id);
    assert_eq!(status(&world, &seller, &id).await, "paid");
    world.sim.clock().advance(TimeDelta::days(5));
    assert_eq!(status(&world, &seller, &id).await, "paid");
    assert_eq!(
        kinds(&world, &seller).await,
        ["payout.created", "payout.paid"]
    );
}

#[tokio::test]
async fn a_payout_may_fail_at_any_time_and_its_money_returns() {
    for (days, before) in [(0, "pending"), (1, "in_transit"), (2, "paid")] {
        let (world, seller, id) = world().await;
        let stripe = world.sim.stripe();
        world.sim.clock().advance(TimeDelta::days(days));
        assert_eq!(status(&world, &seller, &id).await, before);
        assert_eq!(stripe.available(&seller, "eur"), 400);
        stripe.fail_payout(&id, "account_closed");
        let payout = shown(&world, &seller, &id).await;
        assert_eq!(payout["status"], "failed");
        assert_eq!(payout["failure_code"], "account_closed");
        assert!(payout["failure_message"].is_string());
        assert!(payout["failure_balance_transaction"].is_string());
        assert_eq!(stripe.available(&seller, "eur"), 1000);
        let one = &stripe.payouts()[0];
        assert_eq!(one.status, "failed");
        assert_eq!(one.failure_code.as_deref(), Some("account_closed"));
        world.sim.clock().advance(TimeDelta::days(5));
        assert_eq!(status(&world, &seller, &id).await, "failed");
        let kinds = kinds(&world, &seller).await;
        assert_eq!(kinds.last().map(String::as_str), Some("payout.failed"));
        assert_eq!(kinds.len(), if before == "paid" { 3 } else { 2 });
        let again = "amount=1000&currency=eur";
        assert_eq!(world.make_for(&seller, "payouts", again).await.status, 200);
    }
}

#[tokio::test]
async fn a_pending_payout_can_be_cancelled_and_its_money_returns() {
    let (world, seller, id) = world().await;
    let stripe = world.sim.stripe();
    let kind = format!("payouts/{id}/cancel");
    let odd = world.make_for(&seller, &kind, "reason=x").await;
    assert_eq!(odd.code(), "parameter_unknown");
    let reply = world.make_for(&seller, &kind, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let payout = reply.json();
    assert_eq!(payout["status"], "canceled");
    assert!(payout["failure_code"].is_null());
    assert!(payout["failure_balance_transaction"].is_null());
    assert_eq!(shown(&world, &seller, &id).await, payout);
    assert_eq!(stripe.available(&seller, "eur"), 1000);
    world.sim.clock().advance(TimeDelta::days(5));
    assert_eq!(status(&world, &seller, &id).await, "canceled");
    assert_eq!(
        kinds(&world, &seller).await,
        ["payout.created", "payout.canceled"]
    );
    assert_eq!(world.sim.count("POST /v1/payouts/{id}/cancel"), 2);
}

#[tokio::test]
async fn a_payout_that_has_left_cannot_be_cancelled() {
    let (world, seller, id) = world().await;
    let kind = format!("payouts/{id}/cancel");
    for (days, status) in [(1, "in_transit"), (1, "paid")] {
        world.sim.clock().advance(TimeDelta::days(days));
        let reply = world.make_for(&seller, &kind, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (400, ""));
        assert!(reply.message().contains(status), "{}", reply.message());
    }
    world.sim.stripe().fail_payout(&id, "no_account");
    assert_eq!(world.make_for(&seller, &kind, "").await.status, 400);
    assert_eq!(world.sim.stripe().available(&seller, "eur"), 1000);
}

#[tokio::test]
async fn a_payout_is_cancelled_by_its_owner_only() {
    let (world, seller, id) = world().await;
    let other = world.seller_with(0);
    let kind = format!("payouts/{id}/cancel");
    for reply in [
        world.make(&kind, "").await,
        world.make_for(&other, &kind, "").await,
        world.make_for(&seller, "payouts/po_none/cancel", "").await,
    ] {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "resource_missing")
        );
    }
    assert_eq!(status(&world, &seller, &id).await, "pending");
}

#[tokio::test]
async fn a_payout_can_be_made_and_cancelled_by_hand() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    let ids = [200, 2000].map(|amount| stripe.payout_by_hand(&seller, amount, "eur"));
    assert_eq!(stripe.available(&seller, "eur"), -1200);
    let payout = &stripe.payouts()[0];
    assert!(payout.metadata.is_empty() && payout.idempotency_key.is_none());
    assert_eq!((&payout.id, payout.amount), (&ids[0], 200));
    stripe.cancel_payout(&ids[1]);
    assert_eq!(status(&world, &seller, &ids[0]).await, "pending");
    assert_eq!(status(&world, &seller, &ids[1]).await, "canceled");
    assert_eq!(stripe.available(&seller, "eur"), 800);
}

#[tokio::test]
async fn an_old_payout_stands_as_one_of_its_age_does() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    let now = world.sim.clock().now();
    let metadata = [("pluginName", "MiraklConnector"), ("miraklId", "231")];
    for (hours, wanted) in [(1, "pending"), (30, "in_transit"), (50, "paid")] {
        let at = now - TimeDelta::hours(hours);
        let id = stripe.old_payout(&seller, 100, "eur", &metadata, at);
        let payout = shown(&world, &seller, &id).await;
        assert_eq!(payout["status"], wanted);
        assert_eq!(payout["created"], at.timestamp());
        assert_eq!(payout["metadata"]["miraklId"], "231");
    }
    assert_eq!(stripe.available(&seller, "eur"), 700);
    assert_eq!(stripe.payouts().len(), 3);
}

#[tokio::test]
async fn events_of_payouts_are_the_connected_accounts_own() {
    let (world, seller, id) = world().await;
    let other = world.seller_with(0);
    world.sim.stripe().fail_payout(&id, "declined");
    let platform = world.stripe("/v1/events?type=payout.*").await.json();
    assert_eq!(platform["data"], serde_json::json!([]));
    assert!(kinds(&world, &other).await.is_empty());
    let path = "/v1/events?types[0]=payout.failed&types[1]=payout.paid";
    let own = world.stripe_for(&seller, path).await.json();
    let [failed] = own["data"].as_array().expect("data").as_slice() else {
        panic!("{own}");
    };
    assert_eq!(failed["type"], "payout.failed");
    assert_eq!(failed["data"]["object"], shown(&world, &seller, &id).await);
    assert!(failed["request"]["id"].is_null());
    let created = world
        .stripe_for(&seller, "/v1/events?type=payout.created")
        .await
        .json();
    let created = &created["data"][0];
    assert_eq!(created["data"]["object"]["status"], "pending");
    assert!(created["request"]["id"].is_string());
    assert_eq!(world.sim.stripe().events().len(), 2);
}

#[tokio::test]
#[should_panic(expected = "cannot be cancelled")]
async fn nobody_cancels_a_payout_that_has_arrived() {
    let (world, _, id) = world().await;
    world.sim.stripe().pay_payout(&id);
    world.sim.stripe().cancel_payout(&id);
}

#[tokio::test]
#[should_panic(expected = "is failed")]
async fn a_payout_fails_once() {
    let (world, _, id) = world().await;
    world.sim.stripe().fail_payout(&id, "declined");
    world.sim.stripe().fail_payout(&id, "declined");
}
