//! Whether PA01 may be done for an order.

use serde_json::Value;

use super::Debits;
use super::waiting::Waiting;
use crate::mirakl::book::Book;
use crate::mirakl::tax_mode::amount;
use crate::mirakl::values::{check_transaction, required};

impl Debits {
    /// The debit that an item is about, or what is wrong with it.
    pub(super) fn judge(&self, book: &Book, item: &Value) -> Result<Waiting, String> {
        let order_id = required(item, "order_id")?;
        let customer = required(item, "customer_id")?;
        let status = required(item, "payment_status")?;
        let to = match status {
            "OK" => "SHIPPING",
            "REFUSED" => "CANCELED",
            _ => return Err(format!("The payment_status '{status}' is not valid")),
        };
        let entry = book.get(order_id);
        let entry = entry.ok_or_else(|| format!("The order {order_id} does not exist"))?;
        let order = entry.value();
        if order["customer"]["customer_id"] != customer {
            return Err(format!(
                "The customer {customer} is not that of order {order_id}"
            ));
        }
        let entity = self.entity(item, order_id)?;
        let waiting = self
            .of(&entry)
            .into_iter()
            .find(|waiting| match &entity {
                Some((kind, id)) => waiting.entity(self) == (*kind, (*id).to_owned()),
                None => waiting.shipment.is_none(),
            })
            .ok_or_else(|| {
                format!("Cannot move order {order_id} to {to}: it is not in WAITING_DEBIT_PAYMENT")
            })?;
        self.check_currency(item, &order)?;
        if status == "OK" {
            let given = &item["amount"];
            if !given.is_number() {
                return Err(format!("The amount of order {order_id} is required"));
            }
            let due = waiting.amount(self, &order);
            if amount(given) != due {
                return Err(format!(
                    "The amount {given} of order {order_id} is not the {due} to be debited"
                ));
            }
        }
        check_transaction(item)?;
        Ok(waiting)
    }

    /// The entity given, which shipments must have.
    fn entity<'a>(
        &self,
        item: &'a Value,
        order_id: &str,
    ) -> Result<Option<(&'static str, &'a str)>, String> {
        let entity = &item["debit_entity"];
        if entity.is_null() {
            return match self.shipments.contains_key(order_id) {
                true => Err(format!("The debit_entity of order {order_id} is required")),
                false => Ok(None),
            };
        }
        let kind = match required(entity, "type")? {
            "ORDER" => "ORDER",
            "SHIPMENT" => "SHIPMENT",
            other => return Err(format!("The debit_entity type '{other}' is not valid")),
        };
        Ok(Some((kind, required(entity, "id")?)))
    }

    fn check_currency(&self, item: &Value, order: &Value) -> Result<(), String> {
        let own = order["currency_iso_code"].as_str().unwrap_or_default();
        let id = &order["order_id"];
        match &item["currency_iso_code"] {
            Value::Null if own == self.platform_currency => Ok(()),
            Value::Null => Err(format!("The currency_iso_code of order {id} is required")),
            given if given == own => Ok(()),
            given => Err(format!("The currency {given} is not that of order {id}")),
        }
    }
}
