use std::process::{Child, Command};

use simulator::When;

use crate::client::World;

/// A process that does nothing for long.
fn sleeper() -> Child {
    Command::new("sleep").arg("60").spawn().expect("sleep")
}

fn was_killed(child: &mut Child) -> bool {
    use std::os::unix::process::ExitStatusExt;
    child.wait().expect("an end").signal() == Some(9)
}

#[tokio::test]
async fn the_nth_call_kills_before_its_effect() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let mut child = sleeper();
    let switch = world.sim.faults().kill_at_call(2, When::Before);
    switch.arm(child.id());
    assert_eq!(world.mirakl("/api/orders").await.status, 200);
    assert!(!switch.fired());
    assert!(world.post(&body, &[]).await.is_err());
    assert!(switch.fired());
    assert!(was_killed(&mut child));
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 0);
    assert_eq!(world.sim.calls()[1].status, None);
    assert_eq!(world.transfer(&body).await.status, 200);
}

#[tokio::test]
async fn the_nth_call_kills_after_its_effect() {
    let world = World::new().await;
    let (seller, body) = world.ready_transfer(100);
    let mut child = sleeper();
    let switch = world.sim.faults().kill_at_call(1, When::After);
    switch.arm(child.id());
    assert!(world.post(&body, &[]).await.is_err());
    assert!(switch.fired() && was_killed(&mut child));
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
}

#[tokio::test]
async fn a_call_waits_for_its_switch_to_be_armed() {
    let world = World::new().await;
    let (_, body) = world.ready_transfer(100);
    let mut child = sleeper();
    let switch = world.sim.faults().kill_at_call(1, When::Before);
    let arm = async {
        while world.sim.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(!switch.fired());
        switch.arm(child.id());
    };
    let (reply, ()) = tokio::join!(world.post(&body, &[]), arm);
    assert!(reply.is_err() && switch.fired());
    assert!(was_killed(&mut child));
}

#[test]
#[should_panic(expected = "cannot be killed")]
fn the_own_process_cannot_be_named() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::new());
    world
        .sim
        .faults()
        .kill_at_call(1, When::Before)
        .arm(std::process::id());
}

#[tokio::test]
async fn a_disarmed_switch_lets_its_call_pass() {
    let world = World::new().await;
    let switch = world.sim.faults().kill_at_call(1, When::Before);
    switch.disarm();
    assert_eq!(world.mirakl("/api/orders").await.status, 200);
    assert!(!switch.fired());
}

#[tokio::test]
async fn a_process_that_has_ended_is_not_killed_again() {
    let world = World::new().await;
    let mut child = Command::new("true").spawn().expect("true");
    let pid = child.id();
    child.wait().expect("an end");
    let switch = world.sim.faults().kill_at_call(1, When::After);
    switch.arm(pid);
    assert_eq!(world.mirakl("/api/orders").await.status, 200);
    assert!(!switch.fired());
}

#[tokio::test]
async fn two_switches_at_one_call_strike_once() {
    let world = World::new().await;
    let switches = [1, 1].map(|n| world.sim.faults().kill_at_call(n, When::Before));
    let mut child = sleeper();
    for switch in &switches {
        switch.arm(child.id());
    }
    let url = format!("{}/api/version", world.sim.mirakl().url());
    assert!(world.get(&url, &[]).await.is_err());
    assert!(was_killed(&mut child));
    assert_eq!(world.mirakl("/api/version").await.status, 200);
}

#[tokio::test]
async fn a_call_is_held_before_or_after_its_effect_until_it_is_released() {
    for (when, meanwhile) in [(When::Before, 0), (When::After, 100)] {
        let world = World::new().await;
        let (seller, body) = world.ready_transfer(100);
        let hold = world.sim.faults().hold_at_call(2, when);
        assert_eq!(world.mirakl("/api/orders").await.status, 200);
        let others = async {
            hold.reached().await;
            assert_eq!(world.sim.stripe().balance(&seller, "eur"), meanwhile);
            assert_eq!(world.mirakl("/api/orders").await.status, 200);
            hold.release();
        };
        let (reply, ()) = tokio::join!(world.post(&body, &[]), others);
        assert_eq!(reply.expect("an answer").status, 200);
        assert_eq!(world.sim.stripe().balance(&seller, "eur"), 100);
    }
}
