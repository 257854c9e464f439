use serde_json::{Value, json};
use simulator::{Effect, Fault, MIRAKL_KEY, ShopSeed};

use crate::client::{Reply, World};

/// Shops 2000 and 2001.
async fn two() -> World {
    let world = World::new().await;
    world.sim.mirakl().put_shop(ShopSeed::new(2000));
    world.sim.mirakl().put_shop(ShopSeed::new(2001));
    world
}

async fn put(world: &World, shops: Value) -> Reply {
    let body = json!({ "shops": shops }).to_string();
    world.put_shops(&body).await.expect("an answer")
}

fn url(value: &str) -> Value {
    json!([{ "code": "stripe-url", "value": value }])
}

#[tokio::test]
async fn shops_answer_one_by_one_in_the_order_of_the_request() {
    let world = two().await;
    let reply = put(
        &world,
        json!([
            { "shop_id": 2001, "shop_additional_fields": url("https://a.example") },
            { "shop_id": 9, "shop_additional_fields": url("https://b.example") },
            { "shop_additional_fields": url("https://c.example") },
            { "shop_id": 2000 },
        ]),
    )
    .await;
    assert_eq!(reply.status, 200);
    let returns = &reply.json()["shop_returns"];
    assert_eq!(returns[0]["shop_updated"]["shop_id"], 2001);
    assert_eq!(returns[1]["shop_error"]["input"]["shop_id"], 9);
    assert_eq!(
        returns[2]["shop_error"]["errors"][0]["field"],
        json!("shop_id")
    );
    assert_eq!(returns[3]["shop_updated"]["shop_id"], 2000);
}

#[tokio::test]
async fn a_refused_shop_fails_alone_until_it_is_not_refused_any_more() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    let input =
        |id: i64| json!({ "shop_id": id, "shop_additional_fields": url("https://x.example") });
    mirakl.refuse_shop(2000, Some("not today"));
    let reply = put(&world, json!([input(2000), input(2001)])).await;
    let returns = &reply.json()["shop_returns"];
    let error = &returns[0]["shop_error"]["errors"][0];
    assert_eq!(error["message"], "not today");
    assert_eq!(error["field"], "shop_additional_fields");
    assert!(returns[1]["shop_updated"].is_object());
    assert_eq!(mirakl.shop_field(2000, "stripe-url"), None);
    mirakl.refuse_shop(2000, None);
    put(&world, json!([input(2000)])).await;
    assert!(mirakl.shop_field(2000, "stripe-url").is_some());
}

#[tokio::test]
async fn a_call_with_a_certain_shop_is_refused_as_a_whole() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    let input =
        |id: i64| json!({ "shop_id": id, "shop_additional_fields": url("https://x.example") });
    mirakl.refuse_batches_with(Some(2001));
    let reply = put(&world, json!([input(2000), input(2001)])).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["status"], 400);
    assert_eq!(mirakl.shop_field(2000, "stripe-url"), None);
    assert_eq!(put(&world, json!([input(2000)])).await.status, 200);
    mirakl.refuse_batches_with(None);
    assert_eq!(put(&world, json!([input(2001)])).await.status, 200);
    assert!(mirakl.shop_field(2001, "stripe-url").is_some());
}

#[tokio::test]
async fn a_body_that_is_no_list_of_shops_is_refused() {
    let world = two().await;
    let many = |count: usize| json!({ "shops": vec![json!({ "shop_id": 2000 }); count] });
    for body in [
        "",
        "shops",
        "[]",
        "{}",
        r#"{"shops":[]}"#,
        r#"{"shops":{}}"#,
        &many(101).to_string(),
    ] {
        let reply = world.put_shops(body).await.expect("an answer");
        assert_eq!(reply.status, 400, "{body}");
    }
    let reply = world.put_shops(&many(100).to_string()).await;
    assert_eq!(reply.expect("an answer").status, 200);
}

#[tokio::test]
async fn what_is_written_must_be_said_to_be_json_and_be_the_operators() {
    let world = two().await;
    let url = format!("{}/api/shops", world.sim.mirakl().url());
    let send = async |name: &str, value: &str| {
        let request = reqwest::Client::new().put(&url).header(name, value);
        let answer = request.body(r#"{"shops":[{"shop_id":2000}]}"#).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(send("Authorization", MIRAKL_KEY).await, 415);
    assert_eq!(send("Content-Type", "application/json").await, 401);
    let reply = reqwest::Client::new()
        .post(&url)
        .header("Authorization", MIRAKL_KEY)
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status(), 405);
}

#[tokio::test]
async fn a_cut_before_the_update_leaves_the_shop_and_one_after_it_does_not() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    let body = json!({ "shops": [{ "shop_id": 2000, "shop_additional_fields": url("x") }] });
    for (effect, wanted) in [
        (Effect::CutBefore, None),
        (Effect::StatusStored(500), None),
        (Effect::CutAfter, Some("x")),
    ] {
        let fault = Fault::on("PUT /api/shops");
        world.sim.faults().add(fault.then(effect));
        let reply = world.put_shops(&body.to_string()).await;
        assert!(reply.map_or(true, |reply| reply.status == 500));
        assert_eq!(mirakl.shop_field(2000, "stripe-url").as_deref(), wanted);
    }
    mirakl.set_shop_field(2000, "stripe-url", None);
    let refusal = Effect::Refusal {
        status: 403,
        code: None,
        param: None,
        message: "Forbidden".to_owned(),
    };
    for (effect, status) in [(refusal, 403), (Effect::StatusAfter(500), 500)] {
        assert_eq!(mirakl.shop_field(2000, "stripe-url"), None);
        world
            .sim
            .faults()
            .add(Fault::on("PUT /api/shops").containing("2000").then(effect));
        let reply = world.put_shops(&body.to_string()).await;
        assert_eq!(reply.expect("an answer").status, status);
    }
    assert_eq!(mirakl.shop_field(2000, "stripe-url").as_deref(), Some("x"));
}
