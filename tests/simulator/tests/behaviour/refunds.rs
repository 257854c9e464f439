use simulator::{Effect, Fault, PaymentSeed, STRIPE_KEY};

use crate::client::World;

#[tokio::test]
async fn a_refund_releases_a_charge_that_is_not_captured() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seed = PaymentSeed::new(1000, "eur").bare_charge().authorized();
    let id = stripe.pay(seed).charge;
    let form = format!("charge={id}&reason=requested_by_customer&metadata[a]=b");
    let reply = world.make_with_key("refunds", &form, "k1").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let refund = reply.json();
    assert!(
        refund["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("re_"))
    );
    assert_eq!(refund["object"], "refund");
    assert_eq!(
        (&refund["amount"], &refund["currency"]),
        (&1000.into(), &"eur".into())
    );
    assert_eq!(refund["charge"], id.as_str());
    assert_eq!(refund["status"], "succeeded");
    assert_eq!(refund["reason"], "requested_by_customer");
    assert_eq!(refund["metadata"]["a"], "b");
    assert!(refund["balance_transaction"].is_null());
    let replayed = world.make_with_key("refunds", &form, "k1").await;
    assert_eq!(replayed.text, reply.text);
    let view = stripe.payment(&id).expect("a payment");
    assert!(view.canceled && view.captured == 0);
    let [one] = <[_; 1]>::try_from(stripe.cancellations()).expect("one");
    assert_eq!(
        (one.payment, one.idempotency_key.as_deref()),
        (id, Some("k1"))
    );
}

#[tokio::test]
async fn a_charge_that_is_not_captured_is_released_whole() {
    let world = World::new().await;
    let seed = PaymentSeed::new(1000, "eur").authorized();
    let payment = world.sim.stripe().pay(seed);
    let charge = &payment.charge;
    let reply = world
        .make("refunds", &format!("charge={charge}&amount=400"))
        .await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "amount");
    let reply = world
        .make("refunds", &format!("charge={charge}&amount=1000"))
        .await;
    assert_eq!(reply.status, 200);
    let intent = payment.intent.expect("an intent");
    assert_eq!(reply.json()["payment_intent"], intent.as_str());
    let view = world.sim.stripe().payment(&intent).expect("a payment");
    assert_eq!((view.status.as_str(), view.canceled), ("canceled", true));
}

#[tokio::test]
async fn refunds_stay_within_what_was_captured() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").authorized());
    stripe.capture(&payment.charge, Some(700));
    let intent = payment.intent.expect("an intent");
    let refund = |amount: i64| format!("payment_intent={intent}&amount={amount}");
    let reply = world.make("refunds", &refund(200)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.json()["balance_transaction"].is_string());
    assert_eq!(reply.json()["charge"], payment.charge.as_str());
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 500);
    let reply = world.make("refunds", &refund(501)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "amount");
    let rest = world
        .make("refunds", &format!("charge={}", payment.charge))
        .await;
    assert_eq!(rest.json()["amount"], 500);
    assert_eq!(stripe.payment(&intent).expect("a payment").refunded, 700);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 0);
    let reply = world.make("refunds", &refund(1)).await;
    assert_eq!(reply.code(), "charge_already_refunded");
    assert!(stripe.cancellations().is_empty());
}

#[tokio::test]
async fn some_charges_cannot_be_refunded() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seed = || PaymentSeed::new(1000, "eur");
    for (payment, code) in [
        (stripe.pay(seed().failed()), "charge_not_refundable"),
        (stripe.pay(seed().processing()), "charge_not_refundable"),
        (stripe.pay(seed().canceled()), "charge_already_refunded"),
        (stripe.pay(seed().disputed()), "refund_disputed_payment"),
    ] {
        let reply = world
            .make("refunds", &format!("charge={}", payment.charge))
            .await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code));
    }
}

#[tokio::test]
async fn a_refunds_parameters_are_checked() {
    let world = World::new().await;
    let payment = world.sim.stripe().pay(PaymentSeed::new(1000, "eur"));
    let (charge, intent) = (payment.charge, payment.intent.expect("an intent"));
    for (form, code) in [
        (String::new(), "parameter_missing"),
        (
            format!("charge={charge}&payment_intent={intent}"),
            "parameters_exclusive",
        ),
        (
            format!("charge={charge}&amount=0"),
            "parameter_invalid_integer",
        ),
        (format!("charge={charge}&reason=mood"), ""),
        (format!("charge={charge}&odd=1"), "parameter_unknown"),
        ("charge=ch_none".to_owned(), "resource_missing"),
        ("payment_intent=pi_none".to_owned(), "resource_missing"),
    ] {
        let reply = world.make("refunds", &form).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{form}");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_charge_refunded_once() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur"));
    let faults = world.sim.faults();
    faults.add(Fault::on("POST /v1/refunds").then(Effect::CutAfter));
    let form = format!("charge={}&amount=400", payment.charge);
    let headers = [("Idempotency-Key", "k1")];
    let lost = world.post_as(STRIPE_KEY, "refunds", &form, &headers).await;
    assert!(lost.is_err());
    assert_eq!(
        world.make_with_key("refunds", &form, "k1").await.status,
        200
    );
    assert_eq!(
        stripe.payment(&payment.charge).expect("a payment").refunded,
        400
    );
}
