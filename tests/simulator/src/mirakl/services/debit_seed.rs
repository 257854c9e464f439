//! Builder for the debit of a service order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::records::Records;
use crate::fields::Change;
use crate::mirakl::dates;
use crate::mirakl::line::decimal;
use crate::mirakl::tax_mode::number;

/// A debit of a service order, in state `WAITING` unless told otherwise.
#[derive(Clone, Debug)]
pub struct DebitSeed {
    id: String,
    order_id: String,
    amount: Decimal,
    state: String,
    customer: Option<String>,
    currency: Option<String>,
    transaction: Option<String>,
    created: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
    changes: Vec<Change>,
}

impl DebitSeed {
    /// A debit of an order.
    pub fn new(debit_id: &str, order_id: &str, amount: &str) -> Self {
        Self {
            id: debit_id.to_owned(),
            order_id: order_id.to_owned(),
            amount: decimal(amount),
            state: "WAITING".to_owned(),
            customer: None,
            currency: None,
            transaction: None,
            created: None,
            updated: None,
            changes: Vec::new(),
        }
    }

    /// `state`: `WAITING`, `OK` or `REFUSED`.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// `customer_id`; by default the order's.
    #[must_use]
    pub fn customer(mut self, id: &str) -> Self {
        self.customer = Some(id.to_owned());
        self
    }

    /// `currency_code`; by default the order's.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        self.currency = Some(currency.to_owned());
        self
    }

    /// `transaction_number`, with a date of now.
    #[must_use]
    pub fn transaction(mut self, number: &str) -> Self {
        self.transaction = Some(number.to_owned());
        self
    }

    /// `date_created`; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }

    /// `date_updated`; by default now.
    #[must_use]
    pub fn updated_at(mut self, at: DateTime<Utc>) -> Self {
        self.updated = Some(at);
        self
    }

    /// Sets any field, by name or JSON pointer, after everything else.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.changes.push(Change::Set(field.to_owned(), value));
        self
    }

    /// Leaves a field out, by name or JSON pointer.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.changes.push(Change::Without(field.to_owned()));
        self
    }

    pub(super) fn build(self, orders: &Records, now: DateTime<Utc>) -> (String, Value) {
        let order = orders.get(&self.order_id);
        let of_order = |field: &str| {
            let value = order.and_then(|order| order.pointer(field));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let customer = self.customer.or_else(|| of_order("/customer/id"));
        let currency = self.currency.or_else(|| of_order("/currency_code"));
        let mut debit = json!({
            "id": self.id,
            "order_id": self.order_id,
            "customer_id": customer.unwrap_or_else(|| format!("customer-{}", self.order_id)),
            "amount": number(self.amount),
            "currency_code": currency.unwrap_or_else(|| "EUR".to_owned()),
            "state": self.state,
            "date_created": dates::show(self.created.unwrap_or(now)),
            "date_updated": dates::show(self.updated.unwrap_or(now)),
        });
        if let Some(number) = self.transaction {
            debit["transaction_number"] = number.into();
            debit["transaction_date"] = dates::show(now).into();
        }
        for change in &self.changes {
            change.apply(&mut debit);
        }
        (self.id, debit)
    }
}
