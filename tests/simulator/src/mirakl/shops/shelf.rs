//! The shops of a marketplace.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::mirakl::dates;

/// A shop with what the list is sorted and filtered by.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) id: i64,
    created: i64,
    pub(super) updated: i64,
    pub(super) value: Value,
}

impl Shop {
    /// Gives the value back if it has no usable id.
    fn read(value: Value, now: DateTime<Utc>) -> Result<Self, Value> {
        let Some(id) = value["shop_id"].as_i64() else {
            return Err(value);
        };
        // A shop put with a broken date is listed as of now.
        let date = |name: &str| {
            let date = value[name].as_str().and_then(dates::read);
            date.unwrap_or(now).timestamp_millis()
        };
        Ok(Self {
            id,
            created: date("date_created"),
            updated: date("last_updated_date"),
            value,
        })
    }

    pub(super) fn has_domain(&self, domain: &str) -> bool {
        let domains = self.value["domains"].as_array();
        domains.is_some_and(|domains| domains.iter().any(|own| own == domain))
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.value["shop_state"] == "TERMINATED"
    }
}

/// All shops, and what the test says about writing to them.
#[derive(Debug)]
pub(in crate::mirakl) struct Shops {
    by_id: BTreeMap<i64, Shop>,
    /// What was put without a usable id.
    pub(super) strays: Vec<Value>,
    /// Codes of the custom fields.
    pub(super) fields: Vec<String>,
    /// Messages by the shops that cannot be written.
    pub(super) refused: HashMap<i64, String>,
    pub(super) refused_with: Option<i64>,
}

impl Default for Shops {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            strays: Vec::new(),
            fields: ["stripe-url", "stripe-ignored"].map(str::to_owned).into(),
            refused: HashMap::new(),
            refused_with: None,
        }
    }
}

impl Shops {
    pub(super) fn put(&mut self, shop: Value, now: DateTime<Utc>) {
        match Shop::read(shop, now) {
            Ok(shop) => {
                self.by_id.insert(shop.id, shop);
            }
            Err(stray) => self.strays.push(stray),
        }
    }

    /// Puts another form of a shop in its place, as of now.
    pub(super) fn replace(&mut self, shop_id: i64, mut shop: Value, now: DateTime<Utc>) {
        let now_ms = now.timestamp_millis();
        // Two changes in one millisecond still have two dates.
        let updated = match self.by_id.remove(&shop_id) {
            Some(former) => now_ms.max(former.updated + 1),
            None => now_ms,
        };
        let updated = DateTime::from_timestamp_millis(updated).unwrap_or(now);
        if let Some(fields) = shop.as_object_mut() {
            fields.insert("last_updated_date".to_owned(), dates::show(updated).into());
        }
        self.put(shop, now);
    }

    pub(super) fn remove(&mut self, shop_id: i64) {
        self.by_id.remove(&shop_id);
    }

    pub(super) fn get(&self, shop_id: i64) -> Option<&Shop> {
        self.by_id.get(&shop_id)
    }

    /// The shops that pass, by date of creation, then id.
    pub(super) fn select(&self, passes: impl Fn(&Shop) -> bool) -> Vec<&Shop> {
        let mut shops: Vec<&Shop> = self.by_id.values().filter(|shop| passes(shop)).collect();
        shops.sort_by_key(|shop| (shop.created, shop.id));
        shops
    }
}
