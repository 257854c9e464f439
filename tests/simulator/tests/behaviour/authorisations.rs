use chrono::TimeDelta;
use serde_json::Value;
use simulator::{Payment, PaymentSeed};

use crate::client::{Reply, World};

fn held(world: &World) -> Payment {
    world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").authorized())
}

async fn cancel(world: &World, intent: &str, form: &str) -> Reply {
    world
        .make(&format!("payment_intents/{intent}/cancel"), form)
        .await
}

async fn charge(world: &World, id: &str) -> Value {
    world.stripe(&format!("/v1/charges/{id}")).await.json()
}

#[tokio::test]
async fn a_cancelled_intent_releases_its_charge() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = held(&world);
    let id = payment.intent.as_deref().expect("an intent");
    let reply = cancel(&world, id, "cancellation_reason=abandoned").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let intent = reply.json();
    assert_eq!(intent["status"], "canceled");
    assert_eq!(intent["cancellation_reason"], "abandoned");
    assert!(intent["canceled_at"].is_i64());
    assert_eq!(intent["amount_capturable"], 0);
    let charge = charge(&world, &payment.charge).await;
    assert_eq!(charge["refunded"], false);
    assert_eq!(charge["captured"], false);
    assert_eq!(charge["amount_refunded"], 0);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 0);
    let view = stripe.payment(&payment.charge).expect("a payment");
    assert_eq!((view.id.as_str(), view.status.as_str()), (id, "canceled"));
    assert_eq!((view.captured, view.refunded, view.canceled), (0, 0, true));
}

#[tokio::test]
async fn a_cancellation_is_idempotent_and_on_record() {
    let world = World::new().await;
    let id = held(&world).intent.expect("an intent");
    let kind = format!("payment_intents/{id}/cancel");
    let form = "cancellation_reason=requested_by_customer";
    let first = world.make_with_key(&kind, form, "k1").await;
    let second = world.make_with_key(&kind, form, "k1").await;
    assert_eq!((first.status, &first.text), (200, &second.text));
    let [one] = <[_; 1]>::try_from(world.sim.stripe().cancellations()).expect("one");
    assert_eq!(one.payment, id);
    assert_eq!(one.reason.as_deref(), Some("requested_by_customer"));
    assert_eq!(one.idempotency_key.as_deref(), Some("k1"));
}

#[tokio::test]
async fn only_what_has_not_come_to_an_end_is_cancelled() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let pay = |seed: PaymentSeed| stripe.pay(seed).intent.expect("an intent");
    let seed = || PaymentSeed::new(1000, "eur");
    for (id, status) in [
        (pay(seed()), "succeeded"),
        (pay(seed().canceled()), "canceled"),
        (pay(seed().processing()), "processing"),
    ] {
        let reply = cancel(&world, &id, "").await;
        assert_eq!(reply.code(), "payment_intent_unexpected_state");
        assert!(reply.message().contains(status), "{}", reply.message());
        assert_eq!(reply.json()["error"]["payment_intent"]["status"], status);
    }
    assert!(stripe.cancellations().is_empty());
    let open = pay(seed().failed());
    let reply = cancel(&world, &open, "").await;
    assert_eq!(reply.json()["status"], "canceled");
    assert_eq!(reply.json()["cancellation_reason"], Value::Null);
}

#[tokio::test]
async fn a_cancellations_parameters_are_checked() {
    let world = World::new().await;
    let id = held(&world).intent.expect("an intent");
    let reply = cancel(&world, &id, "cancellation_reason=automatic").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "cancellation_reason");
    let reply = cancel(&world, &id, "reason=duplicate").await;
    assert_eq!(reply.code(), "parameter_unknown");
    assert_eq!(cancel(&world, "pi_none", "").await.status, 404);
}

#[tokio::test]
async fn an_authorisation_says_when_it_ends() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let now = world.sim.clock().now();
    let end = now + TimeDelta::days(2);
    let seed = || PaymentSeed::new(1000, "eur").authorized();
    let created = now - TimeDelta::days(3);
    let usual = stripe.pay(seed().created_at(created));
    let other = stripe.pay(seed().capture_before(end));
    let hidden = stripe.pay(seed().hide_capture_before());
    let at_once = stripe.pay(PaymentSeed::new(1000, "eur"));
    for (payment, expected) in [
        (usual, Some((created + TimeDelta::days(7)).timestamp())),
        (other, Some(end.timestamp())),
        (hidden, None),
        (at_once, None),
    ] {
        let details = &charge(&world, &payment.charge).await["payment_method_details"];
        assert_eq!(details["type"], "card");
        assert_eq!(details["card"]["capture_before"].as_i64(), expected);
    }
}

#[tokio::test]
async fn an_authorisation_that_is_not_captured_in_time_is_cancelled() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = held(&world);
    let taken = held(&world);
    let id = payment.intent.as_deref().expect("an intent");
    world.sim.clock().advance(TimeDelta::days(6));
    assert_eq!(
        stripe.payment(id).expect("a payment").status,
        "requires_capture"
    );
    stripe.capture(&taken.charge, None);
    world.sim.clock().advance(TimeDelta::days(1));
    let intent = world
        .stripe(&format!("/v1/payment_intents/{id}"))
        .await
        .json();
    assert_eq!(intent["status"], "canceled");
    assert_eq!(intent["cancellation_reason"], "expired");
    let charge = charge(&world, &payment.charge).await;
    let end = &charge["payment_method_details"]["card"]["capture_before"];
    assert_eq!(intent["canceled_at"], *end);
    assert_eq!(charge["refunded"], false);
    assert_eq!(charge["captured"], false);
    let reply = world
        .make(&format!("payment_intents/{id}/capture"), "")
        .await;
    assert_eq!(reply.code(), "payment_intent_unexpected_state");
    let [one] = <[_; 1]>::try_from(stripe.cancellations()).expect("one");
    assert_eq!(
        (one.payment.as_str(), one.reason.as_deref()),
        (id, Some("expired"))
    );
    assert_eq!(
        stripe.payment(&taken.charge).expect("a payment").captured,
        1000
    );
}

#[tokio::test]
async fn lists_show_what_became_of_a_payment() {
    let world = World::new().await;
    let (taken, canceled) = (held(&world), held(&world));
    let id = |payment: &Payment| payment.intent.clone().expect("an intent");
    let kind = format!("payment_intents/{}/capture", id(&taken));
    world.make(&kind, "amount_to_capture=600").await;
    cancel(&world, &id(&canceled), "").await;
    let path = "/v1/charges?expand[]=data.payment_intent&expand[]=data.balance_transaction";
    let page = world.stripe(path).await.json();
    let (newer, older) = (&page["data"][0], &page["data"][1]);
    assert_eq!(newer["id"], canceled.charge.as_str());
    assert_eq!(newer["payment_intent"]["status"], "canceled");
    assert_eq!(newer["balance_transaction"], Value::Null);
    assert_eq!(older["payment_intent"]["status"], "succeeded");
    assert_eq!(older["payment_intent"]["amount_received"], 600);
    assert_eq!(older["balance_transaction"]["net"], 600);
}

#[tokio::test]
async fn a_payment_that_nobody_made_has_no_view() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    assert_eq!(stripe.payment("pi_none"), None);
    let bare = stripe.pay(PaymentSeed::new(900, "eur").bare_charge());
    let view = stripe.payment(&bare.charge).expect("a payment");
    assert_eq!((&view.id, &view.charge), (&bare.charge, &bare.charge));
    assert_eq!(
        (view.status.as_str(), view.currency.as_str()),
        ("succeeded", "eur")
    );
    assert!(!view.canceled);
}
