//! Refunds of service orders: those in SOR11, as SPA12 shows them, and what the test says.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::confirm::Matter;
use super::query::{self, Query};
use super::{ServiceRefundSeed, Services, seek};
use crate::api::{Answer, Incoming};
use crate::fields::assign;
use crate::mirakl::tax_mode::{amount, number};
use crate::mirakl::values::{list, text};
use crate::mirakl::{Mirakl, State, dates};

/// One refund of a call of SPA02, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRefundConfirmation {
    /// `id`.
    pub refund_id: String,
    /// `order_id`.
    pub order_id: String,
    /// `state`.
    pub state: String,
    /// `amount`, digit for digit.
    pub amount: Option<String>,
    /// `currency_code`.
    pub currency: Option<String>,
    /// `transaction_number`.
    pub transaction_number: Option<String>,
    /// Whether it had its effect.
    pub applied: bool,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

impl Mirakl {
    /// Adds a refund to a service order, whose `date_updated` becomes now.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn add_service_refund(&self, order_id: &str, refund: ServiceRefundSeed) {
        let refund = refund.show(self.state.shared.clock.now());
        self.update_service(order_id, |order| match order["refunds"].as_array_mut() {
            Some(refunds) => refunds.push(refund),
            None => order["refunds"] = vec![refund].into(),
        });
    }

    /// Lists anything in SPA12 as a refund that SOR11 need not know. One without a usable `id` is
    /// returned on every page that does not ask for certain orders or states.
    pub fn put_service_refund_json(&self, refund: Value) {
        let now = self.state.shared.clock.now();
        self.state.services().refunds.put(refund, now);
    }

    /// A refund as SPA12 shows it.
    pub fn service_refund(&self, refund_id: &str) -> Option<Value> {
        self.state.services().refunds.get(refund_id).cloned()
    }

    /// All refunds that SPA02 was ever called with, applied or not, in order of arrival.
    pub fn service_refund_confirmations(&self) -> Vec<ServiceRefundConfirmation> {
        self.state.services().refund_confirmations.clone()
    }
}

impl State {
    /// SPA12.
    pub(in crate::mirakl) fn list_service_refunds(
        &self,
        call: &Incoming,
    ) -> Result<Answer, String> {
        let query = Query::read(&call.query, "refunds", &query::REFUNDS)?;
        Ok(seek::page(self, &query, &self.services().refunds))
    }

    /// SPA02.
    pub(in crate::mirakl) fn confirm_service_refunds(
        &self,
        call: &Incoming,
    ) -> Result<Answer, String> {
        self.confirm_services(call, Matter::Refund)
    }
}

impl Services {
    /// SPA02 refuses this refund with this message, or no longer.
    pub(in crate::mirakl) fn refuse_refund(&mut self, refund_id: &str, message: Option<&str>) {
        self.refuse(Matter::Refund, refund_id, message);
    }

    /// Brings SPA12 to what an order says of its refunds.
    pub(super) fn follow(&mut self, order_id: &str, now: DateTime<Utc>) {
        let Some(order) = self.orders.get(order_id) else {
            return;
        };
        let refunds = list(&order["refunds"]).iter();
        let shown = refunds.filter(|refund| refund["id"].is_string());
        let shown: Vec<Value> = shown.map(|refund| show(order, refund, now)).collect();
        let ids = shown.iter().map(|refund| text(&refund["id"])).collect();
        let before: Vec<String> = self
            .followed
            .insert(order_id.to_owned(), ids)
            .unwrap_or_default();
        for id in before {
            if !shown.iter().any(|refund| refund["id"] == id.as_str()) {
                self.refunds.remove(&id);
            }
        }
        for mut refund in shown {
            let old = self.refunds.get(&text(&refund["id"]));
            if let Some(old) = old {
                // What has not changed was not updated.
                refund["date_updated"] = old["date_updated"].clone();
                if refund == *old {
                    continue;
                }
                refund["date_updated"] = dates::show(now).into();
            }
            self.refunds.put(refund, now);
        }
    }

    /// Marks a refund as confirmed in its order.
    pub(super) fn mark(&mut self, order_id: &str, id: &str, item: &Value, now: DateTime<Utc>) {
        let change = |order: &mut Value| {
            let refunds = order["refunds"].as_array_mut();
            for refund in refunds.into_iter().flatten().filter(|r| r["id"] == id) {
                settle(refund, item);
            }
        };
        if self.orders.get(order_id).is_some() {
            self.orders.update(order_id, change, now);
        }
    }
}

/// Writes what an item says into a debit or a refund.
pub(super) fn settle(matter: &mut Value, item: &Value) {
    assign(matter, "state", item["state"].clone());
    if let Some(number) = item["transaction_number"].as_str() {
        assign(matter, "transaction_number", number.into());
    }
    if let Some(date) = item["transaction_date"].as_str().and_then(dates::read) {
        assign(matter, "transaction_date", dates::show(date).into());
    }
}

/// An order's refund as SPA12 shows it.
fn show(order: &Value, refund: &Value, now: DateTime<Utc>) -> Value {
    let created = match &refund["creation_date"] {
        Value::Null => dates::show(now).into(),
        date => date.clone(),
    };
    let mut shown = json!({
        "id": refund["id"],
        "order_id": order["id"],
        "customer_id": order["customer"]["id"],
        "amount": number(given_back(refund)),
        "currency_code": order["currency_code"],
        "state": refund["state"],
        "date_created": created,
        "date_updated": created,
    });
    for field in ["transaction_number", "transaction_date"] {
        if refund[field].is_string() {
            shown[field] = refund[field].clone();
        }
    }
    shown
}

/// What the customer gets back: the amount and the options, all with their taxes.
fn given_back(refund: &Value) -> Decimal {
    let whole = |part: &Value| {
        let taxes = list(&part["taxes"]).iter();
        amount(&part["amount"]) + taxes.map(|tax| amount(&tax["amount"])).sum::<Decimal>()
    };
    let options = list(&refund["options"]).iter();
    let options = options.map(|option| {
        let values = list(&option["values"]).iter();
        whole(option) + values.map(whole).sum::<Decimal>()
    });
    whole(refund) + options.sum::<Decimal>()
}
