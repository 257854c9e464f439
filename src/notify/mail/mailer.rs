//! A mail as bytes, and its way to everybody it is for.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Mailbox, MultiPart};
use tokio::time::{Instant, timeout_at};

use super::smtp::{self, Failure};
use super::view::clean;
use crate::settings::{MailServer, MailSettings};

/// For everything that a mail takes, and a second more for so many bytes.
const LIMIT: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 100_000;

/// Sends mails.
#[derive(Debug)]
pub struct Mailer {
    server: MailServer,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// A mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// For a terminal.
    pub text: String,
    /// For everything else.
    pub html: String,
    /// A file that comes with it.
    pub attachment: Option<Attachment>,
}

/// A file in a mail.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name.
    pub name: &'static str,
    /// Its type, such as `text/csv; charset=utf-8`.
    pub content_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why a mail was not taken for everybody. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MailError {
    message: String,
    /// Somebody gets it all the same.
    pub taken_for_some: bool,
}

impl Mailer {
    /// Mails by these settings.
    pub fn new(settings: MailSettings) -> Self {
        let MailSettings { server, from, to } = settings;
        Self { server, from, to }
    }

    /// The server, as it may be shown.
    pub fn server(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// How many people get each mail.
    pub fn recipients(&self) -> usize {
        self.to.len()
    }

    /// Sends a mail; done when the server has taken it for everybody.
    pub async fn send(&self, mail: &Mail, now: DateTime<Utc>) -> Result<(), MailError> {
        let bytes = self
            .message(mail, now)
            .map_err(|_| self.error("could not be offered a mail that cannot be encoded", false))?
            .formatted();
        let more = u64::try_from(bytes.len() / BYTES_A_SECOND).unwrap_or(0);
        let deadline = Instant::now() + LIMIT + Duration::from_secs(more);
        let everybody: Vec<Address> = self.to.iter().map(|to| to.email.clone()).collect();
        let refused = match self.offer(everybody.clone(), &bytes, deadline).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.refused && everybody.len() > 1 => failure,
            Err(failure) => return Err(self.error(&failure.what, false)),
        };
        // One address that the server does not know must not keep the others in the dark.
        let (mut taken, mut last) = (0, refused.what);
        for address in everybody {
            match self.offer(vec![address], &bytes, deadline).await {
                Ok(()) => taken += 1,
                Err(failure) => last = failure.what,
            }
        }
        match taken {
            0 => Err(self.error(&last, false)),
            all if all == self.to.len() => Ok(()),
            some => {
                let left = self.to.len() - some;
                Err(self.error(
                    &format!("{last}, for {left} of {} addresses", self.to.len()),
                    true,
                ))
            }
        }
    }

    async fn offer(
        &self,
        to: Vec<Address>,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), Failure> {
        let envelope = Envelope::new(Some(self.from.email.clone()), to).map_err(|_| Failure {
            what: "could not be offered a mail without an address".to_owned(),
            refused: false,
        })?;
        let said = timeout_at(deadline, smtp::hand_over(&self.server, &envelope, bytes)).await;
        said.unwrap_or_else(|_| {
            Err(Failure {
                what: "did not take the mail in time".to_owned(),
                refused: false,
            })
        })
    }

    fn error(&self, what: &str, taken_for_some: bool) -> MailError {
        MailError {
            message: format!("the mail server {} {what}", self.server()),
            taken_for_some,
        }
    }

    fn message(&self, mail: &Mail, now: DateTime<Utc>) -> Result<Message, lettre::error::Error> {
        let domain = self.from.email.domain();
        let id = format!(
            "<{:016x}{:016x}@{domain}>",
            fastrand::u64(..),
            fastrand::u64(..)
        );
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(clean(&mail.subject))
            .date(SystemTime::from(now))
            .message_id(Some(id))
            // No answering machine answers it.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &self.to {
            message = message.to(to.clone());
        }
        let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let Some(file) = &mail.attachment else {
            return message.multipart(body);
        };
        let kind = ContentType::parse(file.content_type).unwrap_or(ContentType::TEXT_PLAIN);
        let part = Part::new(file.name.to_owned()).body(file.content.clone(), kind);
        message.multipart(MultiPart::mixed().multipart(body).singlepart(part))
    }
}
