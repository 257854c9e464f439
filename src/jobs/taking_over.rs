//! What jobs share that take over transfers which Stripe has and the store does not know.

use chrono::{DateTime, TimeDelta, Utc};

use crate::app::App;
use crate::domain::transfer::{Origin, TransferType};
use crate::store::adoptions::Covered;
use crate::store::transfers::{Adopted, MADE_BY_OLD, MADE_HERE};
use crate::stripe::Transfer;

/// Lists overlap by this: Stripe's clock and ours, and requests that overtook each other.
const MARGIN: TimeDelta = TimeDelta::minutes(10);

/// Where a list has to be read from.
pub(super) fn list_from(covered: Option<Covered>, start: DateTime<Utc>) -> DateTime<Utc> {
    match covered {
        Some(covered) if covered.from <= start => covered.until - MARGIN,
        _ => start - MARGIN,
    }
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
