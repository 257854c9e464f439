use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Account, AccountSeed};

use crate::client::{EXPRESS, World, form};

/// A world with an account that was just made for shop 2000.
async fn made() -> (World, String) {
    let world = World::new().await;
    let reply = world.make("accounts", EXPRESS).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    (world, id)
}

async fn read(world: &World, id: &str) -> Value {
    world.stripe(&format!("/v1/accounts/{id}")).await.json()
}

async fn listed(world: &World, query: &str) -> Vec<String> {
    let page = world.stripe(&format!("/v1/accounts?{query}")).await.json();
    let data = page["data"].as_array().expect("data").iter();
    data.map(|account| account["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_new_account_can_do_nothing_yet() {
    let (world, id) = made().await;
    let account = read(&world, &id).await;
    assert!(id.starts_with("acct_"));
    let due = json!([
        "business_profile.url",
        "external_account",
        "tos_acceptance.date"
    ]);
    for (field, wanted) in [
        ("/object", json!("account")),
        ("/type", json!("express")),
        ("/country", json!("FR")),
        ("/default_currency", json!("eur")),
        ("/charges_enabled", json!(false)),
        ("/payouts_enabled", json!(false)),
        ("/details_submitted", json!(false)),
        ("/capabilities", json!({ "transfers": "inactive" })),
        ("/requirements/currently_due", due.clone()),
        ("/requirements/eventually_due", due.clone()),
        ("/requirements/past_due", due),
        ("/requirements/pending_verification", json!([])),
        (
            "/requirements/disabled_reason",
            json!("requirements.past_due"),
        ),
        ("/settings/payouts/schedule/interval", json!("manual")),
        ("/settings/payouts/debit_negative_balances", json!(false)),
        ("/metadata", json!({ "miraklShopId": "2000" })),
    ] {
        assert_eq!(account.pointer(field), Some(&wanted), "{field}");
    }
    assert_eq!(world.sim.stripe().account_json(&id), Some(account));
    assert_eq!(world.sim.count("POST /v1/accounts"), 1);
}

#[tokio::test]
async fn accounts_are_listed_newest_first_whoever_made_them() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let long_ago = world.sim.clock().now() - TimeDelta::days(1);
    let seed = |id: &str| AccountSeed::new().id(id);
    stripe.add_account(seed("acct_new"));
    stripe.add_account(seed("acct_old").created_at(long_ago));
    let reply = world.make("accounts", EXPRESS).await;
    let made = reply.json()["id"].as_str().expect("an id").to_owned();
    let all = [made.as_str(), "acct_new", "acct_old"];
    assert_eq!(listed(&world, "").await, all);
    assert_eq!(listed(&world, "limit=2").await, all[..2]);
    let after = format!("starting_after={made}&limit=1");
    assert_eq!(listed(&world, &after).await, all[1..2]);
    assert_eq!(listed(&world, "ending_before=acct_new").await, all[..1]);
    let created = format!("created[lte]={}", long_ago.timestamp());
    assert_eq!(listed(&world, &created).await, all[2..]);
    let reply = world.stripe("/v1/accounts?starting_after=acct_none").await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "resource_missing")
    );
}

#[tokio::test]
async fn a_seller_submits_and_is_verified() {
    let (world, id) = made().await;
    let stripe = world.sim.stripe();
    stripe.submit_details(&id);
    let account = read(&world, &id).await;
    for (field, wanted) in [
        ("/details_submitted", json!(true)),
        ("/charges_enabled", json!(false)),
        ("/payouts_enabled", json!(false)),
        ("/capabilities/transfers", json!("pending")),
        ("/requirements/currently_due", json!([])),
        ("/requirements/eventually_due", json!([])),
        ("/requirements/past_due", json!([])),
        (
            "/requirements/pending_verification",
            json!(["individual.verification.document"]),
        ),
        (
            "/requirements/disabled_reason",
            json!("requirements.pending_verification"),
        ),
    ] {
        assert_eq!(account.pointer(field), Some(&wanted), "{field}");
    }
    stripe.verify(&id);
    let account = world.only_account();
    assert!(account.details_submitted && account.charges_enabled && account.payouts_enabled);
    assert_eq!(account.transfers.as_deref(), Some("active"));
    assert!(account.currently_due.is_empty() && account.pending_verification.is_empty());
    assert_eq!(account.disabled_reason, None);
    stripe.set_charges_enabled(&id, false);
    assert!(!world.only_account().charges_enabled && world.only_account().payouts_enabled);
    stripe.set_payouts_enabled(&id, false);
    assert!(!world.only_account().payouts_enabled);
}

