//! The scenarios of orders: a hundred linked shops, and what `process-transfer` takes.

use std::collections::HashMap;
use std::path::Path;

use super::database::Server;
use super::load::{self, SHOPS};
use super::scenario::{IDLE, Load, Name, Scenario, Targets};
use super::services;
use super::table::Measured;
use super::track::Track;
use crate::common::agreement::{Row, compare};
use crate::common::{Result, agreed};

/// A marketplace that is ready to be run on.
pub struct World<'a> {
    track: Track<'a>,
    due: HashMap<String, i64>,
}

impl<'a> World<'a> {
    /// Linked shops, and the orders of the scenario.
    pub async fn build(server: &'a Server, path: &Path, scenario: &Scenario) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        let due = match scenario.load {
            Load::Orders(orders, foreign) => load::fill(&track.simulator, orders, foreign),
            Load::Services(orders) => services::fill(&track.simulator, orders),
            Load::Shops(_)
            | Load::Baskets(_)
            | Load::Refunds(_)
            | Load::Invoices(..)
            | Load::PaidInvoices(_) => HashMap::new(),
        };
        track.link(SHOPS).await?;
        track.slow_down(scenario);
        Ok(Self { track, due })
    }

    /// Runs the job; after the thousand orders once more, with nothing to do.
    pub async fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let run = self
            .run(scenario.name, scenario.title, scenario.targets)
            .await?;
        let mut measured = vec![run];
        if scenario.name == Name::Thousand {
            let title = "nothing to do (median of 5)";
            let mut runs = Vec::new();
            for _ in 0..5 {
                runs.push(self.run(Name::Idle, title, IDLE).await?);
            }
            let mut idle = Measured::median(runs);
            let (mirakl, stripe) = scenario.latency;
            let waits = u128::from(idle.run.mirakl_calls) * mirakl.as_millis()
                + u128::from(idle.run.stripe_calls) * stripe.as_millis();
            idle.targets.wall_ms = IDLE
                .wall_ms
                .zip(u64::try_from(waits).ok())
                .map(|(a, b)| a + b);
            measured.push(idle);
        }
        Ok(measured)
    }

    /// One run; an error if the ledger and the store do not agree after it.
    async fn run(&self, name: Name, title: &'static str, targets: Targets) -> Result<Measured> {
        let stripe = self.track.simulator.stripe();
        let before = stripe.transfers().len();
        let run = self.track.run("process-transfer").await?;
        let ledger = stripe.transfers();
        let rows: Vec<Row> = self.track.program.list("transfers").await?;
        let differences = compare(&ledger, &rows, &self.due).differences;
        agreed("orders were not moved exactly once", &differences)?;
        Ok(Measured {
            name,
            title,
            made: u64::try_from(ledger.len() - before)?,
            run,
            targets,
        })
    }
}
