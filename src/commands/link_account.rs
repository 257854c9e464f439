//! `link-account`: maps a Stripe account that was made elsewhere to a shop.

use anyhow::{anyhow, bail};

use crate::app::App;
use crate::domain::ids::{AccountId, ShopId, is_stripe_id};
use crate::jobs::{self, JobError};
use crate::store::onboardings::{self, Settled};
use crate::store::{accounts, payouts, schema, transfers};
use crate::stripe::{ConnectedAccount, StripeError};

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
    let unmarked = mark(app, shop, &found).await?;

    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let linked = Settled {
        shop_id: shop,
        stripe_account_id: found.id.clone(),
        status_reason: Some("linked by a person"),
        reason_code: Some("linked"),
        stripe_request_id: None,
    };
    onboardings::created(&mut tx, &[linked], true, now).await?;
    let before = accounts::put(&mut tx, &[(shop, &found)], now).await?;
    let due = transfers::shops_are_due(&mut tx, &[shop], now).await?;
    payouts::shops_are_due(&mut tx, &[shop], now).await?;
    tx.commit().await?;
    let instead = match before.get(&shop) {
        Some(before) => format!(" instead of {before}"),
        None => String::new(),
    };
    Ok(format!(
        "shop {shop} is paid to {account}{instead}; {due} waiting rows are due at once{unmarked}"
    ))
}

/// Writes the shop into the account's metadata, so that a lost or restored database does not take
/// another account for the shop's only one. Returns what to say where that is not possible.
async fn mark(
    app: &App,
    shop: ShopId,
    account: &ConnectedAccount,
) -> Result<&'static str, JobError> {
    let host = app.mirakl.host();
    match &account.made_for {
        Some(made) if made.shop_id == shop && made.is_of(&host) => return Ok(""),
        // Its metadata has room for one shop, which needs it as much.
        Some(_) => {
            return Ok(
                "; the account's metadata names another shop or marketplace: keep a note of this link",
            );
        }
        None => {}
    }
    match app.stripe.mark_account(&account.id, shop, &host).await {
        Ok(_) => Ok(""),
        Err(error @ (StripeError::Refused(_) | StripeError::Stop(_))) => {
            tracing::warn!(account = %account.id, %error, "the shop could not be written into the account's metadata");
            Ok(
                "; the shop could not be written into the account's metadata: keep a note of this link",
            )
        }
        Err(error @ StripeError::Unknown(_)) => Err(anyhow!(error).into()),
    }
}

/// An account that would keep money from its seller, or hand it out too early, is refused.
fn fit(account: &ConnectedAccount) -> anyhow::Result<()> {
    let id = &account.id;
    if !account.transfers_active {
        bail!("{id} cannot receive transfers: its capability transfers is not active");
    }
    if !account.manual_payouts() {
        let interval = account.payout_interval.as_deref();
        bail!(
            "{id} is paid out by Stripe itself ({}): set its payout schedule to manual first",
            interval.unwrap_or("unknown schedule")
        );
    }
    Ok(())
}
