use std::time::{Duration, Instant};

use simulator::{Api, Effect, Fault};

use crate::client::World;

const TRANSFERS: &str = "POST /v1/transfers";

#[tokio::test]
async fn a_fault_hits_the_nth_call_only() {
    let world = World::new().await;
    let fault = Fault::on("GET /v1/account")
        .nth(2)
        .then(Effect::Status(503));
    world.sim.faults().add(fault);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(world.stripe("/v1/account").await.status);
    }
    assert_eq!(statuses, [200, 503, 200]);
}

#[tokio::test]
async fn a_fault_hits_as_often_as_told() {
    let world = World::new().await;
    let fault = Fault::on("GET /v1/account")
        .nth(2)
        .times(2)
        .then(Effect::Status(500));
    world.sim.faults().add(fault);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.stripe("/v1/account").await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
    world
        .sim
        .faults()
        .add(Fault::on("*").always().then(Effect::Status(502)));
    assert_eq!(world.stripe("/v1/charges").await.status, 502);
    assert_eq!(world.mirakl("/api/orders").await.status, 502);
    world.sim.faults().clear();
    assert_eq!(world.stripe("/v1/charges").await.status, 200);
}

#[tokio::test]
async fn a_fault_picks_calls_by_their_text() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    let fault = Fault::on(TRANSFERS)
        .containing("amount=101")
        .then(Effect::Status(500));
    world.sim.faults().add(fault);
    assert_eq!(world.transfer(&body).await.status, 200);
    assert_eq!(
        world.transfer(&body.replace("=100", "=101")).await.status,
        500
    );
    let fault = Fault::on("GET /v1/charges")
        .containing("limit=7")
        .then(Effect::Status(500));
    world.sim.faults().add(fault);
    assert_eq!(world.stripe("/v1/charges?limit=6").await.status, 200);
    assert_eq!(world.stripe("/v1/charges?limit=7").await.status, 500);
}

#[tokio::test]
async fn a_status_before_the_effect_stores_nothing() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::Status(500)));
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.json()["error"]["type"], "api_error");
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 0);
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 200);
}

#[tokio::test]
async fn a_stored_status_is_replayed_without_an_effect() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::StatusStored(500)));
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 500);
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (500, Some("true"))
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 0);
    assert_eq!(world.transfer_with_key(&body, "k2").await.status, 200);
}

#[tokio::test]
async fn a_status_after_the_effect_is_replayed_with_it() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::StatusAfter(500)));
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 500);
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (500, Some("true"))
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
}

#[tokio::test]
async fn too_many_requests_has_the_form_of_its_api() {
    let world = World::new().await;
    let fault =
        |endpoint, retry_after| Fault::on(endpoint).then(Effect::TooManyRequests { retry_after });
    world.sim.faults().add(fault("GET /api/orders", Some(7)));
    world.sim.faults().add(fault("GET /v1/charges", None));
    let status = Fault::on("GET /api/version").then(Effect::Status(429));
    world.sim.faults().add(status);
    let mirakl = world.mirakl("/api/version").await;
    assert_eq!(
        (mirakl.status, mirakl.header("retry-after")),
        (429, Some("1"))
    );
    let mirakl = world.mirakl("/api/orders").await;
    assert_eq!(
        (mirakl.status, mirakl.header("retry-after")),
        (429, Some("7"))
    );
    let stripe = world.stripe("/v1/charges").await;
    assert_eq!((stripe.status, stripe.header("retry-after")), (429, None));
    assert_eq!(
        stripe.header("stripe-rate-limited-reason"),
        Some("endpoint-rate")
    );
    assert!(stripe.header("request-id").is_some());
}

#[tokio::test]
async fn a_lock_timeout_has_no_rate_header() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::LockTimeout));
    let reply = world.transfer_with_key(&body, "k").await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "lock_timeout"));
    assert_eq!(reply.header("stripe-rate-limited-reason"), None);
    assert_eq!(world.transfer_with_key(&body, "k").await.status, 200);
}

#[tokio::test]
async fn a_cut_before_the_effect_leaves_nothing() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::CutBefore));
    assert!(world.post(&body, &[]).await.is_err());
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 0);
    assert_eq!(world.sim.calls()[0].status, None);
}

#[tokio::test]
async fn a_cut_after_the_effect_loses_only_the_answer() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let headers = [("Idempotency-Key", "k")];
    world
        .sim
        .faults()
        .add(Fault::on(TRANSFERS).then(Effect::CutAfter));
    assert!(world.post(&body, &headers).await.is_err());
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
    let reply = world.post(&body, &headers).await.expect("an answer");
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
}

#[tokio::test]
async fn spoilt_bodies_hide_an_effect_that_the_key_remembers() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    for (key, effect, status, text) in [
        ("a", Effect::Html, 200, None),
        ("b", Effect::EmptyBody, 200, Some("")),
        (
            "c",
            Effect::Body(502, "{\"half".to_owned()),
            502,
            Some("{\"half"),
        ),
    ] {
        world.sim.faults().add(Fault::on(TRANSFERS).then(effect));
        let spoilt = world.transfer_with_key(&body, key).await;
        assert_eq!(spoilt.status, status);
        match text {
            Some(text) => assert_eq!(spoilt.text, text),
            None => assert_eq!(
                spoilt.header("content-type"),
                Some("text/html; charset=utf-8")
            ),
        }
        world.sim.faults().clear();
        let replay = world.transfer_with_key(&body, key).await;
        assert_eq!(replay.json()["amount"], 100);
        assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 300);
}

#[tokio::test]
async fn a_header_comes_on_top_of_another_fault() {
    let world = World::new().await;
    let faults = world.sim.faults();
    let header = Effect::Header("Stripe-Should-Retry".to_owned(), "false".to_owned());
    faults.add(Fault::on("*").then(Effect::Status(500)));
    faults.add(Fault::on("*").then(header));
    let reply = world.stripe("/v1/account").await;
    assert_eq!(
        (reply.status, reply.header("stripe-should-retry")),
        (500, Some("false"))
    );
    assert_eq!(
        world
            .stripe("/v1/account")
            .await
            .header("stripe-should-retry"),
        None
    );
}

#[tokio::test]
async fn delays_and_latency_take_their_time() {
    let world = World::new().await;
    world
        .sim
        .faults()
        .latency(Api::Stripe, Duration::from_millis(60));
    let delay = Effect::Delay(Duration::from_millis(90));
    world
        .sim
        .faults()
        .add(Fault::on("GET /v1/account").then(delay));
    let start = Instant::now();
    world.stripe("/v1/account").await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    let start = Instant::now();
    world.mirakl("/api/orders").await;
    assert!(start.elapsed() < Duration::from_millis(60));
}

#[tokio::test]
async fn a_call_goes_on_when_its_client_leaves() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let delay = Effect::Delay(Duration::from_millis(300));
    world.sim.faults().add(Fault::on(TRANSFERS).then(delay));
    let call = world.transfer_with_key(&body, "k");
    assert!(
        tokio::time::timeout(Duration::from_millis(100), call)
            .await
            .is_err()
    );
    // In flight until the delay is over, then done.
    let reply = loop {
        let reply = world.transfer_with_key(&body, "k").await;
        if reply.status != 409 {
            break reply;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
}
