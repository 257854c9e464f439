//! The mail that says that the operator's server does not take notifications: at most one within a time,
//! across all jobs and runs.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::lines::wrapped;
use super::mailer::Mail;
use super::view::{shortened, shown};
use crate::app::App;
use crate::store::notifications::{self, Waiting};
use crate::store::{StoreError, mails};

/// Longer than sending takes; whoever died meanwhile keeps nobody from sending.
const SENDING: TimeDelta = TimeDelta::minutes(1);
const MOST_IDS: i64 = 20;

/// What the mail tells.
#[derive(Debug, Clone)]
struct Down<'a> {
    endpoint: &'a str,
    error: &'a str,
    waiting: &'a Waiting,
    /// Minutes.
    cooldown: i64,
}

impl Down<'_> {
    fn number(&self) -> String {
        match self.waiting.count {
            1 => "1 notification waits".to_owned(),
            n => format!("{n} notifications wait"),
        }
    }

    fn oldest(&self) -> String {
        self.waiting.oldest.map(shown).unwrap_or_default()
    }

    fn types(&self) -> String {
        let types = self.waiting.types.iter();
        let types: Vec<String> = types.map(|(kind, n)| format!("{n} × {kind}")).collect();
        types.join(", ")
    }

    fn more(&self) -> Option<String> {
        let shown = i64::try_from(self.waiting.ids.len()).unwrap_or(i64::MAX);
        let more = self.waiting.count - shown;
        (more > 0).then(|| format!("and {more} more"))
    }
}

#[derive(Template)]
#[template(path = "endpoint_down.html")]
struct Html<'a> {
    title: &'a str,
    origin: &'a str,
    at: &'a str,
    down: &'a Down<'a>,
}

#[derive(Template)]
#[template(path = "endpoint_down.txt")]
struct Text<'a> {
    origin: &'a str,
    at: &'a str,
    said: String,
    down: &'a Down<'a>,
}

/// Mails that the operator's server does not take notifications, unless that was mailed lately or is
/// switched off. A mail that is not taken is tried again after the next delivery that fails.
///
/// Errors when the database cannot be used.
pub async fn tell(app: &App, error: &str) -> Result<(), StoreError> {
    let alerts = &app.settings.alerts;
    let (Some(mailer), Some(notifier)) = (&app.mailer, &app.notifier) else {
        return Ok(());
    };
    if !alerts.endpoint_down {
        return Ok(());
    }
    let now = app.clock.now();
    let kind = mails::ENDPOINT_DOWN;
    let mut conn = app.db.acquire().await?;
    let before = now - alerts.endpoint_down_cooldown;
    if !mails::claim(&mut conn, kind, now, before, now + SENDING).await? {
        return Ok(());
    }
    let waiting = notifications::waiting(&mut conn, MOST_IDS).await?;
    drop(conn);
    let down = Down {
        endpoint: &shortened(&notifier.endpoint(), 200),
        error: &shortened(error, 200),
        waiting: &waiting,
        cooldown: alerts.endpoint_down_cooldown.num_minutes(),
    };
    let sent_at = match compose(&down, &app.origin().name(), now) {
        Err(error) => {
            tracing::error!(%error, "the mail about notifications could not be written");
            None
        }
        Ok(mail) => match mailer.send(&mail, now).await {
            Ok(()) => Some(app.clock.now()),
            Err(error) => {
                tracing::warn!(%error, "nobody could be told that the operator's server is down");
                error.taken_for_some.then(|| app.clock.now())
            }
        },
    };
    let mut conn = app.db.acquire().await?;
    mails::release(&mut conn, kind, sent_at).await
}

fn compose(down: &Down<'_>, origin: &str, now: DateTime<Utc>) -> Result<Mail, askama::Error> {
    let title = format!(
        "your server does not take notifications ({})",
        down.number()
    );
    let at = &shown(now);
    let said = wrapped(
        &format!(
            "{} did not take a notification: {}.",
            down.endpoint, down.error
        ),
        "",
    );
    Ok(Mail {
        text: Text {
            origin,
            at,
            said,
            down,
        }
        .render()?,
        html: Html {
            title: &title,
            origin,
            at,
            down,
        }
        .render()?,
        subject: format!("mirakl-stripe: {title} - {origin}"),
        attachment: None,
    })
}
