use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{AccountSeed, PaymentSeed, TransferSeed};

use crate::client::{World, form};

#[tokio::test]
async fn a_transfer_from_a_charge_moves_money_to_the_seller() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let body = format!(
        "{}&metadata[miraklId]=C1-A&description=Order%20C1-A",
        form(8800, "eur", &seller, &charge)
    );
    let reply = world.transfer_with_key(&body, "k1").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let transfer = reply.json();
    assert_eq!(transfer["object"], "transfer");
    assert_eq!(
        (&transfer["amount"], &transfer["currency"]),
        (&8800.into(), &"eur".into())
    );
    assert_eq!(transfer["metadata"], json!({ "miraklId": "C1-A" }));
    assert_eq!(transfer["description"], "Order C1-A");
    assert_eq!(transfer["livemode"], false);
    assert_eq!(transfer["reversals"]["data"], json!([]));
    for (field, prefix) in [
        ("id", "tr_"),
        ("destination_payment", "py_"),
        ("balance_transaction", "txn_"),
    ] {
        assert!(
            transfer[field]
                .as_str()
                .is_some_and(|id| id.starts_with(prefix)),
            "{field}"
        );
    }
    let stripe = world.sim.stripe();
    assert_eq!(stripe.balance(&seller, "eur"), 8800);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 1200);
    let made = stripe.transfers_for("C1-A");
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].source_transaction.as_deref(), Some(charge.as_str()));
    assert_eq!(made[0].idempotency_key.as_deref(), Some("k1"));
    let read = world.stripe(&format!("/v1/transfers/{}", made[0].id)).await;
    assert_eq!(read.json(), transfer);
}

#[tokio::test]
async fn a_transfer_takes_over_the_charges_group_or_gives_it_one() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let grouped = stripe.pay(PaymentSeed::new(1000, "eur").transfer_group("g"));
    let plain = stripe.pay(PaymentSeed::new(1000, "eur"));
    let bare = stripe.pay(PaymentSeed::new(1000, "eur").bare_charge());
    let own = format!("group_{}", plain.intent.expect("an intent"));
    let bares = format!("group_{}", bare.charge);
    for (charge, group) in [
        (&grouped.charge, "g"),
        (&plain.charge, &own),
        (&bare.charge, &bares),
    ] {
        for _ in 0..2 {
            let reply = world.transfer(&form(10, "eur", &seller, charge)).await;
            assert_eq!(reply.json()["transfer_group"], group);
        }
        let charge = world.stripe(&format!("/v1/charges/{charge}")).await.json();
        assert_eq!(charge["transfer_group"], group);
    }
}

#[tokio::test]
async fn a_transfer_without_a_charge_needs_available_money() {
    let world = World::new().await;
    let (seller, _) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    let body = format!("amount=6000&currency=eur&destination={seller}&transfer_group=mine");
    let reply = world.transfer(&body).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "balance_insufficient")
    );
    world.sim.clock().advance(TimeDelta::days(3));
    assert_eq!(stripe.available(&stripe.platform_id(), "eur"), 10_000);
    let reply = world.transfer(&body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["transfer_group"], "mine");
    assert_eq!(reply.json()["source_transaction"], Value::Null);
    let reply = world.transfer(&body).await;
    assert_eq!(reply.code(), "balance_insufficient");
    assert_eq!(stripe.balance(&seller, "eur"), 6000);
}

#[tokio::test]
async fn money_of_a_charge_is_the_sellers_when_it_has_settled() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(5000);
    world.transfer(&body).await;
    let stripe = world.sim.stripe();
    assert_eq!(
        (
            stripe.balance(&seller, "eur"),
            stripe.available(&seller, "eur")
        ),
        (5000, 0)
    );
    world.sim.clock().advance(TimeDelta::days(3));
    assert_eq!(stripe.available(&seller, "eur"), 5000);
}

#[tokio::test]
async fn a_seller_pays_the_platform_from_its_own_balance() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let other = stripe.add_account(AccountSeed::new());
    stripe.add_funds(&seller, "eur", 500);
    let acting = [("Stripe-Account", seller.as_str())];
    let body = |to: &str| format!("amount=300&currency=eur&destination={to}");
    let platform = stripe.platform_id();
    let reply = world
        .post(&body(&platform), &acting)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        (
            stripe.balance(&seller, "eur"),
            stripe.balance(&platform, "eur")
        ),
        (200, 300)
    );
    let reply = world
        .post(&body(&platform), &acting)
        .await
        .expect("an answer");
    assert_eq!(reply.code(), "balance_insufficient");
    let reply = world.post(&body(&other), &acting).await.expect("an answer");
    assert_eq!(reply.code(), "resource_missing");
    assert_eq!(
        world.stripe("/v1/transfers").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_transfer_made_elsewhere_counts_against_the_charge() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let seed = TransferSeed::new(&seller, 9000, "eur")
        .source_transaction(&charge)
        .metadata("miraklId", "C1-A")
        .created_at(world.sim.clock().now() - TimeDelta::days(2));
    let id = world.sim.stripe().add_transfer(seed);
    assert_eq!(world.sim.stripe().transfers_for("C1-A")[0].id, id);
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 9000);
    let reply = world.transfer(&form(1001, "eur", &seller, &charge)).await;
    assert_eq!(reply.code(), "charge_exceeds_source_limit");
    assert_eq!(
        world
            .transfer(&form(1000, "eur", &seller, &charge))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_reversal_gives_the_charge_its_room_back() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let reply = world.transfer(&form(10_000, "eur", &seller, &charge)).await;
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    world.sim.stripe().reverse(&id, 4000);
    let transfer = world.stripe(&format!("/v1/transfers/{id}")).await.json();
    assert_eq!(
        (&transfer["amount_reversed"], &transfer["reversed"]),
        (&4000.into(), &false.into())
    );
    assert_eq!(transfer["reversals"]["data"][0]["amount"], 4000);
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 6000);
    assert_eq!(
        world
            .transfer(&form(4001, "eur", &seller, &charge))
            .await
            .status,
        400
    );
    assert_eq!(
        world
            .transfer(&form(4000, "eur", &seller, &charge))
            .await
            .status,
        200
    );
    world.sim.stripe().reverse(&id, 6000);
    let transfer = world.stripe(&format!("/v1/transfers/{id}")).await.json();
    assert_eq!(transfer["reversed"], true);
}

#[tokio::test]
async fn two_sellers_share_a_charge() {
    let world = World::new().await;
    let (one, charge) = world.seller_and_charge();
    let two = world.sim.stripe().add_account(AccountSeed::new());
    assert_eq!(
        world
            .transfer(&form(6000, "eur", &one, &charge))
            .await
            .status,
        200
    );
    assert_eq!(
        world
            .transfer(&form(4001, "eur", &two, &charge))
            .await
            .status,
        400
    );
    assert_eq!(
        world
            .transfer(&form(4000, "eur", &two, &charge))
            .await
            .status,
        200
    );
    assert_eq!(
        world
            .sim
            .stripe()
            .balance(&world.sim.stripe().platform_id(), "eur"),
        0
    );
}
