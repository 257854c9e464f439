//! Tables and JSON: the pieces that all lists are printed by.

use std::io::{self, IsTerminal as _};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::line;
use crate::domain::money::{Currency, Money};
use crate::store::history::Change;

pub(super) fn json<T: Serialize + ?Sized>(value: &T) {
    // Rows of texts and numbers always encode.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        line(&text);
    }
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(match io::stdout().is_terminal() {
            true => ContentArrangement::Dynamic,
            false => ContentArrangement::Disabled,
        })
        .set_header(header);
    table
}

pub(super) fn show(table: &Table, empty: bool, nothing: &str) {
    if empty {
        line(nothing);
    } else {
        line(&table.to_string());
    }
}

/// Texts come from outside: no control character reaches the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

pub(super) fn text(text: Option<&str>) -> Cell {
    Cell::new(text.map(clean).unwrap_or_default())
}

pub(super) fn number(number: i64) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

pub(super) fn amount(minor: Option<i64>, currency: Option<&str>) -> Cell {
    let shown = minor.map(|minor| shown_amount(minor, currency));
    Cell::new(shown.unwrap_or_default()).set_alignment(CellAlignment::Right)
}

/// Nothing for a currency that is not known here.
pub(super) fn shown_amount(minor: i64, currency: Option<&str>) -> String {
    let currency = currency.and_then(|code| Currency::parse(code).ok());
    currency.map_or_else(String::new, |currency| {
        Money::from_minor(minor, currency).to_string()
    })
}

pub(super) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn time(time: Option<DateTime<Utc>>) -> Cell {
    Cell::new(time.map(shown).unwrap_or_default())
}

pub(super) fn duration(duration: TimeDelta) -> String {
    let ms = duration.num_milliseconds();
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// Every change of one row, a line each.
pub(super) fn changes(history: &[Change]) {
    for change in history {
        let reason = change.reason.as_deref().unwrap_or_default();
        let request = change.stripe_request_id.as_deref().unwrap_or_default();
        let told = format!(
            "  {}  {}  {} {}",
            shown(change.at),
            change.to_status,
            clean(reason),
            request
        );
        line(told.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
    }
}
