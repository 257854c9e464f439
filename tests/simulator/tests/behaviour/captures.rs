use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, PaymentSeed, Releases, STRIPE_KEY};

use crate::client::{Reply, World};

/// An authorised payment of 10.00; its intent.
fn held(world: &World) -> String {
    let seed = PaymentSeed::new(1000, "eur").basket("C1").authorized();
    world.sim.stripe().pay(seed).intent.expect("an intent")
}

async fn capture(world: &World, intent: &str, form: &str) -> Reply {
    world
        .make(&format!("payment_intents/{intent}/capture"), form)
        .await
}

async fn charge_of(world: &World, intent: &str) -> Value {
    let path = format!("/v1/payment_intents/{intent}?expand[]=latest_charge.balance_transaction");
    world.stripe(&path).await.json()["latest_charge"].clone()
}

#[tokio::test]
async fn a_capture_takes_all_that_is_authorised() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let id = held(&world);
    let reply = capture(&world, &id, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let intent = reply.json();
    assert_eq!(intent["id"], id.as_str());
    assert_eq!(intent["status"], "succeeded");
    assert_eq!(intent["amount_received"], 1000);
    assert_eq!(intent["amount_capturable"], 0);
    let charge = charge_of(&world, &id).await;
    assert_eq!(charge["captured"], true);
    assert_eq!(charge["amount_refunded"], 0);
    assert_eq!(charge["balance_transaction"]["amount"], 1000);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 1000);
}

#[tokio::test]
async fn what_a_capture_leaves_is_released_and_no_refund() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seed = PaymentSeed::new(1000, "eur").authorized().settlement("usd");
    let id = stripe.pay(seed).intent.expect("an intent");
    let reply = capture(&world, &id, "amount_to_capture=700&final_capture=true").await;
    assert_eq!(reply.json()["amount"], 1000);
    assert_eq!(reply.json()["amount_received"], 700);
    let charge = charge_of(&world, &id).await;
    assert_eq!(charge["amount"], 1000);
    assert_eq!(charge["amount_captured"], 700);
    assert_eq!(charge["amount_refunded"], 0);
    assert_eq!(charge["refunded"], false);
    assert_eq!(charge["balance_transaction"]["amount"], 875);
    assert_eq!(stripe.balance(&stripe.platform_id(), "usd"), 875);
    let payment = stripe.payment(&id).expect("a payment");
    assert_eq!(
        (payment.amount, payment.captured, payment.refunded),
        (1000, 700, 0)
    );
    stripe.refund(&id, 700);
    assert_eq!(charge_of(&world, &id).await["amount_refunded"], 700);
    assert_eq!(stripe.payment(&id).expect("a payment").refunded, 700);
    assert_eq!(stripe.balance(&stripe.platform_id(), "usd"), 0);
}

#[tokio::test]
async fn the_amount_is_within_what_is_authorised() {
    let world = World::new().await;
    let id = held(&world);
    for (form, code, param) in [
        (
            "amount_to_capture=1001",
            "amount_too_large",
            "amount_to_capture",
        ),
        (
            "amount_to_capture=0",
            "parameter_invalid_integer",
            "amount_to_capture",
        ),
        (
            "amount_to_capture=-5",
            "parameter_invalid_integer",
            "amount_to_capture",
        ),
        (
            "amount_to_capture=1.5",
            "parameter_invalid_integer",
            "amount_to_capture",
        ),
        ("amount=700", "parameter_unknown", "amount"),
        ("final_capture=false", "", "final_capture"),
        ("expand[]=customer", "", "expand"),
    ] {
        let reply = capture(&world, &id, form).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{form}");
        assert_eq!(reply.json()["error"]["param"], param);
    }
    assert!(world.sim.stripe().captures().is_empty());
    assert_eq!(capture(&world, &id, "").await.status, 200);
}

#[tokio::test]
async fn an_intent_is_captured_once_and_only_while_it_is_held() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let id = held(&world);
    assert_eq!(
        capture(&world, &id, "amount_to_capture=1").await.status,
        200
    );
    let pay = |seed: PaymentSeed| stripe.pay(seed).intent.expect("an intent");
    let seed = || PaymentSeed::new(1000, "eur");
    for (id, status) in [
        (id, "succeeded"),
        (pay(seed()), "succeeded"),
        (pay(seed().canceled()), "canceled"),
        (pay(seed().processing()), "processing"),
        (pay(seed().failed()), "requires_payment_method"),
    ] {
        let reply = capture(&world, &id, "").await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.code(), "payment_intent_unexpected_state");
        assert!(reply.message().contains(status), "{}", reply.message());
        let about = &reply.json()["error"]["payment_intent"];
        assert_eq!(
            (about["id"].as_str(), about["status"].as_str()),
            (Some(id.as_str()), Some(status))
        );
    }
    assert_eq!(stripe.captures().len(), 1);
}

#[tokio::test]
async fn a_capture_writes_metadata_over_what_there_is() {
    let world = World::new().await;
    let seed = PaymentSeed::new(1000, "eur")
        .metadata("a", "1")
        .metadata("b", "2");
    let id = world
        .sim
        .stripe()
        .pay(seed.authorized())
        .intent
        .expect("an intent");
    let reply = capture(&world, &id, "metadata[a]=3&metadata[b]=&metadata[c]=4").await;
    assert_eq!(reply.json()["metadata"], json!({ "a": "3", "c": "4" }));
}

