//! `resolve payout`: what a person decided about a payout that waits or was refused.

use anyhow::anyhow;

use super::{Decided, not_marked, taken, usage};
use crate::app::App;
use crate::domain::ids::{PayoutId, is_stripe_id};
use crate::domain::payout::PayoutStatus;
use crate::jobs::process_payout::follow_at;
use crate::jobs::{self, JobError};
use crate::store::payouts::{self, PayoutResolution, ResolvablePayout};
use crate::store::schema;
use crate::stripe::{Payout, PayoutMark};

const CONSTRAINTS: [&str; 1] = ["payouts_stripe_payout_id_key"];
const TAKEN: &str = "another row already has this payout: see `list payouts --id`";

/// Carries out the decision about payout `id`; returns what to tell the operator.
pub async fn payout(app: &App, id: i64, decided: Decided) -> Result<String, JobError> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    jobs::check_identity(app, &mut conn).await?;
    let row = find(payouts::resolvable(&mut conn, id).await?, id)?;
    let payout = match &decided {
        Decided::MadeAs(payout) => Some(PayoutId(payout.clone())),
        Decided::Retry | Decided::Abandon(_) => None,
    };
    let is_taken = match &payout {
        Some(payout) => payouts::is_taken(&mut conn, payout).await?,
        None => false,
    };
    drop(conn);
    // Stripe is asked before the row is locked: no transaction is open during a call.
    let made = match &payout {
        Some(payout) => Some(named(app, &row, payout, is_taken).await?),
        None => None,
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let row = find(payouts::resolvable(&mut tx, id).await?, id)?;
    let invoice = &row.invoice;
    let difference;
    let (resolution, told) = match (&decided, &made) {
        (Decided::Retry, _) => (
            PayoutResolution::Retry,
            format!("payout {id} (invoice {invoice}) is decided anew at the next run"),
        ),
        (Decided::Abandon(reason), _) => (
            PayoutResolution::Abandon { reason },
            format!("payout {id} (invoice {invoice}) is ended without a payout"),
        ),
        (Decided::MadeAs(_), Some(made)) => {
            let (Some(amount), Some(account)) = (made.amount, row.account.as_ref()) else {
                return Err(JobError::Usage(format!(
                    "{} is in a currency that cannot be stored",
                    made.id
                )));
            };
            difference = row
                .amount
                .filter(|decided| *decided != amount)
                .map(|decided| format!("{} pays {amount}, decided were {decided}", made.id));
            let resolution = PayoutResolution::MadeAs {
                id: &made.id,
                account,
                amount,
                stripe_status: made.life.as_str(),
                arrival: made.arrival,
                created_at: made.created_at,
                follow_at: follow_at(&made.life, made.created_at, now),
                difference: difference.as_deref(),
            };
            let told = format!(
                "payout {id} (invoice {invoice}) is settled as {}, {amount}",
                made.id
            );
            (resolution, told)
        }
        (Decided::MadeAs(_), None) => return Err(anyhow!("the payout was not read").into()),
    };
    payouts::resolve(&mut tx, id, &resolution, now)
        .await
        .map_err(|error| taken(error, &CONSTRAINTS, TAKEN))?;
    tx.commit().await?;
    Ok(told)
}

fn find(row: Option<ResolvablePayout>, id: i64) -> Result<ResolvablePayout, JobError> {
    let Some(row) = row else {
        return Err(JobError::Usage(format!(
            "there is no payout {id}: give the internal id that `list payouts` shows"
        )));
    };
    match row.status {
        PayoutStatus::PayoutOnHold | PayoutStatus::PayoutFailed => Ok(row),
        PayoutStatus::PayoutPending
        | PayoutStatus::PayoutCreated
        | PayoutStatus::PayoutAborted
        | PayoutStatus::PayoutIgnored => Err(JobError::Usage(format!(
            "payout {id} is {}: only PAYOUT_ON_HOLD and PAYOUT_FAILED can be resolved",
            row.status.as_str()
        ))),
    }
}

/// Reads the payout, and writes into its metadata what it pays where its maker did not say: so a lost or
/// restored database finds it again, and does not make another.
async fn named(
    app: &App,
    row: &ResolvablePayout,
    id: &PayoutId,
    is_taken: bool,
) -> Result<Payout, JobError> {
    if !is_stripe_id(id.as_str(), "po_") {
        return usage(format!("{id} is no Stripe payout: give its id, po_…"));
    }
    let Some(account) = &row.account else {
        return usage("the shop has no Stripe account: map one by link-account".to_owned());
    };
    let found = app
        .stripe
        .payout(account, id)
        .await
        .map_err(|e| anyhow!(e))?;
    let Some(found) = found else {
        return usage(format!("account {account} has no payout {id}"));
    };
    if found.life.has_ended() {
        return usage(format!(
            "{id} is {}: it did not reach the bank",
            found.life.as_str()
        ));
    }
    if found.amount.is_none() {
        return usage(format!("{id} is in a currency that cannot be stored"));
    }
    let host = app.mirakl.host();
    let invoice = &row.invoice;
    match &found.origin {
        Some(origin) if !origin.is_of(&host) => {
            usage(format!("{id} belongs to another marketplace"))
        }
        Some(origin) if origin.invoice != *invoice => usage(format!(
            "{id} pays invoice {}, not {invoice}",
            origin.invoice
        )),
        Some(_) => Ok(found),
        None if is_taken => usage(TAKEN.to_owned()),
        None => {
            let mark = PayoutMark {
                invoice,
                mirakl_host: &host,
                shop_id: row.shop_id,
            };
            let marked = app.stripe.mark_payout(account, id, &mark).await;
            let pays = format!("invoice {invoice}");
            marked.map_err(|error| not_marked(id.as_str(), &pays, &error))
        }
    }
}
