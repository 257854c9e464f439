//! The jobs that cron starts, and what stands around each of them: schema, identity, lock, run
//! record, notifications and summary.

mod accounts;
mod adopting;
mod identity;
pub mod notify_failed_operation;
mod orders;
mod payments;
pub mod process_payout;
pub mod process_refund;
pub mod process_transfer;
mod reached;
mod sending;
pub mod sync_onboarding;
mod telling;
pub mod validate_pending_debit;

pub use identity::check_identity;

use std::cell::Cell;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::LocalBoxFuture;

use crate::app::App;
use crate::notify;
use crate::outcome::{Counts, Exit, Outcome};
use crate::store::lock::JobLock;
use crate::store::{StoreError, runs, schema};

/// A lock that is held longer than this is worth an alarm.
const LONGEST_RUN: TimeDelta = TimeDelta::hours(1);

/// A job, by the name that cron, the lock and the run records know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// `sync-onboarding`
    SyncOnboarding,
    /// `validate-pending-debit`
    ValidatePendingDebit,
    /// `process-transfer`
    ProcessTransfer,
    /// `process-refund`
    ProcessRefund,
    /// `process-payout`
    ProcessPayout,
    /// `notify-failed-operation`
    NotifyFailedOperation,
}

impl Job {
    /// The subcommand's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncOnboarding => "sync-onboarding",
            Self::ValidatePendingDebit => "validate-pending-debit",
            Self::ProcessTransfer => "process-transfer",
            Self::ProcessRefund => "process-refund",
            Self::ProcessPayout => "process-payout",
            Self::NotifyFailedOperation => "notify-failed-operation",
        }
    }
}

/// Why a job did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The operator must set or say something first.
    #[error("{0}")]
    Usage(String),
    /// The database, the network, a key or the schema does not let it.
    #[error("{0:#}")]
    CouldNotRun(#[from] anyhow::Error),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::CouldNotRun(error.into())
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl JobError {
    /// The exit code it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::CouldNotRun(_) => Exit::CouldNotRun,
        }
    }
}

/// A job's result.
pub type Result<T, E = JobError> = std::result::Result<T, E>;

/// What a job works with besides the app: its lock, and the counts of what it did.
#[derive(Debug)]
pub struct Run {
    lock: JobLock,
    counts: Cell<Counts>,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

impl Run {
    /// Adds to the counts.
    pub fn count(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        add(&mut counts);
        self.counts.set(counts);
    }

    /// Counts one that was made at Stripe, or told to Mirakl.
    pub fn count_created(&self) {
        self.count(|counts| {
            counts.created += 1;
            counts.news += 1;
        });
    }

    /// Counts one that was refused, or could not be read.
    pub fn count_failed(&self) {
        self.count(|counts| {
            counts.failed += 1;
            counts.news += 1;
        });
    }

    /// Counts one that was sent, and whose answer did not come.
    pub fn count_in_doubt(&self) {
        self.count(|counts| {
            counts.waiting += 1;
            counts.in_doubt += 1;
            counts.news += 1;
        });
    }

    /// Fails when the lock may be lost; asked before each batch of requests.
    pub async fn check_lock(&self) -> Result<()> {
        self.lock.check().await.map_err(|error| {
            anyhow::Error::from(error)
                .context("the job's lock is lost; stopped, so that no second run can overlap")
                .into()
        })
    }
}

/// What became of a job.
#[derive(Debug)]
pub struct Report {
    /// The job.
    pub job: Job,
    /// How it ended.
    pub ending: Ending,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// What it did.
    pub counts: Counts,
    /// Calls to Mirakl, retries included.
    pub mirakl_calls: u64,
    /// Calls to Stripe, retries included.
    pub stripe_calls: u64,
}

/// How a job ended.
#[derive(Debug)]
pub enum Ending {
    /// Came to its end.
    Ran(Outcome),
    /// Did nothing, and why that is as it should be.
    Skipped(String),
    /// Did not come to its end, or not start.
    Stopped(JobError),
}

impl Report {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match &self.ending {
            Ending::Ran(outcome) => (*outcome).into(),
            Ending::Skipped(_) => Exit::Done,
            Ending::Stopped(error) => error.exit(),
        }
    }
}

