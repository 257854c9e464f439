//! `process-refund`: each refund that waits on Mirakl is refunded at Stripe, confirmed on Mirakl, and
//! its seller's part taken back from the seller, each step once.
//!
//! gather → decide → record → act → settle: [`gather`] reads what Mirakl asks for and [`facts`] what
//! its orders show, [`page`] decides and records by the rows of [`mod@row`], and each step acts and
//! settles: [`refund`], [`confirm`], and [`reverse`], which decides what comes back, with [`unwind`],
//! which sends it. Before the first of them [`adopt`] takes over what Stripe already has, of which
//! [`parts`] learns what the sellers bear; [`failures`] learns what Stripe could not carry out.
//! [`mod@plan`] is the dry run.

mod adopt;
mod confirm;
mod facts;
mod failures;
mod gather;
mod leftovers;
mod look;
mod page;
mod parts;
mod plan;
mod refund;
mod reverse;
mod row;
mod taken;
mod unwind;

pub use plan::PlannedRefund;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;

use super::adopting::FIRST_LOOK_BACK;
use super::payments::Payments;
use super::sending::Doubts;
use super::{Result, Run};
use crate::app::App;
use crate::domain::ids::RefundId;
use crate::domain::refund::RefundType;
use crate::telemetry;

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these refunds.
    pub refunds: Vec<RefundId>,
}

impl Options {
    /// The refunds that were asked for, for the store; `None` for all.
    fn only(&self) -> Option<Vec<&str>> {
        let ids: Vec<&str> = self.refunds.iter().map(RefundId::as_str).collect();
        (!ids.is_empty()).then_some(ids)
    }

    fn wants(&self, id: &RefundId) -> bool {
        self.refunds.is_empty() || self.refunds.contains(id)
    }
}

/// One run: what is kept from step to step.
struct Pass<'a> {
    app: &'a App,
    run: &'a Run,
    options: &'a Options,
    /// Which refunds are switched on.
    kinds: Vec<RefundType>,
    payments: Payments,
    adopted: bool,
    doubts: Doubts,
    bar: ProgressBar,
}

/// Which refunds the settings switch on.
pub fn kinds(app: &App) -> Vec<RefundType> {
    let mut kinds = Vec::new();
    if app.settings.refunds.products {
        kinds.push(RefundType::ProductRefund);
    }
    if app.settings.refunds.services {
        kinds.push(RefundType::ServiceRefund);
    }
    kinds
}

/// Runs the job.
pub async fn run(app: &App, run: &Run, options: &Options) -> Result<()> {
    let mut pass = Pass {
        app,
        run,
        options,
        kinds: kinds(app),
        payments: Payments::new(true),
        adopted: false,
        doubts: Doubts::default(),
        bar: telemetry::progress(app.quiet, "refunds"),
    };
    let followed = failures::follow(&pass).await;
    // A store that has never been compared with Stripe's list knows nothing: compare it first.
    if adopt::is_needed_first(&pass).await? {
        adopt::adopt(&mut pass).await?;
    }
    let sent = refund::send_pending(&mut pass).await;
    let silence = pass.doubts.after_leftovers(sent)?;
    let with_mirakl = asked_and_told(&mut pass).await;
    // What comes back from sellers does not need Mirakl: it is not kept waiting by it.
    let reversed = reverse::all(&pass).await;
    let left = leftovers::look_up(&pass).await;
    pass.bar.finish_and_clear();
    let silence = silence.map_or(Ok(()), Err);
    first_of([followed, with_mirakl, reversed, left, silence])
}

/// The first error of parts of a run that do not depend on each other; the others are logged.
fn first_of<const N: usize>(results: [Result<()>; N]) -> Result<()> {
    let mut errors = results.into_iter().filter_map(Result::err);
    let Some(first) = errors.next() else {
        return Ok(());
    };
    for error in errors {
        tracing::error!("{error}");
    }
    Err(first)
}

/// The part of a run that needs Mirakl.
async fn asked_and_told(pass: &mut Pass<'_>) -> Result<()> {
    let asked = gather::asked(pass).await?;
    pass.bar.set_length(u64::try_from(asked.len()).unwrap_or(0));
    let names: HashSet<(RefundType, RefundId)> = asked
        .iter()
        .map(|refund| (refund.kind, refund.id.clone()))
        .collect();
    // What the customer has got is told whatever became of what is still to be decided.
    let decided = gather::pages(pass, asked).await;
    let parts = parts::of_adopted(pass).await;
    let told = confirm::all(pass, &names).await;
    first_of([decided, parts, told])
}

/// Runs the job without writing anything: what would happen, with exact amounts.
pub async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedRefund>> {
    plan::plan(app, options).await
}

/// From when Stripe's list of refunds is compared with the store: before `START_DATE` too, because what
/// Mirakl still asks for may have been refunded before.
fn start(app: &App) -> DateTime<Utc> {
    let ago = app.clock.now() - FIRST_LOOK_BACK;
    app.settings.start_date.map_or(ago, |date| date.min(ago))
}
