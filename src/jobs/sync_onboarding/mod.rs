//! `sync-onboarding`: every shop gets its Stripe account, exactly one, and what changes there flows
//! back.
//!
//! gather → decide → record → act → settle: [`candidates`] reads what Stripe has, [`gather`] reads
//! shops, [`page`] decides and records a page of them, [`create`] sends and settles what is pending,
//! [`refresh`] reads accounts again, and [`fields`] writes links and KYC status to the shops by
//! [`send`]. [`mod@plan`] is the dry run.

mod candidates;
mod create;
mod fields;
mod gather;
mod page;
mod plan;
mod refresh;
mod row;
mod send;

pub use fields::{make_link, write_link};
pub use plan::PlannedShop;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;

use self::candidates::Candidates;
use super::sending::Doubts;
use super::{Result, Run};
use crate::app::App;
use crate::domain::ids::ShopId;
use crate::store::transfers;
use crate::telemetry;

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these shops; the checkpoint stays where it is.
    pub shops: Vec<ShopId>,
}

impl Options {
    /// The shops that were asked for; `None` for all.
    fn only(&self) -> Option<&[ShopId]> {
        (!self.shops.is_empty()).then_some(self.shops.as_slice())
    }
}

/// One run: what is kept from page to page.
struct Pass<'a> {
    app: &'a App,
    run: &'a Run,
    options: &'a Options,
    candidates: Candidates,
    doubts: Doubts,
    /// When the shops were begun to be read.
    read_at: DateTime<Utc>,
    bar: ProgressBar,
}

/// Runs the job.
pub async fn run(app: &App, run: &Run, options: &Options) -> Result<()> {
    // Nothing is created before it is known what Stripe already has.
    let candidates = candidates::read(app, true).await?;
    let mut pass = Pass {
        app,
        run,
        options,
        candidates,
        doubts: Doubts::default(),
        read_at: app.clock.now(),
        bar: telemetry::progress(app.quiet, "shops"),
    };
    let sent = create::send_pending(&mut pass).await;
    let silence = pass.doubts.after_leftovers(sent)?;
    gather::pages(&mut pass).await?;
    gather::due(&mut pass).await?;
    gather::unread(&mut pass).await?;
    gather::found_at_stripe(&mut pass).await?;
    reopen(&pass).await?;
    refresh::accounts(&pass).await?;
    pass.bar.finish_and_clear();
    fields::write(&pass).await?;
    candidates::close(&pass).await?;
    silence.map_or(Ok(()), Err)
}

/// Opens the transfers that were ignored because of an exclusion that has ended. By what the shops
/// are now, not by what has just changed: the transfer job may have ignored one meanwhile.
async fn reopen(pass: &Pass<'_>) -> Result<()> {
    let now = pass.app.clock.now();
    let mut conn = pass.app.db.acquire().await?;
    let reopened = transfers::reopen_included(&mut conn, now).await?;
    if reopened > 0 {
        tracing::info!(
            transfers = reopened,
            "decided again: their shops are no longer excluded"
        );
    }
    Ok(())
}

/// Runs the job without writing anything: what would happen.
pub async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedShop>> {
    plan::plan(app, options).await
}
