use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Effect, Fault, STRIPE_KEY, STRIPE_LIVE_KEY};

use crate::client::{EXPRESS, World};

#[tokio::test]
async fn an_account_is_made_once_per_key() {
    let world = World::new().await;
    let first = world.make_with_key("accounts", EXPRESS, "k").await;
    let second = world.make_with_key("accounts", EXPRESS, "k").await;
    assert_eq!(first.text, second.text);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    let other = format!("{EXPRESS}&email=a%40b.example");
    let reply = world.make_with_key("accounts", &other, "k").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["type"], "idempotency_error");
    // The key is that of its endpoint.
    let reply = world.make_with_key("account_links", EXPRESS, "k").await;
    assert_eq!(reply.json()["error"]["type"], "idempotency_error");
    assert_eq!(world.sim.stripe().accounts().len(), 1);
    world.sim.clock().advance(TimeDelta::hours(24));
    world.make_with_key("accounts", EXPRESS, "k").await;
    assert_eq!(world.sim.stripe().accounts().len(), 2);
}

#[tokio::test]
async fn a_key_in_flight_makes_no_second_account() {
    let world = World::new().await;
    let slow = Effect::Delay(Duration::from_millis(400));
    let fault = Fault::on("POST /v1/accounts").always();
    world.sim.faults().add(fault.then(slow));
    let (one, two) = tokio::join!(
        world.make_with_key("accounts", EXPRESS, "k"),
        world.make_with_key("accounts", EXPRESS, "k")
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(world.sim.stripe().accounts().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_account_and_its_key() {
    let world = World::new().await;
    for (effect, made) in [(Effect::CutBefore, 0), (Effect::CutAfter, 1)] {
        let fault = Fault::on("POST /v1/accounts");
        world.sim.faults().add(fault.then(effect));
        let headers = [("Idempotency-Key", "k")];
        let key = STRIPE_KEY;
        let reply = world.post_as(key, "accounts", EXPRESS, &headers).await;
        assert!(reply.is_err());
        assert_eq!(world.sim.stripe().accounts().len(), made);
    }
    let reply = world.make_with_key("accounts", EXPRESS, "k").await;
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(reply.json()["id"], world.only_account().id);
}

#[tokio::test]
async fn a_refusal_in_given_words_is_stored_under_the_key() {
    let world = World::new().await;
    let refusal = Effect::Refusal {
        status: 400,
        code: Some("country_unsupported".to_owned()),
        param: Some("country".to_owned()),
        message: "Not there.".to_owned(),
    };
    let fault = Fault::on("POST /v1/accounts");
    world.sim.faults().add(fault.then(refusal));
    for replayed in [None, Some("true")] {
        let reply = world.make_with_key("accounts", EXPRESS, "k").await;
        assert_eq!(reply.status, 400);
        let error = &reply.json()["error"];
        assert_eq!(
            *error,
            json!({
                "code": "country_unsupported",
                "message": "Not there.",
                "param": "country",
                "type": "invalid_request_error",
            })
        );
        assert_eq!(reply.header("idempotent-replayed"), replayed);
    }
    assert!(world.sim.stripe().accounts().is_empty());
    let reply = world.make_with_key("accounts", EXPRESS, "k2").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_wrong_parameter_leaves_the_key_of_an_account_free() {
    let world = World::new().await;
    let wrong = format!("{EXPRESS}&email=none");
    let reply = world.make_with_key("accounts", &wrong, "k").await;
    assert_eq!(reply.code(), "email_invalid");
    let reply = world.make_with_key("accounts", EXPRESS, "k").await;
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (200, None)
    );
}

#[tokio::test]
async fn live_accounts_are_apart_and_sellers_make_none() {
    let world = World::new().await;
    let reply = world.make("accounts", EXPRESS).await;
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    let reply = world
        .post_as(STRIPE_LIVE_KEY, "accounts", EXPRESS, &[])
        .await;
    let live = reply.expect("an answer").json()["id"].clone();
    assert_ne!(live, id.as_str());
    assert_eq!(world.only_account().id, id);
    let list = world
        .stripe_as(STRIPE_LIVE_KEY, "/v1/accounts")
        .await
        .json();
    assert_eq!(list["data"][0]["id"], live);
    let headers = [("Stripe-Account", id.as_str())];
    let key = STRIPE_KEY;
    let reply = world.post_as(key, "accounts", EXPRESS, &headers).await;
    assert_eq!(reply.expect("an answer").status, 400);
}