#[tokio::test]
async fn what_is_asked_for_is_shown_whole() {
    let world = World::new().await;
    let id = held(&world);
    let reply = capture(&world, &id, "expand[]=latest_charge").await;
    assert_eq!(reply.json()["latest_charge"]["captured"], true);
}

#[tokio::test]
async fn a_capture_is_idempotent_and_on_record() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let id = held(&world);
    let kind = format!("payment_intents/{id}/capture");
    let form = "amount_to_capture=700";
    let first = world.make_with_key(&kind, form, "k1").await;
    let second = world.make_with_key(&kind, form, "k1").await;
    assert_eq!((first.status, &first.text), (200, &second.text));
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    let other = world
        .make_with_key(&kind, "amount_to_capture=600", "k1")
        .await;
    assert_eq!(other.json()["error"]["type"], "idempotency_error");
    let [capture] = <[_; 1]>::try_from(stripe.captures()).expect("one capture");
    assert_eq!((capture.payment, capture.amount), (id, 700));
    assert_eq!(capture.idempotency_key.as_deref(), Some("k1"));
}

#[tokio::test]
async fn a_refusal_is_replayed_under_its_key() {
    let world = World::new().await;
    let id = held(&world);
    let kind = format!("payment_intents/{id}/capture");
    let form = "amount_to_capture=1001";
    assert_eq!(world.make_with_key(&kind, form, "k1").await.status, 400);
    let again = world.make_with_key(&kind, form, "k1").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let odd = world.make_with_key(&kind, "odd=1", "k2").await;
    assert_eq!(odd.code(), "parameter_unknown");
    assert_eq!(world.make_with_key(&kind, "", "k2").await.status, 200);
}

#[tokio::test]
async fn faults_reach_captures_by_their_template() {
    let world = World::new().await;
    let id = held(&world);
    let endpoint = "POST /v1/payment_intents/{id}/capture";
    let faults = world.sim.faults();
    faults.add(Fault::on(endpoint).then(Effect::Status(500)));
    faults.add(Fault::on(endpoint).nth(2).then(Effect::CutAfter));
    let kind = format!("payment_intents/{id}/capture");
    let key = [("Idempotency-Key", "k1")];
    let post = || world.post_as(STRIPE_KEY, &kind, "", &key);
    assert_eq!(post().await.expect("an answer").status, 500);
    assert!(world.sim.stripe().captures().is_empty());
    assert!(post().await.is_err());
    assert_eq!(world.sim.stripe().captures().len(), 1);
    let replayed = post().await.expect("an answer");
    assert_eq!(replayed.status, 200);
    assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.sim.count(endpoint), 3);
}

#[tokio::test]
async fn a_charge_that_is_being_captured_is_locked() {
    let world = World::new().await;
    let id = held(&world);
    let endpoint = "POST /v1/payment_intents/{id}/capture";
    let delay = std::time::Duration::from_millis(300);
    let faults = world.sim.faults();
    faults.add(Fault::on(endpoint).then(Effect::Delay(delay)));
    let cancel = async {
        tokio::time::sleep(delay / 3).await;
        world
            .make(&format!("payment_intents/{id}/cancel"), "")
            .await
    };
    let (captured, canceled) = tokio::join!(capture(&world, &id, ""), cancel);
    assert_eq!(captured.status, 200);
    assert_eq!(
        (canceled.status, canceled.code().as_str()),
        (429, "lock_timeout")
    );
}

#[tokio::test]
async fn captures_of_the_test_are_on_record_and_those_at_once_are_not() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let id = held(&world);
    stripe.pay(PaymentSeed::new(500, "eur"));
    world.sim.clock().advance(TimeDelta::hours(1));
    stripe.capture(&id, Some(400));
    let [capture] = <[_; 1]>::try_from(stripe.captures()).expect("one capture");
    assert_eq!((capture.payment, capture.amount), (id, 400));
    assert_eq!(capture.idempotency_key, None);
    assert!(capture.at > chrono::Utc::now());
}

#[tokio::test]
async fn an_intent_that_is_not_there_cannot_be_captured() {
    let world = World::new().await;
    let id = held(&world);
    let seller = world
        .sim
        .stripe()
        .add_account(simulator::AccountSeed::new());
    let kind = format!("payment_intents/{id}/capture");
    let headers = [("Stripe-Account", seller.as_str())];
    let sellers = world.post_as(STRIPE_KEY, &kind, "", &headers).await;
    for reply in [
        sellers.expect("an answer"),
        capture(&world, "pi_none", "").await,
    ] {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "resource_missing")
        );
    }
}

#[tokio::test]
async fn before_2025_03_31_what_a_capture_leaves_is_shown_as_refunded() {
    let world = World::new().await;
    world.sim.stripe().releases(Releases::Refunded);
    let id = held(&world);
    capture(&world, &id, "amount_to_capture=700").await;
    let charge = charge_of(&world, &id).await;
    assert_eq!(charge["amount_captured"], 700);
    assert_eq!(charge["amount_refunded"], 300);
    assert_eq!(charge["balance_transaction"]["amount"], 1000);
    world.sim.stripe().refund(&id, 700);
    let charge = charge_of(&world, &id).await;
    assert_eq!(charge["amount_refunded"], 1000);
    assert_eq!(charge["refunded"], true);
}
