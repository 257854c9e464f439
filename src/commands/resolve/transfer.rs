//! `resolve transfer`: what a person decided about a transfer that waits or was refused.

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::{Decided, not_marked, taken, usage};
use crate::app::App;
use crate::domain::ids::{AccountId, TransferId, is_stripe_id};
use crate::domain::money::Money;
use crate::domain::transfer::TransferStatus;
use crate::jobs::{self, JobError};
use crate::store::schema;
use crate::store::transfers::{self, Resolution, Resolvable};
use crate::stripe::TransferMark;

const CONSTRAINTS: [&str; 1] = ["transfers_transfer_id_key"];
const TAKEN: &str = "another row already has this transfer: see `list transfers --id`";

/// Carries out the decision about transfer `id`; returns what to tell the operator.
pub async fn transfer(app: &App, id: i64, decided: Decided) -> Result<String, JobError> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    jobs::check_identity(app, &mut conn).await?;
    let row = find(transfers::resolvable(&mut conn, id).await?, id)?;
    let payer = transfers::payer_of(&mut conn, id).await?;
    let transfer = match &decided {
        Decided::MadeAs(transfer) => Some(TransferId(transfer.clone())),
        Decided::Retry | Decided::Abandon(_) => None,
    };
    let is_taken = match &transfer {
        Some(transfer) => transfers::is_taken(&mut conn, transfer).await?,
        None => false,
    };
    drop(conn);
    // Stripe is asked before the row is locked: no transaction is open during a call.
    let made = match &transfer {
        Some(transfer) => Some(named(app, &row, transfer, payer.as_ref(), is_taken).await?),
        None => None,
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let row = find(transfers::resolvable(&mut tx, id).await?, id)?;
    let order = &row.mirakl_id;
    let (resolution, told) = match (&decided, &made) {
        (Decided::Retry, _) => (
            Resolution::Retry,
            format!("transfer {id} ({order}) is decided anew at the next run"),
        ),
        (Decided::Abandon(reason), _) => (
            Resolution::Abandon { reason },
            format!("transfer {id} ({order}) is ended without a transfer"),
        ),
        (Decided::MadeAs(_), Some(made)) => {
            let transfer = &made.id;
            let resolution = Resolution::MadeAtStripe {
                transfer_id: transfer,
                amount: made.amount,
                destination: &made.destination,
                stripe_created_at: made.created_at,
            };
            let told = format!(
                "transfer {id} ({order}) is settled as {transfer}, {} to {}",
                made.amount, made.destination
            );
            (resolution, told)
        }
        (Decided::MadeAs(_), None) => return Err(anyhow!("the transfer was not read").into()),
    };
    transfers::resolve(&mut tx, id, &resolution, now)
        .await
        .map_err(|error| taken(error, &CONSTRAINTS, TAKEN))?;
    tx.commit().await?;
    Ok(told)
}

fn find(row: Option<Resolvable>, id: i64) -> Result<Resolvable, JobError> {
    let Some(row) = row else {
        return Err(JobError::Usage(format!(
            "there is no transfer {id}: give the internal id that `list transfers` shows"
        )));
    };
    match row.status {
        TransferStatus::TransferOnHold | TransferStatus::TransferFailed => Ok(row),
        TransferStatus::TransferPending
        | TransferStatus::TransferCreated
        | TransferStatus::TransferAborted
        | TransferStatus::TransferIgnored => Err(JobError::Usage(format!(
            "transfer {id} is {}: only TRANSFER_ON_HOLD and TRANSFER_FAILED can be resolved",
            row.status.as_str()
        ))),
    }
}

/// A transfer that a person named.
struct NamedTransfer {
    id: TransferId,
    amount: Money,
    destination: AccountId,
    created_at: DateTime<Utc>,
}

/// Reads the transfer, and writes into its metadata what it pays where its maker did not say: so a lost
/// or restored database finds it again, and does not make another.
async fn named(
    app: &App,
    row: &Resolvable,
    id: &TransferId,
    payer: Option<&AccountId>,
    is_taken: bool,
) -> Result<NamedTransfer, JobError> {
    if !is_stripe_id(id.as_str(), "tr_") {
        return usage(format!("{id} is no Stripe transfer: give its id, tr_…"));
    }
    let found = app
        .stripe
        .transfer(id, payer)
        .await
        .map_err(|e| anyhow!(e))?;
    let Some(found) = found else {
        return usage(format!("Stripe does not know {id}"));
    };
    let (Some(amount), Some(destination)) = (found.amount, found.destination) else {
        return usage(format!(
            "{id} has no amount or destination that can be stored"
        ));
    };
    if let Some(origin) = &found.origin
        && !origin.is_of(&app.mirakl.host())
    {
        return usage(format!("{id} belongs to another marketplace"));
    }
    let order = &row.mirakl_id;
    match &found.origin {
        Some(origin) if origin.mirakl_id != *order => {
            return usage(format!("{id} pays {}, not {order}", origin.mirakl_id));
        }
        Some(origin) if origin.host.is_some() && origin.kind != row.kind => {
            return usage(format!(
                "{id} is the {} of {order}, not its {}",
                origin.kind.as_str(),
                row.kind.as_str()
            ));
        }
        Some(_) => {}
        None if is_taken => return usage(TAKEN.to_owned()),
        None => {
            let mark = TransferMark {
                kind: row.kind,
                mirakl_id: order,
                mirakl_host: &app.mirakl.host(),
                shop_id: row.shop_id,
            };
            let marked = app.stripe.mark_transfer(id, &mark, payer).await;
            marked.map_err(|error| not_marked(id.as_str(), order, &error))?;
        }
    }
    Ok(NamedTransfer {
        id: id.clone(),
        amount,
        destination,
        created_at: found.created_at,
    })
}
