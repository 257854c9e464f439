//! Things with an id and two dates, in the order they were created.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::fields::assign;
use crate::mirakl::dates;

/// One of them, with what the list is sorted and filtered by.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) value: Value,
}

impl Record {
    /// Gives the value back if it has no usable id.
    fn read(value: Value, now: DateTime<Utc>) -> Result<Self, Value> {
        let Some(id) = value["id"].as_str().filter(|id| !id.is_empty()) else {
            return Err(value);
        };
        // One put with a broken date is listed as of now.
        let date = |name: &str| {
            let date = value[name].as_str().and_then(dates::read);
            date.unwrap_or(now).timestamp_millis()
        };
        Ok(Self {
            id: id.to_owned(),
            created: date("date_created"),
            updated: date("date_updated"),
            value,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Records {
    by_id: BTreeMap<String, Record>,
    /// What was put without a usable id.
    pub(super) strays: Vec<Value>,
}

impl Records {
    pub(super) fn put(&mut self, value: Value, now: DateTime<Utc>) {
        match Record::read(value, now) {
            Ok(record) => {
                self.by_id.insert(record.id.clone(), record);
            }
            Err(stray) => self.strays.push(stray),
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    pub(super) fn get(&self, id: &str) -> Option<&Value> {
        self.by_id.get(id).map(|record| &record.value)
    }

    /// Changes one as of now; whether there is one.
    pub(super) fn update(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Value),
        now: DateTime<Utc>,
    ) -> bool {
        let Some(record) = self.by_id.remove(id) else {
            return false;
        };
        let mut value = record.value;
        change(&mut value);
        assign(&mut value, "date_updated", dates::show(now).into());
        self.put(value, now);
        true
    }

    /// Those that pass, by date of creation, then id.
    pub(super) fn select(&self, passes: impl Fn(&Record) -> bool) -> Vec<&Record> {
        let mut found: Vec<&Record> = self.by_id.values().filter(|r| passes(r)).collect();
        found.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        found
    }

    pub(super) fn all(&self) -> Vec<Value> {
        let all = self.select(|_| true).into_iter();
        all.map(|record| record.value.clone()).collect()
    }
}
