use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::ShopSeed;

use crate::client::World;

#[tokio::test]
async fn a_shop_is_open_and_complete_unless_told_otherwise() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    assert_eq!(mirakl.put_shop(ShopSeed::new(2000)), 2000);
    let page = world.mirakl("/api/shops").await.json();
    let shop = &page["shops"][0];
    assert_eq!(*shop, mirakl.shop(2000).expect("a shop"));
    for (field, wanted) in [
        ("shop_name", json!("Shop 2000")),
        ("shop_state", json!("OPEN")),
        ("domains", json!(["PRODUCT"])),
        ("model", json!("MARKETPLACE")),
        ("currency_iso_code", json!("EUR")),
        ("is_professional", json!(true)),
    ] {
        assert_eq!(shop[field], wanted, "{field}");
    }
    for field in ["email", "phone", "web_site"] {
        assert!(shop["contact_informations"][field].is_string(), "{field}");
    }
    assert!(shop.get("kyc").is_none());
    assert_eq!(shop["pro_details"], json!({}));
}

#[tokio::test]
async fn a_shop_is_as_the_seed_says() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let created = "2026-05-04T09:12:30Z".parse().expect("a date");
    let updated = "2026-05-04T09:12:30.250Z".parse().expect("a date");
    let shop = ShopSeed::new(2001)
        .name("Lamps & Co")
        .state("SUSPENDED")
        .service()
        .kyc("REFUSED")
        .email("a@b.example")
        .phone("1")
        .web_site("https://b.example")
        .professional(false)
        .corporate_name("Lamps SAS")
        .created_at(created)
        .updated_at(updated)
        .set("premium", json!(true))
        .without("shipping_country");
    mirakl.put_shop(shop);
    let shop = mirakl.shop(2001).expect("a shop");
    for (field, wanted) in [
        ("/shop_name", json!("Lamps & Co")),
        ("/shop_state", json!("SUSPENDED")),
        ("/domains", json!(["SERVICE"])),
        ("/kyc", json!({ "status": "REFUSED" })),
        ("/contact_informations/email", json!("a@b.example")),
        ("/contact_informations/phone", json!("1")),
        ("/contact_informations/web_site", json!("https://b.example")),
        ("/is_professional", json!(false)),
        ("/pro_details/corporate_name", json!("Lamps SAS")),
        ("/date_created", json!("2026-05-04T09:12:30Z")),
        ("/last_updated_date", json!("2026-05-04T09:12:30.250Z")),
        ("/premium", json!(true)),
    ] {
        assert_eq!(shop.pointer(field), Some(&wanted), "{field}");
    }
    assert!(shop.get("shipping_country").is_none());
    mirakl.put_shop(ShopSeed::new(2001).contact(Value::Null));
    assert_eq!(mirakl.shops().len(), 1);
    let shop = mirakl.shop(2001).expect("a shop");
    assert_eq!(shop["contact_informations"], Value::Null);
}

#[tokio::test]
async fn an_empty_custom_field_is_without_value_or_not_there_at_all() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_shop(ShopSeed::new(2000));
    mirakl.put_shop(ShopSeed::new(2001).field("stripe-ignored", "true"));
    let fields = |id| mirakl.shop(id).expect("a shop")["shop_additional_fields"].clone();
    assert_eq!(
        fields(2000),
        json!([
            { "code": "stripe-url", "type": "LINK" },
            { "code": "stripe-ignored", "type": "BOOLEAN" },
        ])
    );
    assert_eq!(
        fields(2001),
        json!([{ "code": "stripe-ignored", "type": "BOOLEAN", "value": "true" }])
    );
    assert_eq!(mirakl.shop_field(2000, "stripe-url"), None);
    assert_eq!(
        mirakl.shop_field(2001, "stripe-ignored").as_deref(),
        Some("true")
    );
    mirakl.define_fields(&["colour"]);
    let seed = ShopSeed::new(2002).no_field("colour").empty_field("size");
    mirakl.put_shop(seed);
    assert_eq!(fields(2002), json!([{ "code": "size", "type": "STRING" }]));
}

#[tokio::test]
async fn every_change_of_a_shop_has_a_date_of_its_own() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_shop(ShopSeed::new(2000));
    let updated = || {
        let shop = mirakl.shop(2000).expect("a shop");
        let text = shop["last_updated_date"].as_str().expect("a date");
        text.parse::<DateTime<Utc>>().expect("RFC 3339")
    };
    let mut last = updated();
    for n in 0..20 {
        mirakl.set_shop_field(2000, "stripe-url", Some(&n.to_string()));
        assert!(last < updated());
        last = updated();
    }
    assert_eq!(mirakl.shop_field(2000, "stripe-url").as_deref(), Some("19"));
    mirakl.set_shop_field(2000, "stripe-url", None);
    assert_eq!(mirakl.shop_field(2000, "stripe-url"), None);
    world.sim.clock().advance(TimeDelta::hours(1));
    mirakl.update_shop(2000, |_| ());
    assert!(updated() - last > TimeDelta::minutes(59));
}
