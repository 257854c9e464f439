//! Payouts that come back, and several invoices of one seller, under kills: each is paid once more, told
//! of once, and in order.

use chrono::TimeDelta;
use simulator::{Effect, Fault, Receiver, When};

use crate::support::{Finished, Settled, World};

const PAY: &str = "POST /v1/payouts";

fn paying(invoice: i64, payout: i64) -> Settled {
    Settled {
        invoice,
        shop: 2000,
        credits: 0,
        subscription: 0,
        other_invoices: 0,
        payout,
    }
}

/// One seller, one request at a time, a server that is told.
async fn world_with(invoices: &[Settled]) -> (World, Receiver) {
    let mut world = World::with_sellers(1).await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    for settled in invoices {
        world.mirakl.put_invoice(settled.seed());
    }
    (world, server)
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(&["process-payout"]).spawn();
    switch.arm(child.id().unwrap());
    Finished::of(child).await;
    world.sim.faults().clear();
    switch.fired()
}

fn told(server: &Receiver) -> usize {
    let told = server.received();
    let told = told
        .iter()
        .filter(|told| told.json["type"] == "payout.failed");
    // A delivery that was cut short is repeated under the same id.
    let ids: std::collections::BTreeSet<_> = told.map(|told| told.id.clone()).collect();
    ids.len()
}

#[tokio::test]
async fn killed_while_a_payout_comes_back_and_is_paid_again_it_is_paid_once_more_and_told_once() {
    let mut kills = 0;
    loop {
        let (mut world, server) = world_with(&[paying(1, 8100)]).await;
        world.payout().await.exits(0);
        let first = world.sim.stripe().payouts()[0].id.clone();
        world.sim.stripe().fail_payout(&first, "account_closed");
        world.pass(TimeDelta::hours(2));
        // The run that learns of it, or the one that pays again.
        let learning = killed_at(&world, kills + 1, When::After).await;
        world.payout().await;
        world
            .payout_stands(1, "PAYOUT_FAILED", "account_closed")
            .await;
        world.pass(TimeDelta::hours(25));
        let paying = killed_at(&world, kills + 1, When::After).await;
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        assert_eq!(world.paid_out(1), [8100], "call {kills}");
        assert_eq!(world.sim.stripe().payouts().len(), 2, "call {kills}");
        let row = world.payout_row(1).await;
        let stands = [&row["status"], &row["attempt"], &row["failedPayoutIds"][0]];
        let expected: [serde_json::Value; 3] =
            ["PAYOUT_CREATED".into(), 2.into(), first.as_str().into()];
        assert_eq!(stands, expected.each_ref(), "{row:#}");
        assert_eq!(told(&server), 1, "call {kills}");
        if !learning && !paying {
            break;
        }
        kills += 1;
    }
    // Invoices by id, two lists, a balance, a payout at least.
    assert!(kills >= 5, "only {kills} calls");
}

#[tokio::test]
async fn a_payout_that_fails_after_it_was_paid_is_learnt_of() {
    let (mut world, server) = world_with(&[paying(1, 8100)]).await;
    world.payout().await.exits(0);
    world.pass(TimeDelta::hours(72));
    world.payout().await.exits(0);
    let row = world.payout_stands(1, "PAYOUT_CREATED", "").await;
    assert_eq!(row["stripeStatus"], "paid");
    let first = row["stripePayoutId"].as_str().unwrap().to_owned();
    world.sim.stripe().fail_payout(&first, "account_closed");
    world.pass(TimeDelta::hours(25));
    world.payout().await;
    world
        .payout_stands(1, "PAYOUT_FAILED", "account_closed")
        .await;
    assert_eq!(told(&server), 1);
    world.pass(TimeDelta::hours(25));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [8100]);
}

#[tokio::test]
async fn killed_at_a_refusal_the_next_run_learns_it_and_pays_once_under_the_next_key() {
    let mut refused = 0;
    for n in 1.. {
        let (mut world, _server) = world_with(&[paying(1, 8100)]).await;
        let refusal = Effect::Refusal {
            status: 400,
            code: Some("balance_insufficient".to_owned()),
            param: None,
            message: "Not enough.".to_owned(),
        };
        world.sim.faults().add(Fault::on(PAY).then(refusal));
        let fired = killed_at(&world, n, When::After).await;
        world.payout().await;
        world.pass(TimeDelta::minutes(6));
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&[paying(1, 8100)]).await;
        refused += usize::from(world.payout_row(1).await["attempt"] == 2);
        if !fired {
            break;
        }
    }
    // At the refusal itself, and when nothing was killed.
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn killed_after_any_call_the_invoices_of_one_seller_are_paid_in_their_order() {
    let invoices = [paying(3, 20_000), paying(1, 9_000), paying(2, 1_000)];
    let mut kills = 0;
    loop {
        let (mut world, _server) = world_with(&[]).await;
        for (n, settled) in invoices.iter().enumerate() {
            let days = TimeDelta::days(3 - i64::try_from(n).unwrap());
            let made = world.sim.clock().now() - days;
            world.mirakl.put_invoice(settled.seed().created_at(made));
        }
        let fired = killed_at(&world, kills + 1, When::After).await;
        world.pass(TimeDelta::minutes(if kills % 2 == 0 { 0 } else { 20 }));
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&invoices).await;
        let order: Vec<i64> = world
            .sim
            .stripe()
            .payouts()
            .iter()
            .map(|of| of.amount)
            .collect();
        assert_eq!(order, [20_000, 9_000, 1_000], "call {kills}");
        assert_eq!(world.sim.stripe().balance("acct_shop2000", "eur"), 0);
        if !fired {
            break;
        }
        kills += 1;
    }
    // Invoices, two lists, a balance, three payouts.
    assert!(kills >= 7, "only {kills} calls");
}

#[tokio::test]
async fn killed_after_any_call_a_payout_that_its_balance_does_not_cover_waits_and_holds_back_later_ones()
 {
    let invoices = [paying(1, 25_000), paying(2, 10_000), paying(3, 4_000)];
    let mut kills = 0;
    loop {
        let (mut world, _server) = world_with(&[]).await;
        for (n, settled) in invoices.iter().enumerate() {
            let days = TimeDelta::days(3 - i64::try_from(n).unwrap());
            let made = world.sim.clock().now() - days;
            world.mirakl.put_invoice(settled.seed().created_at(made));
        }
        let fired = killed_at(&world, kills + 1, When::After).await;
        world.payout().await.exits(0);
        let row = world
            .payout_stands(2, "PAYOUT_ON_HOLD", "balance_too_low")
            .await;
        assert_eq!(row["missing"], 5_000, "call {kills}");
        world
            .payout_stands(3, "PAYOUT_ON_HOLD", "earlier_invoice")
            .await;
        assert_eq!(world.sim.stripe().payouts().len(), 1, "call {kills}");
        world.sim.stripe().add_funds("acct_shop2000", "eur", 9_000);
        world.pass(TimeDelta::hours(1));
        world.payout().await.exits(0);
        world.each_settled_once(&invoices).await;
        if !fired {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 5, "only {kills} calls");
}
