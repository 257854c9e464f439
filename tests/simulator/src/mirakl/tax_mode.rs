//! The same order with its amounts in the other tax mode.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Number, Value};

use super::book::Entry;
use super::line::is_live;

const INCLUDED: &str = "TAX_INCLUDED";

/// The order's text, with amounts in the mode asked for.
pub(super) fn show(entry: &Entry, mode: Option<&str>) -> String {
    match mode {
        Some(mode) if mode != entry.tax_mode => convert(entry.value(), mode).to_string(),
        _ => entry.text.clone(),
    }
}

fn convert(mut order: Value, mode: &str) -> Value {
    let sign = if mode == INCLUDED {
        Decimal::ONE
    } else {
        Decimal::NEGATIVE_ONE
    };
    let mut price = Decimal::ZERO;
    let mut shipping = Decimal::ZERO;
    for line in items(&mut order, "order_lines") {
        shift(line, "price", "taxes", sign);
        shift(line, "shipping_price", "shipping_taxes", sign);
        let total = amount(&line["price"]) + amount(&line["shipping_price"]);
        set(line, "total_price", total);
        if is_live(line["order_line_state"].as_str().unwrap_or_default()) {
            price += amount(&line["price"]);
            shipping += amount(&line["shipping_price"]);
        }
        for list in ["refunds", "cancelations"] {
            for item in items(line, list) {
                shift(item, "amount", "taxes", sign);
                shift(item, "shipping_amount", "shipping_taxes", sign);
            }
        }
    }
    set(&mut order, "price", price);
    set(&mut order, "shipping_price", shipping);
    set(&mut order, "total_price", price + shipping);
    if let Some(fields) = order.as_object_mut() {
        fields.insert("order_tax_mode".to_owned(), mode.into());
    }
    order
}

/// Adds the taxes to an amount, or takes them off.
fn shift(item: &mut Value, field: &str, taxes: &str, sign: Decimal) {
    let tax: Decimal = items(item, taxes)
        .iter()
        .map(|tax| amount(&tax["amount"]))
        .sum();
    if !tax.is_zero() {
        let shifted = amount(&item[field]) + tax * sign;
        set(item, field, shifted);
    }
}

fn items<'a>(holder: &'a mut Value, list: &str) -> &'a mut [Value] {
    holder
        .get_mut(list)
        .and_then(Value::as_array_mut)
        .map_or(&mut [], |items| items.as_mut_slice())
}

fn set(holder: &mut Value, field: &str, amount: Decimal) {
    if let Some(fields) = holder.as_object_mut() {
        fields.insert(field.to_owned(), number(amount));
    }
}

/// A decimal as the JSON number that keeps its digits.
pub(super) fn number(amount: Decimal) -> Value {
    Number::from_str(&amount.to_string()).map_or(Value::Null, Value::Number)
}

/// A JSON number as a decimal; anything else counts nothing.
pub(super) fn amount(value: &Value) -> Decimal {
    match value {
        Value::Number(number) => Decimal::from_str(&number.to_string()).unwrap_or_default(),
        _ => Decimal::ZERO,
    }
}
