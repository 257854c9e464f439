//! Shops: what the test says about them, and the way to S20 and S07.

mod custom_fields;
mod query;
mod seed;
mod shelf;
mod update;

use serde_json::Value;

pub use seed::ShopSeed;
pub(super) use shelf::Shops;

use super::{Mirakl, State, paging};
use crate::api::{Answer, Incoming};
use query::Query;
use shelf::Shop;

impl Mirakl {
    /// Inserts or replaces a shop and returns its id.
    pub fn put_shop(&self, shop: ShopSeed) -> i64 {
        let now = self.state.shared.clock.now();
        let mut shops = self.state.shops();
        let (id, shop) = shop.build(&shops.fields, now);
        shops.put(shop, now);
        id
    }

    /// Inserts or replaces anything as a shop. One without a usable `shop_id` is returned on every
    /// page that does not ask for certain shops.
    pub fn put_shop_json(&self, shop: Value) {
        let now = self.state.shared.clock.now();
        self.state.shops().put(shop, now);
    }

    /// Changes a shop; its `last_updated_date` becomes now.
    ///
    /// # Panics
    /// If there is no such shop.
    pub fn update_shop(&self, shop_id: i64, change: impl FnOnce(&mut Value)) {
        let now = self.state.shared.clock.now();
        let mut shops = self.state.shops();
        let shop = shops
            .get(shop_id)
            .unwrap_or_else(|| panic!("there is no shop {shop_id}"));
        let mut shop = shop.value.clone();
        change(&mut shop);
        shops.replace(shop_id, shop, now);
    }

    /// Removes a shop.
    pub fn remove_shop(&self, shop_id: i64) {
        self.state.shops().remove(shop_id);
    }

    /// Removes everything put without a usable `shop_id`.
    pub fn remove_unusable_shops(&self) {
        self.state.shops().strays.clear();
    }

    /// A shop as S20 shows it.
    pub fn shop(&self, shop_id: i64) -> Option<Value> {
        let shops = self.state.shops();
        shops.get(shop_id).map(|shop| shop.value.clone())
    }

    /// All shops, oldest first.
    pub fn shops(&self) -> Vec<Value> {
        let shops = self.state.shops();
        let sorted = shops.select(|_| true);
        sorted.into_iter().map(|shop| shop.value.clone()).collect()
    }

    /// The text in a custom field of a shop.
    pub fn shop_field(&self, shop_id: i64, code: &str) -> Option<String> {
        let shops = self.state.shops();
        custom_fields::field(&shops.get(shop_id)?.value, code).map(str::to_owned)
    }

    /// Fills or empties a custom field, as a person in the back office does; the shop's
    /// `last_updated_date` becomes now.
    ///
    /// # Panics
    /// If there is no such shop.
    pub fn set_shop_field(&self, shop_id: i64, code: &str, value: Option<&str>) {
        self.update_shop(shop_id, |shop| custom_fields::set_field(shop, code, value));
    }

    /// S07 answers an error for this shop, until it is called again with `None`.
    pub fn refuse_shop(&self, shop_id: i64, message: Option<&str>) {
        let mut shops = self.state.shops();
        match message {
            Some(message) => shops.refused.insert(shop_id, message.to_owned()),
            None => shops.refused.remove(&shop_id),
        };
    }

    /// S07 answers 400 to a whole call that holds this shop, and writes none of it.
    pub fn refuse_batches_with(&self, shop_id: Option<i64>) {
        self.state.shops().refused_with = shop_id;
    }

    /// The codes of the custom fields that exist; by default `stripe-url` and `stripe-ignored`.
    pub fn define_fields(&self, codes: &[&str]) {
        let codes = codes.iter().map(|&code| code.to_owned());
        self.state.shops().fields = codes.collect();
    }
}

impl State {
    /// S20.
    pub(super) fn list_shops(&self, call: &Incoming) -> Result<Answer, String> {
        let query = Query::read(&call.query)?;
        let shops = self.shops();
        let strays = match query.is_selective() {
            true => Vec::new(),
            false => shops.strays.iter().map(Value::to_string).collect(),
        };
        let selection = shops.select(|shop| query.holds(shop));
        let show = |shop: &Shop| shop.value.to_string();
        let (part, items) = (&query.part, selection.into_iter());
        Ok(paging::page(self, call, part, "shops", items, strays, show))
    }

    /// S07.
    pub(super) fn update_shops(&self, call: &Incoming) -> Result<Answer, String> {
        let now = self.shared.clock.now();
        let body = update::write(&mut self.shops(), &call.body, now)?;
        Ok(Answer::new(200, body.to_string()))
    }
}
