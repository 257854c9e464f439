//! The orders of a marketplace, kept in the order of OR11.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::dates;
use super::filter::Filter;
use super::refunds::waiting_ids;

/// Selections kept for the next page.
const KEPT: usize = 8;

/// An order as text, with what the list is sorted and filtered by.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) commercial_id: String,
    pub(super) shop_id: String,
    pub(super) state: String,
    pub(super) workflow: String,
    pub(super) tax_mode: String,
    pub(super) debited: bool,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// Its refunds that wait for their payment.
    pub(super) refunds: Vec<String>,
    pub(super) text: String,
}

impl Entry {
    /// `None` without a usable id.
    fn read(order: &Value, now: DateTime<Utc>) -> Option<Self> {
        let id = order
            .get("order_id")?
            .as_str()
            .filter(|id| !id.is_empty())?;
        let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
        // An order put with a broken date is listed as of now.
        let date = |name: &str| {
            let date = order[name].as_str().and_then(dates::read);
            date.unwrap_or(now).timestamp_millis()
        };
        Some(Self {
            id: id.to_owned(),
            commercial_id: text("commercial_id"),
            shop_id: order["shop_id"].to_string(),
            state: text("order_state"),
            workflow: text("payment_workflow"),
            tax_mode: text("order_tax_mode"),
            debited: order["customer_debited_date"].is_string(),
            created: date("created_date"),
            updated: date("last_updated_date"),
            refunds: waiting_ids(order),
            text: order.to_string(),
        })
    }

    fn place(&self) -> (i64, &str) {
        (self.created, &self.id)
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).expect("the text was made from a value")
    }
}

/// A list of orders, shared with the pages that are being written.
pub(super) type Selection = Arc<Vec<Arc<Entry>>>;

/// All orders of a marketplace.
#[derive(Default)]
pub(super) struct Book {
    /// Sorted by creation date, then id.
    sorted: Selection,
    by_id: HashMap<String, Arc<Entry>>,
    by_basket: HashMap<String, BTreeSet<String>>,
    /// The orders of refunds that wait.
    by_refund: HashMap<String, String>,
    /// What was put without a usable id.
    strays: Vec<String>,
    /// The latest selections, so that the next page does not filter again.
    selections: Vec<(Filter, Selection)>,
}

impl Book {
    pub(super) fn put(&mut self, order: &Value, now: DateTime<Utc>) {
        let Some(entry) = Entry::read(order, now) else {
            self.strays.push(order.to_string());
            return;
        };
        self.remove(&entry.id);
        let entry = Arc::new(entry);
        let at = self.sorted.partition_point(|e| e.place() < entry.place());
        Arc::make_mut(&mut self.sorted).insert(at, entry.clone());
        self.by_basket
            .entry(entry.commercial_id.clone())
            .or_default()
            .insert(entry.id.clone());
        for refund in &entry.refunds {
            self.by_refund.insert(refund.clone(), entry.id.clone());
        }
        self.by_id.insert(entry.id.clone(), entry);
        self.selections.clear();
    }

    pub(super) fn remove(&mut self, order_id: &str) {
        let Some(entry) = self.by_id.remove(order_id) else {
            return;
        };
        if let Ok(at) = self
            .sorted
            .binary_search_by(|e| e.place().cmp(&entry.place()))
        {
            Arc::make_mut(&mut self.sorted).remove(at);
        }
        if let Some(basket) = self.by_basket.get_mut(&entry.commercial_id) {
            basket.remove(order_id);
        }
        for refund in &entry.refunds {
            self.by_refund.remove(refund);
        }
        self.selections.clear();
    }

    pub(super) fn remove_strays(&mut self) {
        self.strays.clear();
    }

    pub(super) fn get(&self, order_id: &str) -> Option<Arc<Entry>> {
        self.by_id.get(order_id).cloned()
    }

    /// The order of a refund that waits.
    pub(super) fn refunding(&self, refund_id: &str) -> Option<Arc<Entry>> {
        self.get(self.by_refund.get(refund_id)?)
    }

    pub(super) fn all(&self) -> Selection {
        self.sorted.clone()
    }

    pub(super) fn strays(&self) -> Vec<String> {
        self.strays.clone()
    }

    /// The orders that a filter holds, in order.
    pub(super) fn select(&mut self, filter: &Filter) -> Selection {
        if *filter == Filter::default() {
            return self.all();
        }
        if let Some((_, kept)) = self.selections.iter().find(|(kept, _)| kept == filter) {
            return kept.clone();
        }
        let few = self.candidates(filter);
        let candidates = few.as_ref().unwrap_or(&self.sorted).iter();
        let held = candidates.filter(|entry| filter.holds(entry));
        let selection: Selection = Arc::new(held.cloned().collect());
        if self.selections.len() == KEPT {
            self.selections.remove(0);
        }
        self.selections.push((filter.clone(), selection.clone()));
        selection
    }

    /// The few orders that a filter by ids can hold, so that not all need be looked at.
    fn candidates(&self, filter: &Filter) -> Option<Vec<Arc<Entry>>> {
        let mut few: Vec<Arc<Entry>> = if let Some(ids) = &filter.order_ids {
            ids.iter().filter_map(|id| self.get(id)).collect()
        } else {
            let baskets = filter.commercial_ids.as_ref()?.iter();
            let ids = baskets.filter_map(|id| self.by_basket.get(id)).flatten();
            ids.filter_map(|id| self.get(id)).collect()
        };
        few.sort_by(|a, b| a.place().cmp(&b.place()));
        Some(few)
    }
}
