use simulator::{AccountSeed, PaymentSeed};

use crate::client::{World, form};

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let world = World::new().await;
    let (seller, good) = world.ready_transfer(100);
    let charge = good.rsplit('=').next().expect("a charge");
    let long = |n: usize| "x".repeat(n);
    for (body, code, param) in [
        (good.replace("amount=100", "a=1"), "parameter_unknown", "a"),
        (
            good.replace("amount=100&", ""),
            "parameter_missing",
            "amount",
        ),
        (
            good.replace("currency=eur&", ""),
            "parameter_missing",
            "currency",
        ),
        (
            format!("amount=1&currency=eur&source_transaction={charge}"),
            "parameter_missing",
            "destination",
        ),
        (
            good.replace("=100", "=12.5"),
            "parameter_invalid_integer",
            "amount",
        ),
        (
            good.replace("=100", "=%2B5"),
            "parameter_invalid_integer",
            "amount",
        ),
        (
            good.replace("=100", "=0"),
            "parameter_invalid_integer",
            "amount",
        ),
        (
            good.replace("=100", "=-5"),
            "parameter_invalid_integer",
            "amount",
        ),
        (
            good.replace("=100", "=99999999999999999999"),
            "parameter_invalid_integer",
            "amount",
        ),
        (
            good.replace("=100", "="),
            "parameter_invalid_empty",
            "amount",
        ),
        (
            good.replace(&seller, ""),
            "parameter_invalid_empty",
            "destination",
        ),
        (good.replace("=eur", "=EUR"), "", "currency"),
        (good.replace("=eur", "=euro"), "", "currency"),
        (format!("{good}&source_type=gold"), "", "source_type"),
        (
            format!("{good}&metadata[{}]=v", long(41)),
            "",
            &format!("metadata[{}]", long(41)),
        ),
        (
            format!("{good}&metadata[k]={}", long(501)),
            "",
            "metadata[k]",
        ),
        (format!("{good}&metadata[k][l]=v"), "", "metadata"),
        (format!("{good}&metadata=v"), "", "metadata"),
        (format!("{good}&expand[]=everything"), "", "expand"),
    ] {
        let reply = world.transfer(&body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.code(), code, "{body}");
        assert_eq!(reply.json()["error"]["param"], param, "{body}");
        assert_eq!(
            reply.json()["error"]["type"],
            "invalid_request_error",
            "{body}"
        );
    }
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn metadata_holds_fifty_keys_and_drops_empty_values() {
    let world = World::new().await;
    let (_, good) = world.ready_transfer(100);
    let keys = |n: usize| {
        let keys: Vec<String> = (0..n).map(|k| format!("metadata[k{k}]=v")).collect();
        keys.join("&")
    };
    assert_eq!(
        world.transfer(&format!("{good}&{}", keys(51))).await.status,
        400
    );
    let reply = world
        .transfer(&format!("{good}&{}&metadata[none]=", keys(50)))
        .await;
    assert_eq!(reply.status, 200);
    let metadata = reply.json()["metadata"]
        .as_object()
        .map(serde_json::Map::len);
    assert_eq!(metadata, Some(50));
}

#[tokio::test]
async fn a_body_must_be_a_form() {
    let world = World::new().await;
    let reply = reqwest::Client::new()
        .post(format!("{}/v1/transfers", world.sim.stripe().url()))
        .bearer_auth(simulator::STRIPE_KEY)
        .header("Content-Type", "application/json")
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status(), 400);
}

#[tokio::test]
async fn the_destination_must_be_another_connected_account() {
    let world = World::new().await;
    let (seller, good) = world.ready_transfer(100);
    let reply = world.transfer(&good.replace(&seller, "acct_none")).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "resource_missing")
    );
    assert_eq!(reply.message(), "No such destination: 'acct_none'");
    let platform = world.sim.stripe().platform_id();
    assert_eq!(
        world
            .transfer(&good.replace(&seller, &platform))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_destination_needs_active_transfers() {
    let world = World::new().await;
    let (_, charge) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    for seed in [
        AccountSeed::new().transfers("inactive"),
        AccountSeed::new().transfers("pending"),
        AccountSeed::new().no_capabilities(),
    ] {
        let seller = stripe.add_account(seed);
        let body = form(100, "eur", &seller, &charge);
        let reply = world.transfer(&body).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.code(), "insufficient_capabilities_for_transfer");
        stripe.set_capability(&seller, "transfers", "active");
        assert_eq!(world.transfer(&body).await.status, 200);
    }
}

#[tokio::test]
async fn the_charge_must_have_succeeded_and_been_captured() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let seed = || PaymentSeed::new(1000, "eur");
    let refunded = stripe.pay(seed());
    stripe.refund(&refunded.charge, 1000);
    let wrong = [
        stripe.pay(seed().authorized()),
        stripe.pay(seed().processing()),
        stripe.pay(seed().failed()),
        stripe.pay(seed().canceled()),
        refunded,
    ];
    for payment in wrong {
        let reply = world
            .transfer(&form(100, "eur", &seller, &payment.charge))
            .await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["param"], "source_transaction");
    }
    let reply = world.transfer(&form(100, "eur", &seller, "ch_none")).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "resource_missing")
    );
    assert!(stripe.transfers().is_empty());
}

#[tokio::test]
async fn an_intent_is_no_source() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let intent = stripe
        .pay(PaymentSeed::new(1000, "eur"))
        .intent
        .expect("an intent");
    let reply = world.transfer(&form(100, "eur", &seller, &intent)).await;
    assert_eq!(reply.code(), "resource_missing");
}

#[tokio::test]
async fn the_currency_is_that_of_the_settlement() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").settlement("usd"));
    let reply = world
        .transfer(&form(100, "eur", &seller, &payment.charge))
        .await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.message().contains(
            "currency of source_transaction's balance transaction (usd) must be the same as the \
             transfer currency (eur)"
        ),
        "{}",
        reply.message()
    );
    // 10.00 EUR settled as 12.50 USD.
    assert_eq!(
        world
            .transfer(&form(1251, "usd", &seller, &payment.charge))
            .await
            .status,
        400
    );
    assert_eq!(
        world
            .transfer(&form(1250, "usd", &seller, &payment.charge))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_group_cannot_be_given_to_a_charge_that_has_one() {
    let world = World::new().await;
    let (_, good) = world.ready_transfer(100);
    let with_group = format!("{good}&transfer_group=mine");
    let reply = world.transfer(&with_group).await;
    assert_eq!(reply.json()["transfer_group"], "mine");
    let reply = world.transfer(&with_group).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.message(),
        "You cannot use transfer_group if the source_transaction already has one set."
    );
}

#[tokio::test]
async fn the_transfers_of_a_charge_stay_within_what_was_captured() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").authorized());
    stripe.capture(&payment.charge, Some(700));
    let reply = world
        .transfer(&form(701, "eur", &seller, &payment.charge))
        .await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "charge_exceeds_source_limit")
    );
    assert_eq!(
        world
            .transfer(&form(700, "eur", &seller, &payment.charge))
            .await
            .status,
        200
    );
    let reply = world
        .transfer(&form(1, "eur", &seller, &payment.charge))
        .await;
    assert_eq!(reply.code(), "charge_exceeds_source_limit");
}
