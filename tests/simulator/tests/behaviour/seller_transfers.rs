use chrono::TimeDelta;
use serde_json::json;
use simulator::{AccountSeed, TransferSeed};

use crate::client::{World, form};

/// The form of a transfer to the platform.
fn back(world: &World, amount: i64, currency: &str) -> String {
    let platform = world.sim.stripe().platform_id();
    format!("amount={amount}&currency={currency}&destination={platform}")
}

#[tokio::test]
async fn a_seller_pays_the_platform_and_the_transfer_is_the_sellers() {
    let world = World::new().await;
    let seller = world.seller_with(500);
    let other = world.seller_with(500);
    let stripe = world.sim.stripe();
    let platform = stripe.platform_id();
    let body = format!(
        "{}&description=fee&metadata[a]=b&transfer_group=G",
        back(&world, 300, "eur")
    );
    let made = world.try_for(&seller, "transfers", &body, "k1").await;
    let made = made.expect("an answer");
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json();
    let id = made["id"].as_str().expect("an id");
    assert_eq!(
        (&made["destination"], &made["amount"]),
        (&json!(platform), &json!(300))
    );
    let path = format!("/v1/transfers/{id}");
    assert_eq!(world.stripe_for(&seller, &path).await.json(), made);
    let list = world.stripe_for(&seller, "/v1/transfers").await.json();
    assert_eq!(list["data"], json!([made]));
    let grouped = "/v1/transfers?transfer_group=H";
    let none = world.stripe_for(&seller, grouped).await.json();
    assert_eq!(none["data"], json!([]));
    for stranger in [
        world.stripe(&path).await,
        world.stripe_for(&other, &path).await,
    ] {
        assert_eq!(
            (stranger.status, stranger.code().as_str()),
            (404, "resource_missing")
        );
    }
    for list in [
        world.stripe("/v1/transfers").await,
        world.stripe_for(&other, "/v1/transfers").await,
    ] {
        assert_eq!(list.json()["data"], json!([]));
    }
    assert_eq!(stripe.available(&seller, "eur"), 200);
    assert_eq!(stripe.available(&platform, "eur"), 300);

    let [one] = <[_; 1]>::try_from(stripe.seller_transfers()).expect("one");
    assert_eq!((one.id.as_str(), &one.account), (id, &seller));
    assert_eq!((one.amount, one.currency.as_str()), (300, "eur"));
    assert_eq!((&one.destination, one.amount_reversed), (&platform, 0));
    assert_eq!(one.metadata["a"], "b");
    assert_eq!(one.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(one.at, stripe.transfers()[0].created);
}

#[tokio::test]
async fn transfers_of_the_platform_are_not_among_the_sellers() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    world.transfer(&form(1000, "eur", &seller, &charge)).await;
    let stripe = world.sim.stripe();
    stripe.add_transfer(TransferSeed::new(&seller, 100, "eur"));
    assert!(stripe.seller_transfers().is_empty());
    assert_eq!(stripe.transfers().len(), 2);
    let own = world.stripe_for(&seller, "/v1/transfers").await.json();
    assert_eq!(own["data"], json!([]));
}

#[tokio::test]
async fn a_seller_can_only_give_what_is_available_in_that_currency() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    world.transfer(&form(6000, "eur", &seller, &charge)).await;
    let stripe = world.sim.stripe();
    stripe.add_funds(&seller, "usd", 10_000);
    let pending = world
        .make_for(&seller, "transfers", &back(&world, 1, "eur"))
        .await;
    assert_eq!(
        (pending.status, pending.code().as_str()),
        (400, "balance_insufficient")
    );
    world.sim.clock().advance(TimeDelta::days(2));
    for (amount, status) in [(6001, 400), (6000, 200), (1, 400)] {
        let body = back(&world, amount, "eur");
        let reply = world.make_for(&seller, "transfers", &body).await;
        assert_eq!(reply.status, status, "{amount}");
    }
    assert_eq!(stripe.available(&seller, "eur"), 0);
}

