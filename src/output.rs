//! Everything that is printed on standard output: summaries, plans, alarms, and lists as tables or JSON.

mod failures;
mod payouts;
mod plans;
mod refunds;
mod summary;

pub use failures::{told, told_json, tried};
pub use payouts::{payouts, planned_payouts};
pub use plans::{plan, planned_debits, planned_shops};
pub use refunds::{planned_refunds, refunds};
pub use summary::summary;

use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::domain::money::{Currency, Money};
use crate::store::accounts::ListedAccount;
use crate::store::history::Change;
use crate::store::notifications::ListedNotification;
use crate::store::payments::ListedPayment;
use crate::store::runs::ListedRun;
use crate::store::transfers::ListedTransfer;

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Prints a line for the operator.
///
/// Whoever reads may have left (`list transfers | head`): what was done is done all the same.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints transfers; with their history where it was read.
pub fn transfers(rows: &[ListedTransfer], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "type",
        "order",
        "shop",
        "status",
        "amount",
        "transfer",
        "why",
        "next look",
    ]);
    for row in rows {
        let why = [row.status_reason.as_deref(), row.difference.as_deref()];
        let why: Vec<&str> = why.into_iter().flatten().collect();
        table.add_row(vec![
            number(row.internal_id),
            Cell::new(row.kind.as_str()),
            text(Some(&row.mirakl_id)),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.status.as_str()),
            amount(row.amount, row.currency.as_deref()),
            text(row.transfer_id.as_deref()),
            text(Some(&why.join("; "))),
            time(row.next_look_at),
        ]);
    }
    show(&table, rows.is_empty(), "no transfers");
    for row in rows.iter().filter(|row| !row.history.is_empty()) {
        line(&format!(
            "\n{} {} (attempt {})",
            row.kind.as_str(),
            clean(&row.mirakl_id),
            row.attempt
        ));
        if let Some(explained) = &row.amount_explained {
            line(&format!("  amount: {}", clean(explained)));
        }
        changes(&row.history);
    }
}

fn changes(history: &[Change]) {
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

/// Prints accounts.
pub fn accounts(rows: &[ListedAccount], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "shop",
        "status",
        "account",
        "transfers",
        "payouts",
        "submitted",
        "excluded",
        "KYC",
        "disabled",
        "why",
        "next look",
    ]);
    let yes = |flag: bool| Cell::new(if flag { "yes" } else { "no" });
    for row in rows {
        table.add_row(vec![
            number(row.mirakl_shop_id),
            Cell::new(row.status.as_str()),
            text(row.stripe_account_id.as_deref()),
            yes(row.transfers_active),
            yes(row.payouts_enabled),
            yes(row.details_submitted),
            yes(row.ignored),
            text(row.kyc_status.as_deref()),
            text(row.disabled_reason.as_deref()),
            text(row.status_reason.as_deref()),
            time(row.next_look_at),
        ]);
    }
    show(&table, rows.is_empty(), "no accounts");
    for row in rows.iter().filter(|row| !row.history.is_empty()) {
        line(&format!(
            "\nshop {} (attempt {})",
            row.mirakl_shop_id, row.attempt
        ));
        changes(&row.history);
    }
}

/// Prints notifications.
pub fn notifications(rows: &[ListedNotification], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "type",
        "shop",
        "status",
        "tries",
        "created",
        "delivered",
        "next try",
        "why",
    ]);
    for row in rows {
        let behind = row.waits_behind.map(|id| format!("waits behind {id}"));
        table.add_row(vec![
            number(row.internal_id),
            Cell::new(&row.r#type),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.status.as_str()),
            number(i64::from(row.tries)),
            time(Some(row.created_at)),
            time(row.delivered_at),
            time(row.next_try_at),
            text(row.last_error.clone().or(behind).as_deref()),
        ]);
    }
    show(&table, rows.is_empty(), "no notifications");
}

/// Prints payments.
pub fn payments(rows: &[ListedPayment], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "basket",
        "payment",
        "status",
        "amount",
        "captured",
        "refunded",
        "holds until",
        "why",
        "next look",
    ]);
    for row in rows {
        let status = match (row.status, row.pending) {
            (Some(status), true) => format!("{} (pending)", status.as_str()),
            (Some(status), false) => status.as_str().to_owned(),
            (None, _) => "none".to_owned(),
        };
        let currency = row.currency.as_deref();
        let payment = row
            .payment_intent_id
            .as_ref()
            .or(row.stripe_charge_id.as_ref());
        let why = [
            &row.status_reason,
            &row.debits,
            &row.failure,
            &row.difference,
        ];
        let why: Vec<&str> = why.into_iter().filter_map(Option::as_deref).collect();
        table.add_row(vec![
            text(row.internal_id.map(|id| id.to_string()).as_deref()),
            text(row.commercial_order_id.as_deref()),
            text(payment.map(String::as_str)),
            Cell::new(status),
            amount(row.amount, currency),
            amount(row.captured, currency),
            amount(row.refunded, currency),
            time(row.authorized_until),
            text(Some(&why.join("; "))),
            time(row.next_look_at),
        ]);
    }
    show(&table, rows.is_empty(), "no payments");
}

/// Prints runs.
pub fn runs(rows: &[ListedRun], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "job",
        "outcome",
        "started",
        "took",
        "created",
        "waiting",
        "failed",
        "aborted",
        "ignored",
        "calls M/S",
        "error",
    ]);
    for row in rows {
        let took = row.finished_at.map(|end| duration(end - row.started_at));
        table.add_row(vec![
            number(row.internal_id),
            Cell::new(&row.job),
            Cell::new(row.outcome.map_or("running", |outcome| outcome.as_str())),
            time(Some(row.started_at)),
            text(took.as_deref()),
            number(row.created),
            number(row.waiting),
            number(row.failed),
            number(row.aborted),
            number(row.ignored),
            Cell::new(format!("{}/{}", row.mirakl_calls, row.stripe_calls)),
            text(row.error.as_deref()),
        ]);
    }
    show(&table, rows.is_empty(), "no runs");
}

fn json<T: Serialize + ?Sized>(value: &T) {
    // Rows of texts and numbers always encode.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        line(&text);
    }
}

fn table(header: &[&str]) -> Table {
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

fn show(table: &Table, empty: bool, nothing: &str) {
    if empty {
        line(nothing);
    } else {
        line(&table.to_string());
    }
}

/// Texts come from outside: no control character reaches the terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn text(text: Option<&str>) -> Cell {
    Cell::new(text.map(clean).unwrap_or_default())
}

fn number(number: i64) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> Cell {
    let shown = minor.map(|minor| shown_amount(minor, currency));
    Cell::new(shown.unwrap_or_default()).set_alignment(CellAlignment::Right)
}

/// Nothing for a currency that is not known here.
fn shown_amount(minor: i64, currency: Option<&str>) -> String {
    let currency = currency.and_then(|code| Currency::parse(code).ok());
    currency.map_or_else(String::new, |currency| {
        Money::from_minor(minor, currency).to_string()
    })
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn time(time: Option<DateTime<Utc>>) -> Cell {
    Cell::new(time.map(shown).unwrap_or_default())
}

fn duration(duration: TimeDelta) -> String {
    let ms = duration.num_milliseconds();
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
    }
}
