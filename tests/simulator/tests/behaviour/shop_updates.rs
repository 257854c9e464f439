use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use simulator::{Mirakl, ShopSeed};

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

/// Puts one shop and expects an error of it, on this field.
async fn expect_error(world: &World, input: Value, field: &str) -> Value {
    let before = world.sim.mirakl().shops();
    let reply = put(world, json!([input])).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let error = reply.json()["shop_returns"][0]["shop_error"].clone();
    assert_eq!(error["input"], input);
    let first = &error["errors"][0];
    assert_eq!(first["field"], field, "{}", reply.text);
    assert!(first["code"].is_string() && first["message"].is_string());
    assert_eq!(world.sim.mirakl().shops(), before);
    error
}

fn url(value: &str) -> Value {
    json!([{ "code": "stripe-url", "value": value }])
}

fn updated(mirakl: &Mirakl, shop_id: i64) -> DateTime<Utc> {
    let shop = mirakl.shop(shop_id).expect("a shop");
    let text = shop["last_updated_date"].as_str().expect("a date");
    text.parse().expect("RFC 3339")
}

#[tokio::test]
async fn a_field_is_set_and_the_whole_shop_answered() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    let before = (updated(mirakl, 2000), updated(mirakl, 2001));
    let input = json!([{ "shop_id": 2000, "shop_additional_fields": url("https://x.example") }]);
    let reply = put(&world, input.clone()).await;
    assert_eq!(reply.status, 200);
    let shop = mirakl.shop(2000).expect("a shop");
    assert_eq!(
        reply.json(),
        json!({ "shop_returns": [{ "shop_updated": shop }] })
    );
    assert_eq!(
        mirakl.shop_field(2000, "stripe-url").as_deref(),
        Some("https://x.example")
    );
    assert_eq!(shop["shop_name"], "Shop 2000");
    let first = updated(mirakl, 2000);
    assert!(first > before.0);
    assert_eq!(updated(mirakl, 2001), before.1);
    put(&world, input).await;
    assert!(updated(mirakl, 2000) > first);
}

#[tokio::test]
async fn a_field_without_value_is_erased_and_one_not_named_is_kept() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    for (shop, element) in [
        (2000, json!({ "code": "stripe-url" })),
        (2001, json!({ "code": "stripe-url", "value": null })),
    ] {
        mirakl.set_shop_field(shop, "stripe-url", Some("https://x.example"));
        mirakl.set_shop_field(shop, "stripe-ignored", Some("true"));
        let input = json!({ "shop_id": shop, "shop_additional_fields": [element] });
        let reply = put(&world, json!([input])).await;
        assert!(reply.json()["shop_returns"][0]["shop_updated"].is_object());
        assert_eq!(mirakl.shop_field(shop, "stripe-url"), None);
        assert_eq!(
            mirakl.shop_field(shop, "stripe-ignored").as_deref(),
            Some("true")
        );
    }
    let shown = |id| {
        let shop = mirakl.shop(id).expect("a shop");
        let fields = shop["shop_additional_fields"]
            .as_array()
            .expect("fields")
            .clone();
        fields.iter().any(|field| field["code"] == "stripe-url")
    };
    assert!(shown(2000) && !shown(2001));
}

#[tokio::test]
async fn an_empty_text_is_a_value() {
    let world = two().await;
    put(
        &world,
        json!([{ "shop_id": 2000, "shop_additional_fields": url("") }]),
    )
    .await;
    let field = world.sim.mirakl().shop_field(2000, "stripe-url");
    assert_eq!(field.as_deref(), Some(""));
}

