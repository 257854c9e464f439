//! What was authorised and let go is told by Stripe in two ways, and is never a refund; what was given
//! back always is one.

use chrono::TimeDelta;
use simulator::{LineSeed, OrderSeed, PaymentSeed, Releases};

use crate::support::debits::{authorised, captured, debits, payment};
use crate::support::{World, eur};

/// An order of 60.00 with a commission of 1.00, beside a line of 40.00 that was refused.
fn refused_in_part() -> OrderSeed {
    OrderSeed::new("C1-A", "C1", 2000)
        .line(LineSeed::new("60.00").commission("1.00"))
        .line(LineSeed::new("40.00").state("REFUSED"))
}

#[tokio::test]
async fn a_refund_after_a_partial_capture_counts_in_full() {
    for (refund, status, code) in [
        (6000, "TRANSFER_ABORTED", "fully_refunded"),
        (3000, "TRANSFER_CREATED", ""),
    ] {
        let mut world = World::new().await;
        world.mirakl.put(refused_in_part().waiting_debit());
        let intent = authorised(&world, "C1", 10_000);
        debits(&world).await.exits(0);
        assert_eq!(captured(&world, &intent), [6000]);
        assert_eq!(payment(&world, "C1").await["refunded"], 0);
        world.sim.stripe().refund(&intent, refund);
        world.pass(TimeDelta::hours(2));
        world.transfer().await.exits(0);
        world.stands("C1-A", status, code).await;
        assert_eq!(payment(&world, "C1").await["refunded"], refund);
    }
}

#[tokio::test]
async fn what_a_capture_of_an_older_version_released_is_no_refund() {
    for (refund, status, code) in [
        (0, "TRANSFER_CREATED", ""),
        (3000, "TRANSFER_CREATED", ""),
        (6000, "TRANSFER_ABORTED", "fully_refunded"),
    ] {
        let world = World::new().await;
        let intent = authorised(&world, "C1", 10_000);
        // The former connector took it.
        world.sim.stripe().releases(Releases::Refunded);
        world.sim.stripe().capture(&intent, Some(6000));
        if refund > 0 {
            world.sim.stripe().refund(&intent, refund);
        }
        world.mirakl.put(refused_in_part().transaction(&intent));
        world.transfer().await.exits(0);
        world.stands("C1-A", status, code).await;
        assert_eq!(payment(&world, "C1").await["refunded"], refund);
    }
}

#[tokio::test]
async fn the_authorisation_of_a_bare_charge_ends_without_a_trace_and_has_failed() {
    let mut world = World::new().await;
    let seed = PaymentSeed::new(1000, "eur").bare_charge().authorized();
    world.sim.stripe().pay(seed.basket_on_charge("C1"));
    let undecided = eur("C1-A", 2000, "10.00", "1.00").state("WAITING_ACCEPTANCE");
    world.mirakl.put(undecided.unpaid());
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["status"], "TO_CAPTURE");
    world.pass(TimeDelta::days(8));
    debits(&world).await.exits(0);
    let row = payment(&world, "C1").await;
    assert_eq!(row["status"], "FAILED", "{row}");
    let why = row["failure"].as_str().unwrap();
    assert!(why.contains("ended before it was captured"), "{why}");
}
