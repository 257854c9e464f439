//! `link-account`: maps a Stripe account that was made elsewhere to a shop.

use anyhow::{anyhow, bail};

use crate::app::App;
use crate::domain::ids::{AccountId, ShopId, is_stripe_id};
use crate::jobs::{self, JobError};
use crate::store::{accounts, schema, transfers};

/// Checks the account at Stripe and stores the mapping; returns what to tell the operator.
pub async fn run(app: &App, shop: ShopId, account: &AccountId) -> Result<String, JobError> {
    if !is_stripe_id(account.as_str(), "acct_") {
        return Err(JobError::Usage(format!(
            "{account} is no Stripe account: give its id, acct_…"
        )));
    }
    let mut conn = app.db.acquire().await?;
    schema::check(&mut conn).await?;
    jobs::check_identity(app, &mut conn).await?;
    drop(conn);

    let found = app.stripe.account(account).await.map_err(|e| anyhow!(e))?;
    let Some(found) = found else {
        return Err(JobError::CouldNotRun(anyhow!(
            "Stripe has no connected account {account} on this platform"
        )));
    };
    fit(&found)?;

    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let before = accounts::link(&mut tx, shop, &found, now).await?;
    let due = transfers::shop_is_due(&mut tx, shop, now).await?;
    tx.commit().await?;
    let instead = match before {
        Some(before) if before != *account => format!(" instead of {before}"),
        _ => String::new(),
    };
    Ok(format!(
        "shop {shop} is paid to {account}{instead}; {due} waiting rows are due at once"
    ))
}

/// An account that would keep money from its seller, or hand it out too early, is refused.
fn fit(account: &crate::stripe::ConnectedAccount) -> anyhow::Result<()> {
    let id = &account.id;
    if !account.transfers_active {
        bail!("{id} cannot receive transfers: its capability transfers is not active");
    }
    match account.payout_interval.as_deref() {
        Some("manual") => Ok(()),
        interval => bail!(
            "{id} is paid out by Stripe itself ({}): set its payout schedule to manual first",
            interval.unwrap_or("unknown schedule")
        ),
    }
}
