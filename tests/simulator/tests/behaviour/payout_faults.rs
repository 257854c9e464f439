use std::process::Command;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use simulator::{Effect, Fault, STRIPE_KEY, When};

use crate::client::World;

const FORM: &str = "amount=600&currency=eur";

#[tokio::test]
async fn a_payout_is_made_once_under_its_key() {
    let world = World::new().await;
    let sellers = [world.seller_with(1000), world.seller_with(1000)];
    let pay = async |seller: &str, form: &str| {
        let reply = world.try_for(seller, "payouts", form, "k").await;
        reply.expect("an answer")
    };
    let first = pay(&sellers[0], FORM).await;
    let again = pay(&sellers[0], FORM).await;
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = pay(&sellers[0], "amount=601&currency=eur").await;
    assert_eq!(other.json()["error"]["type"], "idempotency_error");
    // The key is the account's own.
    assert_eq!(
        pay(&sellers[1], FORM).await.header("idempotent-replayed"),
        None
    );
    assert_eq!(world.sim.stripe().payouts().len(), 2);
    assert_eq!(world.sim.stripe().balance(&sellers[0], "eur"), 400);
    world.sim.clock().advance(TimeDelta::hours(24));
    assert_eq!(pay(&sellers[1], "amount=5&currency=eur").await.status, 200);
}

#[tokio::test]
async fn a_refused_payout_stays_refused_under_its_key() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = world.seller_with(0);
    let pay = async |key: &str, form: &str| {
        let reply = world.try_for(&seller, "payouts", form, key).await;
        reply.expect("an answer")
    };
    assert_eq!(pay("poor", FORM).await.code(), "balance_insufficient");
    stripe.add_funds(&seller, "eur", 1000);
    stripe.set_payouts_enabled(&seller, false);
    assert_eq!(pay("stopped", FORM).await.code(), "payouts_not_allowed");
    stripe.set_payouts_enabled(&seller, true);
    stripe.external_account(&seller, "eur", false);
    let no_bank = pay("bankless", FORM).await;
    stripe.external_account(&seller, "eur", true);
    assert_eq!(pay("poor", FORM).await.code(), "balance_insufficient");
    assert_eq!(pay("stopped", FORM).await.code(), "payouts_not_allowed");
    assert_eq!(pay("bankless", FORM).await.text, no_bank.text);
    assert!(stripe.payouts().is_empty());
    assert_eq!(pay("another", FORM).await.status, 200);
    // Parameters that were never right leave the key free.
    assert_eq!(pay("odd", "amount=5&currency=huf").await.status, 400);
    assert_eq!(pay("odd", "amount=5&currency=eur").await.status, 200);
}

#[tokio::test]
async fn a_payout_can_be_lost_before_or_after_its_effect() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    for (effect, made) in [(Effect::CutBefore, 0), (Effect::CutAfter, 1)] {
        let fault = Fault::on("POST /v1/payouts").then(effect);
        world.sim.faults().add(fault);
        let reply = world.try_for(&seller, "payouts", FORM, "k").await;
        assert!(reply.is_err());
        assert_eq!(stripe.payouts().len(), made);
    }
    let again = world.try_for(&seller, "payouts", FORM, "k").await;
    let again = again.expect("an answer");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json()["id"], stripe.payouts()[0].id.as_str());
    assert_eq!(stripe.balance(&seller, "eur"), 400);
}

#[tokio::test]
async fn a_process_can_be_killed_at_a_payout() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    for (when, made) in [(When::Before, 0), (When::After, 1)] {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let switch = world.sim.faults().kill_at_call(1, when);
        switch.arm(child.id());
        let reply = world.try_for(&seller, "payouts", FORM, "k").await;
        assert!(reply.is_err() && switch.fired());
        child.wait().expect("an end");
        assert_eq!(world.sim.stripe().payouts().len(), made);
    }
}

#[tokio::test]
async fn every_call_about_money_of_a_seller_can_fail_by_its_template() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let id = world.sim.stripe().payout_by_hand(&seller, 5, "eur");
    for (path, template) in [
        ("/v1/account".to_owned(), "GET /v1/account"),
        ("/v1/balance".to_owned(), "GET /v1/balance"),
        ("/v1/payouts".to_owned(), "GET /v1/payouts"),
        (format!("/v1/payouts/{id}"), "GET /v1/payouts/{id}"),
        ("/v1/transfers".to_owned(), "GET /v1/transfers"),
    ] {
        let fault = Fault::on(template).then(Effect::Status(503));
        world.sim.faults().add(fault);
        assert_eq!(world.stripe_for(&seller, &path).await.status, 503);
        assert_eq!(world.stripe_for(&seller, &path).await.status, 200);
        assert_eq!(world.sim.count(template), 2);
    }
    for (kind, template) in [
        ("payouts".to_owned(), "POST /v1/payouts"),
        (
            format!("payouts/{id}/cancel"),
            "POST /v1/payouts/{id}/cancel",
        ),
    ] {
        let fault = Fault::on(template).then(Effect::StatusStored(500));
        world.sim.faults().add(fault);
        let form = if kind == "payouts" { FORM } else { "" };
        for _ in 0..2 {
            let reply = world.try_for(&seller, &kind, form, template).await;
            assert_eq!(reply.expect("an answer").status, 500);
        }
    }
    assert_eq!(world.sim.stripe().payouts().len(), 1);
    assert_eq!(world.sim.stripe().payouts()[0].status, "pending");
}

#[tokio::test]
async fn two_cancels_of_one_payout_do_not_run_at_the_same_time() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let id = world.sim.stripe().payout_by_hand(&seller, 5, "eur");
    let kind = format!("payouts/{id}/cancel");
    let slow = Effect::Delay(Duration::from_millis(300));
    let fault = Fault::on("POST /v1/payouts/{id}/cancel").then(slow);
    world.sim.faults().add(fault);
    let second = async {
        let start = Instant::now();
        while world.sim.count("POST /v1/payouts/{id}/cancel") == 0 {
            assert!(start.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.make_for(&seller, &kind, "").await
    };
    let (first, second) = tokio::join!(world.make_for(&seller, &kind, ""), second);
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(
        (second.status, second.code().as_str()),
        (429, "lock_timeout")
    );
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 1000);
}

#[tokio::test]
async fn calls_for_a_seller_are_recorded_as_such() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    world.stripe_for(&seller, "/v1/balance").await;
    let reply = world.try_for(&seller, "payouts", FORM, "k").await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.header("stripe-account"), Some(&*seller));
    let headers = [("Idempotency-Key", "k2")];
    let own = world.post_as(STRIPE_KEY, "payouts", FORM, &headers).await;
    assert_eq!(own.expect("an answer").code(), "balance_insufficient");
    let calls = world.sim.calls();
    let accounts: Vec<Option<&str>> = calls.iter().map(|c| c.stripe_account.as_deref()).collect();
    assert_eq!(accounts, [Some(&*seller), Some(&*seller), None]);
}

#[tokio::test]
async fn unknown_ways_to_write_payouts_are_no_urls() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let id = world.sim.stripe().payout_by_hand(&seller, 5, "eur");
    let kind = format!("payouts/{id}/reverse");
    let reply = world.make_for(&seller, &kind, "").await;
    assert_eq!(reply.status, 404);
    assert!(reply.message().contains("Unrecognized request URL"));
}
