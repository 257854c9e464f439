use std::process::Command;
use std::time::{Duration, Instant};

use simulator::{Api, Effect, Fault, PaymentSeed, When};

use crate::client::{World, form};

/// A world with a refund and a reversal, and a path for each thing that can be read of them.
async fn world() -> (World, Vec<(String, &'static str)>) {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let (seller, charge) = world.seller_and_charge();
    let refund = stripe.refund(&charge, 100);
    let transfer = world.transfer(&form(5000, "eur", &seller, &charge)).await;
    let transfer = transfer.json()["id"].as_str().expect("an id").to_owned();
    let reversal = stripe.reverse(&transfer, 100);
    let event = stripe.events()[0]["id"].as_str().expect("an id").to_owned();
    let reversals = format!("/v1/transfers/{transfer}/reversals");
    let reads = vec![
        ("/v1/refunds".to_owned(), "GET /v1/refunds"),
        (format!("/v1/refunds/{refund}"), "GET /v1/refunds/{id}"),
        (reversals.clone(), "GET /v1/transfers/{id}/reversals"),
        (
            format!("{reversals}/{reversal}"),
            "GET /v1/transfers/{id}/reversals/{id}",
        ),
        ("/v1/events".to_owned(), "GET /v1/events"),
        (format!("/v1/events/{event}"), "GET /v1/events/{id}"),
    ];
    (world, reads)
}

#[tokio::test]
async fn every_read_can_fail_by_its_template() {
    let (world, reads) = world().await;
    for (path, template) in reads {
        world
            .sim
            .faults()
            .add(Fault::on(template).then(Effect::Status(503)));
        assert_eq!(world.stripe(&path).await.status, 503, "{template}");
        assert_eq!(world.stripe(&path).await.status, 200, "{template}");
        assert_eq!(world.sim.count(template), 2);
        let odd = format!("{path}?odd=1");
        assert_eq!(world.stripe(&odd).await.code(), "parameter_unknown");
    }
}

#[tokio::test]
async fn what_is_read_of_refunds_is_limited_in_rate_and_takes_time() {
    let (world, reads) = world().await;
    world.sim.stripe().limit_rate(Some(1));
    for (path, _) in &reads {
        assert_eq!(world.stripe(path).await.status, 200);
        let limited = world.stripe(path).await;
        assert_eq!(
            (limited.status, limited.code().as_str()),
            (429, "rate_limit")
        );
    }
    world.sim.stripe().limit_rate(None);
    let each = Duration::from_millis(50);
    world.sim.faults().latency(Api::Stripe, each);
    let start = Instant::now();
    world.stripe("/v1/events").await;
    assert!(start.elapsed() >= each);
}

#[tokio::test]
async fn a_process_can_be_killed_at_a_reversal_or_a_refund() {
    let (world, _) = world().await;
    let stripe = world.sim.stripe();
    let charge = stripe.pay(PaymentSeed::new(1000, "eur")).charge;
    let transfer = stripe.transfers()[0].id.clone();
    for (when, refunds, reversals) in [(When::Before, 1, 1), (When::After, 2, 2)] {
        for (kind, form) in [
            ("refunds".to_owned(), format!("charge={charge}&amount=10")),
            (
                format!("transfers/{transfer}/reversals"),
                "amount=10".to_owned(),
            ),
        ] {
            let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
            let switch = world.sim.faults().kill_at_call(1, when);
            switch.arm(child.id());
            let reply = world
                .post_as(simulator::STRIPE_KEY, &kind, &form, &[])
                .await;
            assert!(reply.is_err() && switch.fired());
            child.wait().expect("an end");
        }
        assert_eq!(stripe.refunds().len(), refunds);
        assert_eq!(stripe.reversals().len(), reversals);
    }
}

#[tokio::test]
async fn a_failure_after_the_effect_is_stored_under_the_key() {
    let (world, _) = world().await;
    let stripe = world.sim.stripe();
    let transfer = stripe.transfers()[0].id.clone();
    let kind = format!("transfers/{transfer}/reversals");
    let fault = Fault::on("POST /v1/transfers/{id}/reversals").then(Effect::StatusAfter(500));
    world.sim.faults().add(fault);
    for _ in 0..2 {
        let reply = world.make_with_key(&kind, "amount=10", "k1").await;
        assert_eq!(reply.status, 500);
    }
    assert_eq!(stripe.reversals().len(), 2);
    let list = world.stripe(&format!("/v1/{kind}?limit=1")).await.json();
    assert_eq!(list["data"][0]["amount"], 10);
}

#[tokio::test]
async fn unknown_ways_to_write_refunds_and_reversals_are_no_urls() {
    let (world, _) = world().await;
    let transfer = world.sim.stripe().transfers()[0].id.clone();
    for kind in [
        "events".to_owned(),
        "refunds/re_1/cancel".to_owned(),
        format!("transfers/{transfer}/reversals/trr_1/cancel"),
    ] {
        let reply = world.make(&kind, "").await;
        assert_eq!(reply.status, 404);
        assert!(reply.message().contains("Unrecognized request URL"));
    }
}

#[tokio::test]
async fn metadata_is_written_on_refunds_and_reversals_and_nothing_else() {
    let (world, _) = world().await;
    let stripe = world.sim.stripe();
    let refund = stripe.refunds()[0].id.clone();
    let transfer = stripe.transfers()[0].id.clone();
    let reversal = stripe.reversals()[0].id.clone();
    for path in [
        format!("refunds/{refund}"),
        format!("transfers/{transfer}/reversals/{reversal}"),
    ] {
        let named = world.make(&path, "metadata[n]=1&metadata[m]=2").await;
        assert_eq!(named.status, 200);
        let named = world.make(&path, "metadata[m]=").await.json();
        assert_eq!(named["metadata"], serde_json::json!({ "n": "1" }));
        let shown = world.stripe(&format!("/v1/{path}")).await.json();
        assert_eq!(shown, named);
        let changed = world.make(&path, "amount=5").await;
        assert_eq!(changed.code(), "parameter_unknown");
    }
    for path in [
        "refunds/re_none".to_owned(),
        format!("transfers/{transfer}/reversals/trr_none"),
    ] {
        let missing = world.make(&path, "metadata[n]=1").await;
        assert_eq!(missing.status, 404);
    }
}
