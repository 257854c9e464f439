//! The accounting documents of a marketplace.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::mirakl::dates;

/// An accounting document with the date that the list is sorted and filtered by.
#[derive(Debug)]
pub(super) struct Invoice {
    created: i64,
    /// With its `invoice_id`, although a draft does not show it.
    pub(super) value: Value,
}

impl Invoice {
    pub(super) fn show(&self) -> Value {
        let mut shown = self.value.clone();
        if shown["state"] == "DRAFT"
            && let Some(fields) = shown.as_object_mut()
        {
            fields.remove("invoice_id");
        }
        shown
    }
}

/// All accounting documents, and how often they were listed.
#[derive(Debug, Default)]
pub(in crate::mirakl) struct Invoices {
    by_id: BTreeMap<i64, Invoice>,
    /// What was put without a usable id.
    pub(super) strays: Vec<Value>,
    pub(super) listings: usize,
}

impl Invoices {
    pub(super) fn put(&mut self, id: i64, value: Value, now: DateTime<Utc>) {
        // One put with a broken date is listed as of now.
        let created = value["date_created"].as_str().and_then(dates::read);
        let created = created.unwrap_or(now).timestamp_millis();
        self.by_id.insert(id, Invoice { created, value });
    }

    pub(super) fn remove(&mut self, id: i64) {
        self.by_id.remove(&id);
    }

    pub(super) fn get(&self, id: i64) -> Option<&Invoice> {
        self.by_id.get(&id)
    }

    /// Those that pass by their date and what they show, by date of creation, then id.
    pub(super) fn select(&self, passes: impl Fn(i64, &Value) -> bool) -> Vec<Value> {
        let mut sorted: Vec<&Invoice> = self.by_id.values().collect();
        sorted.sort_by_key(|invoice| invoice.created);
        let shown = sorted.into_iter().map(|one| (one.created, one.show()));
        let passing = shown.filter(|(created, invoice)| passes(*created, invoice));
        passing.map(|(_, invoice)| invoice).collect()
    }
}
