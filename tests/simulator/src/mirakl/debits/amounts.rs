//! What a customer is to be debited.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::mirakl::line::is_live;
use crate::mirakl::tax_mode::amount;
use crate::mirakl::values::list;

/// The places of the lines that count.
pub(super) fn live_lines(order: &Value) -> Vec<usize> {
    let lines = list(&order["order_lines"]).iter().enumerate();
    let live = lines.filter(|(_, line)| {
        let state = line["order_line_state"].as_str();
        is_live(state.unwrap_or_default())
    });
    live.map(|(at, _)| at).collect()
}

/// What is debited for a line: its total, its taxes if they are not in it, less the parts that are
/// not the customer's to pay.
pub(super) fn of_line(order: &Value, line: &Value) -> Decimal {
    let mut total = amount(&line["total_price"])
        - spared(&line["price_amount_breakdown"])
        - spared(&line["shipping_price_amount_breakdown"]);
    if order["order_tax_mode"] == "TAX_EXCLUDED" {
        for tax in ["taxes", "shipping_taxes"]
            .iter()
            .flat_map(|name| list(&line[*name]))
        {
            total += amount(&tax["amount"]) - spared(&tax["amount_breakdown"]);
        }
    }
    total
}

/// What is debited for an order as a whole.
pub(super) fn of_order(order: &Value) -> Decimal {
    let lines = live_lines(order).into_iter();
    lines
        .map(|at| of_line(order, &order["order_lines"][at]))
        .sum()
}

/// The parts of an amount that are not debited.
fn spared(breakdown: &Value) -> Decimal {
    let parts = list(&breakdown["parts"]).iter();
    let spared = parts.filter(|part| part["debitable_from_customer"] == false);
    spared.map(|part| amount(&part["amount"])).sum()
}
