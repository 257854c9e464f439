//! A machine whose clock is wrong decides nothing by it; a database that was lost is not told to begin
//! later than this program began.

use chrono::TimeDelta;
use simulator::InvoiceSeed;

use crate::support::{Database, World, day};

const OFFSET: &str = "MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS";

#[tokio::test]
async fn a_clock_that_is_ahead_or_behind_stops_every_job_and_freezes_nothing() {
    let mut world = World::with_sellers(1).await;
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
    let ids = world.orders(2);
    for seconds in ["1728000", "660", "-660"] {
        world.set(OFFSET, seconds);
        for job in [
            "sync-onboarding",
            "validate-pending-debit",
            "process-transfer",
            "process-refund",
            "process-payout",
        ] {
            world.run(&[job]).await.exits(1).says("the clock of this");
        }
    }
    let moved = world.sim.stripe().transfers();
    assert!(moved.is_empty(), "{moved:#?}");
    let invoice = InvoiceSeed::new(1, 2000).transferred("10.00");
    world.mirakl.put_invoice(invoice);
    world.set(OFFSET, "540");
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
}

#[tokio::test]
async fn a_lost_database_is_not_told_to_begin_after_what_this_program_has_paid() {
    let mut world = World::with_sellers(1).await;
    let begun = day(-30);
    world.orders(1);
    world.transfer().await.exits(0);
    world.pass(TimeDelta::days(10));
    world.use_database(Database::migrated().await);
    world.shop(2000).await;
    world.set("START_DATE", &day(5));
    for job in ["process-transfer", "process-payout"] {
        world.run(&[job]).await.exits(2).says("set START_DATE");
        world.run(&[job]).await.exits(2).says("set START_DATE");
    }
    assert!(world.rows().await.is_empty(), "nothing is ended");
    world.set("START_DATE", &begun);
    world.transfer().await.exits(0);
    world.payout().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
}
