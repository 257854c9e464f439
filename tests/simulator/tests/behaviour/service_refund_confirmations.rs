use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, MIRAKL_KEY, ServiceRefundSeed, ServiceRoot, ServiceSeed};

use crate::client::World;

const PATH: &str = "/api/mms/refunds";

/// Services `S1` to `S3` of yesterday, each with a refund `R-1` to `R-3` of 12.00 with its tax.
async fn world() -> World {
    let world = World::new().await;
    let at = world.sim.clock().now() - TimeDelta::days(1);
    for n in 1..=3 {
        let seed = ServiceSeed::new(&format!("S{n}"), "C1", 2001).created_at(at);
        let refund = ServiceRefundSeed::new(&format!("R-{n}"), "10.00").tax("2.00");
        world
            .sim
            .mirakl()
            .put_service(seed.updated_at(at).refund(refund));
    }
    world
}

fn item(n: u32, state: &str) -> Value {
    json!({
        "id": format!("R-{n}"),
        "order_id": format!("S{n}"),
        "amount": 12,
        "currency_code": "EUR",
        "state": state,
        "transaction_number": "re_1",
        "transaction_date": "2026-05-07T08:00:00Z",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut item = item(1, "OK");
    item[field] = value;
    item
}

#[tokio::test]
async fn a_confirmed_service_refund_is_done_in_both_views() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let before = mirakl.service("S1").expect("an order");
    let reply = world.put(PATH, &json!([item(1, "OK")])).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({ "success": { "refunds": [{ "id": "R-1" }] }, "errors": [] })
    );
    let order = mirakl.service("S1").expect("an order");
    assert_ne!(order["date_updated"], before["date_updated"]);
    let shown = mirakl.service_refund("R-1").expect("a refund");
    assert_eq!(shown["date_updated"], order["date_updated"]);
    for view in [&shown, &order["refunds"][0]] {
        assert_eq!(view["state"], "OK");
        assert_eq!(view["transaction_number"], "re_1");
        assert_eq!(view["transaction_date"], "2026-05-07T08:00:00Z");
    }
    let other = mirakl.service("S2").expect("an order");
    assert_eq!(other["refunds"][0]["state"], "WAITING");
    // A later change of the order leaves it as it is.
    mirakl.update_service("S1", |order| order["state"] = json!("ORDER_CLOSED"));
    assert_eq!(mirakl.service_refund("R-1"), Some(shown));
}

#[tokio::test]
async fn service_refunds_are_confirmed_one_by_one() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    mirakl.refuse_refund("R-3", Some("The period is closed"));
    let batch = json!([
        item(1, "OK"),
        item(9, "OK"),
        item(2, "REFUSED"),
        item(3, "OK")
    ]);
    let reply = world.put(PATH, &batch).await;
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!(
        answer["success"],
        json!({ "refunds": [{ "id": "R-1" }, { "id": "R-2" }] })
    );
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0]["refund_id"], "R-9");
    assert_eq!(errors[0]["refund_errors"][0]["code"], "REFUND_NOT_FOUND");
    assert_eq!(
        errors[1]["refund_errors"],
        json!([{ "code": "REFUND_REFUSED", "field": "id", "message": "The period is closed" }])
    );
    let refused = mirakl.service_refund("R-2").expect("a refund");
    assert_eq!(refused["state"], "REFUSED");
    mirakl.refuse_refund("R-3", None);
    world.put(PATH, &json!([item(3, "OK")])).await;
    let all = mirakl.service_refund_confirmations();
    let seen: Vec<_> = all
        .iter()
        .map(|one| (one.refund_id.as_str(), one.state.as_str(), one.applied))
        .collect();
    assert_eq!(
        seen,
        [
            ("R-1", "OK", true),
            ("R-9", "OK", false),
            ("R-2", "REFUSED", true),
            ("R-3", "OK", false),
            ("R-3", "OK", true),
        ]
    );
    assert_eq!(all[0].order_id, "S1");
    assert_eq!(all[0].amount.as_deref(), Some("12"));
    assert_eq!(all[0].currency.as_deref(), Some("EUR"));
    assert_eq!(all[0].transaction_number.as_deref(), Some("re_1"));
    assert!(mirakl.service_confirmations().is_empty());
}

#[tokio::test]
async fn a_service_refund_must_be_named_as_it_is_listed() {
    let world = world().await;
    for (item, field) in [
        (with("id", Value::Null), "id"),
        (with("order_id", json!("S2")), "order_id"),
        (with("amount", json!(10)), "amount"),
        (with("amount", json!(-12)), "amount"),
        (with("amount", json!("12")), "amount"),
        (with("currency_code", json!("USD")), "currency_code"),
        (with("state", json!("WAITING")), "state"),
        (with("transaction_date", json!("now")), "transaction_date"),
    ] {
        let answer = world.put(PATH, &json!([item])).await.json();
        let errors = &answer["errors"][0]["refund_errors"];
        assert_eq!(errors[0]["field"], field, "{item}");
        assert!(errors[0]["message"].is_string());
        assert_eq!(answer["success"]["refunds"], json!([]));
    }
    world.put(PATH, &json!([item(1, "OK")])).await;
    let again = world.put(PATH, &json!([item(1, "OK")])).await.json();
    let error = &again["errors"][0]["refund_errors"][0];
    assert_eq!(error["code"], "STATE_CONFLICT");
}

#[tokio::test]
async fn service_refunds_may_have_to_be_sent_as_orders() {
    let world = world().await;
    world.sim.mirakl().service_root(ServiceRoot::Orders);
    let refused = world.put(PATH, &json!([item(1, "OK")])).await;
    assert_eq!(refused.status, 400);
    let body = json!({ "orders": [item(1, "OK")] });
    assert_eq!(world.put(PATH, &body).await.status, 200);
    let many: Vec<Value> = (0..101).map(|n| item(n, "OK")).collect();
    let crowded = world.put(PATH, &json!({ "orders": many })).await;
    assert_eq!(crowded.status, 400);
    assert!(crowded.text.contains("limit of 100 refunds"));
}

#[tokio::test]
async fn a_service_refund_unknown_to_its_order_can_be_confirmed() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let mut raw = item(7, "WAITING");
    raw["order_id"] = "S1".into();
    mirakl.put_service_refund_json(raw.clone());
    raw["state"] = "OK".into();
    let answer = world.put(PATH, &json!([raw])).await.json();
    assert_eq!(answer["success"]["refunds"][0]["id"], "R-7");
    let order = mirakl.service("S1").expect("an order");
    assert_eq!(order["refunds"].as_array().map(Vec::len), Some(1));
    assert_eq!(order["refunds"][0]["state"], "WAITING");
}

#[tokio::test]
async fn service_refunds_are_confirmed_in_json_and_answers_can_be_lost() {
    let world = world().await;
    let url = format!("{}{PATH}", world.sim.mirakl().url());
    let put = reqwest::Client::new().put(url);
    let put = put.header("Authorization", MIRAKL_KEY).body("[]");
    let text = put.header("Content-Type", "text/plain").send().await;
    assert_eq!(text.expect("an answer").status(), 415);
    let faults = world.sim.faults();
    faults.add(Fault::on("PUT /api/mms/refunds").then(Effect::CutAfter));
    let lost = world.try_put(PATH, &json!([item(1, "OK")])).await;
    assert!(lost.is_err());
    let shown = world.sim.mirakl().service_refund("R-1");
    assert_eq!(shown.expect("a refund")["state"], "OK");
}
