use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{AccountSeed, STRIPE_LIVE_KEY};

use crate::client::{Reply, World, form};

fn entry(amount: i64, currency: &str) -> Value {
    json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } })
}

fn part(reply: &Reply, part: &str) -> Vec<(i64, String)> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let balance = reply.json();
    let entries = balance[part].as_array().expect("entries").iter();
    let entries = entries.map(|entry| {
        let currency = entry["currency"].as_str().expect("a currency");
        (
            entry["amount"].as_i64().expect("an amount"),
            currency.to_owned(),
        )
    });
    entries.collect()
}

fn euro(amount: i64) -> Vec<(i64, String)> {
    vec![(amount, "eur".to_owned())]
}

#[tokio::test]
async fn a_balance_that_is_empty_still_names_the_accounts_own_currency() {
    let world = World::new().await;
    let balance = world.stripe("/v1/balance").await.json();
    assert_eq!(
        balance,
        json!({
            "object": "balance",
            "available": [entry(0, "eur")],
            "pending": [entry(0, "eur")],
            "connect_reserved": [{ "amount": 0, "currency": "eur" }],
            "instant_available": [entry(0, "eur")],
            "livemode": false,
        })
    );
    let seed = AccountSeed::new().currency("sek");
    let seller = world.sim.stripe().add_account(seed);
    let balance = world.stripe_for(&seller, "/v1/balance").await;
    assert_eq!(part(&balance, "available"), [(0, "sek".to_owned())]);
    let live = world.stripe_as(STRIPE_LIVE_KEY, "/v1/balance").await.json();
    assert_eq!(live["livemode"], true);
}

#[tokio::test]
async fn a_balance_has_one_entry_per_currency() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = world.seller_with(500);
    stripe.add_funds(&seller, "eur", 250);
    stripe.add_funds(&seller, "jpy", 30);
    stripe.add_funds(&stripe.platform_id(), "usd", 9);
    let own = world.stripe_for(&seller, "/v1/balance").await;
    let wanted = [(750, "eur".to_owned()), (30, "jpy".to_owned())];
    assert_eq!(part(&own, "available"), wanted);
    assert_eq!(part(&own, "instant_available"), wanted);
    let none = [(0, "eur".to_owned()), (0, "jpy".to_owned())];
    assert_eq!(part(&own, "pending"), none);
    assert_eq!(part(&own, "connect_reserved"), none);
    let platform = world.stripe("/v1/balance").await;
    let wanted = [(0, "eur".to_owned()), (9, "usd".to_owned())];
    assert_eq!(part(&platform, "available"), wanted);
    assert_eq!(world.sim.count("GET /v1/balance"), 2);
}

#[tokio::test]
async fn pending_money_becomes_available_after_two_days() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(6000);
    assert_eq!(world.transfer(&body).await.status, 200);
    let sellers = world.stripe_for(&seller, "/v1/balance").await;
    assert_eq!(part(&sellers, "available"), euro(0));
    assert_eq!(part(&sellers, "pending"), euro(6000));
    let platform = world.stripe("/v1/balance").await;
    assert_eq!(part(&platform, "pending"), euro(4000));
    world.sim.clock().advance(TimeDelta::days(2));
    let sellers = world.stripe_for(&seller, "/v1/balance").await;
    assert_eq!(part(&sellers, "available"), euro(6000));
    assert_eq!(part(&sellers, "pending"), euro(0));
    let platform = world.stripe("/v1/balance").await;
    assert_eq!(part(&platform, "available"), euro(4000));
}

#[tokio::test]
async fn a_balance_may_be_negative_of_which_nothing_can_be_had_at_once() {
    let world = World::new().await;
    let seller = world.seller_with(100);
    world.sim.stripe().drain(&seller, "eur", 250);
    let balance = world.stripe_for(&seller, "/v1/balance").await;
    assert_eq!(part(&balance, "available"), euro(-150));
    assert_eq!(part(&balance, "instant_available"), euro(0));
    assert_eq!(world.sim.stripe().available(&seller, "eur"), -150);
}

#[tokio::test]
async fn a_balance_is_only_read_by_those_who_may() {
    let world = World::new().await;
    let seller = world.seller_with(100);
    let other = world.stripe_for("acct_other", "/v1/balance").await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (403, "account_invalid")
    );
    assert_eq!(
        world.stripe("/v1/balance?currency=eur").await.code(),
        "parameter_unknown"
    );
    world.sim.stripe().disconnect(&seller);
    let gone = world.stripe_for(&seller, "/v1/balance").await;
    assert_eq!(gone.code(), "account_invalid");
    assert_eq!(world.make("balance", "").await.status, 404);
}

#[tokio::test]
async fn reading_a_balance_moves_nothing() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    world.transfer(&form(6000, "eur", &seller, &charge)).await;
    for days in [0, 2] {
        world.sim.clock().advance(TimeDelta::days(days));
        let first = world.stripe_for(&seller, "/v1/balance").await.text;
        assert_eq!(world.stripe_for(&seller, "/v1/balance").await.text, first);
        assert_eq!(world.sim.stripe().balance(&seller, "eur"), 6000);
    }
}
