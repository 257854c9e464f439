use chrono::TimeDelta;
use serde_json::json;
use simulator::{AccountSeed, STRIPE_KEY, STRIPE_LIVE_KEY, Visit};

use crate::client::{Reply, World};

const ADDRESSES: &str = "refresh_url=https://m.example/again&return_url=https://m.example/done";

/// A seller, and the form of a link for it.
async fn ready() -> (World, String, String) {
    let world = World::new().await;
    let seller = world.sim.stripe().add_account(AccountSeed::new());
    let form = format!("account={seller}&type=account_onboarding&{ADDRESSES}");
    (world, seller, form)
}

async fn link(world: &World, form: &str) -> Reply {
    world.make("account_links", form).await
}

fn url(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["url"].as_str().expect("a url").to_owned()
}

#[tokio::test]
async fn a_link_leads_to_the_form_of_its_account() {
    let (world, seller, form) = ready().await;
    let reply = link(&world, &form).await;
    let url = url(&reply);
    let start = format!("https://connect.stripe.com/setup/e/{seller}/");
    assert!(url.starts_with(&start) && url.len() > start.len(), "{url}");
    let body = reply.json();
    assert_eq!(body["object"], "account_link");
    let created = body["created"].as_i64().expect("a time");
    assert!((world.sim.clock().now().timestamp() - created).abs() < 5);
    assert_eq!(body["expires_at"], created + 300);
    let links = world.sim.stripe().links();
    assert_eq!(links.len(), 1);
    assert_eq!((&links[0].url, &links[0].account), (&url, &seller));
    assert_eq!(links[0].refresh_url, "https://m.example/again");
    assert_eq!(links[0].return_url, "https://m.example/done");
    assert!(!links[0].used);
    let visit = world.sim.stripe().visit(&url);
    assert_eq!(visit, Visit::Form { account: seller });
    assert!(world.sim.stripe().links()[0].used);
    assert_eq!(world.sim.count("POST /v1/account_links"), 1);
}

#[tokio::test]
async fn a_link_works_once() {
    let (world, _, form) = ready().await;
    let url = url(&link(&world, &form).await);
    let stripe = world.sim.stripe();
    assert!(matches!(stripe.visit(&url), Visit::Form { .. }));
    for _ in 0..2 {
        let again = Visit::SentTo("https://m.example/again".to_owned());
        assert_eq!(stripe.visit(&url), again);
    }
}

#[tokio::test]
async fn a_link_works_for_five_minutes_by_the_simulators_clock() {
    let (world, _, form) = ready().await;
    let (first, second) = (
        url(&link(&world, &form).await),
        url(&link(&world, &form).await),
    );
    let stripe = world.sim.stripe();
    world.sim.clock().advance(TimeDelta::seconds(290));
    assert!(matches!(stripe.visit(&first), Visit::Form { .. }));
    world.sim.clock().advance(TimeDelta::seconds(10));
    let again = Visit::SentTo("https://m.example/again".to_owned());
    assert_eq!(stripe.visit(&second), again);
    assert!(!stripe.links()[1].used);
}

#[tokio::test]
async fn a_url_that_is_no_link_leads_nowhere() {
    let (world, seller, form) = ready().await;
    let url = url(&link(&world, &form).await);
    let stripe = world.sim.stripe();
    for other in ["", "https://m.example", &url[..url.len() - 1]] {
        assert_eq!(stripe.visit(other), Visit::Unknown);
    }
    stripe.disconnect(&seller);
    assert_eq!(stripe.visit(&url), Visit::Unknown);
}

#[tokio::test]
async fn every_call_makes_another_link_and_every_key_one() {
    let (world, _, form) = ready().await;
    let one = world.make_with_key("account_links", &form, "one").await;
    let same = world.make_with_key("account_links", &form, "one").await;
    let two = world.make_with_key("account_links", &form, "two").await;
    let bare = link(&world, &form).await;
    assert_eq!(url(&one), url(&same));
    assert_eq!(same.header("idempotent-replayed"), Some("true"));
    assert_ne!(url(&one), url(&two));
    assert_ne!(url(&two), url(&bare));
    let links = world.sim.stripe().links();
    let keys: Vec<_> = links
        .iter()
        .map(|link| link.idempotency_key.as_deref())
        .collect();
    assert_eq!(keys, [Some("one"), Some("two"), None]);
}

