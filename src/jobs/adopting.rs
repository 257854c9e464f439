//! Taking over what Stripe has and the store does not know: which part of one of Stripe's own lists has
//! to be read, what is known afterwards, and which transfers of a list are ours.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::{JobError, Result, Run};
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::transfer::{Origin, TransferType};
use crate::store::Connection;
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::old_movements::{self, OldMovement};
use crate::store::payouts;
use crate::store::transfers::{self, Adopted, MADE_BY_OLD, MADE_HERE};
use crate::stripe::{StripeError, Transfer, TransfersQuery};

/// Lists overlap by this: Stripe's clock and ours, and requests that overtook each other.
pub(super) const MARGIN: TimeDelta = TimeDelta::minutes(10);

/// A store that knows nothing is compared with so much of a list at least.
pub(super) const FIRST_LOOK_BACK: TimeDelta = TimeDelta::days(90);

/// So long after something unknown was found at Stripe, a store is not trusted to know all that was done.
const DISTRUST: TimeDelta = TimeDelta::hours(48);

/// Whether the store was put back or lost not long ago: something of ours was found at Stripe that it did
/// not know.
pub(super) async fn distrusts(conn: &mut Connection, now: DateTime<Utc>) -> Result<bool> {
    Ok(adoptions::has_found_unknown(conn, now - DISTRUST).await?)
}

/// Where a list has to be read from: all of it since `start`, or what came after what is known.
pub(super) fn list_from(covered: Option<Covered>, start: DateTime<Utc>) -> DateTime<Utc> {
    match covered {
        Some(covered) if covered.from <= start => covered.until - MARGIN,
        _ => start - MARGIN,
    }
}

/// What is known after the whole list was read, whose newest element was made at `newest`.
pub(super) fn covered_by(
    newest: Option<DateTime<Utc>>,
    covered: Option<Covered>,
    start: DateTime<Utc>,
) -> Covered {
    let until = newest
        .or(covered.map(|covered| covered.until))
        .unwrap_or(start);
    Covered {
        from: start.min(until),
        until,
    }
}

/// Fails when a store that knows nothing is told to begin later than this program began.
pub(super) async fn check_start(app: &App, start: DateTime<Utc>) -> Result<()> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    if covered.is_some() {
        return Ok(());
    }
    let query = TransfersQuery {
        before: Some(start - MARGIN),
        ..TransfersQuery::default()
    };
    let page = app.stripe.transfers(&query).await.context(LISTING)?;
    begun_later(app, &page.data)
}

/// Fails when some of these transfers, which are older than what is to be read, are of this program: what
/// it left unpaid then would be ended as not its own, without a word.
fn begun_later(app: &App, older: &[Transfer]) -> Result<()> {
    let host = app.mirakl.host();
    let mut made = older.iter().filter(|transfer| {
        let origin = transfer.origin.as_ref();
        origin.is_some_and(|origin| origin.host.as_deref() == Some(host.as_str()))
    });
    let Some(last) = made.next() else {
        return Ok(());
    };
    Err(JobError::Usage(format!(
        "this program has paid sellers of {host} since before it is told to begin ({} was made on {}), and \
         this database knows nothing of it: what waits since then would never be paid; set START_DATE to \
         the day from which this program has paid sellers, as it was",
        last.id,
        last.created_at.format("%Y-%m-%d")
    )))
}

const LISTING: &str = "Stripe's transfers could not be listed; nothing is sent without that";

/// Lists the platform's transfers back to what the store is known to hold, and takes over ours.
///
/// The span is widened only when the whole list was read, so that a run killed in between starts
/// over. A store that knows nothing is shown the end of the last page, too: what is older than `start`.
pub(super) async fn platform_transfers(app: &App, run: &Run, start: DateTime<Utc>) -> Result<()> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let from = list_from(covered, start);
    let mut query = TransfersQuery {
        from: covered.map(|_| from),
        ..TransfersQuery::default()
    };
    let mut newest = None;
    loop {
        let page = app.stripe.transfers(&query).await.context(LISTING)?;
        let (new, older): (Vec<Transfer>, Vec<Transfer>) = page
            .data
            .into_iter()
            .partition(|transfer| transfer.created_at >= from);
        begun_later(app, &older)?;
        newest = newest.max(new.first().map(|first| first.created_at));
        take_over(app, run, None, new).await?;
        match page.next {
            Some(next) if older.is_empty() => query.starting_after = Some(next),
            Some(_) | None => break,
        }
    }
    let span = covered_by(newest, covered, start);
    let mut conn = app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Transfers, span, app.clock.now()).await?;
    Ok(())
}

