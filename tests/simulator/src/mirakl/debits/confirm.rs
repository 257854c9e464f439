//! What PA01 is called with, and the batch as a whole.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::settle::settle;
use super::{BatchRule, Confirmation, Debits};
use crate::mirakl::book::Book;
use crate::mirakl::values::sent;

/// Most orders in a call.
const MOST: usize = 100;

/// Takes a batch, or says what is wrong with the first order that is.
pub(super) fn confirm(
    debits: &mut Debits,
    book: &mut Book,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let body: Value =
        serde_json::from_str(body).map_err(|_| "The body is not valid JSON".to_owned())?;
    let items = body.get("orders").and_then(Value::as_array);
    let items = items
        .filter(|items| !items.is_empty())
        .ok_or("The field 'orders' must hold at least one order")?;
    let mut verdicts = Vec::new();
    let mut taken = HashSet::new();
    let crowded = items.len() > MOST;
    for item in items.iter().filter(|_| !crowded) {
        let verdict = debits.judge(book, item).and_then(|waiting| {
            match taken.insert((waiting.entry.id.clone(), waiting.shipment)) {
                true => Ok(waiting),
                false => Err(format!("Order {} is in the call twice", waiting.entry.id)),
            }
        });
        verdicts.push(verdict);
    }
    let wrong = match crowded {
        true => Some(format!(
            "The limit of {MOST} is exceeded for field 'orders'"
        )),
        false => verdicts.iter().find_map(|verdict| verdict.clone().err()),
    };
    let effective = wrong.is_none() || debits.rule == BatchRule::AppliesValid;
    let mut verdicts = verdicts.into_iter().map(Result::ok);
    for item in items {
        let waiting = verdicts.next().flatten().filter(|_| effective);
        let applied = waiting.is_some();
        debits.confirmations.push(record(item, applied, now));
        if let Some(waiting) = waiting {
            settle(debits, book, &waiting, item, now);
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn record(item: &Value, applied: bool, at: DateTime<Utc>) -> Confirmation {
    let entity = &item["debit_entity"];
    Confirmation {
        order_id: sent(&item["order_id"]).unwrap_or_default(),
        debit_entity: sent(&entity["type"]).zip(sent(&entity["id"])),
        status: sent(&item["payment_status"]).unwrap_or_default(),
        amount: sent(&item["amount"]),
        currency: sent(&item["currency_iso_code"]),
        customer_id: sent(&item["customer_id"]).unwrap_or_default(),
        transaction_number: sent(&item["transaction_number"]),
        applied,
        at,
    }
}
