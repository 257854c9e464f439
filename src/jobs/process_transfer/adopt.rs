//! Taking over what Stripe has and the store does not know, before anything is sent: so a restored,
//! lost or second database heals itself before it can pay.

use anyhow::Context as _;

use super::Pass;
use crate::app::App;
use crate::domain::transfer::{Origin, TransferType};
use crate::jobs::Result;
use crate::jobs::adopting::{covered_by, list_from};
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::transfers::{self, Adopted, MADE_BY_OLD, MADE_HERE};
use crate::stripe::{Transfer, TransfersQuery};

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
    let span = covered_by(newest, covered, start);
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

/// What a transfer pays, by what its maker said and where it went.
pub(super) fn kind(app: &App, origin: &Origin, transfer: &Transfer) -> TransferType {
    let tax_account = app.settings.taxes.account.as_ref();
    origin
        .kind_by_destination(tax_account.is_some() && transfer.destination.as_ref() == tax_account)
}

/// A transfer of this marketplace, as a row.
pub(super) fn ours(app: &App, transfer: Transfer) -> Option<Adopted> {
    let kind = kind(app, transfer.origin.as_ref()?, &transfer);
    let origin = transfer.origin?;
    if !origin.is_of(&app.mirakl.host()) {
        return None;
    }
    let amount = transfer.amount?;
    Some(Adopted {
        kind,
        status_reason: match origin.host {
            Some(_) => MADE_HERE,
            None => MADE_BY_OLD,
        },
        mirakl_id: origin.mirakl_id,
        shop_id: origin.shop_id,
        transfer_id: transfer.id,
        amount: amount.minor(),
        currency: amount.currency(),
        destination: transfer.destination?,
        source_charge: transfer.source,
        stripe_created_at: transfer.created_at,
    })
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
