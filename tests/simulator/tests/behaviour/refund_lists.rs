use chrono::TimeDelta;
use serde_json::Value;
use simulator::{AccountSeed, Payment, PaymentSeed, STRIPE_LIVE_KEY};

use crate::client::World;

/// A payment of 100 euro with three refunds an hour apart, the oldest first.
async fn world() -> (World, Payment, Vec<String>) {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(10_000, "eur"));
    let start = world.sim.clock().now() - TimeDelta::days(1);
    let ids = (1..=3)
        .map(|n| {
            let at = start + TimeDelta::hours(n);
            let id = n.to_string();
            stripe.old_refund(&payment.charge, n * 100, &[("n", &id)], at)
        })
        .collect();
    (world, payment, ids)
}

async fn ids(world: &World, query: &str) -> Vec<String> {
    let page = world.stripe(&format!("/v1/refunds?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.json();
    let data = page["data"].as_array().expect("data").iter();
    data.map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn refunds_are_listed_newest_first_and_paged() {
    let (world, _, all) = world().await;
    let [one, two, three] = &all[..] else {
        panic!("three refunds");
    };
    assert_eq!(ids(&world, "").await, [&**three, two, one]);
    let page = world.stripe("/v1/refunds?limit=2").await.json();
    assert_eq!(page["object"], "list");
    assert_eq!(page["url"], "/v1/refunds");
    assert_eq!(page["has_more"], true);
    assert_eq!(
        ids(&world, &format!("starting_after={two}")).await,
        [&**one]
    );
    let before = format!("ending_before={one}&limit=1");
    assert_eq!(ids(&world, &before).await, [&**two]);
    let odd = world.stripe("/v1/refunds?starting_after=re_none").await;
    assert_eq!((odd.status, odd.code().as_str()), (400, "resource_missing"));
}

#[tokio::test]
async fn refunds_are_found_by_charge_intent_and_time() {
    let (world, payment, all) = world().await;
    let stripe = world.sim.stripe();
    let other = stripe.pay(PaymentSeed::new(500, "eur").bare_charge());
    let own = stripe.refund(&other.charge, 500);
    let by_charge = format!("charge={}", other.charge);
    assert_eq!(ids(&world, &by_charge).await, [&*own]);
    let intent = payment.intent.expect("an intent");
    assert_eq!(
        ids(&world, &format!("payment_intent={intent}")).await.len(),
        3
    );
    assert!(ids(&world, "charge=ch_none").await.is_empty());
    let at = stripe.refunds()[1].at.timestamp();
    assert_eq!(ids(&world, &format!("created={at}")).await, [&*all[1]]);
    let since = format!("created[gte]={at}&charge={}", payment.charge);
    assert_eq!(ids(&world, &since).await, [&*all[2], &*all[1]]);
    assert_eq!(ids(&world, &format!("created[lt]={at}")).await, [&*all[0]]);
    let odd = world.stripe("/v1/refunds?metadata[n]=1").await;
    assert_eq!(odd.code(), "parameter_unknown");
}

#[tokio::test]
async fn a_refund_is_read_by_its_id() {
    let (world, payment, all) = world().await;
    let refund = world
        .stripe(&format!("/v1/refunds/{}", all[0]))
        .await
        .json();
    assert_eq!(refund["object"], "refund");
    assert_eq!(refund["amount"], 100);
    assert_eq!(refund["currency"], "eur");
    assert_eq!(refund["charge"], payment.charge.as_str());
    assert_eq!(
        refund["payment_intent"],
        payment.intent.as_deref().expect("an intent")
    );
    assert_eq!(refund["metadata"]["n"], "1");
    assert_eq!(refund["status"], "succeeded");
    let missing = world.stripe("/v1/refunds/re_none").await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "resource_missing")
    );
    let path = format!("/v1/refunds/{}", all[0]);
    let live = world.stripe_as(STRIPE_LIVE_KEY, &path).await;
    assert_eq!(live.status, 404);
    assert!(live.message().contains("test mode"));
    assert_eq!(world.sim.count("GET /v1/refunds/{id}"), 3);
}

#[tokio::test]
async fn refunds_are_the_platforms_own() {
    let (world, _, all) = world().await;
    let seller = world.sim.stripe().add_account(AccountSeed::new());
    let bearer = format!("Bearer {}", simulator::STRIPE_KEY);
    let headers = [("Authorization", &*bearer), ("Stripe-Account", &*seller)];
    let url = world.sim.stripe().url();
    let list = world.get(&format!("{url}/v1/refunds"), &headers).await;
    let list = list.expect("an answer").json();
    assert_eq!(list["data"], Value::Array(Vec::new()));
    let one = format!("{url}/v1/refunds/{}", all[0]);
    let one = world.get(&one, &headers).await.expect("an answer");
    assert_eq!(one.status, 404);
}

#[tokio::test]
async fn refunds_by_request_by_hand_and_of_old_are_on_record() {
    let (world, payment, all) = world().await;
    let stripe = world.sim.stripe();
    let form = format!("charge={}&amount=50&metadata[a]=b", payment.charge);
    let made = world.make_with_key("refunds", &form, "k1").await.json();
    let by_hand = stripe.refund(payment.intent.as_deref().expect("an intent"), 70);
    let refunds = stripe.refunds();
    assert_eq!(refunds.len(), 5);
    assert_eq!(refunds[0].id, all[0]);
    assert_eq!(refunds[0].metadata["n"], "1");
    assert_eq!(
        (refunds[2].amount, refunds[2].charge.as_str()),
        (300, &*payment.charge)
    );
    assert_eq!(refunds[3].id, made["id"].as_str().expect("an id"));
    assert_eq!(refunds[3].idempotency_key.as_deref(), Some("k1"));
    assert_eq!(refunds[3].metadata["a"], "b");
    assert_eq!(refunds[4].id, by_hand);
    assert_eq!(
        (refunds[4].currency.as_str(), refunds[4].status.as_str()),
        ("eur", "succeeded")
    );
    assert!(refunds[4].metadata.is_empty() && refunds[4].idempotency_key.is_none());
    assert_eq!(ids(&world, "limit=1").await, [by_hand]);
    let charge = world
        .stripe(&format!("/v1/charges/{}", payment.charge))
        .await;
    assert_eq!(charge.json()["amount_refunded"], 720);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 10_000 - 720);
}

