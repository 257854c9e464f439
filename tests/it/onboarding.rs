//! Sellers get their account and a link that works, and what changes there flows back.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{AccountSeed, ShopSeed, Visit};

use crate::support::{DASHBOARD, STRIPE, World, day};

#[tokio::test]
async fn a_new_shop_has_its_account_and_a_working_link_after_one_run() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    world.mirakl.put_shop(ShopSeed::new(2001).service());
    world.sync().await.exits(0).says("2 created");
    world.each_has_one_account([2000, 2001]).await;
    let account = world.account(2000);
    assert_eq!(account.kind, "express");
    assert_eq!(account.payout_interval, "manual");
    assert!(!account.debit_negative_balances);
    assert_eq!(account.transfers.as_deref(), Some("inactive"));
    let metadata: Vec<(&str, &str)> = account
        .metadata
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let host = world.mirakl.host();
    assert_eq!(
        metadata,
        [
            ("miraklHost", host.as_str()),
            ("miraklId", "2000"),
            ("miraklShopId", "2000"),
            ("miraklType", "SHOP"),
            ("pluginName", "mirakl-stripe"),
        ]
    );
    for shop in [2000, 2001] {
        let form = world.sim.stripe().visit(&world.link(shop));
        let account = world.account(shop).id;
        assert!(matches!(form, Visit::Form { account: of } if of == account));
    }
}

#[tokio::test]
async fn a_run_with_nothing_new_says_nothing_and_asks_little() {
    let world = World::without_shops().await;
    world.new_shops(2000..2010);
    world.sync().await.exits(0);
    world.sim.clear_calls();
    let run = world.sync().await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let calls = world.sim.calls();
    let endpoints: Vec<&str> = calls.iter().map(|call| call.endpoint.as_str()).collect();
    assert_eq!(endpoints, ["GET /v1/accounts", "GET /api/shops"]);
}

#[tokio::test]
async fn a_link_is_renewed_as_it_ages_and_gives_way_to_the_dashboard() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    let first = world.link(2000);
    world.pass(TimeDelta::minutes(2));
    world.sync().await.exits(0);
    assert_eq!(world.link(2000), first, "two minutes are no age");
    world.pass(TimeDelta::minutes(2));
    let run = world.sync().await.exits(0);
    assert_eq!(run.stdout, "", "a renewal is no news");
    let second = world.link(2000);
    assert_ne!(second, first);
    assert!(matches!(
        world.sim.stripe().visit(&second),
        Visit::Form { .. }
    ));
    // A used link leads back to the shop's page, where a later run has put a fresh one.
    let back = format!("{}/mmp/shop/account/shop", world.mirakl.url());
    assert!(matches!(world.sim.stripe().visit(&second), Visit::SentTo(to) if to == back));
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.sync().await.exits(0);
    assert_eq!(world.field(2000).as_deref(), Some(DASHBOARD));
    world.pass(TimeDelta::minutes(10));
    world.sim.clear_calls();
    world.sync().await.exits(0);
    assert_eq!(world.field(2000).as_deref(), Some(DASHBOARD));
    assert_eq!(world.count("PUT /api/shops"), 0);
    assert_eq!(world.count("POST /v1/account_links"), 0);
}

#[tokio::test]
async fn the_addresses_around_the_form_can_be_set() {
    let mut world = World::without_shops().await;
    world.set("REDIRECT_ONBOARDING", "https://market.example/done");
    world.set("ONBOARDING_REFRESH_URL", "https://market.example/again?x=1");
    world.set("EXPRESS_DASHBOARD_URL", "https://market.example/money");
    world.set("MIRAKL_CUSTOM_FIELD_CODE", "payment-link");
    world.mirakl.define_fields(&["payment-link", "stripe-url"]);
    world.new_shops([2000]);
    world.sync().await.exits(0);
    let link = world.sim.stripe().links().remove(0);
    assert_eq!(link.return_url, "https://market.example/done");
    assert_eq!(link.refresh_url, "https://market.example/again?x=1");
    let field = world.mirakl.shop_field(2000, "payment-link");
    assert_eq!(field.as_deref(), Some(link.url.as_str()));
    assert_eq!(world.field(2000), None);
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.sync().await.exits(0);
    let field = world.mirakl.shop_field(2000, "payment-link");
    assert_eq!(field.as_deref(), Some("https://market.example/money"));
}

