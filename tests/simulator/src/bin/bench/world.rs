//! One scenario: its simulator, its database and its runs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use simulator::{Api, Simulator};

use super::database::{Database, Server};
use super::load::{self, SHOPS};
use super::measure::Usage;
use super::scenario::{IDLE, Name, Scenario, Targets};
use crate::common::agreement::compare;
use crate::common::program::Program;
use crate::common::{Result, account_of};

/// What a run took.
pub struct Measured {
    /// What was run.
    pub name: Name,
    /// In words.
    pub title: &'static str,
    /// Transfers that the run made.
    pub transfers: u64,
    /// Of the process.
    pub usage: Usage,
    /// By endpoint.
    pub calls: BTreeMap<String, u64>,
    /// To Mirakl.
    pub mirakl_calls: u64,
    /// To Stripe.
    pub stripe_calls: u64,
    /// What it was to take at most.
    pub targets: Targets,
}

/// A marketplace that is ready to be run on.
pub struct World<'a> {
    simulator: Simulator,
    path: PathBuf,
    program: Program,
    due: HashMap<String, i64>,
    /// Dropped with the world.
    _database: Database<'a>,
}

impl<'a> World<'a> {
    /// Schema, linked shops and orders.
    pub async fn build(server: &'a Server, path: &Path, scenario: &Scenario) -> Result<Self> {
        let path = path.canonicalize()?;
        let simulator = Simulator::start().await?;
        let database = server.create()?;
        let start = simulator.clock().now() - TimeDelta::days(25);
        let start = start.format("%Y-%m-%d").to_string();
        let mut program = Program::new(&path, &simulator, &database.url, &start)?;
        let due = load::fill(&simulator, scenario);
        program.tell(&["migrate"]).await?;
        for shop in SHOPS {
            program.link(shop, &account_of(shop)).await?;
        }
        if let Some(limit) = scenario.per_second {
            program = program.with("STRIPE_MAX_REQUESTS_PER_SECOND", &limit.to_string());
        }
        let (mirakl, stripe) = scenario.latency;
        simulator.faults().latency(Api::Mirakl, mirakl);
        simulator.faults().latency(Api::Stripe, stripe);
        Ok(Self {
            simulator,
            path,
            program,
            due,
            _database: database,
        })
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
            runs.sort_by_key(|run| run.usage.wall_ms);
            let mut idle = runs.swap_remove(2);
            let (mirakl, stripe) = scenario.latency;
            let waits = u128::from(idle.mirakl_calls) * mirakl.as_millis()
                + u128::from(idle.stripe_calls) * stripe.as_millis();
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
        let before = self.simulator.stripe().transfers().len();
        self.simulator.clear_calls();
        let usage = self.timed().await?;
        let (mut mirakl_calls, mut stripe_calls) = (0, 0);
        let mut calls = BTreeMap::new();
        for call in self.simulator.calls() {
            match call.api {
                Api::Mirakl => mirakl_calls += 1,
                Api::Stripe => stripe_calls += 1,
            }
            *calls.entry(call.endpoint).or_default() += 1;
        }
        if usage.code != Some(0) {
            return Err(format!("process-transfer ended with {:?}", usage.code).into());
        }
        let ledger = self.simulator.stripe().transfers();
        let agreement = compare(&ledger, &self.program.transfers().await?, &self.due);
        if !agreement.differences.is_empty() {
            let first: Vec<&str> = agreement
                .differences
                .iter()
                .take(10)
                .map(String::as_str)
                .collect();
            let all = agreement.differences.len();
            return Err(format!(
                "{all} orders were not moved exactly once:\n  {}",
                first.join("\n  ")
            )
            .into());
        }
        Ok(Measured {
            name,
            title,
            transfers: u64::try_from(ledger.len() - before)?,
            usage,
            calls,
            mirakl_calls,
            stripe_calls,
            targets,
        })
    }

    /// The job under the stopwatch.
    async fn timed(&self) -> Result<Usage> {
        let file = std::env::temp_dir().join(format!("mirakl-stripe-bench-{}", std::process::id()));
        let mut stopwatch = self.program.command(&std::env::current_exe()?);
        stopwatch.args(["measure", "--into"]).arg(&file).arg("--");
        stopwatch.arg(&self.path);
        stopwatch.args(["process-transfer", "--log-level", "error"]);
        let status = stopwatch.output().await?.status;
        let text = std::fs::read(&file);
        let _ = std::fs::remove_file(&file);
        if !status.success() {
            return Err("the stopwatch failed".into());
        }
        Ok(serde_json::from_slice(&text?)?)
    }
}
