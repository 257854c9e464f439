//! `notify-failed-operation`: one mail with everything that failed, and what needs a person or waits too
//! long.
//!
//! gather → compose → mail → record: nothing is noted as told before the mail server took it. What
//! failed is told by every run; what stays as it is until somebody looks (a difference, a shortfall, a
//! notification that was given up) is told in full once, and from then on counted beside
//! what is new.

mod sample;

pub use sample::{Tried, test};

use chrono::TimeDelta;

use super::Result;
use crate::app::App;
use crate::notify::mail::notes::MOST_NOTES;
use crate::notify::mail::{self, Digest, Mailer};
use crate::store::alerts::{self, Alerts};

/// An authorisation that ends within this time is told.
const SOON: TimeDelta = TimeDelta::hours(48);

/// Why there is no mail.
pub const OFF: &str = "mails are switched off (MAILER_DSN is empty or names no server)";

/// What an operator is to know, as it is stored and as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As it is stored.
    pub alerts: Alerts,
    /// As it is shown.
    pub digest: Digest,
}

/// Reads what there is to say.
pub async fn gather(app: &App) -> Result<Told> {
    let now = app.clock.now();
    let held_for = app.settings.alerts.held_for;
    let mut conn = app.db.acquire().await?;
    let alerts = alerts::all(&mut conn, now - held_for, now + SOON).await?;
    let digest = Digest::new(&alerts, held_for.num_days());
    Ok(Told { alerts, digest })
}

/// Mails it, and notes what was told once the mail server has taken it. Nothing to say: no mail.
///
/// Errors when the mail server did not take the mail for everybody; the next run sends it again.
pub async fn mail(app: &App, mailer: &Mailer, told: &Told) -> Result<()> {
    if told.digest.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let mail = mail::digest(&told.digest, &app.origin(), now)?;
    mailer.send(&mail, now).await.map_err(|error| {
        anyhow::anyhow!("the mail was not sent: {error}; the next run sends it")
    })?;
    let mut conn = app.db.acquire().await?;
    alerts::record_mailed(&mut conn, &told.alerts, MOST_NOTES, app.clock.now()).await?;
    Ok(())
}
