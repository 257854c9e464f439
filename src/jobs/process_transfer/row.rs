//! Decisions as rows of the store.

use chrono::{DateTime, Utc};

use super::page::Decided;
use crate::domain::ids::ShopId;
use crate::domain::money::Money;
use crate::domain::retry;
use crate::domain::transfer::{Decision, TransferStatus};
use crate::jobs::Run;
use crate::store::transfers::{KnownRow, NewDecision};
use crate::stripe::NewTransfer;

/// Counts what was decided for the run's summary.
pub(super) fn count(run: &Run, decided: &Decided, row: &NewDecision, known: Option<&KnownRow>) {
    let same = known.is_some_and(|known| {
        known.known.status == row.status && known.known.reason_code.as_deref() == row.reason_code
    });
    run.count(|counts| {
        match decided.decision {
            // Counted when Stripe has answered.
            Decision::Send { .. } => return,
            Decision::Hold(_) => counts.waiting += 1,
            Decision::Abort(_) => counts.aborted += 1,
            Decision::Ignore(_) => counts.ignored += 1,
        }
        counts.news += u64::from(!same);
    });
}

/// A decision as a row.
pub(super) fn row(
    decided: &Decided,
    known: Option<&KnownRow>,
    host: &str,
    now: DateTime<Utc>,
) -> NewDecision {
    let order = decided.order.as_ref();
    let mut row = NewDecision {
        kind: decided.kind,
        mirakl_id: decided.id.to_string(),
        shop_id: order.map(|order| order.shop_id),
        commercial_order_id: order.map(|order| order.commercial_id.clone()),
        status: TransferStatus::TransferOnHold,
        status_reason: None,
        reason_code: None,
        amount: None,
        currency: None,
        amount_explained: None,
        destination: None,
        payment_id: None,
        source_charge: None,
        payer: None,
        request_body: None,
        looks: 0,
        next_look_at: None,
    };
    match &decided.decision {
        Decision::Send {
            amount,
            destination,
            source,
            payment,
            explained,
        } => {
            let shop_id = order.map_or(ShopId(0), |order| order.shop_id);
            let new = NewTransfer {
                amount: *amount,
                destination,
                source: Some(source),
                kind: decided.kind,
                mirakl_id: decided.id.as_str(),
                mirakl_host: host,
                shop_id,
            };
            row.status = TransferStatus::TransferPending;
            row.amount = Some(amount.minor());
            row.currency = Some(amount.currency());
            row.amount_explained = Some(explained.clone());
            row.destination = Some(destination.clone());
            row.payment_id = Some(payment.to_string());
            row.source_charge = Some(source.clone());
            row.request_body = Some(new.encode());
            row.looks = refusals(known);
        }
        Decision::Hold(reason) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            (row.looks, row.next_look_at) = next_look(known, reason.code(), now);
            if let Some((amount, explained)) = part(decided)
                && amount.is_positive()
            {
                row.amount = Some(amount.minor());
                row.currency = Some(amount.currency());
                row.amount_explained = Some(explained);
            }
            // A tax part goes to the account that it names, also when no setting names one any more.
            if decided.kind.is_tax() {
                row.destination = known.and_then(|known| known.destination.clone());
            }
        }
        Decision::Abort(reason) => {
            row.status = TransferStatus::TransferAborted;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
        Decision::Ignore(reason) => {
            row.status = TransferStatus::TransferIgnored;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
    }
    row
}

/// What a row would move, and how that comes about.
fn part(decided: &Decided) -> Option<(Money, String)> {
    let parts = decided.parts.as_ref()?;
    Some(match decided.kind.is_tax() {
        false => (parts.seller, parts.explained.clone()),
        true => (parts.taxes, parts.taxes_explained()),
    })
}

/// Refusals in a row so far: a try after them keeps the count for its own delay.
fn refusals(known: Option<&KnownRow>) -> u32 {
    known
        .filter(|row| match row.known.status {
            TransferStatus::TransferFailed | TransferStatus::TransferPending => true,
            TransferStatus::TransferOnHold
            | TransferStatus::TransferCreated
            | TransferStatus::TransferAborted
            | TransferStatus::TransferIgnored => false,
        })
        .map_or(0, |row| row.known.looks)
}

/// When a held row is looked at again: later and later as long as the reason stays the same.
fn next_look(
    known: Option<&KnownRow>,
    code: &str,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let same = known.filter(|row| {
        row.known.status == TransferStatus::TransferOnHold
            && row.known.reason_code.as_deref() == Some(code)
    });
    retry::next_look(
        same.map(|row| (row.known.looks, row.known.next_look_at)),
        now,
    )
}
