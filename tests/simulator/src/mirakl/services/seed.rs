//! Builder for a service order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::choice::{Choice, options};
use super::refund_seed::ServiceRefundSeed;
use crate::fields::Change;
use crate::mirakl::dates;
use crate::mirakl::line::{decimal, taxes};
use crate::mirakl::tax_mode::number;

/// A service order: `ORDER_ACCEPTED`, `PAY_ON_ACCEPTANCE`, EUR, one of a thing for nothing, unless
/// told otherwise. Its payment is not in it but in its debit.
#[derive(Clone, Debug)]
pub struct ServiceSeed {
    id: String,
    commercial_id: String,
    shop_id: i64,
    state: String,
    workflow: String,
    currency: String,
    customer: Option<String>,
    created: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
    price: Decimal,
    quantity: u32,
    price_taxes: Vec<Decimal>,
    units: Vec<(Decimal, u32)>,
    options: Vec<Choice>,
    commission: Option<(Decimal, Decimal)>,
    refunds: Vec<ServiceRefundSeed>,
    changes: Vec<Change>,
}

impl ServiceSeed {
    /// A service order of a basket for a shop.
    pub fn new(order_id: &str, commercial_id: &str, shop_id: i64) -> Self {
        Self {
            id: order_id.to_owned(),
            commercial_id: commercial_id.to_owned(),
            shop_id,
            state: "ORDER_ACCEPTED".to_owned(),
            workflow: "PAY_ON_ACCEPTANCE".to_owned(),
            currency: "EUR".to_owned(),
            customer: None,
            created: None,
            updated: None,
            price: Decimal::new(0, 2),
            quantity: 1,
            price_taxes: Vec::new(),
            units: Vec::new(),
            options: Vec::new(),
            commission: None,
            refunds: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// `state`.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// `workflow.type`.
    #[must_use]
    pub fn workflow(mut self, workflow: &str) -> Self {
        workflow.clone_into(&mut self.workflow);
        self
    }

    /// `currency_code`.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.currency);
        self
    }

    /// `customer.id`; by default the basket's own.
    #[must_use]
    pub fn customer(mut self, id: &str) -> Self {
        self.customer = Some(id.to_owned());
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

    /// `price.amount`, of one.
    #[must_use]
    pub fn price(mut self, amount: &str) -> Self {
        self.price = decimal(amount);
        self
    }

    /// `price.quantity`.
    #[must_use]
    pub fn quantity(mut self, quantity: u32) -> Self {
        self.quantity = quantity;
        self
    }

    /// A price of several units, each with its amount and how many were ordered, in place of one
    /// amount and quantity.
    #[must_use]
    pub fn multi_price(mut self, units: &[(&str, u32)]) -> Self {
        let units = units.iter();
        self.units = units.map(|(amount, n)| (decimal(amount), *n)).collect();
        self
    }

    /// A tax on the price.
    #[must_use]
    pub fn price_tax(mut self, amount: &str) -> Self {
        self.price_taxes.push(decimal(amount));
        self
    }

    /// An option that was chosen.
    #[must_use]
    pub fn option(mut self, amount: &str) -> Self {
        self.options.push(Choice::flag(amount));
        self
    }

    /// An option of which several values were chosen: the amount of each and the tax on it.
    #[must_use]
    pub fn option_values(mut self, values: &[(&str, &str)]) -> Self {
        self.options.push(Choice::values(values));
        self
    }

    /// A tax on the option chosen last.
    ///
    /// # Panics
    /// If there is no option, or it is one of several values.
    #[must_use]
    pub fn option_tax(mut self, amount: &str) -> Self {
        let option = self.options.last_mut().expect("there is no option");
        option.tax(amount);
        self
    }

    /// The commission without and with its taxes.
    #[must_use]
    pub fn commission(mut self, excluding_taxes: &str, including_taxes: &str) -> Self {
        self.commission = Some((decimal(excluding_taxes), decimal(including_taxes)));
        self
    }

    /// Adds a refund.
    #[must_use]
    pub fn refund(mut self, refund: ServiceRefundSeed) -> Self {
        self.refunds.push(refund);
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

    pub(super) fn build(self, now: DateTime<Utc>) -> (String, Value) {
        let created = self.created.unwrap_or(now);
        let updated = self.updated.unwrap_or(now);
        let accepted = !matches!(
            self.state.as_str(),
            "WAITING_SCORING"
                | "SCORING_OK"
                | "SCORING_KO"
                | "WAITING_ACCEPTANCE"
                | "ORDER_REFUSED"
        );
        let usual = || format!("customer-{}", self.commercial_id);
        let customer = self.customer.clone().unwrap_or_else(usual);
        let refunds = self.refunds.iter().cloned();
        let refunds = refunds.map(|refund| refund.show(updated));
        let mut service = json!({
            "id": self.id,
            "commercial_order_id": self.commercial_id,
            "state": self.state,
            "date_created": dates::show(created),
            "date_updated": dates::show(updated),
            "currency_code": self.currency,
            "workflow": { "type": self.workflow },
            "shop": { "id": self.shop_id, "name": format!("Shop {}", self.shop_id) },
            "customer": { "id": customer },
            "payment_type": "CARD",
            "price": self.show_price(),
            "refunds": refunds.collect::<Vec<_>>(),
        });
        if accepted {
            service["date_accepted"] = dates::show(created).into();
        }
        if let Some((excluding, including)) = self.commission {
            service["commission"] = commission(excluding, including);
        }
        for change in &self.changes {
            change.apply(&mut service);
        }
        (self.id, service)
    }

    fn show_price(&self) -> Value {
        let mut price = json!({
            "type": "FIXED_PRICE",
            "amount": number(self.price),
            "quantity": self.quantity,
            "taxes": taxes(&self.price_taxes),
            "options": options(&self.options),
        });
        if !self.units.is_empty() {
            let units = (1..).zip(&self.units).map(|(index, (amount, ordered))| {
                json!({
                    "code": format!("unit-{index}"),
                    "amount": number(*amount),
                    "ordered_quantity": ordered,
                })
            });
            price = json!({
                "type": "FIXED_PRICE_MULTI",
                "ordered_service_units": [{
                    "type": "VALUE_LIST",
                    "code": "units",
                    "label": "Units",
                    "values": units.collect::<Vec<_>>(),
                }],
                "taxes": taxes(&self.price_taxes),
                "options": options(&self.options),
            });
        }
        price
    }
}

pub(super) fn commission(excluding: Decimal, including: Decimal) -> Value {
    let tax = including - excluding;
    let taxes = match tax.is_zero() {
        true => json!([]),
        false => json!([{ "code": "TAXDEFAULT", "amount": number(tax) }]),
    };
    json!({
        "amount_excluding_taxes": number(excluding),
        "amount_including_taxes": number(including),
        "commission_taxes": taxes,
    })
}
