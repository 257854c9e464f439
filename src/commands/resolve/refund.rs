//! `resolve refund`: what a person decided about a refund that waits or was refused.

use anyhow::anyhow;

use super::{Decided, taken, usage};
use crate::app::App;
use crate::domain::ids::{ReversalId, StripeRefundId, TransferId, is_stripe_id};
use crate::domain::refund::{RefundOrigin, RefundStatus, RefundStep};
use crate::jobs::{self, JobError};
use crate::store::refunds::{self, RefundResolution, ResolvableRefund};
use crate::store::schema;
use crate::stripe::{MadeForRefund, Refund, Reversal};

const CONSTRAINTS: [&str; 2] = ["refunds_stripe_refund_id_key", "reversals_reversal_id_key"];
const TAKEN: &str = "another row already has it: see `list refunds --id`";

/// What a person named, as Stripe knows it.
enum Named {
    Refund(Refund),
    Reversal(TransferId, Reversal),
}

/// Carries out the decision about refund `id`; returns what to tell the operator.
pub async fn refund(app: &App, id: i64, decided: Decided) -> Result<String, JobError> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    jobs::check_identity(app, &mut conn).await?;
    let row = find(refunds::resolvable(&mut conn, id).await?, id)?;
    drop(conn);
    // Stripe is asked before the row is locked: no transaction is open during a call.
    let named = match &decided {
        Decided::MadeAs(made) => {
            let named = read(app, &row, made).await?;
            // Refused before anything is written on it.
            settled_as(app, &row, &named, id)?;
            write_on(app, &row, &named).await?;
            Some(named)
        }
        Decided::Retry | Decided::Abandon(_) => None,
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let row = find(refunds::resolvable(&mut tx, id).await?, id)?;
    let refund = &row.refund_id;
    let (resolution, told) = match (&decided, &named) {
        (Decided::Retry, _) => (
            RefundResolution::Retry,
            format!("refund {id} ({refund}) goes on at the next run"),
        ),
        (Decided::Abandon(reason), _) => (
            RefundResolution::Abandon { reason },
            format!("refund {id} ({refund}) is ended where it is"),
        ),
        (Decided::MadeAs(_), Some(named)) => settled_as(app, &row, named, id)?,
        (Decided::MadeAs(_), None) => return Err(anyhow!("nothing was read").into()),
    };
    refunds::resolve(&mut tx, id, &resolution, now)
        .await
        .map_err(|error| taken(error, &CONSTRAINTS, TAKEN))?;
    tx.commit().await?;
    Ok(told)
}

fn find(row: Option<ResolvableRefund>, id: i64) -> Result<ResolvableRefund, JobError> {
    let Some(row) = row else {
        return usage(format!(
            "there is no refund {id}: give the internal id that `list refunds` shows"
        ));
    };
    match row.status {
        RefundStatus::RefundOnHold | RefundStatus::RefundFailed => Ok(row),
        RefundStatus::RefundPending
        | RefundStatus::RefundCreated
        | RefundStatus::RefundAborted
        | RefundStatus::RefundIgnored => Err(JobError::Usage(format!(
            "refund {id} is {}: only REFUND_ON_HOLD and REFUND_FAILED can be resolved",
            row.status.as_str()
        ))),
    }
}

/// Settles the step that is missing as what a person named.
fn settled_as<'a>(
    app: &App,
    row: &ResolvableRefund,
    named: &'a Named,
    id: i64,
) -> Result<(RefundResolution<'a>, String), JobError> {
    match named {
        Named::Refund(made) => as_refunded(app, row, made, id),
        Named::Reversal(transfer, made) => as_reversed(app, row, transfer, made, id),
    }
}

/// Settles the third step as a reversal that a person named.
fn as_reversed<'a>(
    app: &App,
    row: &ResolvableRefund,
    transfer: &'a TransferId,
    made: &'a Reversal,
    id: i64,
) -> Result<(RefundResolution<'a>, String), JobError> {
    if !made.is_nobodys() && !made.is_for(&app.mirakl.host(), row.kind, &row.refund_id) {
        return Err(JobError::Usage(format!(
            "{} was made for another refund",
            made.id
        )));
    }
    let resolution = RefundResolution::ReversedAs {
        transfer,
        id: &made.id,
        amount: made.minor,
        created_at: made.created_at,
    };
    let refund = &row.refund_id;
    let told = format!(
        "the reversal of refund {id} ({refund}) is settled as {}",
        made.id
    );
    Ok((resolution, told))
}

