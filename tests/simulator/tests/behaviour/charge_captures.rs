use chrono::TimeDelta;
use simulator::PaymentSeed;

use crate::client::{Reply, World};

fn bare(world: &World) -> String {
    let seed = PaymentSeed::new(1000, "eur").basket("C1").bare_charge();
    world.sim.stripe().pay(seed.authorized()).charge
}

async fn capture(world: &World, charge: &str, form: &str) -> Reply {
    world.make(&format!("charges/{charge}/capture"), form).await
}

#[tokio::test]
async fn a_charge_without_an_intent_is_captured_by_itself() {
    let world = World::new().await;
    let id = bare(&world);
    let form = "amount=700&expand[]=balance_transaction";
    let reply = capture(&world, &id, form).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let charge = reply.json();
    assert_eq!(charge["captured"], true);
    assert_eq!(charge["amount_captured"], 700);
    assert_eq!(charge["amount_refunded"], 0);
    assert_eq!(charge["balance_transaction"]["amount"], 700);
    let [capture] = <[_; 1]>::try_from(world.sim.stripe().captures()).expect("one capture");
    assert_eq!((capture.payment, capture.amount), (id, 700));
    assert_eq!(world.sim.count("POST /v1/charges/{id}/capture"), 1);
}

#[tokio::test]
async fn a_charge_is_captured_once() {
    let world = World::new().await;
    let id = bare(&world);
    assert_eq!(capture(&world, &id, "").await.status, 200);
    let again = capture(&world, &id, "").await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (400, "charge_already_captured")
    );
}

#[tokio::test]
async fn a_charge_of_an_intent_is_left_to_its_intent() {
    let world = World::new().await;
    let seed = PaymentSeed::new(1000, "eur").authorized();
    let payment = world.sim.stripe().pay(seed);
    let reply = capture(&world, &payment.charge, "").await;
    assert_eq!(reply.status, 400);
    let intent = payment.intent.expect("an intent");
    assert!(reply.message().contains(&intent), "{}", reply.message());
    assert!(world.sim.stripe().captures().is_empty());
}

#[tokio::test]
async fn what_was_released_or_is_too_old_cannot_be_captured() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let (released, old) = (bare(&world), bare(&world));
    stripe.cancel(&released);
    world.sim.clock().advance(TimeDelta::days(7));
    for id in [released, old] {
        let reply = capture(&world, &id, "").await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "charge_expired_for_capture")
        );
        let charge = world.stripe(&format!("/v1/charges/{id}")).await.json();
        // Since 2025-03-31.basil an authorisation that ends is not shown as refunded.
        assert_eq!(charge["refunded"], false);
        assert_eq!(charge["amount_refunded"], 0);
        assert_eq!(charge["captured"], false);
    }
}

#[tokio::test]
async fn a_charges_parameters_are_checked() {
    let world = World::new().await;
    let id = bare(&world);
    for (form, code) in [
        ("amount=1001", "amount_too_large"),
        ("amount=0", "parameter_invalid_integer"),
        ("amount_to_capture=700", "parameter_unknown"),
        ("metadata[a]=b", "parameter_unknown"),
    ] {
        let reply = capture(&world, &id, form).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{form}");
    }
    let missing = capture(&world, "ch_none", "").await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "resource_missing")
    );
}
