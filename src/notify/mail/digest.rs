//! The daily mail: everything that failed, then what needs a person or waits too long.

use askama::Template;
use chrono::{DateTime, Utc};

use super::csv;
use super::lines::{heading, wrapped};
use super::mailer::{Attachment, Mail};
use super::notes::{self, Section};
use super::page::Origin;
use super::view::{self, Failure, Sums};
use crate::store::alerts::Alerts;

/// What is said, the same in the mail and on the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Transfers, refunds and payouts that failed; without those of which none did.
    pub tables: Vec<Table>,
    /// What needs a person or waits too long.
    pub sections: Vec<Section>,
}

/// What failed of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `transfer`, `refund` or `payout`.
    pub what: &'static str,
    /// All of them.
    pub failures: Vec<Failure>,
}

impl Table {
    /// `3 transfers failed`, and what they add up to.
    pub fn title(&self) -> String {
        let number = self.failures.len();
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {}{plural} failed: {}", self.what, self.total())
    }

    fn total(&self) -> Sums {
        view::total(&self.failures)
    }

    /// The rows to show.
    pub fn rows(&self) -> Vec<&Failure> {
        view::chosen(&self.failures)
    }

    /// What is said of the rows that are not shown; `None` when all are.
    pub fn more(&self) -> Option<String> {
        let (all, shown) = (self.failures.len(), self.rows().len());
        (shown < all).then(|| format!("{shown} of {all} are shown: the oldest and the largest"))
    }

    /// The totals of each kind of reason, where there is more than one row.
    pub fn reasons(&self) -> Vec<String> {
        if self.failures.len() < 2 {
            return Vec::new();
        }
        let reasons = view::by_reason(&self.failures).into_iter();
        reasons
            .map(|(code, sums)| format!("{} × {code}: {sums}", sums.count))
            .collect()
    }
}

impl Digest {
    /// What there is to say. `held_days` is what counts as waiting too long.
    pub fn new(alerts: &Alerts, held_days: i64) -> Self {
        let tables = [
            (
                "transfer",
                alerts.transfers.iter().map(Failure::from).collect(),
            ),
            ("refund", alerts.refunds.iter().map(Failure::from).collect()),
            ("payout", alerts.payouts.iter().map(Failure::from).collect()),
        ];
        let tables = tables
            .into_iter()
            .map(|(what, failures): (_, Vec<Failure>)| Table { what, failures })
            .filter(|table| !table.failures.is_empty());
        Self {
            tables: tables.collect(),
            sections: notes::sections(alerts, held_days),
        }
    }

    /// Nothing to say.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sections.is_empty()
    }

    /// How many failed, and of what.
    fn subject(&self) -> String {
        let mut parts: Vec<String> = self
            .tables
            .iter()
            .map(|table| {
                let number = table.failures.len();
                let plural = if number == 1 { "" } else { "s" };
                format!("{number} {}{plural} failed", table.what)
            })
            .collect();
        match notes::number(&self.sections) {
            0 => {}
            number => parts.push(format!("{number} to look at")),
        }
        parts.join(", ")
    }
}

#[derive(Template)]
#[template(path = "digest.html")]
struct Html<'a> {
    title: &'a str,
    origin: &'a str,
    at: &'a str,
    digest: &'a Digest,
    file: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "digest.txt")]
struct Text<'a> {
    title: &'a str,
    origin: &'a str,
    at: &'a str,
    blocks: Vec<String>,
    failed: bool,
}

/// The mail, with everything that failed as a file.
pub fn digest(digest: &Digest, origin: &Origin, now: DateTime<Utc>) -> anyhow::Result<Mail> {
    let subject = digest.subject();
    let failures = || digest.tables.iter().flat_map(|table| &table.failures);
    let all = failures().count();
    let (content, rows) = csv::file(failures())?;
    let file = match rows {
        0 => None,
        rows if rows == all => Some(format!("All that failed is in the attached {FILE}.")),
        rows => Some(format!(
            "The first {rows} of {all} that failed are in the attached {FILE}; `list` shows all."
        )),
    };
    let (origin, at) = (&origin.name(), &view::shown(now));
    Ok(Mail {
        text: Text {
            title: &subject,
            origin,
            at,
            blocks: blocks(digest, file.as_deref()),
            failed: !digest.tables.is_empty(),
        }
        .render()?,
        html: Html {
            title: &subject,
            origin,
            at,
            digest,
            file: file.as_deref(),
        }
        .render()?,
        subject: format!("mirakl-stripe: {subject} - {origin}"),
        attachment: file.map(|_| Attachment {
            name: FILE,
            content_type: "text/csv; charset=utf-8",
            content,
        }),
    })
}

const FILE: &str = "failed-operations.csv";

fn blocks(digest: &Digest, file: Option<&str>) -> Vec<String> {
    let mut blocks = Vec::new();
    for table in &digest.tables {
        blocks.push(heading(&table.title()));
        for row in table.rows() {
            blocks.push(failure(row));
        }
        let more = table.more().into_iter();
        let reasons = table
            .reasons()
            .into_iter()
            .map(|reason| wrapped(&reason, "  "));
        let lines: Vec<String> = more.chain(reasons).collect();
        if !lines.is_empty() {
            blocks.push(lines.join("\n"));
        }
    }
    if let Some(file) = file {
        blocks.push(wrapped(file, ""));
    }
    for section in &digest.sections {
        blocks.push(heading(&section.title));
        for note in &section.notes {
            let mut lines = vec![match note.amount.as_str() {
                "" => wrapped(&note.head, ""),
                amount => wrapped(&format!("{}: {amount}", note.head), ""),
            }];
            for text in [&note.text, &note.when] {
                if !text.is_empty() {
                    lines.push(wrapped(text, "    "));
                }
            }
            blocks.push(lines.join("\n"));
        }
        blocks.extend(section.more.as_deref().map(|more| wrapped(more, "")));
        blocks.push(wrapped(section.command, "  "));
    }
    blocks
}

fn failure(row: &Failure) -> String {
    let shop = match row.shop {
        Some(shop) => format!(", shop {shop}"),
        None => String::new(),
    };
    let head = format!(
        "#{} {} ({}){shop}: {}",
        row.id,
        row.name(),
        row.kind,
        row.amount()
    );
    let when = format!(
        "since {}, tried {}, {}",
        row.since(),
        row.tried(),
        row.next()
    );
    [
        wrapped(&head, ""),
        wrapped(&row.reason(), "    "),
        wrapped(&when, "    "),
    ]
    .join("\n")
}
