//! `list notifications`.

use comfy_table::Cell;

use super::Format;
use super::table::{json, number, show, table, text, time};
use crate::store::notifications::ListedNotification;

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
