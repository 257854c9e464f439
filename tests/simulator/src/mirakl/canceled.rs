//! A part of a line that was cancelled.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::dates;
use super::line::taxes;
use super::tax_mode::number;

/// What is not delivered of a line, nor to be paid.
#[derive(Clone, Debug)]
pub(super) struct Canceled {
    amount: Decimal,
    shipping: Decimal,
    pub(super) taxes: Vec<Decimal>,
    pub(super) shipping_taxes: Vec<Decimal>,
}

impl Canceled {
    pub(super) fn new(amount: Decimal, shipping: Decimal) -> Self {
        Self {
            amount,
            shipping,
            taxes: Vec::new(),
            shipping_taxes: Vec::new(),
        }
    }

    pub(super) fn show(&self, id: &str, at: DateTime<Utc>) -> Value {
        cancelation(
            id,
            [number(self.amount), number(self.shipping)],
            [
                taxes(&self.taxes).into(),
                taxes(&self.shipping_taxes).into(),
            ],
            at,
        )
    }
}

/// A cancelation of all that a line holds.
pub(super) fn whole(line: &Value, at: DateTime<Utc>) -> Value {
    let id = line["order_line_id"].as_str().unwrap_or_default();
    cancelation(
        &format!("{id}-all"),
        [line["price"].clone(), line["shipping_price"].clone()],
        [line["taxes"].clone(), line["shipping_taxes"].clone()],
        at,
    )
}

fn cancelation(
    id: &str,
    [amount, shipping_amount]: [Value; 2],
    [taxes, shipping_taxes]: [Value; 2],
    at: DateTime<Utc>,
) -> Value {
    json!({
        "id": id,
        "amount": amount,
        "shipping_amount": shipping_amount,
        "taxes": taxes,
        "shipping_taxes": shipping_taxes,
        "fees": [],
        "quantity": 1,
        "reason_code": "17",
        "created_date": dates::show(at),
    })
}
