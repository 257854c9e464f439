//! Taking over what Stripe has and the store does not know, before anything is sent: so a restored,
//! lost or second database heals itself before it can pay.

use anyhow::Context as _;

use super::Pass;
use crate::jobs::Result;
use crate::jobs::taking_over::{list_from, ours};
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::transfers::{self, Adopted};
use crate::stripe::TransfersQuery;

/// Whether the store has never been compared with Stripe's list back to where orders are ours.
pub(super) async fn is_needed_first(pass: &Pass<'_>) -> Result<bool> {
    let mut conn = pass.app.db.acquire().await?;
    let covered = adoptions::get(&mut conn, Listed::Transfers).await?;
    Ok(covered.is_none_or(|covered| covered.from > pass.start()))
}

/// Lists Stripe's transfers back to what the store is known to hold, and takes over ours.
///
/// The span is widened only when the whole list was read, so that a run killed in between starts
/// over.
pub(super) async fn adopt(pass: &mut Pass<'_>) -> Result<()> {
    let app = pass.app;
    let start = pass.start();
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let from = list_from(covered, start);
    let mut query = TransfersQuery {
        from: Some(from),
        ..TransfersQuery::default()
    };
    let mut newest = None;
    loop {
        let page = app
            .stripe
            .transfers(&query)
            .await
            .context("Stripe's transfers could not be listed; nothing is sent without that")?;
        newest = newest.max(page.data.first().map(|first| first.created_at));
        let ours: Vec<Adopted> = page.data.into_iter().filter_map(|t| ours(app, t)).collect();
        store(pass, &ours).await?;
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => break,
        }
    }
    let until = newest
        .or(covered.map(|covered| covered.until))
        .unwrap_or(start);
    let span = Covered {
        from: start.min(until),
        until,
    };
    let mut conn = app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Transfers, span, app.clock.now()).await?;
    pass.sender.adopted = true;
    Ok(())
}

async fn store(pass: &Pass<'_>, ours: &[Adopted]) -> Result<()> {
    let mut tx = pass.app.db.begin().await?;
    let now = pass.app.clock.now();
    let result = transfers::adopt(&mut tx, ours, now).await?;
    if result.settled > 0 {
        adoptions::found_unknown(&mut tx, now).await?;
    }
    tx.commit().await?;
    if result.settled > 0 {
        tracing::info!(
            transfers = result.settled,
            "taken over from Stripe: transfers that the store did not know"
        );
    }
    if result.doubled > 0 {
        tracing::error!(
            transfers = result.doubled,
            "Stripe holds a second transfer for orders that already have one; see `list transfers`"
        );
    }
    pass.run.count(|counts| {
        counts.created += result.settled;
        counts.news += result.settled + result.doubled;
    });
    Ok(())
}

/// After a run whose every answer came: the store knows all up to the newest transfer it made.
pub(super) async fn close(pass: &Pass<'_>) -> Result<()> {
    let sender = &pass.sender;
    // A run of single orders leaves doubts of others as they are.
    let whole = pass.options.orders.is_empty();
    let sure = whole && sender.adopted && sender.doubts.is_empty();
    let (true, Some(newest)) = (sure, sender.newest()) else {
        return Ok(());
    };
    let span = Covered {
        from: newest,
        until: newest,
    };
    let mut conn = pass.app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Transfers, span, pass.app.clock.now()).await?;
    Ok(())
}
