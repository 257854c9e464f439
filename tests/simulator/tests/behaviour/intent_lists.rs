use chrono::TimeDelta;
use serde_json::Value;
use simulator::PaymentSeed;

use crate::client::World;

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("data").iter();
    data.map(|intent| intent["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn intents_are_listed_newest_first() {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    let mut all: Vec<String> = (0..4)
        .map(|n| {
            let at = start + TimeDelta::minutes(n);
            let seed = PaymentSeed::new(1000, "eur").created_at(at);
            world.sim.stripe().pay(seed).intent.expect("an intent")
        })
        .collect();
    all.reverse();
    let first = world.stripe("/v1/payment_intents?limit=3").await.json();
    assert_eq!(
        (first["object"].as_str(), &first["has_more"]),
        (Some("list"), &true.into())
    );
    assert_eq!(ids(&first), all[..3]);
    let path = format!("/v1/payment_intents?starting_after={}", all[2]);
    let second = world.stripe(&path).await.json();
    assert_eq!(ids(&second), all[3..]);
    assert_eq!(second["has_more"], false);
    let since = (start + TimeDelta::minutes(2)).timestamp();
    let path = format!("/v1/payment_intents?created[gte]={since}");
    assert_eq!(ids(&world.stripe(&path).await.json()), all[..2]);
    let odd = world.stripe("/v1/payment_intents?metadata[a]=b").await;
    assert_eq!(odd.code(), "parameter_unknown");
}

#[tokio::test]
async fn intents_are_listed_by_customer_with_their_charges() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let own = stripe.pay(PaymentSeed::new(1000, "eur").customer("cus_1"));
    stripe.pay(PaymentSeed::new(1000, "eur").customer("cus_2"));
    stripe.pay(
        PaymentSeed::new(1000, "eur")
            .customer("cus_1")
            .bare_charge(),
    );
    let path = "/v1/payment_intents?customer=cus_1\
                &expand[]=data.latest_charge.balance_transaction";
    let page = world.stripe(path).await.json();
    assert_eq!(ids(&page), [own.intent.expect("an intent")]);
    assert_eq!(page["data"][0]["customer"], "cus_1");
    assert_eq!(page["data"][0]["latest_charge"]["id"], own.charge.as_str());
    let balance = &page["data"][0]["latest_charge"]["balance_transaction"];
    assert_eq!(balance["amount"], 1000);
}
