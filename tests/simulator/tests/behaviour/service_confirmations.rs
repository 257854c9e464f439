use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{DebitSeed, Effect, Fault, ServiceRoot, ServiceSeed};

use crate::client::World;

const PATH: &str = "/api/mms/debits";

/// Debits `D-1` to `D-3` of 10.00 for the orders `S1` to `S3` of yesterday.
async fn world() -> World {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let at = world.sim.clock().now() - TimeDelta::days(1);
    for n in 1..=3 {
        let order = format!("S{n}");
        let seed = ServiceSeed::new(&order, "C1", 1);
        mirakl.put_service(seed.created_at(at).updated_at(at));
        let debit = DebitSeed::new(&format!("D-{n}"), &order, "10.00");
        mirakl.put_debit(debit.created_at(at).updated_at(at));
    }
    world
}

fn item(n: u32, state: &str) -> Value {
    json!({
        "id": format!("D-{n}"),
        "order_id": format!("S{n}"),
        "amount": 10,
        "currency_code": "EUR",
        "state": state,
        "transaction_number": "pi_1",
        "transaction_date": "2026-05-07T08:00:00Z",
    })
}

#[tokio::test]
async fn a_confirmed_debit_is_paid_and_its_order_updated() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let (debit, order) = (mirakl.debit("D-1"), mirakl.service("S1"));
    let reply = world
        .put(PATH, &json!([item(1, "OK"), item(2, "REFUSED")]))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({ "success": { "debits": [{ "id": "D-1" }, { "id": "D-2" }] }, "errors": [] })
    );
    let paid = mirakl.debit("D-1").expect("a debit");
    assert_eq!(paid["state"], "OK");
    assert_eq!(paid["transaction_number"], "pi_1");
    assert_eq!(paid["transaction_date"], "2026-05-07T08:00:00Z");
    assert_ne!(
        paid["date_updated"],
        debit.expect("a debit")["date_updated"]
    );
    let updated = mirakl.service("S1").expect("an order");
    assert_ne!(
        updated["date_updated"],
        order.expect("an order")["date_updated"]
    );
    assert_eq!(mirakl.debit("D-2").expect("a debit")["state"], "REFUSED");
    assert_eq!(mirakl.debits().len(), 3);
}

#[tokio::test]
async fn each_debit_is_judged_by_itself() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    mirakl.refuse_debit("D-3", Some("Not today"));
    let batch = json!([
        item(1, "OK"),
        item(1, "OK"),
        item(9, "OK"),
        item(3, "OK"),
        item(2, "OK")
    ]);
    let reply = world.put(PATH, &batch).await.json();
    assert_eq!(
        reply["success"]["debits"],
        json!([{ "id": "D-1" }, { "id": "D-2" }])
    );
    let errors = reply["errors"].as_array().expect("errors");
    let ids: Vec<&Value> = errors.iter().map(|error| &error["debit_id"]).collect();
    assert_eq!(ids, ["D-1", "D-9", "D-3"]);
    let first = &errors[0]["debit_errors"][0];
    assert_eq!(first["field"], "state");
    assert!(first["code"].is_string() && first["message"].is_string());
    assert_eq!(errors[2]["debit_errors"][0]["message"], "Not today");
    mirakl.refuse_debit("D-3", None);
    let reply = world.put(PATH, &json!([item(3, "OK")])).await.json();
    assert_eq!(reply["errors"], json!([]));
}

#[tokio::test]
async fn a_debit_that_is_wrong_is_refused_by_field() {
    let world = world().await;
    for (field, value) in [
        ("order_id", json!("S2")),
        ("order_id", Value::Null),
        ("amount", json!(11)),
        ("amount", json!("10")),
        ("currency_code", json!("USD")),
        ("currency_code", Value::Null),
        ("state", json!("WAITING")),
        ("state", Value::Null),
        ("transaction_date", json!("today")),
        ("id", Value::Null),
    ] {
        let mut wrong = item(1, "OK");
        wrong[field] = value;
        let reply = world.put(PATH, &json!([wrong])).await;
        assert_eq!(reply.status, 200);
        let errors = &reply.json()["errors"][0]["debit_errors"];
        assert_eq!(errors[0]["field"], field, "{errors}");
    }
    let debit = world.sim.mirakl().debit("D-1").expect("a debit");
    assert_eq!(debit["state"], "WAITING");
}

#[tokio::test]
async fn the_body_has_the_form_that_is_expected() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let array = json!([item(1, "OK")]);
    let object = json!({ "orders": [item(1, "OK")] });
    for body in [&object, &json!([]), &json!(7)] {
        assert_eq!(world.put(PATH, body).await.status, 400, "{body}");
    }
    mirakl.service_root(ServiceRoot::Orders);
    assert_eq!(world.put(PATH, &array).await.status, 400);
    assert!(mirakl.service_confirmations().is_empty());
    assert_eq!(world.put(PATH, &object).await.status, 200);
    let many: Vec<Value> = (0..101).map(|_| item(2, "OK")).collect();
    let reply = world.put(PATH, &json!({ "orders": many })).await;
    assert_eq!(reply.status, 400);
    assert_eq!(mirakl.debit("D-2").expect("a debit")["state"], "WAITING");
}

#[tokio::test]
async fn every_service_confirmation_is_on_record() {
    let world = world().await;
    let mirakl = world.sim.mirakl();
    let mut wrong = item(2, "OK");
    wrong["amount"] = serde_json::from_str("9.50").expect("a number");
    world.put(PATH, &json!([item(1, "OK"), wrong])).await;
    let [good, wrong] = <[_; 2]>::try_from(mirakl.service_confirmations()).expect("two");
    assert!(good.applied && !wrong.applied);
    assert_eq!(
        (good.debit_id.as_str(), good.order_id.as_str()),
        ("D-1", "S1")
    );
    assert_eq!(
        (good.state.as_str(), good.currency.as_deref()),
        ("OK", Some("EUR"))
    );
    assert_eq!(good.transaction_number.as_deref(), Some("pi_1"));
    assert_eq!(wrong.amount.as_deref(), Some("9.50"));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_debit_confirmed() {
    let world = world().await;
    let fault = Fault::on("PUT /api/mms/debits").then(Effect::CutAfter);
    world.sim.faults().add(fault);
    let body = json!([item(1, "OK")]);
    assert!(world.try_put(PATH, &body).await.is_err());
    let reply = world.mirakl("/api/mms/debits?order_id=S1").await.json();
    assert_eq!(reply["data"][0]["state"], "OK");
    let again = world.put(PATH, &body).await.json();
    assert_eq!(again["errors"][0]["debit_errors"][0]["field"], "state");
}
