//! Service orders, their debits and their refunds: what the test says about them, and the way to
//! SOR11, SPA11 and SPA01.

mod choice;
mod confirm;
mod debit_seed;
mod limit;
mod query;
mod records;
mod refund_seed;
mod refunds;
mod seed;
mod seek;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use debit_seed::DebitSeed;
pub use refund_seed::ServiceRefundSeed;
pub use refunds::ServiceRefundConfirmation;
pub use seed::ServiceSeed;

use super::{Mirakl, State};
use crate::api::{Answer, Backend, Incoming};
use confirm::Matter;
use limit::Limit;
use query::Query;
use records::Records;

/// The form in which SPA01 takes its debits and SPA02 its refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceRoot {
    /// An array at the root.
    #[default]
    Array,
    /// An object with the array in `orders`.
    Orders,
}

/// One debit of a call of SPA01, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfirmation {
    /// `id`.
    pub debit_id: String,
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

/// All service orders and debits, and what the test says about writing to them.
#[derive(Debug, Default)]
pub(super) struct Services {
    orders: Records,
    debits: Records,
    refunds: Records,
    /// The refunds in SPA12 that are there because an order has them.
    followed: HashMap<String, Vec<String>>,
    root: ServiceRoot,
    confirmations: Vec<ServiceConfirmation>,
    refund_confirmations: Vec<ServiceRefundConfirmation>,
    /// Messages by what cannot be confirmed.
    refused: HashMap<(Matter, String), String>,
    limit: Limit,
}

impl Mirakl {
    /// Inserts or replaces a service order and returns its id.
    pub fn put_service(&self, service: ServiceSeed) -> String {
        let now = self.state.shared.clock.now();
        let (id, service) = service.build(now);
        self.put_service_json(service);
        id
    }

    /// Inserts or replaces anything as a service order. One without a usable `id` is returned on
    /// every page that does not ask for certain orders.
    pub fn put_service_json(&self, service: Value) {
        let now = self.state.shared.clock.now();
        let mut services = self.state.services();
        let id = service["id"].as_str().unwrap_or_default().to_owned();
        services.orders.put(service, now);
        services.follow(&id, now);
    }

    /// Changes a service order; its `date_updated` becomes now.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn update_service(&self, order_id: &str, change: impl FnOnce(&mut Value)) {
        let now = self.state.shared.clock.now();
        let mut services = self.state.services();
        let changed = services.orders.update(order_id, change, now);
        assert!(changed, "there is no service order {order_id}");
        services.follow(order_id, now);
    }

    /// A service order as SOR11 shows it.
    pub fn service(&self, order_id: &str) -> Option<Value> {
        self.state.services().orders.get(order_id).cloned()
    }

    /// All service orders, oldest first.
    pub fn services(&self) -> Vec<Value> {
        self.state.services().orders.all()
    }

    /// Inserts or replaces a debit and returns its id. The customer and the currency are those of
    /// its order, if there is one, unless told otherwise.
    pub fn put_debit(&self, debit: DebitSeed) -> String {
        let now = self.state.shared.clock.now();
        let mut services = self.state.services();
        let (id, debit) = debit.build(&services.orders, now);
        services.debits.put(debit, now);
        id
    }

    /// Inserts or replaces anything as a debit. One without a usable `id` is returned on every page
    /// that does not ask for certain orders.
    pub fn put_debit_json(&self, debit: Value) {
        let now = self.state.shared.clock.now();
        self.state.services().debits.put(debit, now);
    }

    /// Changes a debit; its `date_updated` becomes now.
    ///
    /// # Panics
    /// If there is no such debit.
    pub fn update_debit(&self, debit_id: &str, change: impl FnOnce(&mut Value)) {
        let now = self.state.shared.clock.now();
        let changed = self.state.services().debits.update(debit_id, change, now);
        assert!(changed, "there is no debit {debit_id}");
    }

    /// A debit as SPA11 shows it.
    pub fn debit(&self, debit_id: &str) -> Option<Value> {
        self.state.services().debits.get(debit_id).cloned()
    }

    /// All debits, oldest first.
    pub fn debits(&self) -> Vec<Value> {
        self.state.services().debits.all()
    }

    /// SPA01 answers an error for this debit, until it is called again with `None`.
    pub fn refuse_debit(&self, debit_id: &str, message: Option<&str>) {
        let mut services = self.state.services();
        services.refuse(Matter::Debit, debit_id, message);
    }

    /// The form in which SPA01 takes its debits and SPA02 its refunds; they answer 400 to the other.
    pub fn service_root(&self, root: ServiceRoot) {
        self.state.services().root = root;
    }

    /// SPA11 answers 429 to more than this many calls in a minute of the simulator's clock.
    pub fn limit_debits(&self, per_minute: Option<usize>) {
        self.state.services().limit.set(per_minute);
    }

    /// All debits that SPA01 was ever called with, applied or not, in order of arrival.
    pub fn service_confirmations(&self) -> Vec<ServiceConfirmation> {
        self.state.services().confirmations.clone()
    }
}

impl State {
    /// SOR11.
    pub(super) fn list_services(&self, call: &Incoming) -> Result<Answer, String> {
        let query = Query::read(&call.query, "orders", &query::ORDERS)?;
        Ok(seek::page(self, &query, &self.services().orders))
    }

    /// SPA11.
    pub(super) fn list_service_debits(&self, call: &Incoming) -> Result<Answer, String> {
        let mut services = self.services();
        if let Some(seconds) = services.limit.exceeded(self.shared.clock.now()) {
            return Ok(self.too_many_requests(Some(seconds)));
        }
        let query = Query::read(&call.query, "debits", &query::DEBITS)?;
        Ok(seek::page(self, &query, &services.debits))
    }

    /// SPA01.
    pub(super) fn confirm_service_debits(&self, call: &Incoming) -> Result<Answer, String> {
        self.confirm_services(call, Matter::Debit)
    }

    fn confirm_services(&self, call: &Incoming, matter: Matter) -> Result<Answer, String> {
        let now = self.shared.clock.now();
        let body = confirm::confirm(&mut self.services(), matter, &call.body, now)?;
        Ok(Answer::new(200, body.to_string()))
    }
}