#[tokio::test]
async fn what_a_link_needs_must_be_given() {
    let (world, _, form) = ready().await;
    for name in ["account", "type", "refresh_url", "return_url"] {
        let parts: Vec<&str> = form
            .split('&')
            .filter(|part| !part.starts_with(name))
            .collect();
        let reply = link(&world, &parts.join("&")).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "parameter_missing")
        );
        assert_eq!(reply.json()["error"]["param"], name);
    }
    assert!(world.sim.stripe().links().is_empty());
}

#[tokio::test]
async fn a_wrong_parameter_of_a_link_is_refused_by_name() {
    let (world, _, form) = ready().await;
    for (more, code, param) in [
        ("colour=red", "parameter_unknown", "colour"),
        ("collect=all", "", "collect"),
        (
            "collection_options[fields]=all",
            "",
            "collection_options[fields]",
        ),
        (
            "collection_options[future_requirements]=yes",
            "",
            "collection_options[future_requirements]",
        ),
        (
            "collection_options[more]=yes",
            "parameter_unknown",
            "collection_options[more]",
        ),
        ("type=onboarding", "", "type"),
        ("refresh_url=", "parameter_invalid_empty", "refresh_url"),
        ("refresh_url=/again", "url_invalid", "refresh_url"),
        ("return_url=m.example", "url_invalid", "return_url"),
        ("return_url=ftp://m.example", "url_invalid", "return_url"),
        (
            "return_url=https://m.example/a%20b",
            "url_invalid",
            "return_url",
        ),
    ] {
        let reply = link(&world, &format!("{form}&{more}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{more}");
        assert_eq!(reply.json()["error"]["param"], param, "{more}");
    }
    let more = "collection_options[fields]=eventually_due\
        &collection_options[future_requirements]=include&collect=currently_due";
    assert_eq!(link(&world, &format!("{form}&{more}")).await.status, 200);
}

#[tokio::test]
async fn express_accounts_have_no_link_for_updates() {
    let (world, _, form) = ready().await;
    let update = form.replace("account_onboarding", "account_update");
    let reply = link(&world, &update).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "type");
    assert!(
        reply.message().contains("account_onboarding"),
        "{}",
        reply.message()
    );
    let custom = AccountSeed::new().kind("custom");
    let custom = world.sim.stripe().add_account(custom);
    let form = format!("account={custom}&type=account_update&{ADDRESSES}");
    assert_eq!(link(&world, &form).await.status, 200);
}

#[tokio::test]
async fn links_of_live_mode_come_back_over_https() {
    let world = World::new().await;
    let post = async |kind: &str, form: &str| {
        let reply = world.post_as(STRIPE_LIVE_KEY, kind, form, &[]).await;
        reply.expect("an answer")
    };
    let account = post("accounts", "type=express").await.json()["id"].clone();
    let account = account.as_str().expect("an id");
    let form = format!("account={account}&type=account_onboarding&{ADDRESSES}");
    assert_eq!(post("account_links", &form).await.status, 200);
    let plain = form.replace("refresh_url=https", "refresh_url=http");
    let reply = post("account_links", &plain).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["param"], "refresh_url");

    let (world, _, form) = ready().await;
    let plain = form.replace("https://m.example", "http://localhost:8080");
    assert_eq!(link(&world, &plain).await.status, 200);
}

#[tokio::test]
async fn accounts_that_are_not_connected_have_no_links() {
    let (world, seller, form) = ready().await;
    let post = async |key: &str, form: &str, headers: &[(&str, &str)]| {
        let reply = world.post_as(key, "account_links", form, headers).await;
        reply.expect("an answer")
    };
    let live = post(STRIPE_LIVE_KEY, &form, &[]).await;
    let unknown = post(STRIPE_KEY, &form.replace(&seller, "acct_none"), &[]).await;
    world.sim.stripe().disconnect(&seller);
    let key = [("Idempotency-Key", "k")];
    let gone = post(STRIPE_KEY, &form, &key).await;
    for reply in [live, unknown, gone] {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "account_invalid")
        );
    }
    // Nothing was carried out, so the key is free for the seller who comes back.
    let seed = AccountSeed::new().id(&seller);
    world.sim.stripe().add_account(seed);
    let reply = post(STRIPE_KEY, &form, &key).await;
    assert_eq!(reply.json()["object"], json!("account_link"));
}
