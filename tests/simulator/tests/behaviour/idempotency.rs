use std::time::Duration;

use chrono::TimeDelta;
use simulator::{AccountSeed, Effect, Fault};

use crate::client::{World, form};

#[tokio::test]
async fn the_same_key_replays_the_first_answer() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let first = world.transfer_with_key(&body, "k").await;
    // The order of the parameters does not matter.
    let turned: Vec<&str> = body.split('&').rev().collect();
    let second = world.transfer_with_key(&turned.join("&"), "k").await;
    assert_eq!((second.status, &second.text), (200, &first.text));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(
        second.header("original-request"),
        first.header("request-id")
    );
    assert_ne!(second.header("request-id"), first.header("request-id"));
    assert_eq!(second.header("idempotency-key"), Some("k"));
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
    let replayed: Vec<bool> = world.sim.calls().iter().map(|call| call.replayed).collect();
    assert_eq!(replayed, [false, true]);
    assert_eq!(world.sim.calls()[1].idempotency_key.as_deref(), Some("k"));
}

#[tokio::test]
async fn without_a_key_every_call_is_carried_out() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world.transfer(&body).await;
    world.transfer(&body).await;
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 200);
}

#[tokio::test]
async fn the_same_key_with_other_parameters_is_an_error() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    world.transfer_with_key(&body, "k").await;
    for other in [
        body.replace("=100", "=101"),
        format!("{body}&metadata[a]=b"),
    ] {
        let reply = world.transfer_with_key(&other, "k").await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["type"], "idempotency_error");
    }
    assert_eq!(world.sim.stripe().transfers().len(), 1);
}

#[tokio::test]
async fn business_refusals_are_replayed_even_when_their_reason_is_gone() {
    let world = World::new().await;
    let (_, charge) = world.seller_and_charge();
    let seller = world
        .sim
        .stripe()
        .add_account(AccountSeed::new().transfers("inactive"));
    let body = form(100, "eur", &seller, &charge);
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 400);
    world
        .sim
        .stripe()
        .set_capability(&seller, "transfers", "active");
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(reply.code(), "insufficient_capabilities_for_transfer");
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.transfer_with_key(&body, "k2").await.status, 200);
}

#[tokio::test]
async fn validation_failures_leave_the_key_free() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    for wrong in [
        body.replace("=100", "=x"),
        body.replace(&seller, "acct_none"),
        format!("{body}&z=1"),
    ] {
        assert_eq!(world.transfer_with_key(&wrong, "k").await.status, 400);
    }
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("idempotent-replayed"), None);
}

#[tokio::test]
async fn a_key_that_is_in_flight_is_a_conflict() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let slow = Effect::Delay(Duration::from_millis(400));
    world
        .sim
        .faults()
        .add(Fault::on("POST /v1/transfers").always().then(slow));
    let (one, two) = tokio::join!(
        world.transfer_with_key(&body, "k"),
        world.transfer_with_key(&body, "k")
    );
    let (won, lost) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(won.status, 200);
    assert_eq!(
        (lost.status, lost.code().as_str()),
        (409, "idempotency_key_in_use")
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
}

#[tokio::test]
async fn a_charge_that_is_in_use_is_locked_and_the_key_stays_free() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let slow = Effect::Delay(Duration::from_millis(400));
    world
        .sim
        .faults()
        .add(Fault::on("POST /v1/transfers").times(2).then(slow));
    let (one, two) = tokio::join!(
        world.transfer_with_key(&body, "k1"),
        world.transfer_with_key(&body, "k2")
    );
    let (lost, key) = if one.status == 200 {
        (two, "k2")
    } else {
        (one, "k1")
    };
    assert_eq!((lost.status, lost.code().as_str()), (429, "lock_timeout"));
    assert_eq!(lost.header("stripe-rate-limited-reason"), None);
    let again = world.transfer_with_key(&body, key).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, None)
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 200);
}

#[tokio::test]
async fn keys_live_a_day_by_the_clock() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world.transfer_with_key(&body, "k").await;
    world.sim.clock().advance(TimeDelta::hours(23));
    world.transfer_with_key(&body, "k").await;
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
    world.sim.clock().advance(TimeDelta::hours(1));
    world.transfer_with_key(&body, "k").await;
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 200);
}

#[tokio::test]
async fn forgotten_keys_are_carried_out_again() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world.transfer_with_key(&body, "k").await;
    world.sim.stripe().forget_keys();
    world.transfer_with_key(&body, "k").await;
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 200);
}

#[tokio::test]
async fn keys_of_different_accounts_do_not_meet() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let stripe = world.sim.stripe();
    stripe.add_funds(&seller, "eur", 100);
    world.transfer_with_key(&body, "k").await;
    let own = format!(
        "amount=100&currency=eur&destination={}",
        stripe.platform_id()
    );
    let headers = [
        ("Idempotency-Key", "k"),
        ("Stripe-Account", seller.as_str()),
    ];
    let reply = world.post(&own, &headers).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn long_keys_are_refused() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    assert_eq!(
        world
            .transfer_with_key(&body, &"k".repeat(256))
            .await
            .status,
        400
    );
    assert_eq!(
        world
            .transfer_with_key(&body, &"k".repeat(255))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn refusals_of_access_and_rate_leave_the_key_free() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    world.sim.stripe().limit_rate(Some(0));
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 429);
    world.sim.stripe().limit_rate(None);
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (200, None)
    );
}
