//! The step about mails: what failed reaches whoever is to know.

use serde::Deserialize;
use simulator::Mail;

use super::invoices::SENT_BACK;
use super::page::{command, fitted, heading, say};
use super::story::Story;
use super::told;
use crate::common::Result;
use simulator::drive::Program;

/// To whom.
pub const TO: &str = "operations@example.com";
/// From whom.
pub const FROM: &str = "mirakl-stripe@example.com";
const JOB: &str = "notify-failed-operation";
/// The mail's beginning: the title, and the first thing that failed.
const BEGINNING: usize = 11;
/// One kind of failure: its heading, and one that failed.
const KIND: usize = 6;
const WIDTH: usize = 104;

/// What the job says of itself.
#[derive(Deserialize)]
struct Said {
    mail: String,
    transfers: Vec<serde_json::Value>,
    refunds: Vec<serde_json::Value>,
    payouts: Vec<serde_json::Value>,
}

impl Story<'_> {
    /// One mail about everything that failed, and nothing to the operator's server.
    pub(super) async fn mail_what_failed(&self, program: &Program) -> Result<()> {
        heading(12, "What failed is mailed");
        let before = self.receiver.received().len();
        let asked = [JOB, "--output", "json"];
        command(&asked);
        let said: Said = serde_json::from_str(&program.tell(&asked).await?)?;
        let number = |rows: &[serde_json::Value], noun| match rows.len() {
            1 => format!("1 {noun}"),
            n => format!("{n} {noun}s"),
        };
        say(&format!(
            "  mail {}: {}, {}, {}",
            said.mail,
            number(&said.transfers, "transfer"),
            number(&said.refunds, "refund"),
            number(&said.payouts, "payout"),
        ));
        let mails = self.mailbox.taken();
        let [mail] = mails.as_slice() else {
            return Err(format!("{} mails arrived", mails.len()).into());
        };
        let text = text(mail)?;
        say(&format!(
            "The mail server took one mail for {}. Of its text for a terminal:",
            mail.to.join(", ")
        ));
        let lines: Vec<&str> = text.lines().collect();
        let payouts = lines
            .iter()
            .position(|line| line.contains("payout failed: "));
        let payouts = payouts.ok_or("the mail has no list of payouts")?;
        let beginning = lines.iter().take(BEGINNING);
        let kind = lines.iter().skip(payouts).take(KIND);
        for line in beginning.chain([&"…", &""]).chain(kind) {
            say(format!("  | {}", fitted(line, WIDTH)).trim_end());
        }
        if said.mail != "sent" || !text.contains(&SENT_BACK.0.to_string()) {
            return Err("the mail does not tell of the payout that came back".into());
        }
        if !mail.raw.contains("text/html") || !mail.raw.contains("failed-operations.csv") {
            return Err("the mail has no HTML or no file".into());
        }
        let told = self.receiver.received();
        if told.len() != before || !told.iter().all(|one| one.signed_with(told::SECRET)) {
            return Err("the operator's server was told of something else".into());
        }
        say(&format!(
            "The same stands in it as HTML, and as a file for a spreadsheet. The operator's server was told of each before:\n\
             it took {} notifications in all, each once and signed.",
            told.len()
        ));
        Ok(())
    }
}

/// The part for a terminal.
fn text(mail: &Mail) -> Result<String> {
    let (_, part) = mail
        .raw
        .split_once("Content-Type: text/plain")
        .ok_or("the mail has no text")?;
    let (headers, body) = part.split_once("\n\n").ok_or("the text has no end")?;
    let body = body.split("\n--").next().unwrap_or_default();
    match headers.contains("quoted-printable") {
        true => unquoted(body),
        false => Ok(body.to_owned()),
    }
}

/// Undoes quoted-printable (RFC 2045, 6.7).
fn unquoted(text: &str) -> Result<String> {
    let text = text.replace("=\n", "");
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part
            .split_at_checked(2)
            .ok_or("a mail that ends within a letter")?;
        bytes.push(u8::from_str_radix(code, 16)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Ok(String::from_utf8(bytes)?)
}
