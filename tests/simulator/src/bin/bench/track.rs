//! What every scenario runs on: a simulator, a database of its own, and the program under the
//! stopwatch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use simulator::{Api, Simulator};

use super::database::{Database, Server};
use super::measure::Usage;
use super::scenario::Scenario;
use crate::common::{Result, account_of};
use simulator::drive::Program;

/// A marketplace, empty as yet.
pub struct Track<'a> {
    pub simulator: Simulator,
    pub program: Program,
    path: PathBuf,
    /// Dropped with the track.
    pub database: Database<'a>,
}

/// What one run took.
pub struct Run {
    /// Of the process.
    pub usage: Usage,
    /// By endpoint.
    pub calls: BTreeMap<String, u64>,
    /// To Mirakl.
    pub mirakl_calls: u64,
    /// To Stripe.
    pub stripe_calls: u64,
}

impl<'a> Track<'a> {
    /// The schema, and the program at the pace of the scenario; nobody answers late yet.
    pub async fn open(server: &'a Server, path: &Path, scenario: &Scenario) -> Result<Self> {
        let path = path.canonicalize()?;
        let simulator = Simulator::start().await?;
        let database = server.create()?;
        let start = simulator.clock().now() - TimeDelta::days(25);
        let start = start.format("%Y-%m-%d").to_string();
        let mut program = Program::new(&path, &simulator, &database.url, &start)?;
        program.tell(&["migrate"]).await?;
        if let Some(limit) = scenario.per_second {
            program = program.with("STRIPE_MAX_REQUESTS_PER_SECOND", &limit.to_string());
        }
        for (name, value) in scenario.settings {
            program = program.with(name, value);
        }
        Ok(Self {
            simulator,
            program,
            path,
            database,
        })
    }

    /// Maps the accounts of shops to them.
    pub async fn link(&self, shops: Range<i64>) -> Result<()> {
        for shop in shops {
            let (shop, account) = (shop.to_string(), account_of(shop));
            let link = ["link-account", "--shop", &shop, "--account", &account];
            self.program.tell(&link).await?;
        }
        Ok(())
    }

    /// From now on Mirakl and Stripe answer as late as the scenario says.
    pub fn slow_down(&self, scenario: &Scenario) {
        let (mirakl, stripe) = scenario.latency;
        self.simulator.faults().latency(Api::Mirakl, mirakl);
        self.simulator.faults().latency(Api::Stripe, stripe);
    }

    /// Runs a job, which must end with exit code 0.
    pub async fn run(&self, job: &str) -> Result<Run> {
        self.simulator.clear_calls();
        let usage = self.timed(job).await?;
        let mut run = Run {
            usage,
            calls: BTreeMap::new(),
            mirakl_calls: 0,
            stripe_calls: 0,
        };
        for call in self.simulator.calls() {
            match call.api {
                Api::Mirakl => run.mirakl_calls += 1,
                Api::Stripe => run.stripe_calls += 1,
            }
            *run.calls.entry(call.endpoint).or_default() += 1;
        }
        match usage.code {
            Some(0) => Ok(run),
            code => Err(format!("{job} ended with {code:?}").into()),
        }
    }

    /// The job under the stopwatch.
    async fn timed(&self, job: &str) -> Result<Usage> {
        let file = std::env::temp_dir().join(format!("mirakl-stripe-bench-{}", std::process::id()));
        let mut stopwatch = self.program.command(&std::env::current_exe()?);
        stopwatch.args(["measure", "--into"]).arg(&file).arg("--");
        stopwatch.arg(&self.path);
        stopwatch.args([job, "--log-level", "error"]);
        let status = stopwatch.output().await?.status;
        let text = std::fs::read(&file);
        let _ = std::fs::remove_file(&file);
        if !status.success() {
            return Err("the stopwatch failed".into());
        }
        Ok(serde_json::from_slice(&text?)?)
    }
}
