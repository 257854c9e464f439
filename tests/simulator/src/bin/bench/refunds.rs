//! Refunds: what `process-refund` is to give back, tell Mirakl and take back, and whether it did.

use std::collections::BTreeMap;

use simulator::{RefundSeed, Simulator};

use super::market::Judged;
use super::orders::{self, euros};
use super::track::Track;
use crate::common::Result;
use crate::common::refund_ledger::Ledger;
use crate::common::refunds::{Due, Row, compare};

/// Orders, each of its own basket, paid and transferred by the program; each with two refunds of a
/// part that wait.
pub async fn fill(track: &Track<'_>, number: i64) -> Result<BTreeMap<String, Due>> {
    if number > 0 {
        orders::fill(
            &track.simulator,
            number / 2,
            0,
            &orders::BEFORE_THE_FIRST_RUN,
        );
        let raised = track.program.clone();
        let raised = raised.with("STRIPE_MAX_REQUESTS_PER_SECOND", "10000");
        raised.tell(&["process-transfer"]).await?;
    }
    let due = ask(&track.simulator);
    match i64::try_from(due.len())? == number {
        true => Ok(due),
        false => Err(format!("there are {} refunds instead of {number}", due.len()).into()),
    }
}

/// Whether everything is refunded, told and taken back exactly once. Old rows are not looked at.
pub async fn judge(track: &Track<'_>, due: &BTreeMap<String, Due>) -> Result<Judged> {
    let ledger = Ledger::of(&track.simulator);
    let mut rows: Vec<Row> = track.program.list("refunds").await?;
    rows.retain(|row| !row.mirakl_refund_id.starts_with("old"));
    Ok(Judged {
        made: ledger.made(),
        differences: compare(&ledger, &rows, due),
    })
}

/// Two refunds of every order that was transferred, each with a tenth of it as commission.
fn ask(simulator: &Simulator) -> BTreeMap<String, Due> {
    let mut due = BTreeMap::new();
    for (place, transfer) in (0..).zip(simulator.stripe().transfers()) {
        let order = &transfer.metadata["miraklId"];
        for (number, amount) in [(1, 300 + place % 900), (2, 250)] {
            let id = (10_000 + 2 * place + number).to_string();
            let commission = amount / 10;
            let refund = RefundSeed::new(&id, &euros(amount)).commission(&euros(commission));
            simulator.mirakl().add_refund(order, 1, refund);
            due.insert(
                id,
                Due {
                    order: order.clone(),
                    charge: transfer.source_transaction.clone().unwrap_or_default(),
                    given: amount,
                    taken: vec![("PRODUCT_ORDER", amount - commission)],
                    status: "REFUND_CREATED",
                    ..Due::default()
                },
            );
        }
    }
    due
}
