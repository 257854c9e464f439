//! What the shops' fields hold: what is written there, and what never is.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, ShopSeed};

use crate::support::{DASHBOARD, World};

const WRITE: &str = "PUT /api/shops";

/// The bodies that were written since the calls were cleared.
fn written(world: &World) -> Vec<Value> {
    let calls = world.sim.calls().into_iter();
    let writes = calls.filter(|call| call.endpoint == WRITE);
    writes
        .map(|call| serde_json::from_str(&call.body).unwrap())
        .collect()
}

#[tokio::test]
async fn somebody_elses_value_is_never_overwritten() {
    let world = World::without_shops().await;
    let values = [
        (2000, "https://our-own-form.example/apply"),
        (2001, "call us"),
        (2002, "https://connect.stripe.com.evil.example/"),
    ];
    for (shop, value) in values {
        let seed = ShopSeed::new(shop).kyc("PENDING_SUBMISSION");
        world.mirakl.put_shop(seed.field("stripe-url", value));
    }
    world.sync().await.exits(0);
    for (shop, value) in values {
        assert_eq!(world.field(shop).as_deref(), Some(value));
        world.sim.stripe().verify(&world.account(shop).id);
    }
    world.sync().await.exits(0);
    for (shop, value) in values {
        assert_eq!(world.field(shop).as_deref(), Some(value));
        assert_eq!(
            world.kyc(shop),
            "APPROVED",
            "the status is told all the same"
        );
    }
    assert_eq!(world.count("POST /v1/account_links"), 0);
    // Emptied, it is ours to fill.
    world.mirakl.set_shop_field(2001, "stripe-url", None);
    world.sync().await.exits(0);
    assert_eq!(world.field(2001).as_deref(), Some(DASHBOARD));
}

#[tokio::test]
async fn a_value_that_comes_while_a_link_waits_for_renewal_stays() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world
        .mirakl
        .set_shop_field(2000, "stripe-url", Some("ask Ann"));
    world.pass(TimeDelta::minutes(10));
    world.sync().await.exits(0);
    assert_eq!(world.field(2000).as_deref(), Some("ask Ann"));
}

#[tokio::test]
async fn no_write_ever_lacks_a_value_or_names_another_field() {
    let mut world = World::without_shops().await;
    world.new_shops(2000..2005);
    world.sync().await.exits(0);
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.sim.stripe().verify(&world.account(2001).id);
    world.pass(TimeDelta::minutes(5));
    world.sync().await.exits(0);
    let bodies = written(&world);
    assert_eq!(bodies.len(), 2);
    for shop in bodies
        .iter()
        .flat_map(|body| body["shops"].as_array().unwrap())
    {
        for field in shop["shop_additional_fields"]
            .as_array()
            .into_iter()
            .flatten()
        {
            assert_eq!(field["code"], "stripe-url");
            let value = field["value"].as_str().unwrap();
            assert!(value.starts_with("https://connect.stripe.com/"), "{shop}");
        }
        let mut keys: Vec<&str> = shop
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.retain(|key| !matches!(*key, "shop_id" | "shop_additional_fields" | "kyc"));
        assert_eq!(keys, Vec::<&str>::new());
    }
}

#[tokio::test]
async fn our_own_writes_do_not_make_us_write_again() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().verify(&world.account(2000).id);
    world.sync().await.exits(0);
    world.sim.clear_calls();
    for _ in 0..3 {
        world.pass(TimeDelta::minutes(1));
        world.sync().await.exits(0);
    }
    assert_eq!(world.count(WRITE), 0);
    // Two weeks of renewals do not keep a shop under way: only changes of others do.
    world.new_shops([2001]);
    world.sync().await.exits(0);
    for _ in 0..4 {
        world.pass(TimeDelta::days(5));
        world.sync().await.exits(0);
    }
    world.sim.clear_calls();
    world.pass(TimeDelta::minutes(10));
    world.sync().await.exits(0);
    assert_eq!(world.count(WRITE), 0);
}

