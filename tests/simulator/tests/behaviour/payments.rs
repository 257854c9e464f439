use serde_json::Value;
use simulator::{Payment, PaymentSeed};

use crate::client::World;

async fn charge(world: &World, payment: &Payment) -> Value {
    world
        .stripe(&format!("/v1/charges/{}", payment.charge))
        .await
        .json()
}

async fn intent(world: &World, payment: &Payment) -> Value {
    let id = payment.intent.as_ref().expect("an intent");
    world
        .stripe(&format!("/v1/payment_intents/{id}"))
        .await
        .json()
}

#[tokio::test]
async fn a_payment_is_captured_with_a_balance_transaction() {
    let world = World::new().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(4250, "eur").basket("C1"));
    let charge = charge(&world, &payment).await;
    assert_eq!(charge["status"], "succeeded");
    assert_eq!(
        (&charge["captured"], &charge["paid"]),
        (&true.into(), &true.into())
    );
    assert_eq!(charge["amount_captured"], 4250);
    assert!(charge["balance_transaction"].is_string());
    assert_eq!(charge["metadata"], serde_json::json!({}));
    let intent = intent(&world, &payment).await;
    assert_eq!(intent["status"], "succeeded");
    assert_eq!(intent["amount_received"], 4250);
    assert_eq!(intent["metadata"]["mirakl_commercial_order_id"], "C1");
    let platform = world.sim.stripe().platform_id();
    assert_eq!(world.sim.stripe().balance(&platform, "eur"), 4250);
}

#[tokio::test]
async fn an_authorisation_is_captured_once_in_part() {
    let world = World::new().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").authorized());
    let before = charge(&world, &payment).await;
    assert_eq!(
        (&before["captured"], &before["paid"]),
        (&false.into(), &true.into())
    );
    assert_eq!(before["balance_transaction"], Value::Null);
    assert_eq!(intent(&world, &payment).await["status"], "requires_capture");
    assert_eq!(intent(&world, &payment).await["amount_capturable"], 1000);
    let id = payment.intent.as_deref().expect("an intent");
    world.sim.stripe().capture(id, Some(700));
    assert_eq!(charge(&world, &payment).await["amount_captured"], 700);
    assert_eq!(intent(&world, &payment).await["amount_received"], 700);
    let platform = world.sim.stripe().platform_id();
    assert_eq!(world.sim.stripe().balance(&platform, "eur"), 700);
}

#[tokio::test]
async fn a_cancelled_authorisation_counts_as_refunded() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let at_once = stripe.pay(PaymentSeed::new(1000, "eur").canceled());
    let later = stripe.pay(PaymentSeed::new(1000, "eur").authorized());
    stripe.cancel(&later.charge);
    let released = stripe.pay(PaymentSeed::new(1000, "eur").authorized());
    stripe.refund(&released.charge, 1000);
    for (payment, refunded) in [(at_once, 0), (later, 0), (released, 1000)] {
        let charge = charge(&world, &payment).await;
        assert_eq!(
            (&charge["refunded"], &charge["captured"]),
            (&(refunded > 0).into(), &false.into())
        );
        assert_eq!(charge["amount_refunded"], refunded);
        assert_eq!(intent(&world, &payment).await["status"], "canceled");
    }
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 0);
}

#[tokio::test]
async fn a_processing_payment_succeeds_or_fails_later() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let good = stripe.pay(PaymentSeed::new(1000, "eur").processing().py());
    let bad = stripe.pay(PaymentSeed::new(1000, "eur").processing());
    assert!(good.charge.starts_with("py_"));
    assert_eq!(charge(&world, &good).await["status"], "pending");
    assert_eq!(charge(&world, &good).await["paid"], false);
    assert_eq!(charge(&world, &good).await["captured"], true);
    assert_eq!(
        charge(&world, &good).await["balance_transaction"],
        Value::Null
    );
    assert_eq!(intent(&world, &good).await["status"], "processing");
    stripe.succeed(&good.charge);
    stripe.fail(&bad.charge);
    assert_eq!(charge(&world, &good).await["status"], "succeeded");
    assert_eq!(intent(&world, &good).await["status"], "succeeded");
    assert_eq!(charge(&world, &bad).await["status"], "failed");
    assert_eq!(charge(&world, &bad).await["captured"], false);
    assert_eq!(
        intent(&world, &bad).await["status"],
        "requires_payment_method"
    );
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 1000);
}

#[tokio::test]
async fn a_failed_payment_can_be_tried_again_under_its_intent() {
    let world = World::new().await;
    let payment = world
        .sim
        .stripe()
        .pay(PaymentSeed::new(1000, "eur").failed());
    assert_eq!(charge(&world, &payment).await["status"], "failed");
    assert_eq!(
        charge(&world, &payment).await["failure_code"],
        "card_declined"
    );
    let open = intent(&world, &payment).await;
    assert_eq!(open["status"], "requires_payment_method");
    assert_eq!(open["last_payment_error"]["type"], "card_error");
    let id = payment.intent.as_deref().expect("an intent");
    let second = world.sim.stripe().pay_again(id);
    let paid = intent(&world, &payment).await;
    assert_eq!(
        (&paid["status"], &paid["latest_charge"]),
        (&"succeeded".into(), &second.into())
    );
    assert_eq!(charge(&world, &payment).await["status"], "failed");
}

#[tokio::test]
async fn a_bare_charge_has_no_intent_and_holds_the_metadata() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").bare_charge().basket("C1"));
    assert_eq!(payment.intent, None);
    let bare = charge(&world, &payment).await;
    assert_eq!(bare["payment_intent"], Value::Null);
    assert_eq!(bare["metadata"]["mirakl_commercial_order_id"], "C1");
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").basket_on_charge("C2"));
    let with_intent = charge(&world, &payment).await;
    assert_eq!(with_intent["metadata"]["mirakl_commercial_order_id"], "C2");
    assert_eq!(
        intent(&world, &payment).await["metadata"],
        serde_json::json!({})
    );
}

#[tokio::test]
async fn refunds_add_up_and_leave_the_platforms_balance() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").disputed());
    stripe.refund(&payment.charge, 400);
    let part = charge(&world, &payment).await;
    assert_eq!(
        (&part["refunded"], &part["amount_refunded"]),
        (&false.into(), &400.into())
    );
    assert_eq!(part["disputed"], true);
    stripe.refund(payment.intent.as_deref().expect("an intent"), 600);
    assert_eq!(charge(&world, &payment).await["refunded"], true);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 0);
}

#[tokio::test]
async fn a_payment_settles_in_another_currency_at_five_for_four() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").settlement("usd"));
    let path = format!(
        "/v1/charges/{}?expand[]=balance_transaction",
        payment.charge
    );
    let charge = world.stripe(&path).await.json();
    assert_eq!(charge["currency"], "eur");
    assert_eq!(charge["balance_transaction"]["currency"], "usd");
    assert_eq!(charge["balance_transaction"]["amount"], 1250);
    assert_eq!(
        charge["balance_transaction"]["exchange_rate"].to_string(),
        "1.25"
    );
    assert_eq!(stripe.balance(&stripe.platform_id(), "usd"), 1250);
}
