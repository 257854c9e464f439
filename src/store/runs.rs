//! What each run did.

use chrono::{DateTime, Utc};

use super::{Connection, Result};
use crate::outcome::{Counts, Outcome};

/// A run that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(pub i64);

/// Records a run's beginning, closes the books of one that died, and forgets what is too old.
///
/// The caller holds the job's lock, so that an unfinished run of the job cannot be alive.
pub async fn begin(
    conn: &mut Connection,
    job: &str,
    now: DateTime<Utc>,
    keep_since: DateTime<Utc>,
) -> Result<RunId> {
    let id = sqlx::query_scalar!(
        "with died as (
             update runs set outcome = 'CRASHED', finished_at = $2,
                             error = 'the process ended before the run did'
             where job = $1 and outcome is null
         ), old as (
             delete from runs where job = $1 and outcome is not null and started_at < $3
         ), told as (
             delete from notifications where status = 'DELIVERED' and created_at < $3
         )
         insert into runs (job, started_at) values ($1, $2) returning id",
        job,
        now,
        keep_since
    )
    .fetch_one(conn)
    .await?;
    Ok(RunId(id))
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Finished<'a> {
    /// Its outcome.
    pub outcome: Outcome,
    /// What it did.
    pub counts: Counts,
    /// Calls to Mirakl.
    pub mirakl_calls: u64,
    /// Calls to Stripe.
    pub stripe_calls: u64,
    /// Why it could not run to its end.
    pub error: Option<&'a str>,
}

/// Records a run's end.
pub async fn finish(
    conn: &mut Connection,
    run: RunId,
    finished: &Finished<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let counts = &finished.counts;
    sqlx::query!(
        "update runs
         set finished_at = $2, outcome = $3, created = $4, waiting = $5, failed = $6, aborted = $7,
             ignored = $8, mirakl_calls = $9, stripe_calls = $10, error = $11
         where id = $1",
        run.0,
        now,
        finished.outcome as Outcome,
        count(counts.created),
        count(counts.waiting),
        count(counts.failed),
        count(counts.aborted),
        count(counts.ignored),
        count(finished.mirakl_calls),
        count(finished.stripe_calls),
        finished.error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a run of the job came to its end before `before`, as far as runs are kept.
pub async fn finished_before(
    conn: &mut Connection,
    job: &str,
    before: DateTime<Utc>,
) -> Result<bool> {
    let finished = sqlx::query_scalar!(
        r#"select exists (select from runs where job = $1 and outcome in ('OK', 'PARTIAL')
                                            and finished_at < $2) as "finished!""#,
        job,
        before
    )
    .fetch_one(conn)
    .await?;
    Ok(finished)
}

/// When the run that holds the job's lock began, as far as it has recorded that.
pub async fn running_since(conn: &mut Connection, job: &str) -> Result<Option<DateTime<Utc>>> {
    let started = sqlx::query_scalar!(
        "select started_at from runs where job = $1 and outcome is null order by id desc limit 1",
        job
    )
    .fetch_optional(conn)
    .await?;
    Ok(started)
}

/// One row of `list runs`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedRun {
    /// Its number.
    pub internal_id: i64,
    /// The job.
    pub job: String,
    /// Its outcome; null while it runs.
    pub outcome: Option<Outcome>,
    /// In UTC.
    pub started_at: DateTime<Utc>,
    /// In UTC; null while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// Items made at Stripe.
    pub created: i64,
    /// Items that wait.
    pub waiting: i64,
    /// Items refused.
    pub failed: i64,
    /// Items ended by our decision.
    pub aborted: i64,
    /// Items that are not ours.
    pub ignored: i64,
    /// Calls to Mirakl.
    pub mirakl_calls: i64,
    /// Calls to Stripe.
    pub stripe_calls: i64,
    /// Why it could not run to its end.
    pub error: Option<String>,
}

/// The newest runs.
pub async fn list(
    conn: &mut Connection,
    id: Option<i64>,
    outcome: Option<Outcome>,
    limit: i64,
) -> Result<Vec<ListedRun>> {
    let rows = sqlx::query_as!(
        ListedRun,
        "select id as internal_id, job, outcome, started_at, finished_at, created, waiting, failed,
                aborted, ignored, mirakl_calls, stripe_calls, error
         from runs
         where ($1::bigint is null or id = $1) and ($2::run_outcome is null or outcome = $2)
         order by id desc limit $3",
        id,
        outcome as Option<Outcome>,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
