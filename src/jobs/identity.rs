//! A database serves one marketplace, one Stripe platform and one mode, for ever.

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::{JobError, Result};
use crate::app::App;
use crate::hex::hex;
use crate::store::Connection;
use crate::store::identity::{self, Identity};

/// Checks the settings against what the database serves, for commands that are no jobs.
pub async fn check_identity(app: &App, conn: &mut Connection) -> Result<()> {
    check(app, conn, app.clock.now()).await
}

/// Fails when the settings name another marketplace, platform or mode than the database serves.
///
/// Stripe is asked only for a key that the database has not met.
pub(super) async fn check(app: &App, conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    let Some(mine) = compare(app, conn).await? else {
        return Ok(());
    };
    let now_stored = identity::put(conn, &mine, now).await?;
    if now_stored == mine {
        return Ok(());
    }
    Err(anyhow!(
        "another run has just bound this database to another marketplace or Stripe account"
    )
    .into())
}

/// The same check without writing anything, for a dry run.
pub(super) async fn check_only(app: &App, conn: &mut Connection) -> Result<()> {
    compare(app, conn).await.map(|_| ())
}

/// What is to be stored; `None` when it is stored already.
async fn compare(app: &App, conn: &mut Connection) -> Result<Option<Identity>> {
    let stored = identity::get(conn).await?;
    let key = &app.settings.stripe.key;
    let host = app.mirakl.host();
    let key_fingerprint = fingerprint(key.secret.expose_secret());
    if let Some(stored) = &stored {
        same_host(&stored.mirakl_host, &host)?;
        same("mode of Stripe", mode(stored.livemode), mode(key.livemode))?;
        if stored.key_fingerprint == key_fingerprint {
            return Ok(None);
        }
    }
    let account = app
        .stripe
        .platform()
        .await
        .map_err(|error| anyhow!(error))?;
    let mine = Identity {
        mirakl_host: host,
        stripe_account_id: account.0,
        livemode: key.livemode,
        key_fingerprint,
    };
    if let Some(stored) = &stored {
        same(
            "Stripe account",
            &stored.stripe_account_id,
            &mine.stripe_account_id,
        )?;
    }
    Ok(Some(mine))
}

/// Another name of the host may be another marketplace, or the same one: what was paid under the old name
/// is known by that name.
fn same_host(stored: &str, mine: &str) -> Result<()> {
    if stored == mine {
        return Ok(());
    }
    Err(JobError::Usage(format!(
        "this database serves the marketplace at {stored}, MIRAKL_HOST_NAME names {mine}; if {mine} is \
         another marketplace, give it a database of its own; if it is the same one under a new name, do \
         not: an empty database would pay again what was paid under the old name. Set MIRAKL_HOST_NAME back \
         to {stored}, and see \"When Mirakl's host name changes\" in the README"
    )))
}

fn same(what: &str, stored: &str, mine: &str) -> Result<()> {
    if stored == mine {
        return Ok(());
    }
    Err(JobError::Usage(format!(
        "this database belongs to another {what}: it serves {stored}, the settings name {mine}; \
         point DATABASE_URL at the database of {mine}, or mend the settings"
    )))
}

fn mode(livemode: bool) -> &'static str {
    if livemode { "live mode" } else { "test mode" }
}

fn fingerprint(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}