#[tokio::test]
async fn names_and_addresses_of_every_kind_never_stop_a_shop() {
    let mut world = World::without_shops().await;
    world.set("STRIPE_PREFILL_ONBOARDING", "true");
    let long = "ñ".repeat(500);
    let seeds = [
        ShopSeed::new(2000).name("\"quoted\" 'shop'; drop table shops; --"),
        ShopSeed::new(2001).name("🦀🎉 émoji"),
        ShopSeed::new(2002).name(&long),
        ShopSeed::new(2003).name("control\u{1}\u{0}\n\tcharacters"),
        ShopSeed::new(2004).email("no address"),
        ShopSeed::new(2005).email("a@b.example\r\nBcc: x@y.example"),
        ShopSeed::new(2006).web_site("javascript:alert(1)"),
        ShopSeed::new(2007)
            .web_site("not a site")
            .phone("call me maybe"),
        ShopSeed::new(2008).contact(json!(null)),
        ShopSeed::new(2009).contact(json!({"email": 5, "phone": [], "web_site": {}})),
        ShopSeed::new(2010).without("shop_name"),
        ShopSeed::new(2011).set("shop_name", json!(null)),
    ];
    for seed in seeds {
        world.mirakl.put_shop(seed);
    }
    world.sync().await.exits(0).says("12 created");
    world.each_has_one_account(2000..2012).await;
    assert_eq!(world.account(2002).business_name, None);
    assert_eq!(
        world.account(2001).business_name.as_deref(),
        Some("🦀🎉 émoji")
    );
    assert_eq!(world.account(2005).support_email, None);
}

#[tokio::test]
async fn a_field_that_only_stripe_refuses_is_left_out_within_the_same_run() {
    let mut world = World::without_shops().await;
    world.set("STRIPE_PREFILL_ONBOARDING", "true");
    world.new_shops([2000, 2001]);
    let refusal = Effect::Refusal {
        status: 400,
        code: Some("email_invalid".to_owned()),
        param: Some("business_profile[support_email]".to_owned()),
        message: "Invalid email address: x@y.example".to_owned(),
    };
    world.sim.faults().add(
        Fault::on("POST /v1/accounts")
            .containing("support_email")
            .always()
            .then(refusal),
    );
    let run = world.sync().await.exits(0);
    run.says("2 created");
    world.each_has_one_account([2000, 2001]).await;
    assert_eq!(world.account(2000).support_email, None);
    assert_eq!(world.account(2000).business_type, None);
    assert_eq!(world.count("POST /v1/accounts"), 4);
}

#[tokio::test]
async fn a_shop_that_cannot_be_read_waits_and_is_not_written_to() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    let link = world.link(2000);
    world.mirakl.update_shop(2000, |shop| {
        shop.as_object_mut().unwrap().remove("shop_state");
    });
    world
        .mirakl
        .put_shop(ShopSeed::new(2002).set("shop_state", json!(7)));
    world.pass(TimeDelta::minutes(10));
    world.sync().await.exits(0).says("1 waiting");
    assert_eq!(world.link(2000), link);
    world
        .shop_stands(2002, "ACCOUNT_ON_HOLD", "cannot be read")
        .await;
    world.mirakl.put_shop(ShopSeed::new(2000));
    world.new_shops([2002]);
    world.pass(TimeDelta::minutes(10));
    world.sync().await.exits(0);
    assert_ne!(world.link(2000), link);
    world.each_has_one_account(2000..2003).await;
}

#[tokio::test]
async fn an_element_without_an_id_keeps_the_checkpoint_and_is_reported_with_exit_3() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.mirakl.put_shop_json(json!({"shop_name": "nobody"}));
    world.sync().await.exits(3).says("a shop without an id");
    world.each_has_one_account([2000]).await;
    world.pass(TimeDelta::days(1));
    world.sim.clear_calls();
    world.sync().await.exits(3);
    let asked = world
        .sim
        .calls()
        .into_iter()
        .find(|call| call.endpoint == "GET /api/shops");
    assert!(!asked.unwrap().path_and_query.contains("updated_since"));
    world.mirakl.remove_unusable_shops();
    world.sync().await.exits(0);
    world.sim.clear_calls();
    world.sync().await.exits(0);
    let asked = world
        .sim
        .calls()
        .into_iter()
        .find(|call| call.endpoint == "GET /api/shops");
    assert!(asked.unwrap().path_and_query.contains("updated_since"));
}

