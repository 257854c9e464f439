//! Invoices: what `process-payout` is to settle and pay out, and whether it did.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{InvoiceSeed, Simulator};

use super::market::Judged;
use super::orders::euros;
use super::shops::SHOPS;
use super::track::Track;
use crate::common::payout_ledger::Ledger;
use crate::common::payouts::{Due, Row, compare};
use crate::common::{Result, account_of, agreement};

/// This many invoices that are new; each moves a credit, a subscription and a manual invoice before
/// its payout, or nothing.
pub fn fill(simulator: &Simulator, number: i64, moves: bool) -> BTreeMap<i64, Due> {
    let newest = simulator.clock().now() - TimeDelta::hours(1);
    let invoices = (1..=number).map(|place| {
        let at = newest - TimeDelta::seconds(number - place);
        let (seed, due) = invoice(place, at, moves);
        simulator.mirakl().put_invoice(seed);
        let stripe = simulator.stripe();
        stripe.add_funds(&due.account, "eur", 50_000);
        stripe.add_funds(&stripe.platform_id(), "eur", 1_000);
        (place, due)
    });
    invoices.collect()
}

/// Whether every invoice is settled and paid out exactly once. Old rows are not looked at.
pub async fn judge(track: &Track<'_>, due: &BTreeMap<i64, Due>) -> Result<Judged> {
    let ledger = Ledger::of(&track.simulator);
    let (rows, mut transfers): (Vec<Row>, Vec<agreement::Row>) = match due.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => (
            track.program.list("payouts").await?,
            track.program.list("transfers").await?,
        ),
    };
    transfers.retain(|row| !row.mirakl_id.starts_with("old"));
    let (_, made) = ledger.made();
    Ok(Judged {
        made,
        differences: compare(&ledger, &rows, &transfers, due),
    })
}

/// An invoice of the next shop, and what is due of it.
fn invoice(place: i64, at: DateTime<Utc>, moves: bool) -> (InvoiceSeed, Due) {
    let shop = SHOPS.start + place % (SHOPS.end - SHOPS.start);
    let amount = 8_000 + place % 5_000;
    let seed = InvoiceSeed::new(place, shop).created_at(at);
    let seed = seed.transferred(&euros(amount));
    let mut due = Due {
        account: account_of(shop),
        paid: Some(amount),
        status: "PAYOUT_CREATED",
        ..Due::default()
    };
    if !moves {
        return (seed, due);
    }
    due.moved = vec![
        ("EXTRA_CREDITS", 500),
        ("EXTRA_INVOICES", 301),
        ("SUBSCRIPTION", 999),
    ];
    let seed = seed
        .other_credits("5.00")
        .other_invoices("-3.01")
        .subscription("-9.99");
    (seed, due)
}
