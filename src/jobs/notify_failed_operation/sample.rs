//! `notify-failed-operation --test`: whether mails and notifications arrive.

use serde::Serialize;

use crate::app::App;
use crate::notify::mail;

/// What became of one way to tell somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// `mail` or `notification`.
    pub what: &'static str,
    /// `sent`, `off` or `failed`.
    pub outcome: &'static str,
    /// To whom, or why not.
    pub said: String,
}

/// Sends a sample mail and a sample notification.
pub async fn test(app: &App) -> Vec<Tried> {
    vec![by_mail(app).await, by_notification(app).await]
}

async fn by_mail(app: &App) -> Tried {
    let tried = |outcome, said| Tried {
        what: "mail",
        outcome,
        said,
    };
    let Some(mailer) = &app.mailer else {
        return tried("off", super::OFF.to_owned());
    };
    let now = app.clock.now();
    let mail = match mail::sample(&app.origin(), now) {
        Ok(mail) => mail,
        Err(error) => return tried("failed", error.to_string()),
    };
    match mailer.send(&mail, now).await {
        Ok(()) => {
            let number = mailer.recipients();
            let plural = if number == 1 { "address" } else { "addresses" };
            let server = mailer.server();
            tried(
                "sent",
                format!("the mail server {server} took it for {number} {plural}"),
            )
        }
        Err(error) => tried("failed", error.to_string()),
    }
}

async fn by_notification(app: &App) -> Tried {
    let tried = |outcome, said| Tried {
        what: "notification",
        outcome,
        said,
    };
    let Some(notifier) = &app.notifier else {
        let off = "notifications are switched off (OPERATOR_NOTIFICATION_URL is empty)";
        return tried("off", off.to_owned());
    };
    let endpoint = notifier.endpoint();
    match notifier.send_sample(app.clock.now()).await {
        Ok(()) if notifier.signs() => tried("sent", format!("{endpoint} took it, signed")),
        Ok(()) => tried(
            "sent",
            format!("{endpoint} took it, not signed (OPERATOR_NOTIFICATION_SECRET is empty)"),
        ),
        Err(error) => tried("failed", format!("{endpoint} did not take it: {error}")),
    }
}
