use simulator::{AccountSeed, PaymentSeed, STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY};

use crate::client::{World, form};

#[tokio::test]
async fn a_wrong_key_is_echoed_masked() {
    let world = World::new().await;
    let reply = world
        .stripe_as("sk_test_somethingabcd", "/v1/account")
        .await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.message(),
        "Invalid API Key provided: sk_test_****abcd"
    );
    assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    for short in ["x", "sk_", "sk_te", "é", "_é"] {
        assert_eq!(world.stripe_as(short, "/v1/account").await.status, 401);
    }
}

#[tokio::test]
async fn a_missing_key_is_refused() {
    let world = World::new().await;
    let url = format!("{}/v1/account", world.sim.stripe().url());
    assert_eq!(world.get(&url, &[]).await.expect("an answer").status, 401);
}

#[tokio::test]
async fn test_restricted_and_basic_keys_are_good() {
    let world = World::new().await;
    for key in [STRIPE_KEY, STRIPE_RESTRICTED_KEY, STRIPE_LIVE_KEY] {
        let reply = world.stripe_as(key, "/v1/account").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["id"], world.sim.stripe().platform_id());
    }
    // `sk_test_simulator:` in base 64.
    let basic = [("Authorization", "Basic c2tfdGVzdF9zaW11bGF0b3I6")];
    let url = format!("{}/v1/account", world.sim.stripe().url());
    assert_eq!(
        world.get(&url, &basic).await.expect("an answer").status,
        200
    );
}

#[tokio::test]
async fn live_mode_is_empty_and_hints_at_test_mode() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    for list in ["accounts", "charges", "transfers"] {
        let reply = world
            .stripe_as(STRIPE_LIVE_KEY, &format!("/v1/{list}"))
            .await;
        assert_eq!(reply.json()["data"], serde_json::json!([]));
    }
    let path = format!("/v1/charges/{charge}");
    let reply = world.stripe_as(STRIPE_LIVE_KEY, &path).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "resource_missing")
    );
    assert!(reply.message().contains("test mode"), "{}", reply.message());
    let bearer = format!("Bearer {STRIPE_LIVE_KEY}");
    let reply = reqwest::Client::new()
        .post(format!("{}/v1/transfers", world.sim.stripe().url()))
        .header("Authorization", bearer)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form(1, "eur", &seller, &charge))
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status(), 400);
    assert!(reply.text().await.expect("a body").contains("test mode"));
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn accounts_that_are_not_connected_are_forbidden() {
    let world = World::new().await;
    let reply = world.stripe("/v1/accounts/acct_other").await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "account_invalid")
    );
    let url = format!("{}/v1/account", world.sim.stripe().url());
    let bearer = format!("Bearer {STRIPE_KEY}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Stripe-Account", "acct_other"),
    ];
    let reply = world.get(&url, &headers).await.expect("an answer");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "account_invalid")
    );
}

#[tokio::test]
async fn acting_as_a_seller_shows_the_seller_only() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    let other = world.sim.stripe().add_account(AccountSeed::new());
    let bearer = format!("Bearer {STRIPE_KEY}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Stripe-Account", &seller),
    ];
    let get = async |path: &str| {
        let url = format!("{}{path}", world.sim.stripe().url());
        world.get(&url, &headers).await.expect("an answer")
    };
    assert_eq!(get("/v1/account").await.json()["id"], seller.as_str());
    assert_eq!(
        get("/v1/account").await.header("stripe-account"),
        Some(seller.as_str())
    );
    assert_eq!(get(&format!("/v1/accounts/{seller}")).await.status, 200);
    assert_eq!(get(&format!("/v1/accounts/{other}")).await.status, 403);
    assert_eq!(get(&format!("/v1/charges/{charge}")).await.status, 404);
    assert_eq!(
        get("/v1/charges").await.json()["data"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn every_answer_names_its_request_and_version() {
    let world = World::new().await;
    let url = format!("{}/v1/account", world.sim.stripe().url());
    let bearer = format!("Bearer {STRIPE_KEY}");
    let version = "2026-06-24.dahlia";
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Stripe-Version", version),
    ];
    let first = world.get(&url, &headers).await.expect("an answer");
    let second = world.get(&url, &[]).await.expect("an answer");
    assert_eq!(first.header("stripe-version"), Some(version));
    let ids: Vec<_> = [&first, &second]
        .map(|reply| reply.header("request-id").expect("an id"))
        .into();
    assert!(ids.iter().all(|id| id.starts_with("req_")));
    assert_ne!(ids[0], ids[1]);
    assert_eq!(
        world.sim.calls()[0].stripe_version.as_deref(),
        Some(version)
    );
}

#[tokio::test]
async fn a_version_that_is_no_date_is_refused() {
    let world = World::new().await;
    let url = format!("{}/v1/account", world.sim.stripe().url());
    let bearer = format!("Bearer {STRIPE_KEY}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Stripe-Version", "latest"),
    ];
    assert_eq!(
        world.get(&url, &headers).await.expect("an answer").status,
        400
    );
}

#[tokio::test]
async fn unknown_urls_are_404_as_stripe_words_it() {
    let world = World::new().await;
    for path in ["/v1/nothing", "/v2/account", "/v1/charges/a/b", "/"] {
        let reply = world.stripe(path).await;
        assert_eq!(reply.status, 404);
        assert!(
            reply.message().starts_with("Unrecognized request URL"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn requests_over_the_limit_are_refused() {
    let world = World::new().await;
    world.sim.stripe().limit_rate(Some(0));
    let reply = world.stripe("/v1/account").await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "rate_limit"));
    assert_eq!(
        reply.header("stripe-rate-limited-reason"),
        Some("endpoint-rate")
    );
    world.sim.stripe().limit_rate(Some(1000));
    assert_eq!(world.stripe("/v1/account").await.status, 200);
    world.sim.stripe().limit_rate(None);
    assert_eq!(world.stripe("/v1/account").await.status, 200);
}

#[tokio::test]
async fn an_account_shows_capabilities_schedule_and_requirements() {
    let world = World::new().await;
    let seed = AccountSeed::new()
        .id("acct_x")
        .transfers("inactive")
        .payouts_schedule("daily")
        .currency("usd")
        .metadata("miraklShopId", "2001")
        .currently_due("external_account")
        .payouts_enabled(false);
    assert_eq!(world.sim.stripe().add_account(seed), "acct_x");
    let account = world.stripe("/v1/accounts/acct_x").await.json();
    assert_eq!(account["capabilities"]["transfers"], "inactive");
    assert_eq!(
        account["settings"]["payouts"]["schedule"]["interval"],
        "daily"
    );
    assert_eq!(account["default_currency"], "usd");
    assert_eq!(account["metadata"]["miraklShopId"], "2001");
    assert_eq!(
        account["requirements"]["currently_due"][0],
        "external_account"
    );
    assert_eq!(account["payouts_enabled"], false);
    world
        .sim
        .stripe()
        .set_capability("acct_x", "transfers", "active");
    let account = world.stripe("/v1/accounts/acct_x").await.json();
    assert_eq!(account["capabilities"]["transfers"], "active");
}

#[tokio::test]
async fn ids_are_the_same_in_every_simulator() {
    let (one, two) = (World::new().await, World::new().await);
    let pay = |world: &World| world.sim.stripe().pay(PaymentSeed::new(1, "eur"));
    assert_eq!(pay(&one), pay(&two));
    assert_ne!(pay(&one).charge, pay(&one).charge);
    assert_eq!(pay(&one).charge.len(), "ch_".len() + 24);
}
