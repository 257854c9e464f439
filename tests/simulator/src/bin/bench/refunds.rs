//! The scenario of refunds: what `process-refund` takes to give money back, tell Mirakl and take back
//! the sellers' parts, and what a run with nothing new takes.

use std::collections::BTreeMap;
use std::path::Path;

use simulator::{RefundSeed, Simulator};

use super::database::Server;
use super::load::{self, SHOPS, euros};
use super::scenario::{Name, Scenario, Targets};
use super::table::Measured;
use super::track::Track;
use crate::common::refund_ledger::Ledger;
use crate::common::refunds::{Due, Row, compare};
use crate::common::{Result, agreed};

const JOB: &str = "process-refund";

/// A marketplace that is ready to be run on.
pub struct Refunds<'a> {
    track: Track<'a>,
    due: BTreeMap<String, Due>,
}

impl<'a> Refunds<'a> {
    /// This many orders, each of its own basket, paid and transferred; each with two refunds of a part
    /// that wait.
    pub async fn build(
        server: &'a Server,
        path: &Path,
        scenario: &Scenario,
        orders: usize,
    ) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        load::fill(&track.simulator, orders, 0);
        track.link(SHOPS).await?;
        track.program.tell(&["process-transfer"]).await?;
        let due = ask(&track.simulator);
        if due.len() != 2 * orders {
            return Err(format!("there are {} refunds of {orders} orders", due.len()).into());
        }
        track.slow_down(scenario);
        Ok(Self { track, due })
    }

    /// Runs the job, then five times more with nothing new.
    pub async fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let (name, title) = (scenario.name, scenario.title);
        let first = self.run(name, title, scenario.targets).await?;
        let title = "the same, nothing new (median of 5)";
        let mut runs = Vec::new();
        for _ in 0..5 {
            let idle = self.run(Name::RefundsIdle, title, Targets::default());
            runs.push(idle.await?);
        }
        Ok(vec![first, Measured::median(runs)])
    }

    /// One run; an error if not everything is refunded, told and taken back exactly once after it.
    async fn run(&self, name: Name, title: &'static str, targets: Targets) -> Result<Measured> {
        let before = Ledger::of(&self.track.simulator).made();
        let run = self.track.run(JOB).await?;
        let ledger = Ledger::of(&self.track.simulator);
        let rows: Vec<Row> = self.track.program.list("refunds").await?;
        agreed(
            "refunds were not made, told and taken back exactly once",
            &compare(&ledger, &rows, &self.due),
        )?;
        Ok(Measured {
            name,
            title,
            made: u64::try_from(ledger.made() - before)?,
            run,
            targets,
        })
    }
}

/// Two refunds of every order that was transferred, each with a tenth of it as commission.
fn ask(simulator: &Simulator) -> BTreeMap<String, Due> {
    let mut due = BTreeMap::new();
    for (place, transfer) in (0..).zip(simulator.stripe().transfers()) {
        let order = &transfer.metadata["miraklId"];
        for (number, amount) in [(1, 300 + place), (2, 250)] {
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
