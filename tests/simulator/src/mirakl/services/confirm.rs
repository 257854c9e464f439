//! What SPA01 and SPA02 write.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::records::Records;
use super::refunds::settle;
use super::{ServiceConfirmation, ServiceRefundConfirmation, ServiceRoot, Services};
use crate::mirakl::dates;
use crate::mirakl::tax_mode::amount;
use crate::mirakl::values::sent;

/// Most items in a call.
const MOST: usize = 100;

/// What is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Matter {
    Debit,
    Refund,
}

impl Matter {
    fn name(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Refund => "refund",
        }
    }
}

/// Confirms what can be and answers item by item, or says why the whole is refused.
pub(super) fn confirm(
    services: &mut Services,
    matter: Matter,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Value, String> {
    let name = matter.name();
    let body: Value =
        serde_json::from_str(body).map_err(|_| "The body is not valid JSON".to_owned())?;
    let items = match services.root {
        ServiceRoot::Array => &body,
        ServiceRoot::Orders => &body["orders"],
    };
    let items = items.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| {
        format!("The body must hold at least one {name} in the form that is expected")
    })?;
    let crowded = items.len() > MOST;
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for item in items {
        let verdict = match crowded {
            true => Err(Vec::new()),
            false => services.judge(matter, item),
        };
        let applied = verdict.is_ok();
        services.record(matter, item, applied, now);
        match verdict {
            Ok(id) => {
                services.settle(matter, id, item, now);
                done.push(json!({ "id": id }));
            }
            Err(wrong) => errors.push(json!({
                format!("{name}_id"): item["id"],
                format!("{name}_errors"): wrong,
            })),
        }
    }
    if crowded {
        return Err(format!("The limit of {MOST} {name}s is exceeded"));
    }
    Ok(json!({ "success": { format!("{name}s"): done }, "errors": errors }))
}

impl Services {
    /// Has a confirmation refused with a message, or no longer.
    pub(super) fn refuse(&mut self, matter: Matter, id: &str, message: Option<&str>) {
        let key = (matter, id.to_owned());
        match message {
            Some(message) => self.refused.insert(key, message.to_owned()),
            None => self.refused.remove(&key),
        };
    }

    fn records(&mut self, matter: Matter) -> &mut Records {
        match matter {
            Matter::Debit => &mut self.debits,
            Matter::Refund => &mut self.refunds,
        }
    }

    /// The id of what an item confirms, or what is wrong with it.
    fn judge<'a>(&mut self, matter: Matter, item: &'a Value) -> Result<&'a str, Vec<Value>> {
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
        let kind = matter.name();
        let code = |end: &str| format!("{}_{end}", kind.to_uppercase());
        let refused = self.refused.get(&(matter, id.to_owned())).cloned();
        let Some(own) = self.records(matter).get(id) else {
            let message = format!("The {kind} {id} does not exist");
            return Err(vec![error(&code("NOT_FOUND"), "id", &message)]);
        };
        if let Some(message) = refused {
            return Err(vec![error(&code("REFUSED"), "id", &message)]);
        }
        if !(item["state"] == "OK" || item["state"] == "REFUSED") {
            let message = format!("The state {} is not allowed", item["state"]);
            errors.push(error("STATE_INVALID", "state", &message));
        }
        if own["state"] != "WAITING" {
            let message = format!("The {kind} {id} is not waiting: it is {}", own["state"]);
            errors.push(error("STATE_CONFLICT", "state", &message));
        }
        for name in ["order_id", "currency_code"] {
            if item[name] != own[name] {
                let message = format!("The {name} {} is not that of the {kind}", item[name]);
                errors.push(error("FIELD_MISMATCH", name, &message));
            }
        }
        if amount(&item["amount"]) != amount(&own["amount"]) {
            let message = format!("The amount {} is not that of the {kind}", item["amount"]);
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

    fn settle(&mut self, matter: Matter, id: &str, item: &Value, now: DateTime<Utc>) {
        let change = |own: &mut Value| settle(own, item);
        self.records(matter).update(id, change, now);
        let order = item["order_id"].as_str().unwrap_or_default();
        match matter {
            Matter::Debit => {
                self.orders.update(order, |_| {}, now);
            }
            Matter::Refund => self.mark(order, id, item, now),
        }
    }

    fn record(&mut self, matter: Matter, item: &Value, applied: bool, at: DateTime<Utc>) {
        let text = |name: &str| sent(&item[name]).unwrap_or_default();
        let amount = sent(&item["amount"]);
        let currency = sent(&item["currency_code"]);
        let transaction_number = sent(&item["transaction_number"]);
        match matter {
            Matter::Debit => self.confirmations.push(ServiceConfirmation {
                debit_id: text("id"),
                order_id: text("order_id"),
                state: text("state"),
                amount,
                currency,
                transaction_number,
                applied,
                at,
            }),
            Matter::Refund => self.refund_confirmations.push(ServiceRefundConfirmation {
                refund_id: text("id"),
                order_id: text("order_id"),
                state: text("state"),
                amount,
                currency,
                transaction_number,
                applied,
                at,
            }),
        }
    }
}

fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "code": code, "field": field, "message": message })
}
