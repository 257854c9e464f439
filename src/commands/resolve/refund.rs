//! `resolve refund`: what a person decided about a refund that waits or was refused.

use anyhow::anyhow;

use super::{Decided, taken, usage};
use crate::app::App;
use crate::domain::ids::{ReversalId, StripeRefundId, TransferId, is_stripe_id};
use crate::domain::refund::{RefundOrigin, RefundStatus, RefundStep};
use crate::jobs::{self, JobError};
use crate::store::refunds::{self, RefundResolution, ResolvableRefund};
use crate::store::schema;
use crate::stripe::{Refund, Reversal};

const CONSTRAINTS: [&str; 2] = ["refunds_stripe_refund_id_key", "reversals_reversal_id_key"];
const TAKEN: &str = "another row already has it: see `list refunds --id`";

/// What a person named, as Stripe knows it.
enum Named {
    Refund(Refund),
    Reversal(Reversal),
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
        Decided::MadeAs(made) => Some(read(app, &row, made).await?),
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
        (Decided::MadeAs(_), Some(Named::Refund(made))) => as_refunded(app, &row, made, id)?,
        (Decided::MadeAs(_), Some(Named::Reversal(made))) => (
            RefundResolution::ReversedAs {
                id: &made.id,
                amount: made.minor,
                created_at: made.created_at,
            },
            format!(
                "the reversal of refund {id} ({refund}) is settled as {}",
                made.id
            ),
        ),
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
            let Some(transfer) = &row.open_transfer else {
                return usage("no reversal of this refund is missing".to_owned());
            };
            reversal(app, transfer, &ReversalId(made.to_owned())).await
        }
    }
}

async fn reversal(app: &App, transfer: &TransferId, id: &ReversalId) -> Result<Named, JobError> {
    let found = app.stripe.reversals_of(transfer).await;
    let mut found = found.map_err(|error| anyhow!(error))?.into_iter();
    match found.find(|reversal| reversal.id == *id) {
        Some(reversal) => Ok(Named::Reversal(reversal)),
        None => Err(JobError::Usage(format!(
            "{id} is no reversal of {transfer}"
        ))),
    }
}
