//! Accounting documents: what the test says about them, and the way to IV01.

mod query;
mod seed;
mod shelf;

use serde_json::Value;

pub use seed::InvoiceSeed;
pub(super) use shelf::Invoices;

use super::{Mirakl, State, paging};
use crate::api::{Answer, Incoming};
use query::Query;
use shelf::Invoice;

impl Mirakl {
    /// Inserts or replaces an accounting document and returns its id.
    pub fn put_invoice(&self, invoice: InvoiceSeed) -> i64 {
        let now = self.state.shared.clock.now();
        let (id, invoice) = invoice.build(now);
        self.state.invoices().put(id, invoice, now);
        id
    }

    /// Inserts or replaces anything as an accounting document. One without a usable `invoice_id` is
    /// returned on every page that does not ask for certain ones or for those of a shop.
    pub fn put_invoice_json(&self, invoice: Value) {
        let now = self.state.shared.clock.now();
        let mut invoices = self.state.invoices();
        match invoice["invoice_id"].as_i64() {
            Some(id) => invoices.put(id, invoice, now),
            None => invoices.strays.push(invoice),
        }
    }

    /// Changes an accounting document; one that is no draft any more shows its `invoice_id`.
    ///
    /// # Panics
    /// If there is no such accounting document.
    pub fn update_invoice(&self, invoice_id: i64, change: impl FnOnce(&mut Value)) {
        let now = self.state.shared.clock.now();
        let mut invoices = self.state.invoices();
        let invoice = invoices.get(invoice_id);
        let invoice = invoice.unwrap_or_else(|| panic!("there is no invoice {invoice_id}"));
        let mut invoice = invoice.value.clone();
        change(&mut invoice);
        invoices.put(invoice_id, invoice, now);
    }

    /// Removes an accounting document.
    pub fn remove_invoice(&self, invoice_id: i64) {
        self.state.invoices().remove(invoice_id);
    }

    /// Removes everything put without a usable `invoice_id`.
    pub fn remove_unusable_invoices(&self) {
        self.state.invoices().strays.clear();
    }

    /// An accounting document as IV01 shows it; a draft is found by the id it will have.
    pub fn invoice(&self, invoice_id: i64) -> Option<Value> {
        let invoices = self.state.invoices();
        invoices.get(invoice_id).map(Invoice::show)
    }

    /// How often a list of accounting documents was begun: its first page answered, however many
    /// followed.
    pub fn invoice_listings(&self) -> usize {
        self.state.invoices().listings
    }
}

impl State {
    /// IV01.
    pub(super) fn list_invoices(&self, call: &Incoming) -> Result<Answer, String> {
        let query = Query::read(&call.query)?;
        let mut invoices = self.invoices();
        if query.part.is_first() {
            invoices.listings += 1;
        }
        let strays = match query.is_selective() {
            true => Vec::new(),
            false => invoices.strays.iter().map(Value::to_string).collect(),
        };
        let mut selection = invoices.select(|created, invoice| query.holds(created, invoice));
        if query.descending {
            selection.reverse();
        }
        let (part, items) = (&query.part, selection.into_iter());
        let show = |invoice: Value| invoice.to_string();
        Ok(paging::page(
            self, call, part, "invoices", items, strays, show,
        ))
    }
}
