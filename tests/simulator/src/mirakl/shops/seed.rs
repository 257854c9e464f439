//! Builder for a shop.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::custom_fields::{empty, put, set_field};
use crate::fields::Change;
use crate::mirakl::dates;

/// A shop: `OPEN`, of a professional, in domain `PRODUCT` and model `MARKETPLACE`, in euro, with a
/// contact that can be reached, empty custom fields and no `kyc`, unless told otherwise.
#[derive(Clone, Debug)]
pub struct ShopSeed {
    id: i64,
    created: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
    fields: Vec<(String, Field)>,
    changes: Vec<Change>,
}

/// How a custom field is to be found.
#[derive(Clone, Debug)]
enum Field {
    Holds(String),
    Empty,
    Absent,
}

impl ShopSeed {
    /// An open shop that was created just now.
    pub fn new(shop_id: i64) -> Self {
        Self {
            id: shop_id,
            created: None,
            updated: None,
            fields: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// `shop_name`; by default `Shop` and its id.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.set("shop_name", name.into())
    }

    /// `shop_state`: `OPEN`, `CLOSE`, `SUSPENDED` or `TERMINATED`.
    #[must_use]
    pub fn state(self, state: &str) -> Self {
        self.set("shop_state", state.into())
    }

    /// A shop that sells services only.
    #[must_use]
    pub fn service(self) -> Self {
        self.set("domains", json!(["SERVICE"]))
    }

    /// `kyc` with this status.
    #[must_use]
    pub fn kyc(self, status: &str) -> Self {
        self.set("kyc", json!({ "status": status }))
    }

    /// The text in a custom field.
    #[must_use]
    pub fn field(self, code: &str, value: &str) -> Self {
        self.custom(code, Field::Holds(value.to_owned()))
    }

    /// An empty custom field that is shown without its `value`.
    #[must_use]
    pub fn empty_field(self, code: &str) -> Self {
        self.custom(code, Field::Empty)
    }

    /// An empty custom field that is not shown.
    #[must_use]
    pub fn no_field(self, code: &str) -> Self {
        self.custom(code, Field::Absent)
    }

    fn custom(mut self, code: &str, field: Field) -> Self {
        self.fields.push((code.to_owned(), field));
        self
    }

    /// E-mail address of the contact.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.set("/contact_informations/email", email.into())
    }

    /// Telephone number of the contact.
    #[must_use]
    pub fn phone(self, phone: &str) -> Self {
        self.set("/contact_informations/phone", phone.into())
    }

    /// Web site of the contact.
    #[must_use]
    pub fn web_site(self, url: &str) -> Self {
        self.set("/contact_informations/web_site", url.into())
    }

    /// `contact_informations` as a whole.
    #[must_use]
    pub fn contact(self, contact: Value) -> Self {
        self.set("contact_informations", contact)
    }

    /// `is_professional`.
    #[must_use]
    pub fn professional(self, professional: bool) -> Self {
        self.set("is_professional", professional.into())
    }

    /// `corporate_name`; by default there is none.
    #[must_use]
    pub fn corporate_name(self, name: &str) -> Self {
        self.set("/pro_details/corporate_name", name.into())
    }

    /// `date_created`; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }

    /// `last_updated_date`; by default now.
    #[must_use]
    pub fn updated_at(mut self, at: DateTime<Utc>) -> Self {
        self.updated = Some(at);
        self
    }

    /// Sets any field, by name or JSON pointer.
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

    pub(super) fn build(self, codes: &[String], now: DateTime<Utc>) -> (i64, Value) {
        let id = self.id;
        let mut shop = json!({
            "shop_id": id,
            "shop_name": format!("Shop {id}"),
            "shop_state": "OPEN",
            "suspension_type": null,
            "domains": ["PRODUCT"],
            "model": "MARKETPLACE",
            "channels": [],
            "currency_iso_code": "EUR",
            "date_created": dates::show(self.created.unwrap_or(now)),
            "last_updated_date": dates::show(self.updated.unwrap_or(now)),
            "is_professional": true,
            "premium": false,
            "shipping_country": "FRA",
            "shop_additional_fields": [],
            "contact_informations": {
                "civility": "Mrs",
                "firstname": "Ada",
                "lastname": "Martin",
                "email": format!("shop-{id}@example.com"),
                "phone": "+33 1 99 00 12 34",
                "web_site": format!("https://shop-{id}.example.com"),
                "street1": "1 rue du Marché",
                "street2": null,
                "zip_code": "75001",
                "city": "Paris",
                "state": null,
                "country": "FRA",
            },
            "pro_details": {},
            "payment_details": {
                "paid_balance": 0,
                "payable_balance": 0,
                "pending_balance": 0,
                "pay_subscription": true,
                "payment_blocked": false,
            },
        });
        for code in codes {
            set_field(&mut shop, code, None);
        }
        for (code, field) in &self.fields {
            match field {
                Field::Holds(value) => set_field(&mut shop, code, Some(value)),
                Field::Empty => put(&mut shop, code, Some(empty(code))),
                Field::Absent => put(&mut shop, code, None),
            }
        }
        for change in &self.changes {
            change.apply(&mut shop);
        }
        (id, shop)
    }
}
