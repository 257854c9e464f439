//! Payouts as tables: what is stored, and what a run would do.

use comfy_table::Cell;

use super::table::{amount, changes, clean, json, number, show, shown_amount, table, text, time};
use super::{Format, line};
use crate::jobs::process_payout::PlannedInvoice;
use crate::store::payouts::ListedPayout;

/// `list payouts`.
pub fn payouts(rows: &[ListedPayout], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "invoice",
        "shop",
        "status",
        "amount",
        "missing",
        "payout",
        "at Stripe",
        "arrives",
        "why",
        "next look",
    ]);
    for row in rows {
        let currency = row.currency.as_deref();
        let why = [row.status_reason.as_deref(), row.difference.as_deref()];
        let why: Vec<&str> = why.into_iter().flatten().collect();
        table.add_row(vec![
            number(row.internal_id),
            text(Some(&row.mirakl_invoice_id.to_string())),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.status.as_str()),
            amount(row.amount, currency),
            amount(row.missing, currency),
            text(row.stripe_payout_id.as_deref()),
            text(row.stripe_status.as_deref()),
            time(row.arrival_date),
            text(Some(&why.join("; "))),
            time(row.next_look_at),
        ]);
    }
    show(&table, rows.is_empty(), "no payouts");
    for row in rows.iter().filter(|row| !row.history.is_empty()) {
        let invoice = clean(&row.mirakl_invoice_id.to_string());
        line(&format!("\ninvoice {invoice} (attempt {})", row.attempt));
        changes(&row.history);
    }
}

/// `process-payout --dry-run`.
pub fn planned_payouts(planned: &[PlannedInvoice], as_json: bool) {
    if as_json {
        return json(planned);
    }
    let mut table = table(&[
        "invoice",
        "shop",
        "transfers before",
        "payout",
        "amount",
        "available",
        "missing",
        "why",
    ]);
    for row in planned {
        let currency = row.currency.map(|currency| currency.to_string());
        let currency = currency.as_deref();
        let movements: Vec<String> = row
            .movements
            .iter()
            .map(|moved| format!("{} {}", moved.r#type, shown_amount(moved.amount, currency)))
            .collect();
        table.add_row(vec![
            text(row.mirakl_invoice_id.as_deref()),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            text(Some(&movements.join(", "))),
            Cell::new(row.action),
            amount(row.amount, currency),
            amount(row.available, currency),
            amount(row.missing, currency),
            text(row.reason.as_deref()),
        ]);
    }
    show(&table, planned.is_empty(), "nothing to do");
    line("dry run: nothing was written, nothing was sent");
}
