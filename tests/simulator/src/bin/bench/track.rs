//! What every case runs on: a simulator, a mail server, a database of its own, and the program
//! under the stopwatch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use simulator::{Api, Mailbox, Simulator};

use super::cases::{Case, Latency, OLD_ROWS};
use super::database::{Database, Server, Template};
use super::measure::Usage;
use super::shops;
use crate::common::Result;
use simulator::drive::Program;

/// The rows of a marketplace that has been served for long; `{rows}` is how many.
const FILL: &str = include_str!("../../../../filled.sql");

/// A marketplace without orders as yet.
pub struct Track<'a> {
    pub simulator: Simulator,
    pub mailbox: Mailbox,
    pub program: Program,
    path: PathBuf,
    /// Dropped with the track.
    pub database: Database<'a>,
}

/// The databases that tracks are copies of.
#[derive(Default)]
pub struct Templates<'a> {
    empty: Template<'a>,
    filled: Template<'a>,
}

/// What one run took.
pub struct Run {
    /// Of the process.
    pub usage: Usage,
    /// By endpoint.
    pub calls: BTreeMap<String, u64>,
    /// To Stripe.
    pub stripe_calls: u64,
    /// In the database, where the server counts.
    pub statements: Option<u64>,
}

impl<'a> Track<'a> {
    /// The schema, old rows if wanted, and the program at the pace of the case; nobody answers late
    /// yet.
    pub async fn open(
        server: &'a Server,
        templates: &Templates<'a>,
        path: &Path,
        case: &Case,
    ) -> Result<Self> {
        let path = path.canonicalize()?;
        let simulator = Simulator::start().await?;
        let mailbox = Mailbox::start().await?;
        let start = simulator.clock().now() - TimeDelta::days(25);
        let start = start.format("%Y-%m-%d").to_string();
        let program =
            |database: &Database<'_>| Program::new(&path, &simulator, database.url(), &start);
        let migrate = async |database: &Database<'a>| -> Result<()> {
            program(database)?.tell(&["migrate"]).await.map(drop)
        };
        // The rows of shops are made by the program itself, which sees their accounts.
        let database = if case.filled && !shops::fills_itself(case) {
            let fill = async |database: &Database<'a>| -> Result<()> {
                migrate(database).await?;
                database.execute(&FILL.replace("{rows}", &OLD_ROWS.to_string()))
            };
            templates.filled.copy(server, fill).await?
        } else {
            templates.empty.copy(server, migrate).await?
        };
        let mut program = program(&database)?
            .with("MAILER_DSN", &mailbox.dsn())
            .with("TECHNICAL_ALERT_EMAIL", "operations@example.com")
            .with("TECHNICAL_ALERT_EMAIL_FROM", "mirakl-stripe@example.com");
        for (name, value) in case.work.settings() {
            program = program.with(name, value);
        }
        if let Some(limit) = case.pace.per_second() {
            program = program.with("STRIPE_MAX_REQUESTS_PER_SECOND", &limit.to_string());
        }
        Ok(Self {
            simulator,
            mailbox,
            program,
            path,
            database,
        })
    }

    /// From now on Mirakl and Stripe answer so late.
    pub fn slow_down(&self, (mirakl, stripe): Latency) {
        self.simulator.faults().latency(Api::Mirakl, mirakl);
        self.simulator.faults().latency(Api::Stripe, stripe);
    }

    /// Runs a job, which must end with exit code 0.
    pub async fn run(&self, job: &str) -> Result<Run> {
        self.simulator.clear_calls();
        self.database.count_anew()?;
        let (usage, said) = self.timed(job).await?;
        let mut run = Run {
            usage,
            calls: BTreeMap::new(),
            stripe_calls: 0,
            statements: self.database.statements()?,
        };
        for call in self.simulator.calls() {
            match call.api {
                Api::Mirakl => {}
                Api::Stripe => run.stripe_calls += 1,
            }
            *run.calls.entry(call.endpoint).or_default() += 1;
        }
        match usage.code {
            Some(0) => Ok(run),
            code => Err(format!("{job} ended with {code:?}\n{said}").into()),
        }
    }

    /// The job under the stopwatch, and what it logged of trouble.
    async fn timed(&self, job: &str) -> Result<(Usage, String)> {
        let file = std::env::temp_dir().join(format!("mirakl-stripe-bench-{}", std::process::id()));
        let mut stopwatch = self.program.command(&std::env::current_exe()?);
        stopwatch.args(["measure", "--into"]).arg(&file).arg("--");
        stopwatch.arg(&self.path);
        stopwatch.args([job, "--log-level", "warn"]);
        let output = stopwatch.output().await?;
        let text = std::fs::read(&file);
        let _ = std::fs::remove_file(&file);
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        match output.status.success() {
            true => Ok((serde_json::from_slice(&text?)?, said)),
            false => Err(format!("the stopwatch failed\n{said}").into()),
        }
    }
}
