//! What PA02 is called with, and what it writes.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::waiting::Waiting;
use super::{RefundConfirmation, Refunds};
use crate::fields::assign;
use crate::mirakl::book::Book;
use crate::mirakl::dates;
use crate::mirakl::debits::BatchRule;
use crate::mirakl::tax_mode::amount;
use crate::mirakl::values::{check_transaction, list, required, sent, text};

/// Most refunds in a call.
const MOST: usize = 100;

/// What holds for every call.
pub(super) struct Terms {
    pub(super) rule: BatchRule,
    /// The currency that need not be given.
    pub(super) currency: String,
}

/// Takes a batch, or says what is wrong with the first refund that is.
pub(super) fn confirm(
    refunds: &mut Refunds,
    book: &mut Book,
    terms: &Terms,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let body: Value =
        serde_json::from_str(body).map_err(|_| "The body is not valid JSON".to_owned())?;
    let items = list(&body["refunds"]);
    if items.is_empty() {
        return Err("The field 'refunds' must hold at least one refund".to_owned());
    }
    let crowded = items.len() > MOST;
    let mut taken = HashSet::new();
    let mut judge = |item: &Value| {
        if crowded {
            let message = format!("The limit of {MOST} is exceeded for field 'refunds'");
            return Err(message);
        }
        let waiting = refunds.judge(book, terms, item)?;
        match taken.insert(waiting.id.clone()) {
            true => Ok(waiting),
            false => Err(format!("Refund {} is in the call twice", waiting.id)),
        }
    };
    let verdicts: Vec<Result<Waiting, String>> = items.iter().map(&mut judge).collect();
    let wrong = verdicts.iter().find_map(|verdict| verdict.clone().err());
    let effective = wrong.is_none() || terms.rule == BatchRule::AppliesValid;
    for (item, verdict) in items.iter().zip(verdicts) {
        let waiting = verdict.ok().filter(|_| effective);
        let applied = waiting.is_some();
        refunds.confirmations.push(record(item, applied, now));
        if let Some(waiting) = waiting {
            refunds.settle(book, &waiting.id, item, now);
        }
    }
    wrong.map_or(Ok(()), Err)
}

impl Refunds {
    /// The refund that an item is about, or what is wrong with it.
    fn judge(&self, book: &Book, terms: &Terms, item: &Value) -> Result<Waiting, String> {
        let id = sent(&item["refund_id"]).filter(|id| !id.is_empty());
        let id = id.ok_or("The field 'refund_id' is required")?;
        let status = required(item, "payment_status")?;
        if !matches!(status, "OK" | "REFUSED") {
            return Err(format!("The payment_status '{status}' is not valid"));
        }
        let waiting = self.waiting(book, &id).ok_or_else(|| {
            format!("Cannot confirm refund {id}: it is not in WAITING_REFUND_PAYMENT")
        })?;
        if let Some(message) = self.refused.get(&id) {
            return Err(message.clone());
        }
        match &item["currency_iso_code"] {
            Value::Null if waiting.currency == terms.currency => {}
            Value::Null => return Err(format!("The currency_iso_code of refund {id} is required")),
            given if *given == waiting.currency => {}
            given => return Err(format!("The currency {given} is not that of refund {id}")),
        }
        if status == "OK" {
            let (given, due) = (&item["amount"], waiting.amount);
            if !given.is_number() {
                return Err(format!("The amount of refund {id} is required"));
            }
            if amount(given) != due {
                return Err(format!(
                    "The amount {given} of refund {id} is not the {due} to be refunded"
                ));
            }
        }
        check_transaction(item)?;
        Ok(waiting)
    }

    fn waiting(&self, book: &Book, id: &str) -> Option<Waiting> {
        match book.refunding(id) {
            Some(entry) => Waiting::of(&entry.value(), id),
            None => self.unknown.iter().find_map(|o| Waiting::listed(o, id)),
        }
    }

    fn settle(&mut self, book: &mut Book, id: &str, item: &Value, now: DateTime<Utc>) {
        let Some(entry) = book.refunding(id) else {
            return self.take_off(id);
        };
        let mut order = entry.value();
        let lines = order["order_lines"].as_array_mut().into_iter().flatten();
        let refunds = lines.filter_map(|line| line["refunds"].as_array_mut());
        for refund in refunds.flatten().filter(|r| text(&r["id"]) == id) {
            let state = match item["payment_status"] == "OK" {
                true => "REFUNDED",
                false => "WAITING_REFUND",
            };
            assign(refund, "refund_state", state.into());
            assign(refund, "state", state.into());
            if let Some(number) = item["transaction_number"].as_str() {
                assign(refund, "transaction_number", number.into());
            }
            if let Some(date) = item["transaction_date"].as_str().and_then(dates::read) {
                assign(refund, "transaction_date", dates::show(date).into());
            }
        }
        assign(&mut order, "last_updated_date", dates::show(now).into());
        book.put(&order, now);
    }

    /// Takes a refund off the orders that only PA12 knows, and an order with its last one.
    fn take_off(&mut self, id: &str) {
        self.unknown.retain_mut(|order| {
            if Waiting::listed(order, id).is_none() {
                return true;
            }
            let lines = order["order_lines"]["order_line"].as_array_mut();
            let mut left = false;
            for line in lines.into_iter().flatten() {
                if let Some(refunds) = line["refunds"]["refund"].as_array_mut() {
                    refunds.retain(|refund| text(&refund["id"]) != id);
                    left |= !refunds.is_empty();
                }
            }
            left
        });
    }
}

fn record(item: &Value, applied: bool, at: DateTime<Utc>) -> RefundConfirmation {
    RefundConfirmation {
        refund_id: sent(&item["refund_id"]).unwrap_or_default(),
        status: sent(&item["payment_status"]).unwrap_or_default(),
        amount: sent(&item["amount"]),
        currency: sent(&item["currency_iso_code"]),
        transaction_number: sent(&item["transaction_number"]),
        applied,
        at,
    }
}
