//! Invoices are settled by transfers, then paid out to the seller's bank, each once and to the cent.

use chrono::TimeDelta;
use serde_json::Value;
use simulator::InvoiceSeed;

use crate::support::{Finished, World};

async fn payout(world: &World) -> Finished {
    world.run(&["process-payout"]).await
}

/// `list payouts` of one invoice.
async fn row(world: &World, invoice: i64) -> Value {
    let arguments = ["list", "payouts", "--output", "json"];
    let listed = world.run(&arguments).await.exits(0).json();
    let rows = listed.as_array().unwrap().iter();
    let mut rows = rows.filter(|row| row["miraklInvoiceId"] == invoice);
    rows.next()
        .unwrap_or_else(|| panic!("no {invoice} in {listed:#}"))
        .clone()
}

/// Asserts where a payout stands, and by which kind of reason.
async fn stands(world: &World, invoice: i64, status: &str, code: &str) -> Value {
    let row = row(world, invoice).await;
    assert_eq!(
        (&row["status"], &row["reasonCode"]),
        (
            &status.into(),
            &if code.is_empty() {
                Value::Null
            } else {
                code.into()
            }
        ),
        "{row:#}"
    );
    row
}

/// Amounts that went to the banks, by invoice.
fn paid(world: &World, invoice: i64) -> Vec<i64> {
    let payouts = world.sim.stripe().payouts().into_iter();
    let of = payouts.filter(|p| p.metadata.get("invoiceId") == Some(&invoice.to_string()));
    of.map(|p| p.amount).collect()
}

/// Shops 2000 and 2001 with 100.00 EUR each, the operator with 50.00 EUR.
async fn world() -> World {
    let world = World::new().await;
    world.shop(2001).await;
    let stripe = world.sim.stripe();
    for account in ["acct_shop2000", "acct_shop2001"] {
        stripe.add_funds(account, "eur", 10_000);
    }
    stripe.add_funds(&stripe.platform_id(), "eur", 5_000);
    world
}

fn whole(id: i64, shop: i64) -> InvoiceSeed {
    InvoiceSeed::new(id, shop)
        .transferred("81.00")
        .other_credits("5.00")
        .subscription("-9.99")
        .other_invoices("-3.01")
}

#[tokio::test]
async fn an_invoice_is_settled_by_transfers_and_then_paid_out() {
    let world = world().await;
    world.mirakl.put_invoice(whole(1, 2000));
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(2, 2001).transferred("40.00"));
    payout(&world).await.exits(0);
    assert_eq!(paid(&world, 1), [8100]);
    assert_eq!(paid(&world, 2), [4000]);
    let mut charges: Vec<i64> = world
        .sim
        .stripe()
        .seller_transfers()
        .iter()
        .map(|t| t.amount)
        .collect();
    charges.sort_unstable();
    assert_eq!(charges, [301, 999]);
    assert_eq!(world.moved_to("1", "acct_shop2000"), [500]);
    assert_eq!(
        world.sim.stripe().balance("acct_shop2000", "eur"),
        10_000 + 500 - 999 - 301 - 8100
    );
    stands(&world, 1, "PAYOUT_CREATED", "").await;
    payout(&world).await.exits(0);
    assert_eq!(world.mirakl.invoice_listings(), 1);
    assert_eq!(world.sim.stripe().payouts().len(), 2);
}

#[tokio::test]
async fn a_payout_waits_for_its_balance_and_holds_back_no_other_seller() {
    let mut world = world().await;
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(1, 2000).transferred("150.00"));
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(2, 2001).transferred("40.00"));
    payout(&world).await.exits(0);
    let row = stands(&world, 1, "PAYOUT_ON_HOLD", "balance_too_low").await;
    assert_eq!(row["missing"], 5_000);
    assert_eq!(paid(&world, 2), [4000]);
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(3, 2000).transferred("1.00"));
    world.pass(TimeDelta::hours(24));
    payout(&world).await.exits(0);
    stands(&world, 3, "PAYOUT_ON_HOLD", "earlier_invoice").await;
    world.sim.stripe().add_funds("acct_shop2000", "eur", 6_000);
    world.pass(TimeDelta::hours(24));
    payout(&world).await.exits(0);
    assert_eq!(
        (paid(&world, 1), paid(&world, 3)),
        (vec![15_000], vec![100])
    );
}

#[tokio::test]
async fn a_payout_that_fails_later_is_tried_again_under_a_new_key() {
    let mut world = world().await;
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(1, 2000).transferred("40.00"));
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(2, 2001).transferred("40.00"));
    payout(&world).await.exits(0);
    let first = row(&world, 1).await["stripePayoutId"]
        .as_str()
        .unwrap()
        .to_owned();
    let second = row(&world, 2).await["stripePayoutId"]
        .as_str()
        .unwrap()
        .to_owned();
    world.sim.stripe().fail_payout(&first, "account_closed");
    world.sim.stripe().cancel_payout(&second);
    world.pass(TimeDelta::hours(2));
    payout(&world).await.exits(3);
    stands(&world, 1, "PAYOUT_FAILED", "account_closed").await;
    stands(&world, 2, "PAYOUT_FAILED", "canceled").await;
    world.pass(TimeDelta::hours(25));
    payout(&world).await.exits(0);
    assert_eq!(paid(&world, 1), [4000, 4000]);
    assert_eq!(paid(&world, 2), [4000], "a person decides");
}
