//! `process-transfer`: debited orders are transferred to their sellers, each exactly once.
//!
//! gather → decide → record → act → settle, page by page: [`gather`] reads pages and due rows,
//! [`page`] decides and records one page, [`adopt`] takes over what Stripe already has, and [`act`]
//! sends and settles what is pending.

mod act;
mod adopt;
mod gather;
mod page;
mod plan;

pub use plan::PlannedTransfer;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;

use super::accounts::Accounts;
use super::payments::Payments;
use super::{JobError, Result, Run};
use crate::app::App;
use crate::domain::ids::OrderId;
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::telemetry;

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these orders; the checkpoint stays where it is.
    pub orders: Vec<OrderId>,
    /// Where to begin reading; on a first run also from when orders are ours.
    pub since: Option<DateTime<Utc>>,
}

/// Where a run begins.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    /// Orders debited before this are not ours.
    start: DateTime<Utc>,
    /// Orders updated since this are read.
    read_from: DateTime<Utc>,
    /// Kept with the first checkpoint.
    begun_at: DateTime<Utc>,
}

/// One run: what is kept from page to page.
struct Pass<'a> {
    app: &'a App,
    run: &'a Run,
    options: &'a Options,
    beginning: Beginning,
    readers: Readers,
    sender: act::Sender,
    bar: ProgressBar,
}

/// What reads the facts that orders do not hold.
struct Readers {
    accounts: Accounts,
    payments: Payments,
}

impl Readers {
    /// `store` is whether what Stripe says is kept; a dry run does not.
    fn new(store: bool) -> Self {
        Self {
            accounts: Accounts::new(store),
            payments: Payments::new(store),
        }
    }
}

/// Runs the job.
pub async fn run(app: &App, run: &Run, options: &Options) -> Result<()> {
    let beginning = beginning(app, options).await?;
    let mut pass = Pass {
        app,
        run,
        options,
        beginning,
        readers: Readers::new(true),
        sender: act::Sender::default(),
        bar: telemetry::progress(app.quiet, "orders"),
    };
    // A store that has never been compared with Stripe's list knows nothing: compare it first.
    if adopt::is_needed_first(&pass).await? {
        adopt::adopt(&mut pass).await?;
    }
    act::send_pending(&mut pass).await?;
    gather::pages(&mut pass).await?;
    gather::due(&mut pass).await?;
    pass.bar.finish_and_clear();
    adopt::close(&pass).await
}

/// Runs the job without writing anything: what would happen, with exact amounts.
pub async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedTransfer>> {
    let beginning = beginning(app, options).await?;
    plan::plan(app, options, beginning).await
}

/// A first run must be told where to begin: taking over a marketplace never pays out its history.
async fn beginning(app: &App, options: &Options) -> Result<Beginning> {
    let mut conn = app.db.acquire().await?;
    let checkpoint = checkpoints::get(&mut conn, Stream::ProductOrders).await?;
    let start_date = app.settings.start_date;
    let overlap = app.settings.checkpoint_overlap;
    let begun_at = match (checkpoint, start_date, options.since) {
        (Some(Checkpoint { begun_at, .. }), _, _) => begun_at,
        (None, Some(date), _) | (None, None, Some(date)) => date,
        (None, None, None) => {
            return Err(JobError::Usage(
                "this is the first run, and it does not know where to begin: set START_DATE, or \
                 give --since, to the day from which this program pays sellers; orders debited \
                 before it are left to whoever paid until then"
                    .to_owned(),
            ));
        }
    };
    let reached = checkpoint.map(|checkpoint| checkpoint.reached - overlap);
    Ok(Beginning {
        start: start_date.unwrap_or(begun_at),
        read_from: options.since.or(reached).unwrap_or(begun_at),
        begun_at,
    })
}
