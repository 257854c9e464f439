//! `resolve transfer`: a person has decided.

use chrono::TimeDelta;
use simulator::{Effect, Fault, TransferSeed};

use crate::support::{World, eur};

/// Two refused transfers, C1-A and C2-A.
async fn refused() -> World {
    let world = World::new().await;
    world.orders(2);
    let refusal = Effect::Refusal {
        status: 400,
        code: Some("request_blocked".to_owned()),
        param: None,
        message: "This request was blocked.".to_owned(),
    };
    let fault = Fault::on("POST /v1/transfers").always().then(refusal);
    world.sim.faults().add(fault);
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    world
}

async fn resolve(world: &World, id: &str, flags: &[&str]) -> crate::support::Finished {
    let number = world.row(id).await.id.to_string();
    let mut arguments = vec!["resolve", "transfer", number.as_str()];
    arguments.extend(flags);
    world.run(&arguments).await
}

#[tokio::test]
async fn retry_decides_the_row_anew_at_the_next_run() {
    let world = refused().await;
    resolve(&world, "C1-A", &["--retry"])
        .await
        .exits(0)
        .says("decided anew at the next run");
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "resolved_retry")
        .await;
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
    assert!(world.moved("C2-A").is_empty(), "only what was asked for");
}

#[tokio::test]
async fn abandon_ends_the_row_and_the_history_keeps_the_reason() {
    let mut world = refused().await;
    resolve(&world, "C1-A", &["--abandon", "paid by bank transfer"])
        .await
        .exits(0);
    let row = world
        .stands("C1-A", "TRANSFER_ABORTED", "resolved_abandoned")
        .await;
    assert!(row.reason.contains("paid by bank transfer"), "{row:?}");
    world.pass(TimeDelta::days(2));
    world.mirakl.update("C1-A", |_| ());
    world.transfer().await.exits(0);
    assert!(world.moved("C1-A").is_empty());
    assert_eq!(world.moved("C2-A"), [900]);
    let shown = world
        .run(&["list", "transfers", "--id", "C1-A"])
        .await
        .exits(0);
    for text in [
        "TRANSFER_FAILED",
        "TRANSFER_ABORTED",
        "paid by bank transfer",
    ] {
        assert!(shown.stdout.contains(text), "{text}: {}", shown.stdout);
    }
}

#[tokio::test]
async fn a_transfer_made_by_hand_settles_the_row() {
    let world = refused().await;
    world
        .sim
        .stripe()
        .add_funds(&world.sim.stripe().platform_id(), "eur", 10_000);
    let by_hand = world
        .sim
        .stripe()
        .add_transfer(TransferSeed::new("acct_shop2000", 850, "eur"));
    resolve(&world, "C1-A", &["--stripe-id", &by_hand])
        .await
        .exits(0)
        .says("8.50 EUR");
    let row = world
        .stands("C1-A", "TRANSFER_CREATED", "resolved_made")
        .await;
    assert_eq!(
        (row.transfer.as_deref(), row.amount),
        (Some(by_hand.as_str()), Some(850))
    );
    // It cannot settle a second row.
    resolve(&world, "C2-A", &["--stripe-id", &by_hand])
        .await
        .exits(2)
        .says("pays C1-A, not C2-A");
    world
        .stands("C2-A", "TRANSFER_FAILED", "request_blocked")
        .await;
}

#[tokio::test]
async fn what_cannot_be_resolved_says_why() {
    let world = refused().await;
    world.paid(eur("DONE-A", 2000, "10.00", "1.00"), "DONE", 1000);
    world.transfer().await.exits(0);
    resolve(&world, "DONE-A", &["--retry"])
        .await
        .exits(2)
        .says("is TRANSFER_CREATED");
    resolve(&world, "C1-A", &["--stripe-id", "tr_unknown"])
        .await
        .exits(2)
        .says("does not know");
    resolve(&world, "C1-A", &["--stripe-id", "po_1"])
        .await
        .exits(2)
        .says("no Stripe transfer");
    let done = world.row("DONE-A").await.transfer.unwrap();
    resolve(&world, "C1-A", &["--stripe-id", &done])
        .await
        .exits(2)
        .says("pays DONE-A, not C1-A");
    resolve(&world, "C1-A", &[]).await.exits(2);
    resolve(&world, "C1-A", &["--retry", "--abandon", "x"])
        .await
        .exits(2);
    world
        .run(&["resolve", "transfer", "424242", "--retry"])
        .await
        .exits(2)
        .says("there is no transfer 424242");
}
