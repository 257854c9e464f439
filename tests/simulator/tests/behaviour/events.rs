use chrono::TimeDelta;
use serde_json::Value;
use simulator::{AccountSeed, PaymentSeed, STRIPE_KEY, TransferSeed};

use crate::client::{World, form};

async fn list(world: &World, query: &str) -> Vec<Value> {
    let page = world.stripe(&format!("/v1/events?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.json();
    page["data"].as_array().expect("data").clone()
}

async fn kinds(world: &World, query: &str) -> Vec<String> {
    let events = list(world, query).await;
    let kinds = events.iter().map(|event| event["type"].as_str());
    kinds.map(|kind| kind.expect("a type").to_owned()).collect()
}

/// A refund that failed, and a transfer of which a part was taken back.
async fn world() -> World {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let (seller, charge) = world.seller_and_charge();
    let refund = stripe.refund(&charge, 500);
    stripe.fail_refund(&refund, "expired_or_canceled_card");
    let transfer = world.transfer(&form(5000, "eur", &seller, &charge)).await;
    stripe.reverse(transfer.json()["id"].as_str().expect("an id"), 100);
    world
}

const ALL: [&str; 6] = [
    "transfer.reversed",
    "transfer.created",
    "refund.failed",
    "refund.updated",
    "charge.refunded",
    "refund.created",
];

#[tokio::test]
async fn what_happens_is_told_newest_first() {
    let world = world().await;
    assert_eq!(kinds(&world, "").await, ALL);
    let page = world.stripe("/v1/events?limit=2").await.json();
    assert_eq!(
        (&page["object"], &page["url"]),
        (&"list".into(), &"/v1/events".into())
    );
    assert_eq!(page["has_more"], true);
    let second = page["data"][1]["id"].as_str().expect("an id");
    let rest = kinds(&world, &format!("starting_after={second}")).await;
    assert_eq!(rest, ALL[2..]);
    let before = kinds(&world, &format!("ending_before={second}")).await;
    assert_eq!(before, ALL[..1]);
    let made = world.sim.stripe().events();
    assert_eq!(made.len(), 6);
    assert_eq!(made[0]["type"], "refund.created");
    assert_eq!(world.sim.count("GET /v1/events"), 4);
}

#[tokio::test]
async fn an_event_shows_its_object_as_it_was_then() {
    let world = world().await;
    let events = list(&world, "").await;
    for event in &events {
        assert!(
            event["id"]
                .as_str()
                .is_some_and(|id| id.starts_with("evt_"))
        );
        assert_eq!(event["object"], "event");
        assert!(event["created"].is_i64() && event["api_version"].is_string());
        assert_eq!(event["livemode"], false);
        assert_eq!(event["pending_webhooks"], 0);
    }
    let [reversed, created, failed, _, charge, made] = &events[..] else {
        panic!("six events");
    };
    assert_eq!(made["data"]["object"]["status"], "succeeded");
    assert_eq!(failed["data"]["object"]["id"], made["data"]["object"]["id"]);
    assert_eq!(failed["data"]["object"]["status"], "failed");
    let reason = &failed["data"]["object"]["failure_reason"];
    assert_eq!(reason, "expired_or_canceled_card");
    assert_eq!(charge["data"]["object"]["object"], "charge");
    assert_eq!(charge["data"]["object"]["amount_refunded"], 500);
    assert_eq!(created["data"]["object"]["amount_reversed"], 0);
    assert_eq!(reversed["data"]["object"]["object"], "transfer");
    assert_eq!(reversed["data"]["object"]["amount_reversed"], 100);
    let id = failed["id"].as_str().expect("an id");
    let one = world.stripe(&format!("/v1/events/{id}")).await.json();
    assert_eq!(one, *failed);
    assert_eq!(world.stripe("/v1/events/evt_none").await.status, 404);
}

#[tokio::test]
async fn an_event_names_the_request_behind_it() {
    let world = World::new().await;
    let charge = world.sim.stripe().pay(PaymentSeed::new(1000, "eur")).charge;
    let body = format!("charge={charge}&amount=100");
    let reply = world.make_with_key("refunds", &body, "k1").await;
    world.make_with_key("refunds", &body, "k1").await;
    world.sim.stripe().refund(&charge, 50);
    let made = list(&world, "type=refund.created").await;
    let [by_hand, asked] = &made[..] else {
        panic!("two events");
    };
    assert_eq!(
        asked["request"]["id"],
        reply.header("request-id").expect("an id")
    );
    assert_eq!(asked["request"]["idempotency_key"], "k1");
    assert!(by_hand["request"]["id"].is_null());
    assert!(by_hand["request"]["idempotency_key"].is_null());
}

#[tokio::test]
async fn a_pending_refund_is_told_of_again_when_it_has_succeeded() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    stripe.refunds_stay_pending(true);
    let charge = stripe.pay(PaymentSeed::new(1000, "eur")).charge;
    let id = stripe.refund(&charge, 10);
    stripe.settle_refund(&id);
    let told = list(&world, "type=refund.*").await;
    let states: Vec<&Value> = told
        .iter()
        .map(|e| &e["data"]["object"]["status"])
        .collect();
    assert_eq!(states, ["succeeded", "pending"]);
    assert_eq!(told[0]["type"], "refund.updated");
}

#[tokio::test]
async fn events_are_asked_for_by_type() {
    let world = world().await;
    assert_eq!(kinds(&world, "type=refund.failed").await, ["refund.failed"]);
    assert_eq!(kinds(&world, "type=transfer.*").await, ALL[..2]);
    let two = "types[]=refund.created&types[]=transfer.created";
    let found = kinds(&world, two).await;
    assert_eq!(found, ["transfer.created", "refund.created"]);
    let two = "types[0]=refund.created&types[1]=payout.failed";
    assert_eq!(kinds(&world, two).await, ["refund.created"]);
    assert!(kinds(&world, "type=payout.failed").await.is_empty());
    let many = "types[]=a&".repeat(21);
    for (query, code) in [
        ("type=a&types[]=b", "parameters_exclusive"),
        (many.trim_end_matches('&'), ""),
        ("types=a", ""),
        ("kind=a", "parameter_unknown"),
        ("delivery_success=maybe", ""),
    ] {
        let reply = world.stripe(&format!("/v1/events?{query}")).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, code),
            "{query}"
        );
    }
    assert_eq!(kinds(&world, &"types[]=a&".repeat(20)).await, [""; 0]);
    assert_eq!(kinds(&world, "delivery_success=true").await.len(), 6);
    assert!(kinds(&world, "delivery_success=false").await.is_empty());
}

