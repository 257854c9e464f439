//! What a confirmation does to an order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::waiting::Waiting;
use super::{Debits, amounts};
use crate::fields::assign;
use crate::mirakl::book::Book;
use crate::mirakl::tax_mode::{amount, number};
use crate::mirakl::{canceled, dates};

/// Applies a valid item to its debit.
pub(super) fn settle(
    debits: &mut Debits,
    book: &mut Book,
    waiting: &Waiting,
    item: &Value,
    now: DateTime<Utc>,
) {
    let id = &waiting.entry.id;
    // What was judged may have been changed by an item before it.
    let Some(entry) = book.get(id) else { return };
    let mut order = entry.value();
    let paid = item["payment_status"] == "OK";
    let lines = match debits.lines_of(&order, waiting) {
        // A refusal needs something to cancel.
        none if none.is_empty() && !paid => amounts::live_lines(&order),
        lines => lines,
    };
    match paid {
        true => debit(&mut order, &lines, item, now),
        false => cancel(&mut order, &lines, now),
    }
    assign(&mut order, "last_updated_date", dates::show(now).into());
    match waiting.shipment {
        None => {
            debits.asked.remove(id);
        }
        Some(at) => {
            if let Some(shipments) = debits.shipments.get_mut(id) {
                shipments[at].waits = false;
            }
        }
    }
    book.put(&order, now);
}

/// The customer was debited for these lines.
fn debit(order: &mut Value, lines: &[usize], item: &Value, now: DateTime<Utc>) {
    let at = Value::from(dates::show(now));
    if order["customer_debited_date"].is_null() {
        assign(order, "customer_debited_date", at.clone());
    }
    if let Some(number) = item["transaction_number"].as_str() {
        assign(order, "transaction_number", number.into());
    }
    if let Some(date) = item["transaction_date"].as_str().and_then(dates::read) {
        assign(order, "transaction_date", dates::show(date).into());
    }
    let later = matches!(
        order["payment_workflow"].as_str(),
        Some("PAY_ON_DELIVERY" | "PAY_ON_DUE_DATE")
    );
    let moves = |state: &Value| *state == "WAITING_DEBIT_PAYMENT" && !later;
    if moves(&order["order_state"]) {
        assign(order, "order_state", "SHIPPING".into());
    }
    for line in lines {
        let line = &mut order["order_lines"][*line];
        assign(line, "debited_date", at.clone());
        if moves(&line["order_line_state"]) {
            assign(line, "order_line_state", "SHIPPING".into());
        }
    }
}

/// The customer could not be debited for these lines.
fn cancel(order: &mut Value, lines: &[usize], now: DateTime<Utc>) {
    for line in lines {
        let line = &mut order["order_lines"][*line];
        let whole = canceled::whole(line, now);
        match line["cancelations"].as_array_mut() {
            Some(canceled) => canceled.push(whole),
            None => assign(line, "cancelations", vec![whole].into()),
        }
        assign(line, "order_line_state", "CANCELED".into());
        assign(line, "can_refund", false.into());
    }
    let live = amounts::live_lines(order);
    if live.is_empty() {
        assign(order, "order_state", "CANCELED".into());
    }
    for sum in ["price", "shipping_price", "total_price", "total_commission"] {
        let lines = live
            .iter()
            .map(|at| amount(&order["order_lines"][*at][sum]));
        let total: Decimal = lines.sum();
        assign(order, sum, number(total));
    }
}