#[tokio::test]
async fn a_shop_that_is_unknown_or_terminated_is_not_written() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    expect_error(&world, json!({ "shop_id": 9 }), "shop_id").await;
    expect_error(&world, json!({ "shop_id": "2000" }), "shop_id").await;
    expect_error(&world, json!(7), "shop_id").await;
    mirakl.put_shop(ShopSeed::new(3000).state("TERMINATED"));
    let input = json!({ "shop_id": 3000, "shop_additional_fields": url("https://a.example") });
    let error = expect_error(&world, input, "shop_id").await;
    let message = error["errors"][0]["message"].as_str().expect("a text");
    assert!(message.contains("terminated"), "{message}");
    for state in ["CLOSE", "SUSPENDED"] {
        mirakl.put_shop(ShopSeed::new(3001).state(state));
        let reply = put(&world, json!([{ "shop_id": 3001 }])).await;
        assert!(reply.json()["shop_returns"][0]["shop_updated"].is_object());
    }
}

#[tokio::test]
async fn a_field_that_does_not_exist_or_is_too_long_is_an_error() {
    const NAME: &str = "shop_additional_fields";
    let world = two().await;
    let mirakl = world.sim.mirakl();
    for fields in [
        json!([{ "code": "colour", "value": "red" }]),
        json!([{ "value": "red" }]),
        json!([{ "code": "stripe-url", "value": 7 }]),
        url(&"é".repeat(2001)),
        // The good one of the two is not written either.
        json!([{ "code": "stripe-url", "value": "x" }, { "code": "colour", "value": "red" }]),
        json!("stripe-url"),
    ] {
        let input = json!({ "shop_id": 2000, "shop_additional_fields": fields });
        expect_error(&world, input, NAME).await;
    }
    let longest = json!([{ "shop_id": 2000, "shop_additional_fields": url(&"é".repeat(2000)) }]);
    let reply = put(&world, longest).await;
    assert!(reply.json()["shop_returns"][0]["shop_updated"].is_object());

    mirakl.define_fields(&["colour"]);
    let input = json!({ "shop_id": 2000, "shop_additional_fields": url("x") });
    expect_error(&world, input, NAME).await;
    let colour = json!([{ "code": "colour", "value": "red" }]);
    put(
        &world,
        json!([{ "shop_id": 2001, "shop_additional_fields": colour }]),
    )
    .await;
    assert_eq!(mirakl.shop_field(2001, "colour").as_deref(), Some("red"));
}

#[tokio::test]
async fn the_kyc_status_is_written_where_there_is_one() {
    let world = two().await;
    let mirakl = world.sim.mirakl();
    let kyc = json!({ "status": "APPROVED" });
    expect_error(&world, json!({ "shop_id": 2000, "kyc": kyc }), "kyc").await;
    mirakl.put_shop(ShopSeed::new(2000).kyc("NOT_REQUIRED"));
    for status in [
        "PENDING_SUBMISSION",
        "PENDING_APPROVAL",
        "REFUSED",
        "APPROVED",
    ] {
        let kyc = json!({ "status": status, "reason": "why" });
        let reply = put(&world, json!([{ "shop_id": 2000, "kyc": kyc }])).await;
        let returned = &reply.json()["shop_returns"][0];
        assert_eq!(returned["shop_updated"]["kyc"], kyc);
    }
    // What is not named stays.
    put(
        &world,
        json!([{ "shop_id": 2000, "kyc": { "status": "REFUSED" } }]),
    )
    .await;
    assert_eq!(
        mirakl.shop(2000).expect("a shop")["kyc"],
        json!({ "status": "REFUSED", "reason": "why" })
    );
    for (kyc, field) in [
        (json!({ "status": "NOT_REQUIRED" }), "kyc.status"),
        (json!({ "status": "FINE" }), "kyc.status"),
        (json!({ "reason": "x".repeat(5001) }), "kyc.reason"),
    ] {
        expect_error(&world, json!({ "shop_id": 2000, "kyc": kyc }), field).await;
    }
    let kyc = json!({ "status": "REFUSED", "reason": "x".repeat(5000) });
    let reply = put(&world, json!([{ "shop_id": 2000, "kyc": kyc }])).await;
    assert!(reply.json()["shop_returns"][0]["shop_updated"].is_object());
}
