//! Debits that wait for their confirmation.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Debits, amounts};
use crate::mirakl::book::{Book, Entry};
use crate::mirakl::line::is_live;
use crate::mirakl::tax_mode::number;
use crate::mirakl::values::text;

/// One debit of an order.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) entry: Arc<Entry>,
    /// The place of its shipment; `None` for the order as a whole.
    pub(super) shipment: Option<usize>,
}

impl Debits {
    /// All debits that wait, in the order of OR11.
    pub(super) fn waiting(&self, book: &Book) -> Vec<Waiting> {
        let orders = book.all();
        orders.iter().flat_map(|entry| self.of(entry)).collect()
    }

    /// The debits of an order that wait.
    pub(super) fn of(&self, entry: &Arc<Entry>) -> Vec<Waiting> {
        let waiting = |shipment| Waiting {
            entry: entry.clone(),
            shipment,
        };
        if !is_live(&entry.state) {
            return Vec::new();
        }
        if let Some(shipments) = self.shipments.get(&entry.id) {
            let shipments = shipments.iter().enumerate();
            let open = shipments.filter(|(_, shipment)| shipment.waits);
            return open.map(|(at, _)| waiting(Some(at))).collect();
        }
        let asked = entry.state == "WAITING_DEBIT_PAYMENT" || self.asked.contains(&entry.id);
        let told = entry.workflow != "NO_CUSTOMER_PAYMENT_CONFIRMATION";
        match asked && told && !entry.debited {
            true => vec![waiting(None)],
            false => Vec::new(),
        }
    }

    /// The lines that a debit pays, by their places: of a shipment its own, if it can be told, else
    /// those of the order once no other shipment waits.
    pub(super) fn lines_of(&self, order: &Value, waiting: &Waiting) -> Vec<usize> {
        let lines = amounts::live_lines(order);
        let shipments = self.shipments.get(&waiting.entry.id);
        let (Some(shipments), Some(at)) = (shipments, waiting.shipment) else {
            return lines;
        };
        let all = order["order_lines"].as_array().map_or(0, Vec::len);
        if shipments.len() == all {
            return lines.into_iter().filter(|line| *line == at).collect();
        }
        let others = shipments.iter().filter(|shipment| shipment.waits).count();
        match others {
            1 => lines,
            _ => Vec::new(),
        }
    }
}

impl Waiting {
    /// The type and the id of what is debited.
    pub(super) fn entity(&self, debits: &Debits) -> (&'static str, String) {
        match self.shipment {
            None => ("ORDER", self.entry.id.clone()),
            Some(at) => ("SHIPMENT", debits.shipments[&self.entry.id][at].id.clone()),
        }
    }

    pub(super) fn amount(&self, debits: &Debits, order: &Value) -> Decimal {
        match self.shipment {
            None => amounts::of_order(order),
            Some(at) => debits.shipments[&self.entry.id][at].amount,
        }
    }

    /// The debit as PA11 shows it.
    pub(super) fn show(&self, debits: &Debits) -> Value {
        let order = self.entry.value();
        let (kind, id) = self.entity(debits);
        let lines = match debits.lines_of(&order, self) {
            own if own.is_empty() => amounts::live_lines(&order),
            own => own,
        };
        let lines: Vec<Value> = lines
            .into_iter()
            .map(|at| {
                let line = &order["order_lines"][at];
                json!({
                    "order_line_id": line["order_line_id"],
                    "offer_id": text(&line["offer_id"]),
                    "order_line_amount": number(amounts::of_line(&order, line)),
                    "order_line_quantity": line["quantity"],
                })
            })
            .collect();
        json!({
            "order_id": order["order_id"],
            "order_commercial_id": order["commercial_id"],
            "amount": number(self.amount(debits, &order)),
            "currency_iso_code": order["currency_iso_code"],
            "customer_id": order["customer"]["customer_id"],
            "imprint_number": order["imprint_number"],
            "payment_type": order["payment_type"],
            "shop_id": text(&order["shop_id"]),
            "pay_out_psp_code": "NOT_SPECIFIED",
            "debit_entity": { "type": kind, "id": id },
            "order_lines": { "order_line": lines },
        })
    }
}
