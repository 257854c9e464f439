use std::time::Duration;

use chrono::TimeDelta;
use simulator::{AccountSeed, Effect, Fault, STRIPE_KEY, TransferSeed};

use crate::client::{Reply, World, form};

/// A seller and a transfer of 60 euro to it from a charge of 100.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let made = world.transfer(&form(6000, "eur", &seller, &charge)).await;
    let transfer = made.json()["id"].as_str().expect("an id").to_owned();
    (world, seller, transfer)
}

async fn reverse(world: &World, transfer: &str, form: &str) -> Reply {
    world
        .make(&format!("transfers/{transfer}/reversals"), form)
        .await
}

#[tokio::test]
async fn a_reversal_takes_a_part_of_a_transfer_back() {
    let (world, seller, transfer) = world().await;
    let stripe = world.sim.stripe();
    let platform = stripe.platform_id();
    assert_eq!(stripe.balance(&platform, "eur"), 4000);
    let kind = format!("transfers/{transfer}/reversals");
    let form = "amount=2500&description=back&metadata[a]=b&refund_application_fee=false";
    let reply = world.make_with_key(&kind, form, "k1").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reversal = reply.json();
    let id = reversal["id"].as_str().expect("an id");
    assert!(id.starts_with("trr_"));
    assert_eq!(reversal["object"], "transfer_reversal");
    assert_eq!(
        (&reversal["amount"], &reversal["currency"]),
        (&2500.into(), &"eur".into())
    );
    assert_eq!(reversal["transfer"], transfer.as_str());
    assert_eq!(reversal["metadata"]["a"], "b");
    assert!(reversal["source_refund"].is_null());
    assert!(reversal["balance_transaction"].is_string());
    let shown = world
        .stripe(&format!("/v1/transfers/{transfer}"))
        .await
        .json();
    assert_eq!(
        (&shown["amount_reversed"], &shown["reversed"]),
        (&2500.into(), &false.into())
    );
    assert_eq!(shown["reversals"]["data"][0], reversal);
    assert_eq!(stripe.balance(&seller, "eur"), 3500);
    assert_eq!(stripe.balance(&platform, "eur"), 6500);
    let [one] = <[_; 1]>::try_from(stripe.reversals()).expect("one");
    assert_eq!((one.id.as_str(), one.transfer), (id, transfer));
    assert_eq!((one.amount, one.currency.as_str()), (2500, "eur"));
    assert_eq!(one.metadata["a"], "b");
    assert_eq!(one.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(world.sim.count("POST /v1/transfers/{id}/reversals"), 1);
}

#[tokio::test]
async fn reversals_stay_within_the_transfer() {
    let (world, _, transfer) = world().await;
    world.sim.stripe().reverse(&transfer, 1000);
    let over = reverse(&world, &transfer, "amount=5001").await;
    assert_eq!((over.status, over.code().as_str()), (400, ""));
    assert_eq!(over.json()["error"]["type"], "invalid_request_error");
    let message = over.message();
    assert!(
        message.contains("5001") && message.contains("5000"),
        "{message}"
    );
    let rest = reverse(&world, &transfer, "").await;
    assert_eq!(rest.json()["amount"], 5000);
    let shown = world
        .stripe(&format!("/v1/transfers/{transfer}"))
        .await
        .json();
    assert_eq!(shown["reversed"], true);
    for form in ["", "amount=1"] {
        let again = reverse(&world, &transfer, form).await;
        assert_eq!((again.status, again.code().as_str()), (400, ""));
        assert_eq!(again.json()["error"]["type"], "invalid_request_error");
    }
    assert_eq!(world.sim.stripe().reversals().len(), 2);
}

#[tokio::test]
async fn a_seller_must_have_the_money_that_is_taken_back() {
    let (world, seller, transfer) = world().await;
    let stripe = world.sim.stripe();
    stripe.drain(&seller, "eur", 3501);
    stripe.add_funds(&seller, "usd", 9000);
    let reply = reverse(&world, &transfer, "amount=2500").await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "balance_insufficient")
    );
    assert_eq!(stripe.balance(&seller, "eur"), 2499);
    assert!(stripe.reversals().is_empty());
    stripe.add_funds(&seller, "eur", 1);
    assert_eq!(reverse(&world, &transfer, "amount=2500").await.status, 200);
    // Another transfer's money serves as well.
    let other = stripe.add_transfer(TransferSeed::new(&seller, 700, "eur"));
    assert_eq!(reverse(&world, &transfer, "amount=700").await.status, 200);
    let reply = reverse(&world, &other, "").await;
    assert_eq!(reply.code(), "balance_insufficient");
}

