//! `list payments`.

use comfy_table::Cell;

use super::Format;
use super::table::{amount, json, show, table, text, time};
use crate::store::payments::ListedPayment;

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