#[tokio::test]
async fn after_two_weeks_a_seller_asks_for_a_link_and_gets_one() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    world.pass(TimeDelta::days(15));
    world.sim.clear_calls();
    let old = world.link(2000);
    world.sync().await.exits(0);
    assert_eq!(world.link(2000), old, "not renewed for ever");
    // Somebody changed the other shop: it is under way again.
    world
        .mirakl
        .update_shop(2001, |shop| shop["shop_name"] = json!("New name"));
    let other = world.link(2001);
    world.sync().await.exits(0);
    assert_ne!(world.link(2001), other);
    let run = world
        .run(&["onboarding-link", "--shop", "2000"])
        .await
        .exits(0);
    let printed = run.stdout.trim_end().to_owned();
    assert_eq!(printed, world.link(2000));
    assert_ne!(printed, old);
    assert!(matches!(
        world.sim.stripe().visit(&printed),
        Visit::Form { .. }
    ));
}

#[tokio::test]
async fn a_link_that_is_asked_for_is_printed_alone_and_written_only_where_it_may_be() {
    let world = World::without_shops().await;
    world.new_shops([2000, 2001, 2002]);
    world
        .mirakl
        .put_shop(ShopSeed::new(2001).field("stripe-url", "call us"));
    world.sync().await.exits(0);
    let asked = async |shop: &str| world.run(&["onboarding-link", "--shop", shop]).await;
    let run = asked("2001").await.exits(3).says("left alone");
    assert!(run.stdout.starts_with(STRIPE), "{}", run.stdout);
    assert_eq!(world.field(2001).as_deref(), Some("call us"));
    // Typed since the last run: the command looks before it writes.
    world
        .mirakl
        .set_shop_field(2000, "stripe-url", Some("ask Ann"));
    asked("2000").await.exits(3).says("left alone");
    assert_eq!(world.field(2000).as_deref(), Some("ask Ann"));
    world.mirakl.set_shop_field(2000, "stripe-url", None);
    world.mirakl.refuse_shop(2000, Some("frozen"));
    let run = asked("2000").await.exits(3).says("frozen");
    assert!(run.stdout.starts_with(STRIPE), "{}", run.stdout);
    world.sim.stripe().submit_details(&world.account(2002).id);
    world.sync().await;
    let run = asked("2002").await.exits(0);
    assert_eq!(run.stdout.trim_end(), DASHBOARD);
    asked("9999")
        .await
        .exits(2)
        .says("has no Stripe account yet");
}

#[tokio::test]
async fn terminated_and_excluded_shops_get_no_account() {
    let world = World::without_shops().await;
    world
        .mirakl
        .put_shop(ShopSeed::new(2000).state("TERMINATED"));
    world
        .mirakl
        .put_shop(ShopSeed::new(2001).field("stripe-ignored", "true"));
    world
        .mirakl
        .put_shop(ShopSeed::new(2002).state("SUSPENDED"));
    world.sync().await.exits(0).says("1 created");
    assert_eq!(world.sim.stripe().accounts().len(), 1);
    world
        .shop_stands(2000, "ACCOUNT_IGNORED", "terminated")
        .await;
    world.shop_stands(2001, "ACCOUNT_IGNORED", "excluded").await;
    world.each_has_one_account([2002]).await;
    assert_eq!((world.field(2000), world.field(2001)), (None, None));
    world.sync().await.exits(0);
    assert_eq!(world.sim.stripe().accounts().len(), 1);
    // Included again, it is a shop like any other.
    world
        .mirakl
        .set_shop_field(2001, "stripe-ignored", Some("false"));
    world.sync().await.exits(0).says("1 created");
    world.each_has_one_account([2001, 2002]).await;
    world.link(2001);
}