#[tokio::test]
async fn money_on_its_way_can_be_taken_back_unless_told_otherwise() {
    let (world, seller, transfer) = world().await;
    let stripe = world.sim.stripe();
    assert_eq!(stripe.available(&seller, "eur"), 0);
    assert_eq!(reverse(&world, &transfer, "amount=1000").await.status, 200);
    // Taken of what is on its way, so that nothing is missing meanwhile.
    assert_eq!(stripe.available(&seller, "eur"), 0);
    stripe.reverse_available_only(true);
    let reply = reverse(&world, &transfer, "amount=1000").await;
    assert_eq!(reply.code(), "balance_insufficient");
    world.sim.clock().advance(TimeDelta::days(3));
    assert_eq!(stripe.available(&seller, "eur"), 5000);
    assert_eq!(reverse(&world, &transfer, "amount=1000").await.status, 200);
    assert_eq!(stripe.available(&seller, "eur"), 4000);
}

#[tokio::test]
async fn only_a_transfer_of_ones_own_is_reversed() {
    let (world, seller, transfer) = world().await;
    let missing = reverse(&world, "tr_none", "").await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "resource_missing")
    );
    let kind = format!("transfers/{transfer}/reversals");
    let acting = [("Stripe-Account", &*seller)];
    let sellers = world.post_as(STRIPE_KEY, &kind, "", &acting).await;
    assert_eq!(sellers.expect("an answer").status, 404);
    let stripe = world.sim.stripe();
    stripe.add_funds(&seller, "eur", 900);
    let body = format!(
        "amount=900&currency=eur&destination={}",
        stripe.platform_id()
    );
    let own = world.post(&body, &acting).await.expect("an answer").json();
    let kind = format!("transfers/{}/reversals", own["id"].as_str().expect("an id"));
    assert_eq!(world.make(&kind, "").await.status, 404);
    let reply = world.post_as(STRIPE_KEY, &kind, "", &acting).await;
    // What the platform got of the seller was available at once.
    assert_eq!(reply.expect("an answer").status, 200);
    assert_eq!(stripe.balance(&seller, "eur"), 6900);
}

#[tokio::test]
async fn a_reversals_parameters_are_checked() {
    let (world, _, transfer) = world().await;
    for (form, code) in [
        ("amount=0", "parameter_invalid_integer"),
        ("amount=-5", "parameter_invalid_integer"),
        ("amount=1.5", "parameter_invalid_integer"),
        ("odd=1", "parameter_unknown"),
        ("refund_application_fee=maybe", ""),
        ("description=", "parameter_invalid_empty"),
        ("metadata=x", ""),
    ] {
        let reply = reverse(&world, &transfer, form).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{form}");
    }
    assert!(world.sim.stripe().reversals().is_empty());
}

#[tokio::test]
async fn a_refusal_is_kept_under_its_key_and_a_lost_answer_is_replayed() {
    let (world, seller, transfer) = world().await;
    let stripe = world.sim.stripe();
    let kind = format!("transfers/{transfer}/reversals");
    stripe.drain(&seller, "eur", 6000);
    let refused = world.make_with_key(&kind, "amount=10", "k1").await;
    stripe.add_funds(&seller, "eur", 6000);
    let replayed = world.make_with_key(&kind, "amount=10", "k1").await;
    assert_eq!(replayed.text, refused.text);
    assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
    let faults = world.sim.faults();
    faults.add(Fault::on("POST /v1/transfers/{id}/reversals").then(Effect::CutAfter));
    let headers = [("Idempotency-Key", "k2")];
    let lost = world
        .post_as(STRIPE_KEY, &kind, "amount=10", &headers)
        .await;
    assert!(lost.is_err());
    let found = world.make_with_key(&kind, "amount=10", "k2").await;
    assert_eq!(found.status, 200);
    assert_eq!(stripe.reversals().len(), 1);
    let other = world.make_with_key(&kind, "amount=11", "k2").await;
    assert_eq!(other.json()["error"]["type"], "idempotency_error");
    faults.add(Fault::on("POST /v1/transfers/{id}/reversals").then(Effect::CutBefore));
    assert!(
        world
            .post_as(STRIPE_KEY, &kind, "", &headers)
            .await
            .is_err()
    );
    assert_eq!(stripe.reversals().len(), 1);
}

#[tokio::test]
async fn a_transfer_is_reversed_by_one_request_at_a_time() {
    let (world, _, transfer) = world().await;
    let kind = format!("transfers/{transfer}/reversals");
    let slow = Effect::Delay(Duration::from_millis(300));
    let fault = Fault::on("POST /v1/transfers/{id}/reversals").then(slow);
    world.sim.faults().add(fault);
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        reverse(&world, &transfer, "amount=1").await
    };
    let (first, second) = tokio::join!(world.make(&kind, "amount=2"), second);
    assert_eq!(first.status, 200);
    assert_eq!(
        (second.status, second.code().as_str()),
        (429, "lock_timeout")
    );
    assert_eq!(reverse(&world, &transfer, "amount=1").await.status, 200);
}

#[tokio::test]
async fn a_seller_without_a_transfer_to_take_back_keeps_its_money() {
    let (world, _, transfer) = world().await;
    let stripe = world.sim.stripe();
    let bystander = stripe.add_account(AccountSeed::new());
    stripe.add_funds(&bystander, "eur", 500);
    reverse(&world, &transfer, "").await;
    assert_eq!(stripe.balance(&bystander, "eur"), 500);
}
