//! `validate-pending-debit`: accepted orders are confirmed on Mirakl, and captured on Stripe once
//! for each basket.
//!
//! gather → decide → record → act → settle, a hundred baskets at a time: [`payments`] reads what
//! Stripe has, [`gather`] what Mirakl asks for, and [`mod@baskets`] what the baskets hold; [`confirm`] and
//! [`confirm_services`] tell Mirakl, [`capture`] decides how much is taken, [`finish`] takes or releases
//! it, and [`leftovers`] ends what Mirakl no longer asks for.

mod baskets;
mod capture;
mod confirm;
mod confirm_services;
mod finish;
mod gather;
mod leftovers;
mod payments;
mod plan;

pub use plan::PlannedDebit;

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;

use self::baskets::Baskets;
use super::sending::Doubts;
use super::{Result, Run, both};
use crate::app::App;
use crate::domain::basket::Policy;
use crate::domain::ids::CommercialOrderId;
use crate::store::captures;
use crate::telemetry;

/// One run: what is kept from basket to basket.
struct Pass<'a> {
    app: &'a App,
    run: &'a Run,
    policy: Policy,
    doubts: Doubts,
    bar: ProgressBar,
}

fn policy(app: &App) -> Policy {
    Policy {
        after_capture: app.settings.payments.after_capture,
        refuse_failed: app.settings.payments.refuse_failed,
    }
}

/// Runs the job.
pub async fn run(app: &App, run: &Run) -> Result<()> {
    let mut pass = Pass {
        app,
        run,
        policy: policy(app),
        doubts: Doubts::default(),
        bar: telemetry::progress(app.quiet, "baskets"),
    };
    let sent = finish::send_pending(&mut pass).await;
    let silence = pass.doubts.after_leftovers(sent)?;
    // Two servers at once.
    let (listed, asked) = both(
        app,
        payments::list(app, run.started_at, true),
        gather::asked(app, run.started_at),
    )
    .await;
    listed?;
    let asked = asked?;
    {
        let mut conn = app.db.acquire().await?;
        captures::ended_elsewhere(&mut conn, app.clock.now()).await?;
    }
    report(run, &asked);
    let chunks = gather::chunks(app, &asked).await?;
    pass.bar
        .set_length(chunks.iter().map(|chunk| chunk.len() as u64).sum());
    let mut chunks = chunks.into_iter();
    let mut next = match chunks.next() {
        Some(ids) => Some(read(app, ids, &asked, run.started_at).await?),
        None => None,
    };
    while let Some(mut baskets) = next {
        let number = baskets.len() as u64;
        // The next baskets are read while these are worked on.
        let ahead = async {
            match chunks.next() {
                Some(ids) => read(app, ids, &asked, run.started_at).await.map(Some),
                None => Ok(None),
            }
        };
        let (worked, read_ahead) = both(app, work(&mut pass, &mut baskets, &asked), ahead).await;
        worked?;
        next = read_ahead?;
        pass.bar.inc(number);
    }
    leftovers::settle(&pass, &asked).await?;
    pass.bar.finish_and_clear();
    gather::close(app, &asked).await?;
    silence.map_or(Ok(()), Err)
}

/// Says what Mirakl asks for and nobody can read.
fn report(run: &Run, asked: &gather::Asked) {
    for cause in &asked.unidentified {
        tracing::error!(cause, "Mirakl sent something without an id");
        run.count_failed();
    }
    for (order, cause) in &asked.unread {
        tracing::error!(%order, cause, "Mirakl asks for a debit that cannot be read");
        run.count_failed();
    }
}

async fn read(
    app: &App,
    ids: Vec<CommercialOrderId>,
    asked: &gather::Asked,
    started_at: DateTime<Utc>,
) -> Result<Baskets> {
    baskets::read(app, &ids, asked, None, started_at).await
}

/// Confirms and captures some baskets, in the order that is set.
async fn work(pass: &mut Pass<'_>, baskets: &mut Baskets, asked: &gather::Asked) -> Result<()> {
    if pass.policy.after_capture {
        capture::baskets(pass, baskets).await?;
        confirm::baskets(pass, baskets, asked).await
    } else {
        confirm::baskets(pass, baskets, asked).await?;
        capture::baskets(pass, baskets).await
    }
}

/// Runs the job without writing anything: what would happen, with exact amounts.
pub async fn plan(app: &App, now: DateTime<Utc>) -> Result<Vec<PlannedDebit>> {
    plan::plan(app, now).await
}
