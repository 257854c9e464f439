//! What is mailed, to whom and through which server.

use chrono::TimeDelta;
use lettre::message::{Mailbox, Mailboxes};

use super::dsn::{self, MailServer};
use super::reader::Reader;

const DSN: &str = "MAILER_DSN";
const TO: &str = "TECHNICAL_ALERT_EMAIL";
const FROM: &str = "TECHNICAL_ALERT_EMAIL_FROM";

/// What is mailed.
#[derive(Debug)]
pub struct AlertSettings {
    /// How mails are sent; none when they are not.
    pub mail: Option<MailSettings>,
    /// What waits for longer than this is mailed (`HOLD_ALERT_DAYS`).
    pub held_for: TimeDelta,
    /// A mail when the operator's server does not take notifications.
    pub endpoint_down: bool,
    /// At most one such mail within this time.
    pub endpoint_down_cooldown: TimeDelta,
}

/// How mails are sent.
#[derive(Debug)]
pub struct MailSettings {
    /// Through which server.
    pub server: MailServer,
    /// From whom.
    pub from: Mailbox,
    /// To whom; at least one.
    pub to: Vec<Mailbox>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> AlertSettings {
    let days = reader.number("HOLD_ALERT_DAYS", 7, 1, 365);
    let minutes = reader.number(
        "MAIL_ON_NOTIFICATION_ENDPOINT_DOWN_COOLDOWN",
        10,
        0,
        7 * 24 * 60,
    );
    AlertSettings {
        mail: mail(reader),
        held_for: TimeDelta::days(i64::from(days)),
        endpoint_down: reader.flag("MAIL_ON_NOTIFICATION_ENDPOINT_DOWN", true),
        endpoint_down_cooldown: TimeDelta::minutes(i64::from(minutes)),
    }
}

fn mail(reader: &mut Reader<'_>) -> Option<MailSettings> {
    let server = match reader.secret(DSN) {
        None => None,
        Some(secret) => match dsn::parse(Reader::secret_text(&secret)) {
            Ok(server) => server,
            Err(mistakes) => {
                for mistake in mistakes {
                    reader.mistake(&format!("{DSN} {mistake}"));
                }
                None
            }
        },
    };
    // An address that is set is checked although no mail is sent: it will be one day.
    let to = addresses(reader, TO);
    let from = addresses(reader, FROM);
    let server = server?;
    for (name, whose) in [(TO, "whoever is to know"), (FROM, "the sender")] {
        if reader.text(name).is_none() {
            reader.missing(
                name,
                &format!("the mail address of {whose}, or empty {DSN} to send no mails"),
            );
        }
    }
    let (to, mut from) = (to?, from?);
    if from.len() > 1 {
        reader.mistake(&format!(
            "{FROM} holds several addresses: set it to one mail address"
        ));
    }
    Some(MailSettings {
        server,
        from: from.pop()?,
        to,
    })
}

/// The addresses of a setting; `None` when it is unset or wrong. They are personal, and not shown.
fn addresses(reader: &mut Reader<'_>, name: &str) -> Option<Vec<Mailbox>> {
    let text = reader.text(name)?;
    let read: Option<Mailboxes> = text
        .parse()
        .ok()
        .filter(|_| !text.chars().any(char::is_control));
    let read: Vec<Mailbox> = read.into_iter().flatten().collect();
    if read.is_empty() {
        reader.mistake(&format!(
            "{name} is no mail address: set it to one such as operations@example.com"
        ));
        return None;
    }
    Some(read)
}
