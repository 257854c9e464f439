//! `onboarding-link`: a fresh link for one shop, printed and written to its back office.

use anyhow::anyhow;
use secrecy::ExposeSecret as _;

use crate::app::App;
use crate::domain::ids::ShopId;
use crate::jobs::sync_onboarding::{make_link, write_link};
use crate::jobs::{self, JobError};
use crate::outcome::Exit;
use crate::output;
use crate::store::{schema, shops};

/// Prints the link alone on standard output, so that it can be passed on.
pub async fn run(app: &App, shop: ShopId) -> Result<Exit, JobError> {
    let stored = {
        let mut conn = app.db.acquire().await?;
        schema::check(&mut conn).await?;
        jobs::check_identity(app, &mut conn).await?;
        shops::link_of(&mut conn, shop).await?
    };
    let Some(stored) = stored else {
        return Err(JobError::Usage(format!(
            "shop {shop} has no Stripe account yet: sync-onboarding creates it, or link-account maps one"
        )));
    };
    if stored.details_submitted {
        output::line(app.settings.onboarding.dashboard_url.as_str());
        tracing::warn!(
            %shop,
            "the seller has submitted the details already: this is the dashboard's address"
        );
        return Ok(Exit::Done);
    }
    let link = make_link(app, shop, &stored.account)
        .await
        .map_err(|error| anyhow!(error).context("Stripe made no link"))?;
    // It is the caller's whatever Mirakl says.
    output::line(link.0.expose_secret());
    let Some(why) = write_link(app, shop, &link).await? else {
        return Ok(Exit::Done);
    };
    tracing::warn!(%shop, why, "the link was not written to the shop");
    Ok(Exit::SomeFailed)
}
