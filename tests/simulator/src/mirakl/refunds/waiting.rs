//! Refunds that wait for their confirmation.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::mirakl::tax_mode::{amount, number};
use crate::mirakl::values::{list, text};

const WAITING: &str = "WAITING_REFUND_PAYMENT";

/// A refund that can be confirmed.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: String,
    /// What the customer is to get back.
    pub(super) amount: Decimal,
    pub(super) currency: Value,
}

impl Waiting {
    /// The refund of an order as OR11 shows it.
    pub(super) fn of(order: &Value, id: &str) -> Option<Self> {
        let mut refunds = list(&order["order_lines"]).iter().flat_map(waiting);
        let refund = refunds.find(|refund| text(&refund["id"]) == id)?;
        Some(Self {
            id: id.to_owned(),
            amount: given_back(order, refund),
            currency: order["currency_iso_code"].clone(),
        })
    }

    /// The refund of an order as PA12 shows it.
    pub(super) fn listed(order: &Value, id: &str) -> Option<Self> {
        let lines = list(&order["order_lines"]["order_line"]).iter();
        let mut refunds = lines.flat_map(|line| list(&line["refunds"]["refund"]));
        let refund = refunds.find(|refund| text(&refund["id"]) == id)?;
        Some(Self {
            id: id.to_owned(),
            amount: amount(&refund["amount"]),
            currency: order["currency_iso_code"].clone(),
        })
    }
}

/// The ids of an order's refunds that wait.
pub(in crate::mirakl) fn waiting_ids(order: &Value) -> Vec<String> {
    let refunds = list(&order["order_lines"]).iter().flat_map(waiting);
    refunds.map(|refund| text(&refund["id"])).collect()
}

fn waiting(line: &Value) -> impl Iterator<Item = &Value> {
    let refunds = list(&line["refunds"]).iter();
    refunds.filter(|refund| refund["refund_state"] == WAITING)
}

/// An order with its refunds that wait, as PA12 shows it.
pub(super) fn show(order: &Value, numeric: bool) -> Value {
    let mut total = Decimal::ZERO;
    let mut lines = Vec::new();
    for line in list(&order["order_lines"]) {
        let mut sum = Decimal::ZERO;
        let mut refunds = Vec::new();
        for refund in waiting(line) {
            let amount = given_back(order, refund);
            sum += amount;
            refunds.push(json!({ "id": id(refund, numeric), "amount": number(amount) }));
        }
        if refunds.is_empty() {
            continue;
        }
        total += sum;
        lines.push(json!({
            "order_line_id": line["order_line_id"],
            "offer_id": text(&line["offer_id"]),
            "order_line_amount": number(sum),
            "order_line_quantity": line["quantity"],
            "refunds": { "refund": refunds },
        }));
    }
    json!({
        "order_id": order["order_id"],
        "order_commercial_id": order["commercial_id"],
        "amount": number(total),
        "currency_iso_code": order["currency_iso_code"],
        "customer_id": order["customer"]["customer_id"],
        "imprint_number": order["imprint_number"],
        "payment_type": order["payment_type"],
        "payment_workflow": order["payment_workflow"],
        "shop_id": text(&order["shop_id"]),
        "pay_out_psp_code": "NOT_SPECIFIED",
        "order_lines": { "order_line": lines },
    })
}

/// What the customer gets back: the amounts, and their taxes if they are not in them.
fn given_back(order: &Value, refund: &Value) -> Decimal {
    let mut total = amount(&refund["amount"]) + amount(&refund["shipping_amount"]);
    if order["order_tax_mode"] == "TAX_EXCLUDED" {
        let taxes = ["taxes", "shipping_taxes"];
        let taxes = taxes.iter().flat_map(|name| list(&refund[*name]));
        total += taxes.map(|tax| amount(&tax["amount"])).sum::<Decimal>();
    }
    total
}

fn id(refund: &Value, numeric: bool) -> Value {
    let id = &refund["id"];
    match id.as_str().and_then(|id| id.parse::<i64>().ok()) {
        Some(number) if numeric => number.into(),
        _ => id.clone(),
    }
}
