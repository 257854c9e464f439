//! `resolve transfer`: what a person decided about a transfer that waits or was refused.

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::{Decided, taken, usage};
use crate::app::App;
use crate::domain::ids::{AccountId, TransferId, is_stripe_id};
use crate::domain::money::Money;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::jobs::{self, JobError};
use crate::store::schema;
use crate::store::transfers::{self, Resolution};

const CONSTRAINTS: [&str; 1] = ["transfers_transfer_id_key"];
const TAKEN: &str = "another row already has this transfer: see `list transfers --id`";

/// Carries out the decision about transfer `id`; returns what to tell the operator.
pub async fn transfer(app: &App, id: i64, decided: Decided) -> Result<String, JobError> {
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    jobs::check_identity(app, &mut conn).await?;
    let payer = transfers::payer_of(&mut conn, id).await?;
    drop(conn);
    // Stripe is asked before the row is locked: no transaction is open during a call.
    let made = match &decided {
        Decided::MadeAs(made) => Some(read(app, made, payer.as_ref()).await?),
        Decided::Retry | Decided::Abandon(_) => None,
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(row) = transfers::resolvable(&mut tx, id).await? else {
        return usage(format!(
            "there is no transfer {id}: give the internal id that `list transfers` shows"
        ));
    };
    match row.status {
        TransferStatus::TransferOnHold | TransferStatus::TransferFailed => {}
        TransferStatus::TransferPending
        | TransferStatus::TransferCreated
        | TransferStatus::TransferAborted
        | TransferStatus::TransferIgnored => {
            return usage(format!(
                "transfer {id} is {}: only TRANSFER_ON_HOLD and TRANSFER_FAILED can be resolved",
                row.status.as_str()
            ));
        }
    }
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
            if made.mirakl_id.as_ref().is_some_and(|paid| paid != order) {
                return usage(format!(
                    "{transfer} pays {}, not {order}",
                    made.mirakl_id.as_deref().unwrap_or_default()
                ));
            }
            if let Some(kind) = made.kind.filter(|kind| *kind != row.kind) {
                return usage(format!(
                    "{transfer} is the {} of {order}, not its {}",
                    kind.as_str(),
                    row.kind.as_str()
                ));
            }
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

/// A transfer that a person named.
struct NamedTransfer {
    id: TransferId,
    mirakl_id: Option<String>,
    /// None where its maker did not say.
    kind: Option<TransferType>,
    amount: Money,
    destination: AccountId,
    created_at: DateTime<Utc>,
}

async fn read(app: &App, made: &str, payer: Option<&AccountId>) -> Result<NamedTransfer, JobError> {
    let id = TransferId(made.to_owned());
    if !is_stripe_id(made, "tr_") {
        return usage(format!("{id} is no Stripe transfer: give its id, tr_…"));
    }
    let found = app
        .stripe
        .transfer(&id, payer)
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
    let origin = found.origin.as_ref();
    let kind = origin.and_then(|origin| origin.host.as_ref().map(|_| origin.kind));
    Ok(NamedTransfer {
        id,
        kind,
        mirakl_id: found.origin.map(|origin| origin.mirakl_id),
        amount,
        destination,
        created_at: found.created_at,
    })
}
