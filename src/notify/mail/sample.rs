//! The mail of `notify-failed-operation --test`.

use askama::Template;
use chrono::{DateTime, Utc};

use super::mailer::Mail;
use super::page::Origin;
use super::view::shown;

#[derive(Template)]
#[template(path = "sample.html")]
struct Html<'a> {
    title: &'a str,
    origin: &'a str,
    at: &'a str,
}

#[derive(Template)]
#[template(path = "sample.txt")]
struct Text<'a> {
    origin: &'a str,
    at: &'a str,
}

/// A mail that says that mails arrive.
pub fn sample(origin: &Origin, now: DateTime<Utc>) -> Result<Mail, askama::Error> {
    let title = "mirakl-stripe: this is a test, nothing has failed";
    let (origin, at) = (&origin.name(), &shown(now));
    Ok(Mail {
        subject: format!("{title} - {origin}"),
        text: Text { origin, at }.render()?,
        html: Html { title, origin, at }.render()?,
        attachment: None,
    })
}