/// Runs a job's `work` under its lock, with a record of the run.
pub async fn run(app: &App, job: Job, work: impl AsyncFnOnce(&Run) -> Result<()>) -> Report {
    let started_at = app.clock.now();
    let (ending, counts) = match begin(app, job, started_at).await {
        Ok(Start::Begun(run, id)) => {
            let result = work(&run).await;
            let counts = run.counts.get();
            let ending = finish(app, id, counts, result).await;
            run.lock.release().await;
            // The job is done: whether the operator's server is there changes nothing about it. By a wrong
            // clock notifications would be given up.
            if clock_is_right(app)
                && let Err(error) = notify::deliver(app).await
            {
                tracing::warn!(%error, "notifications could not be delivered; a later run tries again");
            }
            (ending, counts)
        }
        Ok(Start::Busy(reason)) => (Ending::Skipped(reason), Counts::default()),
        Err(error) => (Ending::Stopped(error), Counts::default()),
    };
    report(app, job, started_at, ending, counts)
}

fn clock_is_right(app: &App) -> bool {
    app.mirakl.check_clock().is_ok() && app.stripe.check_clock().is_ok()
}

/// Checks schema and identity, then plans: what a dry run does instead of [`run`].
pub async fn plan_checked<T>(app: &App, plan: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    identity::check_only(app, &mut conn).await?;
    drop(conn);
    plan().await
}

/// The report of a job that ended without a run.
pub fn report(
    app: &App,
    job: Job,
    started_at: DateTime<Utc>,
    ending: Ending,
    counts: Counts,
) -> Report {
    Report {
        job,
        ending,
        started_at,
        finished_at: app.clock.now(),
        counts,
        mirakl_calls: app.mirakl.calls(),
        stripe_calls: app.stripe.calls(),
    }
}

enum Start {
    Begun(Run, runs::RunId),
    Busy(String),
}

/// Two things at once; one after the other where each server is asked for one thing at a time, so that
/// the same run makes the same calls in the same order.
fn both<'a, A: 'a, B: 'a>(
    app: &App,
    first: impl Future<Output = A> + 'a,
    second: impl Future<Output = B> + 'a,
) -> LocalBoxFuture<'a, (A, B)> {
    let settings = &app.settings;
    let singly = settings.mirakl.concurrency == 1 && settings.stripe.limits.concurrency == 1;
    Box::pin(async move {
        if singly {
            let first = first.await;
            return (first, second.await);
        }
        tokio::join!(first, second)
    })
}

async fn begin(app: &App, job: Job, now: DateTime<Utc>) -> Result<Start> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    identity::check(app, &mut conn, now).await?;
    let options = &app.settings.database.options;
    let Some(lock) = JobLock::try_take(options, job.name()).await? else {
        return busy(job, runs::running_since(&mut conn, job.name()).await?, now);
    };
    let keep_since = now - app.settings.retention;
    let id = runs::begin(&mut conn, job.name(), now, keep_since).await?;
    let run = Run {
        lock,
        counts: Cell::default(),
        started_at: now,
    };
    Ok(Start::Begun(run, id))
}

fn busy(job: Job, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Start> {
    let name = job.name();
    match since {
        Some(since) if now - since > LONGEST_RUN => Err(anyhow::anyhow!(
            "another {name} has been running since {since}, for more than an hour: look whether it still works"
        )
        .into()),
        _ => Ok(Start::Busy(format!("another {name} is running"))),
    }
}

async fn finish(app: &App, id: runs::RunId, counts: Counts, result: Result<()>) -> Ending {
    let error = result.as_ref().err().map(ToString::to_string);
    let outcome = match &result {
        Ok(()) => counts.outcome(),
        Err(_) => Outcome::Failed,
    };
    let finished = runs::Finished {
        outcome,
        counts,
        mirakl_calls: app.mirakl.calls(),
        stripe_calls: app.stripe.calls(),
        error: error.as_deref(),
    };
    let recorded = async {
        let mut conn = app.db.acquire().await?;
        runs::finish(&mut conn, id, &finished, app.clock.now()).await
    };
    match (result, recorded.await) {
        (Ok(()), Ok(())) => Ending::Ran(outcome),
        (Ok(()), Err(error)) => Ending::Stopped(error.into()),
        (Err(error), _) => Ending::Stopped(error),
    }
}
