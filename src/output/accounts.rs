//! `list accounts`.

use comfy_table::Cell;

use super::table::{changes, json, number, show, table, text, time};
use super::{Format, line};
use crate::store::accounts::ListedAccount;

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
