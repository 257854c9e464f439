//! Answers get lost, runs overlap: the same request decides, and nothing is moved or paid twice.

use std::time::Duration;

use chrono::TimeDelta;
use simulator::{Api, Effect, Fault};

use crate::payout_crashes::{INVOICES, small_world};
use crate::support::{Database, Finished, World};

const PAY: &str = "POST /v1/payouts";
const MOVE: &str = "POST /v1/transfers";

/// Every kind of request of a run, by a word of its body.
const REQUESTS: [(&str, &str); 4] = [
    (MOVE, "EXTRA_CREDITS"),
    (MOVE, "SUBSCRIPTION"),
    (MOVE, "EXTRA_INVOICES"),
    (PAY, "payouts"),
];

fn once(endpoint: &str, word: &str, effect: Effect) -> Fault {
    let trigger = Fault::on(endpoint);
    match word {
        "payouts" => trigger.then(effect),
        word => trigger.containing(word).then(effect),
    }
}

#[tokio::test]
async fn connections_cut_before_or_after_the_effect_are_settled_within_the_run() {
    for effect in [Effect::CutBefore, Effect::CutAfter, Effect::Status(500)] {
        let world = small_world().await;
        for (endpoint, word) in REQUESTS {
            world.sim.faults().add(once(endpoint, word, effect.clone()));
        }
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_a_doubt_that_the_next_run_settles() {
    for hours in [0, 25] {
        for (endpoint, word) in REQUESTS {
            let mut world = small_world().await;
            world
                .sim
                .faults()
                .add(once(endpoint, word, Effect::EmptyBody));
            world
                .payout()
                .await
                .exits(3)
                .says("1 of the waiting in doubt");
            // Movements of the seller go on; the payout waits for each of them.
            if endpoint == MOVE {
                assert_eq!(world.paid_out(1), [0; 0]);
            }
            assert_eq!(world.paid_out(2), [4001]);
            // A payout that waits for its movement is looked at again after some minutes.
            world.pass(TimeDelta::minutes(6) + TimeDelta::hours(hours));
            world.payout().await.exits(0);
            world.payout().await.exits(0);
            world.each_settled_once(&INVOICES).await;
        }
    }
}

#[tokio::test]
async fn a_movement_that_is_settled_makes_its_payout_due_at_once() {
    for effect in [Effect::EmptyBody, Effect::StatusAfter(500)] {
        let world = small_world().await;
        world
            .sim
            .faults()
            .add(once(MOVE, "SUBSCRIPTION", effect.clone()));
        world.payout().await.exits(3);
        world
            .payout_stands(1, "PAYOUT_ON_HOLD", "transfers_open")
            .await;
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn a_stored_500_after_the_effect_is_found_by_the_next_run() {
    for (endpoint, word) in REQUESTS {
        let mut world = small_world().await;
        world
            .sim
            .faults()
            .add(once(endpoint, word, Effect::StatusAfter(500)));
        world.payout().await.exits(3);
        world.pass(TimeDelta::minutes(6));
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn a_stored_500_without_effect_is_not_replayed_for_ever() {
    for (endpoint, word) in REQUESTS {
        let mut world = small_world().await;
        world
            .sim
            .faults()
            .add(once(endpoint, word, Effect::StatusStored(500)));
        world.payout().await.exits(3);
        // The key replays its 500 as long as Stripe knows it.
        world.pass(TimeDelta::hours(25));
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn a_refusal_is_tried_again_under_a_new_key_and_paid_once() {
    for (endpoint, word) in REQUESTS {
        let mut world = small_world().await;
        let refusal = Effect::Refusal {
            status: 400,
            code: Some("balance_insufficient".to_owned()),
            param: None,
            message: "Not enough.".to_owned(),
        };
        world.sim.faults().add(once(endpoint, word, refusal));
        world.payout().await.exits(3);
        world.pass(TimeDelta::minutes(6));
        world.payout().await.exits(0);
        world.pass(TimeDelta::minutes(6));
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn an_old_doubt_is_looked_up_even_where_the_lists_were_already_compared() {
    for (endpoint, word) in REQUESTS {
        let mut world = small_world().await;
        world
            .sim
            .faults()
            .add(once(endpoint, word, Effect::EmptyBody));
        world.payout().await.exits(3);
        // However the span came to end behind the doubt: what is old is not sent without a look.
        let mut conn = world.db.connect().await;
        for behind in [
            "update adoptions set covered_until = now() + interval '4 days'",
            "update account_adoptions set covered_until = now() + interval '4 days'",
        ] {
            sqlx::query(behind).execute(&mut conn).await.unwrap();
        }
        world.pass(TimeDelta::hours(30));
        world.sim.clear_calls();
        world.payout().await.exits(0);
        assert_eq!(world.count(endpoint), 0, "{word}: found, not sent again");
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn lists_that_cannot_be_read_let_nothing_be_sent_for_that_account() {
    for (endpoint, account) in [
        ("GET /v1/payouts", "acct_shop2000"),
        ("GET /v1/payouts", "acct_shop2001"),
    ] {
        let mut world = small_world().await;
        let nth = if account.ends_with('0') { 1 } else { 2 };
        let fault = Fault::on(endpoint).nth(nth).then(Effect::Html);
        world.sim.faults().add(fault);
        world.payout().await.exits(3);
        let payouts = world.sim.stripe().payouts();
        assert_eq!(payouts.len(), 1, "the other seller's");
        assert_ne!(payouts[0].account, account);
        world.pass(TimeDelta::minutes(20));
        world.payout().await.exits(0);
        world.payout().await.exits(0);
        world.each_settled_once(&INVOICES).await;
    }
}

#[tokio::test]
async fn many_runs_at_once_move_and_pay_each_once() {
    let mut world = small_world().await;
    world.unset("STRIPE_MAX_CONCURRENCY");
    let program = world.program(&["process-payout"]);
    let children: Vec<_> = (0..5).map(|_| program.spawn()).collect();
    for child in children {
        Finished::of(child).await.exits(0);
    }
    world.payout().await.exits(0);
    world.each_settled_once(&INVOICES).await;
}

#[tokio::test]
async fn a_second_run_that_meets_the_first_at_work_exits_0_and_does_nothing() {
    let world = small_world().await;
    let slow = Fault::on(PAY).then(Effect::Delay(Duration::from_millis(1500)));
    world.sim.faults().add(slow);
    let first = world.program(&["process-payout"]).spawn();
    while world.count(PAY) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let arguments = ["process-payout", "--output", "json"];
    let second = world.run(&arguments).await.exits(0);
    assert_eq!(second.json()["outcome"], "skipped");
    Finished::of(first).await.exits(0);
    world.each_settled_once(&INVOICES).await;
}

#[tokio::test]
async fn two_databases_at_once_move_and_pay_each_once() {
    let mut world = small_world().await;
    let first = world.program(&["process-payout"]);
    let own = world.use_database(Database::migrated().await);
    for settled in INVOICES {
        world.shop(settled.shop).await;
    }
    world
        .sim
        .faults()
        .latency(Api::Stripe, Duration::from_millis(20));
    let children = [first.spawn(), world.program(&["process-payout"]).spawn()];
    for child in children {
        Finished::of(child).await;
    }
    world.sim.faults().clear();
    for _ in 0..2 {
        world.payout().await;
        first.run().await;
        world.pass(TimeDelta::hours(1));
    }
    world.each_settled_once(&INVOICES).await;
    world.use_database(own);
    world.each_settled_once(&INVOICES).await;
}

#[tokio::test]
async fn another_job_that_takes_over_a_credit_meanwhile_disturbs_nothing() {
    let mut world = World::with_sellers(2).await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    world.orders(2);
    for settled in INVOICES {
        world.mirakl.put_invoice(settled.seed());
    }
    let slow = Effect::SlowBody(Duration::from_secs(2));
    let slow = Fault::on(MOVE).containing("EXTRA_CREDITS").then(slow);
    world.sim.faults().add(slow);
    let payouts = world.program(&["process-payout"]).spawn();
    while world.sim.stripe().transfers_for("1").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.transfer().await.exits(0);
    Finished::of(payouts).await.exits(0);
    world.payout().await.exits(0);
    for settled in INVOICES {
        assert_eq!(world.paid_out(settled.invoice), [settled.payout]);
        let credits = world.moved_for(settled.invoice, "EXTRA_CREDITS");
        assert_eq!(credits.len(), 1);
    }
    for order in ["C1-A", "C2-A"] {
        assert_eq!(world.moved(order), [900]);
    }
    assert_eq!(world.sim.stripe().transfers().len(), 8);
}

#[tokio::test]
async fn a_request_has_the_key_of_its_invoice_until_stripe_refuses_it() {
    let mut world = small_world().await;
    let refusal = Effect::Refusal {
        status: 400,
        code: Some("balance_insufficient".to_owned()),
        param: None,
        message: "Not enough.".to_owned(),
    };
    world.sim.faults().add(once(PAY, "payouts", refusal));
    world.sim.clear_calls();
    world.payout().await.exits(3);
    world.pass(TimeDelta::minutes(6));
    world.payout().await.exits(0);
    world.each_settled_once(&INVOICES).await;
    let host = world.mirakl.host();
    let calls = world.sim.calls().into_iter();
    let mut keys: Vec<String> = calls.filter_map(|call| call.idempotency_key).collect();
    keys.sort_unstable();
    let mut expected = Vec::new();
    for invoice in [1, 2] {
        for kind in ["EXTRA_CREDITS", "EXTRA_INVOICES", "SUBSCRIPTION"] {
            expected.push(format!("ms1:{host}:transfer:{kind}:{invoice}:1"));
        }
        expected.push(format!("ms1:{host}:payout:INVOICE:{invoice}:1"));
    }
    let refused = format!("ms1:{host}:payout:INVOICE:1:2");
    expected.push(refused);
    expected.sort_unstable();
    assert_eq!(keys, expected);
}
