//! `list transfers`.

use comfy_table::Cell;

use super::table::{amount, changes, clean, json, number, show, table, text, time};
use super::{Format, line};
use crate::store::transfers::ListedTransfer;

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
