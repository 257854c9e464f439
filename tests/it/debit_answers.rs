//! Confirmations and captures that are refused, whose answers are lost, or that somebody else makes: each is made once.

use chrono::TimeDelta;
use simulator::{BatchRule, Effect, Fault, When};

use crate::support::debits::{
    CAPTURE, CONFIRM, accepted, authorised, captured, confirmed, debits, payment,
};
use crate::support::{Finished, World};

#[tokio::test]
async fn one_order_that_mirakl_refuses_stops_no_other() {
    for rule in [BatchRule::Atomic, BatchRule::AppliesValid] {
        let world = World::new().await;
        world.mirakl.batch_rule(rule);
        for n in 1..=5 {
            let order = accepted(&format!("C{n}-A"), "10.00");
            // Mirakl knows another customer than the one it names.
            world.mirakl.put(order);
            authorised(&world, &format!("C{n}"), 1000);
        }
        world
            .sim
            .faults()
            .add(
                Fault::on(CONFIRM)
                    .containing("C3-A")
                    .always()
                    .then(Effect::Refusal {
                        status: 400,
                        code: None,
                        param: None,
                        message: "Cannot move order C3-A to SHIPPING".to_owned(),
                    }),
            );
        debits(&world).await.exits(3).says("Cannot move order C3-A");
        for n in [1, 2, 4, 5] {
            assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1, "{n}");
        }
        assert_eq!(confirmed(&world, "C3-A").len(), 0);
        assert_eq!(world.sim.stripe().captures().len(), 4);
        world.sim.faults().clear();
        debits(&world).await.exits(0);
        assert_eq!(confirmed(&world, "C3-A").len(), 1);
    }
}

#[tokio::test]
async fn a_confirmation_whose_answer_is_lost_is_settled_by_reading() {
    for (effect, known) in [
        (Effect::CutAfter, true),
        (Effect::StatusAfter(500), true),
        // Without an answer nothing is told again before the next run.
        (Effect::CutBefore, false),
        // Mirakl answered that it did nothing: one of the batch may be why, so each is told alone.
        (Effect::Status(503), true),
    ] {
        let what = format!("{effect:?}");
        let world = World::new().await;
        for n in 1..=3 {
            world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
            authorised(&world, &format!("C{n}"), 1000);
        }
        world
            .sim
            .faults()
            .add(Fault::on(CONFIRM).times(1).then(effect));
        let run = debits(&world).await;
        assert_eq!(run.code, Some(if known { 0 } else { 3 }), "{what}: {run:?}");
        debits(&world).await.exits(0);
        for n in 1..=3 {
            assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1, "{what}");
        }
        let mut world = world;
        world.pass(TimeDelta::minutes(6));
        debits(&world).await.exits(0);
        assert_eq!(world.sim.stripe().captures().len(), 3, "{what}");
    }
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_settled_and_made_once() {
    for (effect, times) in [
        (Effect::CutAfter, 1),
        (Effect::CutAfter, 100),
        (Effect::StatusAfter(500), 1),
        (Effect::Status(500), 1),
        (Effect::Html, 1),
    ] {
        let what = format!("{effect:?} {times}");
        let mut world = World::new().await;
        world.mirakl.put(accepted("C1-A", "10.00"));
        let intent = authorised(&world, "C1", 1500);
        world
            .sim
            .faults()
            .add(Fault::on(CAPTURE).times(times).then(effect));
        debits(&world).await;
        world.sim.faults().clear();
        world.pass(TimeDelta::minutes(6));
        debits(&world).await.exits(0);
        assert_eq!(captured(&world, &intent), [1500], "{what}");
        assert_eq!(payment(&world, "C1").await["status"], "CAPTURED", "{what}");
        // Also when Stripe has forgotten the key.
        world.pass(TimeDelta::hours(30));
        debits(&world).await.exits(0);
        assert_eq!(captured(&world, &intent), [1500], "{what}");
    }
}

