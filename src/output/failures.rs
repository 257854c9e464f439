//! `notify-failed-operation` on a terminal: what is mailed, as tables; or all of it as JSON.

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;

use super::line;
use super::summary::{JsonSummary, json_summary};
use super::table::{json, number, table, text};
use crate::jobs::Report;
use crate::jobs::notify_failed_operation::{Told, Tried};
use crate::store::alerts::Alerts;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTold<'a> {
    #[serde(flatten)]
    summary: Option<JsonSummary<'a>>,
    /// `sent`, `failed`, `nothing to say`, `off` or `dry run`.
    mail: &'a str,
    #[serde(flatten)]
    alerts: &'a Alerts,
}

/// What failed and what became of the mail, as one object with all rows.
pub fn told_json(told: &Told, report: Option<&Report>, mail: &str) {
    json(&JsonTold {
        summary: report.map(json_summary),
        mail,
        alerts: &told.alerts,
    });
}

/// The tables of the mail; nothing when there is nothing to say.
pub fn told(told: &Told) {
    for failed in &told.digest.tables {
        line(&failed.title());
        let mut table = table(&[
            "id", "what", "type", "shop", "amount", "since", "tried", "next try", "why",
        ]);
        for row in failed.rows() {
            table.add_row(vec![
                number(row.id),
                text(Some(&row.name())),
                text(Some(row.kind)),
                text(Some(&row.shop())),
                Cell::new(row.amount()).set_alignment(CellAlignment::Right),
                text(Some(&row.since())),
                text(Some(&row.tried())),
                text(Some(&row.next())),
                text(Some(&row.reason())),
            ]);
        }
        line(&table.to_string());
        for more in failed.more().into_iter().chain(failed.reasons()) {
            line(&format!("  {more}"));
        }
        line("");
    }
    for section in &told.digest.sections {
        line(&section.title);
        let mut table = table(&["what", "amount", "when", "why"]);
        for note in &section.notes {
            table.add_row(vec![
                text(Some(&note.head)),
                text(Some(&note.amount)),
                text(Some(&note.when)),
                text(Some(&note.text)),
            ]);
        }
        line(&table.to_string());
        if let Some(more) = &section.more {
            line(&format!("  {more}"));
        }
        line(&format!("  {}\n", section.command));
    }
}

/// What became of the samples.
pub fn tried(tried: &[Tried], as_json: bool) {
    if as_json {
        return json(tried);
    }
    for one in tried {
        line(&format!("{}: {}, {}", one.what, one.outcome, one.said));
    }
}
