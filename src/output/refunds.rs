//! Refunds as tables: what is stored, and what a run would do.

use comfy_table::Cell;

use super::table::{amount, changes, clean, json, number, show, shown_amount, table, text, time};
use super::{Format, line};
use crate::jobs::process_refund::PlannedRefund;
use crate::store::refunds::{ListedRefund, ListedReversal};

/// `list refunds`.
pub fn refunds(rows: &[ListedRefund], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "refund",
        "order",
        "shop",
        "status",
        "step",
        "amount",
        "refunded as",
        "reversed",
        "why",
        "next look",
    ]);
    for row in rows {
        let currency = row.currency.as_deref();
        let missing = row.reversals.iter().filter(|part| part.shortfall > 0);
        let missing = missing.map(|part| {
            let short = shown_amount(part.shortfall, currency);
            format!("{short} could not be taken back of {}", part.transfer_id)
        });
        let why = [row.status_reason.clone(), row.difference.clone()];
        let why: Vec<String> = why.into_iter().flatten().chain(missing).collect();
        let reversed: Vec<String> = row
            .reversals
            .iter()
            .map(|part| shown_amount(taken(part), currency))
            .collect();
        table.add_row(vec![
            number(row.internal_id),
            text(Some(&row.mirakl_refund_id)),
            text(Some(&row.mirakl_order_id)),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.status.as_str()),
            Cell::new(row.step.as_str()),
            amount(row.amount, currency),
            text(row.stripe_refund_id.as_deref()),
            text(Some(&reversed.join(" + "))),
            text(Some(&why.join("; "))),
            time(row.next_look_at),
        ]);
    }
    show(&table, rows.is_empty(), "no refunds");
    for row in rows.iter().filter(|row| !row.history.is_empty()) {
        line(&format!(
            "\n{} of {} (attempt {})",
            clean(&row.mirakl_refund_id),
            clean(&row.mirakl_order_id),
            row.attempt
        ));
        if let Some(explained) = &row.amount_explained {
            line(&format!("  seller's part: {}", clean(explained)));
        }
        for part in &row.reversals {
            line(&format!("  {}", described(part, row.currency.as_deref())));
        }
        changes(&row.history);
    }
}

/// What came back, as far as it did.
fn taken(part: &ListedReversal) -> i64 {
    match part.stripe_reversal_id {
        Some(_) => part.amount,
        None => 0,
    }
}

fn described(part: &ListedReversal, currency: Option<&str>) -> String {
    let wanted = shown_amount(part.wanted, currency);
    let amount = shown_amount(part.amount, currency);
    let of = format!("{wanted} of {}", part.transfer_id);
    match &part.stripe_reversal_id {
        Some(id) if part.shortfall == 0 => format!("reversal: {of}, taken back as {id}"),
        Some(id) => format!("reversal: {of}, only {amount} taken back as {id}"),
        None if part.amount == 0 => format!("reversal: {of}, of which nothing is left"),
        None => format!(
            "reversal: {of}, not yet taken back (attempt {})",
            part.attempt
        ),
    }
}

/// `process-refund --dry-run`.
pub fn planned_refunds(planned: &[PlannedRefund], as_json: bool) {
    if as_json {
        return json(planned);
    }
    let mut table = table(&[
        "refund", "order", "shop", "action", "amount", "from", "reversal", "why",
    ]);
    for row in planned {
        let currency = row.currency.map(|currency| currency.to_string());
        let currency = currency.as_deref();
        let reversals: Vec<String> = row
            .reversals
            .iter()
            .map(|part| {
                let amount = shown_amount(part.amount, currency);
                format!("{amount} of {}", part.transfer_id)
            })
            .collect();
        table.add_row(vec![
            text(Some(&row.mirakl_refund_id)),
            text(Some(&row.mirakl_order_id)),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.action),
            amount(row.amount, currency),
            text(row.transaction_id.as_deref()),
            text(Some(&reversals.join(" + "))),
            text(Some(&row.reason)),
        ]);
    }
    show(&table, planned.is_empty(), "nothing to do");
    line("dry run: nothing was written, nothing was sent");
}