#[tokio::test]
async fn what_is_released_is_a_refund_too() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let payment = stripe.pay(PaymentSeed::new(1000, "eur").authorized());
    let id = stripe.refund(&payment.charge, 1000);
    let refund = world.stripe(&format!("/v1/refunds/{id}")).await.json();
    assert_eq!(refund["amount"], 1000);
    assert!(refund["balance_transaction"].is_null());
    assert_eq!(refund["destination_details"]["card"]["type"], "reversal");
    let view = stripe.payment(&payment.charge).expect("a payment");
    assert!(view.canceled && view.refunded == 0);
    assert_eq!(stripe.balance(&stripe.platform_id(), "eur"), 0);
}

#[tokio::test]
async fn a_charge_under_dispute_is_refunded_when_the_dispute_is_over() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let charge = stripe.pay(PaymentSeed::new(1000, "eur")).charge;
    stripe.dispute(&charge);
    let form = format!("charge={charge}");
    let reply = world.make_with_key("refunds", &form, "k1").await;
    assert_eq!(reply.code(), "refund_disputed_payment");
    let shown = world.stripe(&format!("/v1/charges/{charge}")).await.json();
    assert_eq!(shown["disputed"], true);
    stripe.end_dispute(&charge);
    // The refusal stays under its key.
    assert_eq!(
        world.make_with_key("refunds", &form, "k1").await.status,
        400
    );
    assert_eq!(
        world.make_with_key("refunds", &form, "k2").await.status,
        200
    );
    assert_eq!(stripe.refunds().len(), 1);
}