#[tokio::test]
async fn only_a_verified_seller_receives_transfers() {
    let (world, id) = made().await;
    let (_, charge) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    let body = form(100, "eur", &id, &charge);
    let code = "insufficient_capabilities_for_transfer";
    assert_eq!(world.transfer(&body).await.code(), code);
    stripe.submit_details(&id);
    assert_eq!(world.transfer(&body).await.code(), code);
    stripe.verify(&id);
    assert_eq!(world.transfer(&body).await.status, 200);
    stripe.reject(&id, "rejected.fraud");
    assert_eq!(world.transfer(&body).await.code(), code);
}

#[tokio::test]
async fn verification_gives_only_what_was_requested() {
    let world = World::new().await;
    world.make("accounts", "type=express").await;
    world.sim.stripe().verify(&world.only_account().id);
    assert_eq!(world.only_account().transfers, None);
}

#[tokio::test]
async fn something_more_may_become_due() {
    let (world, id) = made().await;
    let stripe = world.sim.stripe();
    stripe.verify(&id);
    stripe.require(&id, "individual.id_number");
    let account = read(&world, &id).await;
    let due = json!(["individual.id_number"]);
    assert_eq!(account["requirements"]["currently_due"], due);
    assert_eq!(account["requirements"]["eventually_due"], due);
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(account["charges_enabled"], true);
    assert_eq!(account["capabilities"]["transfers"], "active");
}

#[tokio::test]
async fn a_rejected_seller_can_do_nothing() {
    let (world, id) = made().await;
    world.sim.stripe().verify(&id);
    world.sim.stripe().reject(&id, "rejected.fraud");
    let account = world.only_account();
    assert_eq!(account.disabled_reason.as_deref(), Some("rejected.fraud"));
    assert!(!account.charges_enabled && !account.payouts_enabled);
    assert_eq!(account.transfers.as_deref(), Some("inactive"));
}

#[tokio::test]
async fn a_seller_who_left_is_out_of_reach() {
    let (world, id) = made().await;
    let (other, charge) = world.seller_and_charge();
    let stripe = world.sim.stripe();
    stripe.verify(&id);
    stripe.disconnect(&id);
    let reply = world.stripe(&format!("/v1/accounts/{id}")).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "account_invalid")
    );
    assert_eq!(listed(&world, "").await, [other]);
    let cursor = format!("/v1/accounts?starting_after={id}");
    assert_eq!(world.stripe(&cursor).await.code(), "resource_missing");
    let reply = world.transfer(&form(100, "eur", &id, &charge)).await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "resource_missing")
    );
    // The test still sees what became of it.
    let connected = |account: &Account| account.connected;
    assert!(!stripe.accounts_for(2000).iter().any(connected));
    assert_eq!(stripe.accounts().len(), 2);
    let account = stripe.account_json(&id).expect("an account");
    assert_eq!(account["id"], id.as_str());
}

#[tokio::test]
async fn a_seed_can_be_in_any_stage_and_of_any_shape() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seed = AccountSeed::new()
        .charges_enabled(false)
        .details_submitted(true)
        .pending_verification("company.tax_id")
        .set("/payouts_enabled", Value::Null)
        .set("/requirements/currently_due", Value::Null)
        .without("/capabilities");
    let id = stripe.add_account(seed);
    let account = read(&world, &id).await;
    assert_eq!(account["charges_enabled"], false);
    assert_eq!(account["details_submitted"], true);
    assert_eq!(
        account["requirements"]["pending_verification"],
        json!(["company.tax_id"])
    );
    assert_eq!(account["requirements"]["currently_due"], Value::Null);
    assert_eq!(account["payouts_enabled"], Value::Null);
    assert!(account.get("capabilities").is_none());
    // Nothing said: done unless something is due.
    let id = stripe.add_account(AccountSeed::new().currently_due("external_account"));
    let account = read(&world, &id).await;
    assert_eq!(account["charges_enabled"], false);
    assert_eq!(account["details_submitted"], false);
}
