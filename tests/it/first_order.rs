//! One order, from Mirakl through the store to Stripe.

use crate::support::{World, eur};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debited_order_is_transferred_to_its_seller_once_and_to_the_cent() {
    let world = World::new().await;
    let charge = world.paid(eur("C1-A", 2000, "12.34", "1.11"), "C1", 1234);
    world.transfer().await.exits(0).says("1 created");
    let transfers = world.sim.stripe().transfers_for("C1-A");
    assert_eq!(transfers.len(), 1);
    assert_eq!(transfers[0].amount, 1123);
    assert_eq!(transfers[0].destination, "acct_shop2000");
    assert_eq!(
        transfers[0].source_transaction.as_deref(),
        Some(charge.as_str())
    );
    world.stands("C1-A", "TRANSFER_CREATED", "").await;
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 1123).await;
}
