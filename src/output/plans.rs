//! What a dry run would do, as tables.

use comfy_table::Cell;

use super::line;
use super::table::{self, amount, show, table, text};
use crate::domain::transfer::TransferType;
use crate::jobs::process_transfer::PlannedTransfer;
use crate::jobs::sync_onboarding::PlannedShop;
use crate::jobs::validate_pending_debit::PlannedDebit;

/// Prints a dry run's plan.
pub fn plan(planned: &[PlannedTransfer], json: bool) {
    if json {
        return table::json(planned);
    }
    let mut table = table(&["type", "order", "shop", "action", "amount", "to", "why"]);
    for row in planned {
        table.add_row(vec![
            text(row.kind.map(TransferType::as_str)),
            text(row.mirakl_id.as_deref()),
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.action),
            amount(row.amount, row.currency.map(|c| c.to_string()).as_deref()),
            text(row.stripe_account_id.as_deref()),
            text(Some(&row.reason)),
        ]);
    }
    show(&table, planned.is_empty(), "nothing to do");
    line("dry run: nothing was written, nothing was sent");
}

/// Prints a dry run's plan for debits and payments.
pub fn planned_debits(planned: &[PlannedDebit], json: bool) {
    if json {
        return table::json(planned);
    }
    let mut table = table(&["basket", "order", "action", "amount", "payment", "why"]);
    for row in planned {
        table.add_row(vec![
            text(Some(row.commercial_order_id.as_str())),
            text(row.mirakl_id.as_deref()),
            Cell::new(row.action),
            amount(row.amount, row.currency.map(|c| c.to_string()).as_deref()),
            text(row.transaction_id.as_deref()),
            text(Some(&row.reason)),
        ]);
    }
    show(&table, planned.is_empty(), "nothing to do");
    line("dry run: nothing was written, nothing was sent");
}

/// Prints a dry run's plan for shops.
pub fn planned_shops(planned: &[PlannedShop], json: bool) {
    if json {
        return table::json(planned);
    }
    let mut table = table(&["shop", "action", "account", "why"]);
    for row in planned {
        table.add_row(vec![
            text(row.mirakl_shop_id.map(|shop| shop.to_string()).as_deref()),
            Cell::new(row.action),
            text(row.stripe_account_id.as_deref()),
            text(Some(&row.reason)),
        ]);
    }
    show(&table, planned.is_empty(), "nothing to do");
    line("dry run: nothing was written, nothing was sent");
}