/// Settles or creates the rows of those transfers of a list that are ours; `payer` made them, or the
/// platform. What the old connector moved for invoices is remembered.
pub(super) async fn take_over(
    app: &App,
    run: &Run,
    payer: Option<&AccountId>,
    listed: Vec<Transfer>,
) -> Result<()> {
    let old: Vec<OldMovement> = listed.iter().filter_map(|t| old(payer, t)).collect();
    let ours = listed.into_iter().filter_map(|t| ours(app, payer, t));
    let ours: Vec<Adopted> = ours.collect();
    if old.is_empty() && ours.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    old_movements::remember(&mut tx, &old).await?;
    let now = app.clock.now();
    let result = transfers::adopt(&mut tx, &ours, now).await?;
    if result.settled > 0 {
        adoptions::found_unknown(&mut tx, now).await?;
        payouts::moved_are_due(&mut tx, now).await?;
    }
    tx.commit().await?;
    told(run, "transfer", result.settled, result.doubled);
    Ok(())
}

/// Says how many of a kind (`transfer`, `payout`) were taken over, and of how many Stripe holds a second
/// one.
pub(super) fn told(run: &Run, kind: &'static str, settled: u64, doubled: u64) {
    if settled > 0 {
        tracing::info!(
            settled,
            "taken over from Stripe: {kind}s that the store did not know"
        );
    }
    if doubled > 0 {
        tracing::error!(
            doubled,
            "Stripe holds a second {kind} for what already has one; see `list {kind}s`"
        );
    }
    run.count(|counts| {
        counts.created += settled;
        counts.news += settled + doubled;
    });
}

/// What a transfer pays, by what its maker said and where it went.
pub(super) fn kind(app: &App, origin: &Origin, transfer: &Transfer) -> TransferType {
    let tax_account = app.settings.taxes.account.as_ref();
    origin
        .kind_by_destination(tax_account.is_some() && transfer.destination.as_ref() == tax_account)
}

/// A transfer of this marketplace, as a row.
pub(super) fn ours(app: &App, payer: Option<&AccountId>, transfer: Transfer) -> Option<Adopted> {
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
        payer: payer.cloned(),
        destination: transfer.destination?,
        source_charge: transfer.source,
        stripe_created_at: transfer.created_at,
    })
}

/// The transfer that `query` shows of what this row pays, if there is one.
pub(super) async fn find(
    app: &App,
    mut query: TransfersQuery<'_>,
    row: TransferType,
    mirakl_id: &str,
) -> Result<Option<Transfer>, StripeError> {
    let host = app.mirakl.host();
    loop {
        let page = app.stripe.transfers(&query).await?;
        let is_it = |transfer: &Transfer| {
            transfer.origin.as_ref().is_some_and(|origin| {
                kind(app, origin, transfer) == row
                    && origin.mirakl_id == mirakl_id
                    && origin.is_of(&host)
            })
        };
        if let Some(found) = page.data.into_iter().find(is_it) {
            return Ok(Some(found));
        }
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(None),
        }
    }
}

/// A transfer that the old connector made for an invoice.
fn old(payer: Option<&AccountId>, transfer: &Transfer) -> Option<OldMovement> {
    let amount = transfer.amount.filter(|amount| amount.is_positive())?;
    Some(OldMovement {
        transfer_id: transfer.id.clone(),
        mirakl_invoice_id: transfer.old_invoice.clone()?,
        payer: payer.cloned(),
        destination: transfer.destination.clone()?,
        amount: amount.minor(),
        currency: amount.currency(),
        stripe_created_at: transfer.created_at,
    })
}