#[tokio::test]
async fn events_are_asked_for_by_time_and_kept_for_thirty_days() {
    let world = World::new().await;
    let (stripe, clock) = (world.sim.stripe(), world.sim.clock());
    let charge = stripe.pay(PaymentSeed::new(1000, "eur")).charge;
    let start = clock.now();
    for day in [40, 20] {
        stripe.old_refund(&charge, day, &[], start - TimeDelta::days(day));
    }
    stripe.refund(&charge, 1);
    let amounts = async |query: &str| {
        let query = format!("type=refund.created&{query}");
        let events = list(&world, &query).await;
        let amounts = events
            .iter()
            .map(|e| e["data"]["object"]["amount"].as_i64());
        amounts.collect::<Option<Vec<i64>>>().expect("amounts")
    };
    assert_eq!(amounts("").await, [1, 20]);
    let middle = (start - TimeDelta::days(10)).timestamp();
    assert_eq!(amounts(&format!("created[gte]={middle}")).await, [1]);
    assert_eq!(amounts(&format!("created[lt]={middle}")).await, [20]);
    let exact = (start - TimeDelta::days(20)).timestamp();
    assert_eq!(amounts(&format!("created={exact}")).await, [20]);
    let id = list(&world, "type=refund.created&limit=2").await[1]["id"].clone();
    let path = format!("/v1/events/{}", id.as_str().expect("an id"));
    clock.advance(TimeDelta::days(11));
    assert_eq!(amounts("").await, [1]);
    assert_eq!(world.stripe(&path).await.status, 404);
    clock.advance(TimeDelta::days(20));
    assert!(amounts("").await.is_empty());
    assert_eq!(stripe.events().len(), 6);
}

#[tokio::test]
async fn events_are_of_the_account_that_asks() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    stripe.add_transfer(TransferSeed::new(&seller, 100, "eur"));
    stripe.add_funds(&seller, "eur", 900);
    let acting = [("Stripe-Account", &*seller)];
    let body = format!(
        "amount=70&currency=eur&destination={}",
        stripe.platform_id()
    );
    world.post(&body, &acting).await.expect("an answer");
    let amounts = |events: &[Value]| -> Vec<i64> {
        let amounts = events
            .iter()
            .map(|e| e["data"]["object"]["amount"].as_i64());
        amounts.collect::<Option<_>>().expect("amounts")
    };
    assert_eq!(amounts(&list(&world, "").await), [100]);
    let bearer = format!("Bearer {STRIPE_KEY}");
    let headers = [("Authorization", &*bearer), acting[0]];
    let url = format!("{}/v1/events", stripe.url());
    let sellers = world.get(&url, &headers).await.expect("an answer").json();
    assert_eq!(amounts(sellers["data"].as_array().expect("data")), [70]);
    assert_eq!(stripe.events().len(), 2);
}