#[tokio::test]
async fn single_shops_are_synced_by_number_and_the_checkpoint_stays() {
    let world = World::without_shops().await;
    world.new_shops([2000, 2001, 2002]);
    world
        .run(&["sync-onboarding", "--shop", "2001", "--shop", "2002"])
        .await
        .exits(0)
        .says("2 created");
    world.each_has_one_account([2001, 2002]).await;
    assert_eq!(world.field(2000), None);
    world
        .run(&["sync-onboarding", "--shop", "9999"])
        .await
        .exits(3)
        .says("Mirakl has no such shop");
    world.sync().await.exits(0).says("1 created");
    world.each_has_one_account([2000, 2001, 2002]).await;
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_done_and_does_nothing() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.new_shops([2001]);
    world
        .mirakl
        .put_shop(ShopSeed::new(2002).field("stripe-ignored", "true"));
    let host = world.mirakl.host();
    let found = world.sim.stripe().add_account(
        AccountSeed::new()
            .metadata("pluginName", "mirakl-stripe")
            .metadata("miraklHost", &host)
            .metadata("miraklShopId", "2003"),
    );
    world.new_shops([2003]);
    world.pass(TimeDelta::minutes(5));
    world.sim.stripe().verify(&world.account(2000).id);
    world.sim.clear_calls();
    let planned = world
        .run(&["sync-onboarding", "--dry-run", "--output", "json"])
        .await
        .exits(0)
        .json();
    let mut actions: Vec<(i64, String, Option<String>)> = planned
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["miraklShopId"].as_i64().unwrap(),
                row["action"].as_str().unwrap().to_owned(),
                row["stripeAccountId"].as_str().map(str::to_owned),
            )
        })
        .collect();
    actions.sort();
    assert_eq!(
        actions,
        [
            // As it is stored: what Stripe says now is not written.
            (2000, "link".to_owned(), Some(world.account(2000).id)),
            (2001, "create".to_owned(), None),
            (2002, "ignore".to_owned(), None),
            (2003, "takeOver".to_owned(), Some(found)),
        ]
    );
    let wrote = world
        .sim
        .calls()
        .into_iter()
        .filter(|call| call.method != "GET");
    assert_eq!(wrote.count(), 0);
    let accounts = world.accounts().await;
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[&2000]["transfersActive"], false);
    world
        .run(&["sync-onboarding", "--dry-run"])
        .await
        .exits(0)
        .says("dry run: nothing was written, nothing was sent");
}

#[tokio::test]
async fn with_the_switch_on_the_form_is_filled_with_what_mirakl_knows() {
    let mut world = World::without_shops().await;
    world.set("STRIPE_PREFILL_ONBOARDING", "true");
    world.mirakl.put_shop(
        ShopSeed::new(2000)
            .name("Café Ö'Neil & \"Söhne\" 🎉")
            .professional(true)
            .email("hello@cafe.example")
            .phone("+33 1 23 45 67 89")
            .web_site("www.cafe.example"),
    );
    world
        .mirakl
        .put_shop(ShopSeed::new(2001).professional(false));
    world.sync().await.exits(0).says("2 created");
    let account = world.account(2000);
    assert_eq!(account.business_type.as_deref(), Some("company"));
    assert_eq!(
        account.business_name.as_deref(),
        Some("Café Ö'Neil & \"Söhne\" 🎉")
    );
    assert_eq!(
        account.business_url.as_deref(),
        Some("https://www.cafe.example/")
    );
    assert_eq!(account.support_email.as_deref(), Some("hello@cafe.example"));
    assert_eq!(account.support_phone.as_deref(), Some("+33 1 23 45 67 89"));
    assert_eq!(
        world.account(2001).business_type.as_deref(),
        Some("individual")
    );
    assert_eq!(world.account(2001).email, None);
}

#[tokio::test]
async fn a_listed_account_shows_its_history_and_the_fields_of_the_notification() {
    let world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    let account = world.account(2000).id;
    let listed = world
        .run(&["list", "accounts", "--id", &account, "--output", "json"])
        .await
        .exits(0)
        .json();
    let row = &listed[0];
    assert_eq!(row["miraklShopId"], 2000);
    assert_eq!(row["kycStatus"], "PENDING_SUBMISSION");
    let words: Vec<&str> = row["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["toStatus"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["ACCOUNT_PENDING", "ACCOUNT_CREATED"]);
    assert!(
        row["history"][1]["stripeRequestId"]
            .as_str()
            .unwrap()
            .starts_with("req_")
    );
    world
        .run(&["list", "accounts", "--status", "created", "--shop", "2000"])
        .await
        .exits(0)
        .says(&account);
    world
        .run(&["list", "accounts", "--status", "on-hold"])
        .await
        .exits(0)
        .says("no accounts");
    world
        .run(&["list", "accounts", "--status", "ended"])
        .await
        .exits(2)
        .says("ACCOUNT_ON_HOLD");
    assert!(row["createdAt"].as_str().unwrap().starts_with(&day(0)));
}