#[tokio::test]
async fn a_seller_has_no_charge_to_transfer_from() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    world.sim.stripe().add_funds(&seller, "eur", 500);
    let body = format!("{}&source_transaction={charge}", back(&world, 100, "eur"));
    let reply = world.make_for(&seller, "transfers", &body).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "source_transaction");
    assert!(world.sim.stripe().seller_transfers().is_empty());
}

#[tokio::test]
async fn a_seller_pays_nobody_but_the_platform() {
    let world = World::new().await;
    let seller = world.seller_with(500);
    let other = world.seller_with(0);
    for to in [&other, &seller, "acct_none"] {
        let body = format!("amount=100&currency=eur&destination={to}");
        let reply = world.make_for(&seller, "transfers", &body).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "resource_missing"),
            "{to}"
        );
    }
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 500);
}

#[tokio::test]
async fn keys_of_transfers_are_of_the_account_that_makes_them() {
    let world = World::new().await;
    let sellers = [world.seller_with(500), world.seller_with(500)];
    let body = back(&world, 100, "eur");
    let mut made = Vec::new();
    for seller in sellers.iter().chain(&sellers) {
        let reply = world.try_for(seller, "transfers", &body, "k").await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
        made.push(reply.json()["id"].clone());
    }
    assert_eq!((&made[0], &made[1]), (&made[2], &made[3]));
    assert_ne!(made[0], made[1]);
    assert_eq!(world.sim.stripe().seller_transfers().len(), 2);
}

#[tokio::test]
async fn what_the_platform_gives_without_a_charge_is_limited_and_there_at_once() {
    let world = World::new().await;
    let (seller, _) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    let platform = stripe.platform_id();
    let body = |amount| format!("amount={amount}&currency=eur&destination={seller}");
    let pending = world.transfer(&body(100)).await;
    assert_eq!(
        (pending.status, pending.code().as_str()),
        (400, "balance_insufficient")
    );
    stripe.add_funds(&platform, "eur", 250);
    assert_eq!(world.transfer(&body(251)).await.status, 400);
    assert_eq!(world.transfer(&body(250)).await.status, 200);
    assert_eq!(stripe.available(&seller, "eur"), 250);
    assert_eq!(stripe.available(&platform, "eur"), 0);
    assert_eq!(stripe.balance(&platform, "eur"), 10_000);
}

#[tokio::test]
async fn a_transfer_that_a_seller_once_made_is_listed_at_its_time() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    let at = world.sim.clock().now() - TimeDelta::days(40);
    let metadata = [("pluginName", "MiraklConnector"), ("miraklId", "231")];
    let id = stripe.old_seller_transfer(&seller, 999, "eur", &metadata, at);
    let list = world.stripe_for(&seller, "/v1/transfers").await.json();
    let shown = &list["data"][0];
    assert_eq!((&shown["id"], &shown["amount"]), (&json!(id), &json!(999)));
    assert_eq!(shown["created"], at.timestamp());
    assert_eq!(shown["metadata"]["miraklId"], "231");
    assert_eq!(stripe.available(&seller, "eur"), -999);
    assert_eq!(stripe.available(&stripe.platform_id(), "eur"), 999);
    let [one] = <[_; 1]>::try_from(stripe.seller_transfers()).expect("one");
    assert_eq!((one.account, one.idempotency_key), (seller, None));
    assert_eq!(one.at.timestamp(), at.timestamp());
}

#[tokio::test]
async fn a_sellers_transfer_is_taken_back_for_the_seller() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = world.seller_with(500);
    let body = back(&world, 300, "eur");
    let made = world.make_for(&seller, "transfers", &body).await.json();
    let kind = format!(
        "transfers/{}/reversals",
        made["id"].as_str().expect("an id")
    );
    assert_eq!(world.make(&kind, "amount=100").await.status, 404);
    let reply = world.make_for(&seller, &kind, "amount=100").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(stripe.available(&seller, "eur"), 300);
    assert_eq!(stripe.seller_transfers()[0].amount_reversed, 100);
}