#[tokio::test]
async fn another_code_for_a_field_is_read_before_it_is_written() {
    let mut world = World::without_shops().await;
    world
        .mirakl
        .define_fields(&["stripe-url", "seller-form", "stripe-ignored", "left-out"]);
    for shop in 2000..2003 {
        world.mirakl.put_shop(ShopSeed::new(shop));
    }
    world
        .mirakl
        .set_shop_field(2000, "seller-form", Some("call us"));
    world.mirakl.set_shop_field(2001, "left-out", Some("true"));
    world.sync().await.exits(0);
    // Later shops move the checkpoint on: the others are not listed any more.
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    for (minutes, shop) in [(20, 2009), (1, 2010)] {
        world.pass(TimeDelta::minutes(minutes));
        world.new_shops([shop]);
        world.sync().await.exits(0);
    }
    world.set("MIRAKL_CUSTOM_FIELD_CODE", "seller-form");
    world.set("MIRAKL_IGNORED_SHOP_FIELD_CODE", "left-out");
    world.pass(TimeDelta::hours(1));
    world.sync().await.exits(0);
    let form = |shop| world.mirakl.shop_field(shop, "seller-form");
    assert_eq!(form(2000).as_deref(), Some("call us"));
    assert_eq!(form(2001), None, "excluded by the new code");
    assert!(
        form(2002)
            .unwrap()
            .starts_with("https://connect.stripe.com/")
    );
    assert_eq!(world.accounts().await[&2001]["ignored"], true);
    // Another dashboard takes the old one's place.
    world.sim.stripe().submit_details(&world.account(2002).id);
    world.sync().await.exits(0);
    world.set("EXPRESS_DASHBOARD_URL", "https://market.example/money");
    world.sync().await.exits(0);
    let field = world.mirakl.shop_field(2002, "seller-form");
    assert_eq!(field.as_deref(), Some("https://market.example/money"));
}

#[tokio::test]
async fn an_onboarded_shop_that_could_not_be_read_once_is_read_again() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.mirakl.update_shop(2000, |shop| {
        shop["shop_state"] = json!(7);
        let fields = shop["shop_additional_fields"].as_array_mut().unwrap();
        fields.retain(|field| field["code"] != "stripe-ignored");
        fields.push(json!({"code": "stripe-ignored", "type": "BOOLEAN", "value": "true"}));
    });
    world.sync().await.exits(0);
    // Later shops move the checkpoint on; the element is mended without a new date.
    world.pass(TimeDelta::hours(1));
    world.new_shops([2001]);
    world.sync().await.exits(0);
    let mut mended = world.mirakl.shop(2000).unwrap();
    mended["shop_state"] = json!("OPEN");
    world.mirakl.put_shop_json(mended);
    world.pass(TimeDelta::hours(1));
    world.sync().await.exits(0);
    assert_eq!(world.accounts().await[&2000]["ignored"], true);
}

#[tokio::test]
async fn a_change_in_the_very_instant_of_our_write_is_seen() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    // Somebody excludes the shop, and Mirakl shows the date that our own write left.
    let mut shop = world.mirakl.shop(2000).unwrap();
    let fields = shop["shop_additional_fields"].as_array_mut().unwrap();
    fields.retain(|field| field["code"] != "stripe-ignored");
    fields.push(json!({"code": "stripe-ignored", "type": "BOOLEAN", "value": "true"}));
    world.mirakl.put_shop_json(shop);
    world.sync().await.exits(0);
    assert_eq!(world.accounts().await[&2000]["ignored"], true);
}

#[tokio::test]
async fn a_shop_that_a_list_shows_twice_is_onboarded_once() {
    let world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    let body = {
        let (a, b) = (
            world.mirakl.shop(2000).unwrap(),
            world.mirakl.shop(2001).unwrap(),
        );
        json!({"shops": [a, b, a], "total_count": 3}).to_string()
    };
    world.sim.faults().add(
        Fault::on("GET /api/shops")
            .times(1)
            .then(Effect::Body(200, body)),
    );
    world.sync().await.exits(0).says("2 created");
    world.each_has_one_account([2000, 2001]).await;
}