/// Writes on what a person named what it was made for, as our own request would have: a database that is put back or
/// lost takes it over then, and does not make it again.
async fn write_on(app: &App, row: &ResolvableRefund, named: &Named) -> Result<(), JobError> {
    let name = match named {
        Named::Refund(made) => made.id.as_str(),
        Named::Reversal(_, made) => made.id.as_str(),
    };
    let mut conn = app.db.acquire().await?;
    if refunds::is_known(&mut conn, name).await? {
        return Err(JobError::Usage(TAKEN.to_owned()));
    }
    drop(conn);
    let made_for = MadeForRefund {
        kind: row.kind,
        refund_id: &row.refund_id,
        order_id: &row.order_id,
        mirakl_host: &app.mirakl.host(),
        shop_id: row.shop_id,
    };
    let now = app.clock.now();
    let written = match named {
        Named::Refund(made) => app.stripe.name_refund(&made.id, &made_for, now).await,
        Named::Reversal(transfer, made) => {
            let written = app.stripe.name_reversal(transfer, &made.id, &made_for, now);
            written.await
        }
    };
    written.map_err(|error| {
        anyhow!(
            "what {name} was made for could not be written on it at Stripe, so nothing is settled: {error}"
        )
        .into()
    })
}

/// Settles the first step as a refund that a person named.
fn as_refunded<'a>(
    app: &App,
    row: &ResolvableRefund,
    made: &'a Refund,
    id: i64,
) -> Result<(RefundResolution<'a>, String), JobError> {
    let refund = &row.refund_id;
    let (Some(amount), Some(charge)) = (made.amount, &made.charge) else {
        return usage(format!(
            "{} has no amount or charge that can be stored",
            made.id
        ));
    };
    if let Some(why) = &made.ended {
        return usage(format!("{} did not reach the customer ({why})", made.id));
    }
    if let RefundOrigin::Ours { host, made_for } = &made.origin
        && (*host != app.mirakl.host() || made_for.refund_id != *refund)
    {
        return usage(format!(
            "{} was made for refund {}",
            made.id, made_for.refund_id
        ));
    }
    if row.charge.as_ref().is_some_and(|known| known != charge) {
        return usage(format!(
            "{} refunds {charge}, which did not pay this order",
            made.id
        ));
    }
    if row.amount.is_some_and(|asked| asked != amount) {
        return usage(format!(
            "{} gives back {amount}, which is not what Mirakl asks for: Mirakl could not be told of \
             it; refund the difference by hand, or end this with --abandon",
            made.id
        ));
    }
    let resolution = RefundResolution::RefundedAs {
        id: &made.id,
        amount,
        charge,
        created_at: made.created_at,
    };
    let told = format!("refund {id} ({refund}) is settled as {}, {amount}", made.id);
    Ok((resolution, told))
}

async fn read(app: &App, row: &ResolvableRefund, made: &str) -> Result<Named, JobError> {
    // One that Stripe could not carry out is not made, whatever came after it.
    let step = match row.reason_code.as_deref() {
        Some("refund_failed_later") => RefundStep::Refund,
        _ => row.step,
    };
    match step {
        RefundStep::Refund => {
            if !is_stripe_id(made, "re_") && !is_stripe_id(made, "pyr_") {
                return usage(format!("{made} is no Stripe refund: give its id, re_…"));
            }
            let id = StripeRefundId(made.to_owned());
            let found = app.stripe.refund(&id).await.map_err(|e| anyhow!(e))?;
            match found {
                Some(refund) => Ok(Named::Refund(refund)),
                None => usage(format!("Stripe does not know {made}")),
            }
        }
        RefundStep::Confirm => usage(
            "the customer has the money, and Mirakl is to be told: nothing is missing at Stripe; \
             give --retry or --abandon"
                .to_owned(),
        ),
        RefundStep::Reverse => {
            if !is_stripe_id(made, "trr_") {
                return usage(format!(
                    "the refund was made; what is missing is the reversal: {made} is none, give its \
                     id, trr_…"
                ));
            }
            reversal(app, &row.open_transfers, &ReversalId(made.to_owned())).await
        }
    }
}

async fn reversal(app: &App, transfers: &[TransferId], id: &ReversalId) -> Result<Named, JobError> {
    for transfer in transfers {
        let found = app.stripe.reversals_of(transfer).await;
        let mut found = found.map_err(|error| anyhow!(error))?.into_iter();
        if let Some(made) = found.find(|reversal| reversal.id == *id) {
            return Ok(Named::Reversal(transfer.clone(), made));
        }
    }
    Err(JobError::Usage(match transfers {
        [] => "no reversal of this refund is missing".to_owned(),
        transfers => {
            let names: Vec<&str> = transfers.iter().map(TransferId::as_str).collect();
            format!("{id} is no reversal of {}", names.join(" or "))
        }
    }))
}
