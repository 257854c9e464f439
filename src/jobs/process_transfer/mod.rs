//! `process-transfer`: debited orders are transferred to their sellers, each exactly once.
//!
//! gather → decide → record → act → settle, page by page, first goods, then services: [`gather`]
//! reads pages and due rows of the lists that [`stream`] knows, and [`facts`] what they rest on; [`page`]
//! decides and records a page by the rows of [`mod@row`]; [`adopt`] takes over what Stripe already
//! has; [`act`] sends and settles what is pending. [`mod@plan`] is the dry run.

mod act;
mod adopt;
mod facts;
mod gather;
mod page;
mod plan;
mod row;

pub use plan::PlannedTransfer;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;

use super::accounts::Accounts;
use super::orders::stream;
use super::payments::Payments;
use super::{JobError, Result, Run};
use crate::app::App;
use crate::domain::ids::OrderId;
use crate::domain::transfer::{OrderKind, TransferType};
use crate::store::checkpoints;
use crate::telemetry;

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these orders; the checkpoint stays where it is.
    pub orders: Vec<OrderId>,
    /// Where to begin reading; on a first run also from when orders are ours.
    pub since: Option<DateTime<Utc>>,
}

/// A list of orders that is read, and from where.
#[derive(Debug, Clone, Copy)]
struct Reading {
    kind: OrderKind,
    beginning: Beginning,
}

/// Where a run begins to read a list.
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
    readings: Vec<Reading>,
    readers: Readers,
    sender: act::Sender,
    bar: ProgressBar,
}

impl Pass<'_> {
    /// The types of transfers that this run makes.
    fn kinds(&self) -> Vec<TransferType> {
        kinds(&self.readings)
    }

    /// From when anything is ours.
    fn start(&self) -> DateTime<Utc> {
        start(&self.readings, self.run.started_at)
    }
}

fn kinds(readings: &[Reading]) -> Vec<TransferType> {
    let kinds = readings.iter().flat_map(|reading| reading.kind.transfers());
    kinds.collect()
}

/// From when anything is ours: where the first of the lists begins.
fn start(readings: &[Reading], now: DateTime<Utc>) -> DateTime<Utc> {
    let starts = readings.iter().map(|reading| reading.beginning.start);
    starts.min().unwrap_or(now)
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
    let readings = readings(app, options).await?;
    let mut pass = Pass {
        app,
        run,
        options,
        readings,
        readers: Readers::new(true),
        sender: act::Sender::default(),
        bar: telemetry::progress(app.quiet, "orders"),
    };
    // A store that has never been compared with Stripe's list knows nothing: compare it first.
    if adopt::is_needed_first(&pass).await? {
        adopt::adopt(&mut pass).await?;
    }
    let sent = act::send_pending(&mut pass).await;
    let silence = pass.sender.doubts.after_leftovers(sent)?;
    if options.orders.is_empty() {
        for reading in pass.readings.clone() {
            gather::pages(&mut pass, reading).await?;
            gather::due(&mut pass, reading).await?;
        }
    } else {
        gather::asked(&mut pass).await?;
    }
    pass.bar.finish_and_clear();
    adopt::close(&pass).await?;
    silence.map_or(Ok(()), Err)
}

/// Runs the job without writing anything: what would happen, with exact amounts.
pub async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedTransfer>> {
    let readings = readings(app, options).await?;
    plan::plan(app, options, readings).await
}

/// The lists that are switched on.
async fn readings(app: &App, options: &Options) -> Result<Vec<Reading>> {
    let settings = &app.settings;
    let mut readings = Vec::new();
    for (on, kind) in [
        (settings.product_payment_split, OrderKind::Product),
        (settings.service_payment_split, OrderKind::Service),
    ] {
        if on {
            let beginning = beginning(app, options, kind).await?;
            readings.push(Reading { kind, beginning });
        }
    }
    Ok(readings)
}

/// A first run must be told where to begin: taking over a marketplace never pays out its history. A
/// list that is switched on later begins where the other one did, unless it is told otherwise.
async fn beginning(app: &App, options: &Options, kind: OrderKind) -> Result<Beginning> {
    let other = match kind {
        OrderKind::Product => OrderKind::Service,
        OrderKind::Service => OrderKind::Product,
    };
    let mut conn = app.db.acquire().await?;
    let checkpoint = checkpoints::get(&mut conn, stream::checkpoint(kind)).await?;
    let other = checkpoints::get(&mut conn, stream::checkpoint(other)).await?;
    let start_date = app.settings.start_date;
    let overlap = app.settings.checkpoint_overlap;
    let told = start_date.or(options.since);
    let told = told.or(other.map(|other| other.begun_at));
    let begun_at = checkpoint.map(|checkpoint| checkpoint.begun_at).or(told);
    let Some(begun_at) = begun_at else {
        return Err(JobError::Usage(
            "this is the first run, and it does not know where to begin: set START_DATE, or give \
             --since, to the day from which this program pays sellers; orders debited before it \
             are left to whoever paid until then"
                .to_owned(),
        ));
    };
    let reached = checkpoint.map(|checkpoint| checkpoint.reached - overlap);
    Ok(Beginning {
        start: start_date.unwrap_or(begun_at),
        read_from: options.since.or(reached).unwrap_or(begun_at),
        begun_at,
    })
}
