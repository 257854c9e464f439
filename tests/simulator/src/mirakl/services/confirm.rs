//! What SPA01 writes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{ServiceConfirmation, ServiceRoot, Services};
use crate::fields::assign;
use crate::mirakl::dates;
use crate::mirakl::tax_mode::amount;

/// Most debits in a call.
const MOST: usize = 100;

/// Confirms what can be and answers debit by debit, or says why the whole is refused.
pub(super) fn confirm(
    services: &mut Services,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Value, String> {
    let body: Value =
        serde_json::from_str(body).map_err(|_| "The body is not valid JSON".to_owned())?;
    let items = match services.root {
        ServiceRoot::Array => &body,
        ServiceRoot::Orders => &body["orders"],
    };
    let items = items.as_array().filter(|items| !items.is_empty());
    let items =
        items.ok_or("The body must hold at least one debit in the form that is expected")?;
    let crowded = items.len() > MOST;
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for item in items {
        let verdict = match crowded {
            true => Err(Vec::new()),
            false => services.judge(item),
        };
        let applied = verdict.is_ok();
        services.confirmations.push(record(item, applied, now));
        match verdict {
            Ok(id) => {
                services.settle(id, item, now);
                done.push(json!({ "id": id }));
            }
            Err(wrong) => {
                errors.push(json!({ "debit_id": item["id"], "debit_errors": wrong }));
            }
        }
    }
    if crowded {
        return Err(format!("The limit of {MOST} debits is exceeded"));
    }
    Ok(json!({ "success": { "debits": done }, "errors": errors }))
}

impl Services {
    /// The id of the debit that an item confirms, or what is wrong with it.
    fn judge<'a>(&self, item: &'a Value) -> Result<&'a str, Vec<Value>> {
        let mut errors = Vec::new();
        for name in ["id", "order_id", "amount", "currency_code", "state"] {
            let given = match name {
                "amount" => item[name].is_number(),
                _ => item[name].as_str().is_some_and(|text| !text.is_empty()),
            };
            if !given {
                let message = format!("The field '{name}' is required");
                errors.push(error("FIELD_REQUIRED", name, &message));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let id = item["id"].as_str().unwrap_or_default();
        let Some(debit) = self.debits.get(id) else {
            let message = format!("The debit {id} does not exist");
            return Err(vec![error("DEBIT_NOT_FOUND", "id", &message)]);
        };
        if let Some(message) = self.refused.get(id) {
            return Err(vec![error("DEBIT_REFUSED", "id", message)]);
        }
        if !(item["state"] == "OK" || item["state"] == "REFUSED") {
            let message = format!("The state {} is not allowed", item["state"]);
            errors.push(error("STATE_INVALID", "state", &message));
        }
        if debit["state"] != "WAITING" {
            let message = format!("The debit {id} is not waiting: it is {}", debit["state"]);
            errors.push(error("STATE_CONFLICT", "state", &message));
        }
        for name in ["order_id", "currency_code"] {
            if item[name] != debit[name] {
                let message = format!("The {name} {} is not that of the debit", item[name]);
                errors.push(error("FIELD_MISMATCH", name, &message));
            }
        }
        if amount(&item["amount"]) != amount(&debit["amount"]) {
            let message = format!("The amount {} is not that of the debit", item["amount"]);
            errors.push(error("FIELD_MISMATCH", "amount", &message));
        }
        let date = &item["transaction_date"];
        if !date.is_null() && date.as_str().and_then(dates::read).is_none() {
            let message = format!("The transaction_date {date} is not valid");
            errors.push(error("DATE_INVALID", "transaction_date", &message));
        }
        match errors.is_empty() {
            true => Ok(id),
            false => Err(errors),
        }
    }

    fn settle(&mut self, id: &str, item: &Value, now: DateTime<Utc>) {
        let change = |debit: &mut Value| {
            assign(debit, "state", item["state"].clone());
            if let Some(number) = item["transaction_number"].as_str() {
                assign(debit, "transaction_number", number.into());
            }
            if let Some(date) = item["transaction_date"].as_str().and_then(dates::read) {
                assign(debit, "transaction_date", dates::show(date).into());
            }
        };
        self.debits.update(id, change, now);
        let order = item["order_id"].as_str().unwrap_or_default();
        self.orders.update(order, |_| {}, now);
    }
}

fn record(item: &Value, applied: bool, at: DateTime<Utc>) -> ServiceConfirmation {
    let text = |name: &str| match &item[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    ServiceConfirmation {
        debit_id: text("id").unwrap_or_default(),
        order_id: text("order_id").unwrap_or_default(),
        state: text("state").unwrap_or_default(),
        amount: text("amount"),
        currency: text("currency_code"),
        transaction_number: text("transaction_number"),
        applied,
        at,
    }
}

fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "code": code, "field": field, "message": message })
}