#[tokio::test]
async fn captured_or_cancelled_elsewhere_is_recognised() {
    let mut world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let first = authorised(&world, "C1", 1000);
    world.mirakl.put(accepted("C2-A", "10.00"));
    let second = authorised(&world, "C2", 1000);
    world
        .sim
        .faults()
        .add(Fault::on(CAPTURE).always().then(Effect::CutBefore));
    debits(&world).await.exits(3);
    world.sim.faults().clear();
    world.sim.stripe().capture(&first, Some(700));
    world.sim.stripe().cancel(&second);
    world.pass(TimeDelta::hours(30));
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["status"], "CAPTURED");
    assert_eq!(payment(&world, "C2").await["status"], "CANCELED");
    let flag = payment(&world, "C1").await["difference"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        flag.contains("7.00 EUR") && flag.contains("10.00 EUR"),
        "{flag}"
    );
    let world = world;
    assert_eq!(
        world.sim.stripe().captures().len(),
        1,
        "only the other one's"
    );
}

async fn killed_at_every_call(when: When) {
    let mut kills = 0;
    loop {
        let mut world = World::new().await;
        world.set("STRIPE_MAX_CONCURRENCY", "1");
        world.mirakl.put(accepted("C1-A", "10.00"));
        world.mirakl.put(accepted("C1-B", "5.00"));
        let first = authorised(&world, "C1", 1700);
        world.mirakl.put(accepted("C2-A", "10.00"));
        let second = authorised(&world, "C2", 1000);
        let switch = world.sim.faults().kill_at_call(kills + 1, when);
        let child = world.program(&["validate-pending-debit"]).spawn();
        switch.arm(child.id().unwrap());
        Finished::of(child).await;
        world.sim.faults().clear();
        if !switch.fired() {
            break;
        }
        kills += 1;
        for _ in 0..2 {
            debits(&world).await.exits(0);
            world.pass(TimeDelta::minutes(11));
        }
        debits(&world).await.exits(0);
        for order in ["C1-A", "C1-B", "C2-A"] {
            assert_eq!(
                confirmed(&world, order).len(),
                1,
                "{order}, killed at {kills}"
            );
        }
        assert_eq!(captured(&world, &first), [1700], "killed at {kills}");
        assert_eq!(captured(&world, &second), [1000], "killed at {kills}");
    }
    assert!(kills >= 8, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_each_order_is_confirmed_and_each_payment_captured_once() {
    killed_at_every_call(When::Before).await;
}

#[tokio::test]
async fn killed_after_any_call_each_order_is_confirmed_and_each_payment_captured_once() {
    killed_at_every_call(When::After).await;
}

#[tokio::test]
async fn overlapping_runs_confirm_and_capture_once() {
    let world = World::new().await;
    for n in 1..=20 {
        world.mirakl.put(accepted(&format!("C{n}-A"), "10.00"));
        authorised(&world, &format!("C{n}"), 1000);
    }
    let program = world.program(&["validate-pending-debit"]);
    let (a, b) = tokio::join!(Finished::of(program.spawn()), Finished::of(program.spawn()));
    a.exits(0);
    b.exits(0);
    debits(&world).await.exits(0);
    for n in 1..=20 {
        assert_eq!(confirmed(&world, &format!("C{n}-A")).len(), 1);
    }
    assert_eq!(world.sim.stripe().captures().len(), 20);
}

#[tokio::test]
async fn an_older_observation_never_takes_a_payment_back() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    authorised(&world, "C1", 1000);
    debits(&world).await.exits(0);
    let mut conn = world.db.connect().await;
    sqlx::query(
        "update payments set observed_at = now() + interval '1 hour', status = 'CANCELED', captured = 0",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["status"], "CANCELED");
}

#[tokio::test]
async fn a_payment_that_somebody_captures_while_the_run_is_under_way_is_recognised() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    let slow = Effect::Delay(std::time::Duration::from_secs(2));
    world
        .sim
        .faults()
        .add(Fault::on(CONFIRM).times(1).then(slow));
    let run = world.program(&["validate-pending-debit"]).spawn();
    while world.count(CONFIRM) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.sim.stripe().capture(&intent, None);
    Finished::of(run).await.exits(0);
    assert_eq!(world.sim.stripe().captures().len(), 1, "theirs");
    let row = payment(&world, "C1").await;
    assert_eq!(row["status"], "CAPTURED", "{row}");
    assert_eq!(confirmed(&world, "C1-A"), [intent]);
}

#[tokio::test]
async fn a_list_that_never_ends_stops_the_run_and_says_so() {
    let world = World::new().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    world.mirakl.forever_paging(true);
    debits(&world).await.exits(1).says("the same page again");
    assert_eq!(world.mirakl.confirmations().len(), 0);
}
