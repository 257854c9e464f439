//! `process-payout`: each invoice is settled by transfers between operator and seller, then what it
//! leaves is paid out to the seller's bank, each once.
//!
//! gather → decide → record → act → settle: [`follow`] learns what became of earlier payouts,
//! [`gather`] sweeps Mirakl's invoices once a day and reads what waits by id, [`page`] decides,
//! [`record`] writes, and [`act`] takes each seller's account in turn: it is compared with Stripe's lists by
//! [`adopt`], then its movements are sent by [`movements`], then its payouts by [`payouts`].
//! [`came_back`] tells of payouts that a bank sent back. [`mod@plan`] and [`forecast`] are the dry run.

mod act;
mod adopt;
mod came_back;
mod follow;
mod forecast;
mod gather;
mod movements;
mod page;
mod payouts;
mod plan;
mod record;

pub use plan::PlannedInvoice;

use std::collections::BTreeSet;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use indicatif::ProgressBar;

use super::accounts::Accounts;
use super::adopting;
use super::sending::Doubts;
use super::{JobError, Result, Run};
use crate::app::App;
use crate::domain::ids::{InvoiceId, ShopId};
use crate::domain::payout::Life;
use crate::store::checkpoints::{self, Stream};
use crate::store::payouts as store;
use crate::stripe::StripeError;
use crate::telemetry;

/// Invoices appear at Mirakl so long after their date of creation.
const LATE: TimeDelta = TimeDelta::days(35);
/// A payout that is on its way is read again after this time …
const FOLLOW_EVERY: TimeDelta = TimeDelta::hours(1);
/// … and one that was paid, or could not be read, after this: a bank may send the money back …
const FOLLOW_DAILY: TimeDelta = TimeDelta::hours(23);
/// … for so long.
const FOLLOW_FOR: TimeDelta = TimeDelta::days(10);
/// Cron may start this job some seconds earlier in its hour than the last time.
const CRON_MARGIN: TimeDelta = TimeDelta::minutes(5);
/// No wait is longer: cron starts this job once a day, and what is due a second later would wait for two.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(23);

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only this shop; its invoices are read now, and the checkpoint stays where it is.
    pub shop: Option<ShopId>,
    /// Where to begin reading; on a first run also from when invoices are ours.
    pub since: Option<DateTime<Utc>>,
}

/// Where a run begins to read.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    /// Invoices made before this are not ours.
    start: DateTime<Utc>,
    /// Invoices made since this are read; none when the last sweep was a short time ago.
    sweep_from: Option<DateTime<Utc>>,
    /// Kept with the first checkpoint.
    begun_at: DateTime<Utc>,
    /// How far the last sweep came.
    reached: Option<DateTime<Utc>>,
}

/// One run: what is kept from step to step.
struct Pass<'a> {
    app: &'a App,
    run: &'a Run,
    options: &'a Options,
    beginning: Beginning,
    accounts: Accounts,
    /// Invoices that were looked at in this run.
    decided: BTreeSet<InvoiceId>,
    /// Those of them that are to be paid out.
    to_pay: BTreeSet<InvoiceId>,
    /// Payouts by their row, movements by its negative.
    doubts: Doubts,
    bar: ProgressBar,
}

impl Pass<'_> {
    /// Notes whether Stripe answered: a run gives up on one that does not.
    fn heard<T>(&self, answer: Result<T, StripeError>) -> Result<T, StripeError> {
        match &answer {
            Ok(_) | Err(StripeError::Refused(_) | StripeError::Stop(_)) => self.doubts.answered(),
            Err(StripeError::Unknown(_)) => self.doubts.unheard(),
        }
        answer
    }

    /// A request has no answer: the next run goes on with it.
    fn in_doubt(&self, row: i64, error: StripeError) -> Result<()> {
        self.run.count_in_doubt();
        match error {
            StripeError::Stop(_) => {
                self.doubts.add(row);
                Err(anyhow!(error).into())
            }
            StripeError::Unknown(doubt) => {
                self.doubts.unanswered(row, &doubt);
                Ok(())
            }
            StripeError::Refused(_) => {
                self.doubts.add(row);
                self.doubts.answered();
                Ok(())
            }
        }
    }
}

/// Runs the job.
pub async fn run(app: &App, run: &Run, options: &Options) -> Result<()> {
    let beginning = beginning(app, options).await?;
    adopting::check_start(app, beginning.start).await?;
    let mut pass = Pass {
        app,
        run,
        options,
        beginning,
        accounts: Accounts::new(true),
        decided: BTreeSet::new(),
        to_pay: BTreeSet::new(),
        doubts: Doubts::default(),
        bar: telemetry::progress(app.quiet, "invoices"),
    };
    follow::all(&pass).await?;
    {
        let mut conn = app.db.acquire().await?;
        store::reopen_included(&mut conn, app.clock.now()).await?;
    }
    let gathered = gather::all(&mut pass).await;
    // What was decided does not wait for what Mirakl could not show.
    let acted = act::all(&pass).await;
    pass.bar.finish_and_clear();
    gathered.and(acted)
}

/// Runs the job without writing anything: what would happen, with exact amounts.
pub async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedInvoice>> {
    let beginning = beginning(app, options).await?;
    plan::plan(app, options, beginning).await
}

/// A first run must be told where to begin: taking over a marketplace never pays out its history.
async fn beginning(app: &App, options: &Options) -> Result<Beginning> {
    let (checkpoint, swept_at) = {
        let mut conn = app.db.acquire().await?;
        let checkpoint = checkpoints::get(&mut conn, Stream::Invoices).await?;
        let swept_at = checkpoints::written_at(&mut conn, Stream::Invoices).await?;
        (checkpoint, swept_at)
    };
    let start_date = app.settings.start_date;
    let told = start_date.or(options.since);
    let Some(begun_at) = checkpoint.map(|checkpoint| checkpoint.begun_at).or(told) else {
        return Err(JobError::Usage(
            "this is the first run, and it does not know where to begin: set START_DATE, or give \
             --since, to the day from which this program pays sellers; invoices made before it are \
             left to whoever paid until then"
                .to_owned(),
        ));
    };
    let reached = checkpoint.map(|checkpoint| checkpoint.reached);
    let usual = reached.map_or(begun_at, |reached| reached - LATE);
    let every = app.settings.invoice_sweep;
    let is_due = swept_at.is_none_or(|at| app.clock.now() - at >= every - CRON_MARGIN);
    let asked = options.shop.is_some() || options.since.is_some();
    Ok(Beginning {
        start: start_date.unwrap_or(begun_at),
        sweep_from: (is_due || asked).then(|| options.since.unwrap_or(usual)),
        begun_at,
        reached,
    })
}

/// When a payout is read again, given what is known of it.
pub(crate) fn follow_at(
    life: &Life,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let next = match life {
        Life::UnderWay(_) => now + FOLLOW_EVERY,
        Life::Paid => now + FOLLOW_DAILY,
        // Settled by the next run.
        Life::Failed(_) | Life::Canceled => return Some(now),
    };
    (now - created_at < FOLLOW_FOR).then_some(next)
}

/// When what was refused, or came back, is tried again.
fn next_try(now: DateTime<Utc>, delay: TimeDelta) -> DateTime<Utc> {
    now + delay.min(LONGEST_WAIT)
}
