//! Builder for a product order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::dates;
use super::line::{Frame, LineSeed, decimal};
use super::tax_mode::number;
use crate::fields::Change;

/// A product order: `SHIPPING`, `PAY_ON_ACCEPTANCE`, EUR, `TAX_INCLUDED`, debited now and without
/// a transaction number unless told otherwise.
///
/// `price`, `shipping_price`, `total_price` and `total_commission` are the exact sums of the lines
/// that are neither `REFUSED` nor `CANCELED`.
#[derive(Clone, Debug)]
pub struct OrderSeed {
    id: String,
    commercial_id: String,
    shop_id: i64,
    state: String,
    workflow: String,
    currency: String,
    tax_mode: String,
    debited: Debit,
    transaction: Option<String>,
    created: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
    directly_paid: bool,
    customer: Option<String>,
    ask: Ask,
    lines: Vec<LineSeed>,
    order_taxes: Vec<Decimal>,
    changes: Vec<Change>,
}

/// Which debits Mirakl asks for.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// One, while the order is in the state for it.
    Usual,
    /// One, whatever the state.
    Order,
    /// One for each shipment: its id and the amount.
    Shipments(Vec<(String, Decimal)>),
}

/// When the customer was debited: as usual for what it is, or as a test says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Debit {
    Usual,
    On(Option<DateTime<Utc>>),
}

impl Debit {
    pub(super) fn or(self, usual: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        match self {
            Self::Usual => usual,
            Self::On(date) => date,
        }
    }
}

impl OrderSeed {
    /// An order of a basket for a shop, with no lines yet.
    pub fn new(order_id: &str, commercial_id: &str, shop_id: i64) -> Self {
        Self {
            id: order_id.to_owned(),
            commercial_id: commercial_id.to_owned(),
            shop_id,
            state: "SHIPPING".to_owned(),
            workflow: "PAY_ON_ACCEPTANCE".to_owned(),
            currency: "EUR".to_owned(),
            tax_mode: "TAX_INCLUDED".to_owned(),
            debited: Debit::Usual,
            transaction: None,
            created: None,
            updated: None,
            directly_paid: false,
            customer: None,
            ask: Ask::Usual,
            lines: Vec::new(),
            order_taxes: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// `order_state`, also of the lines that name none.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// `payment_workflow`.
    #[must_use]
    pub fn workflow(mut self, workflow: &str) -> Self {
        workflow.clone_into(&mut self.workflow);
        self
    }

    /// `currency_iso_code`.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.currency);
        self
    }

    /// `order_tax_mode`.
    #[must_use]
    pub fn tax_mode(mut self, mode: &str) -> Self {
        mode.clone_into(&mut self.tax_mode);
        self
    }

    /// `customer_debited_date`.
    #[must_use]
    pub fn debited_at(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.debited = Debit::On(at);
        self
    }

    /// No `customer_debited_date`. The state stays as it is.
    #[must_use]
    pub fn unpaid(self) -> Self {
        self.debited_at(None)
    }

    /// `WAITING_DEBIT_PAYMENT`, and neither debited nor with a transaction number.
    #[must_use]
    pub fn waiting_debit(mut self) -> Self {
        self.transaction = None;
        self.state("WAITING_DEBIT_PAYMENT").unpaid()
    }

    /// Asks for the debit whatever the state, as for what is paid on delivery; unpaid.
    #[must_use]
    pub fn debit_asked(mut self) -> Self {
        self.ask = Ask::Order;
        self.unpaid()
    }

    /// `PAY_ON_SHIPMENT`, unpaid, with a debit asked for each of these shipments and amounts. Where
    /// there are as many lines as shipments, each shipment holds one of them, in order.
    #[must_use]
    pub fn shipment_debits(mut self, shipments: &[(&str, &str)]) -> Self {
        let shipments = shipments.iter();
        let shipments = shipments.map(|(id, amount)| ((*id).to_owned(), decimal(amount)));
        self.ask = Ask::Shipments(shipments.collect());
        self.workflow("PAY_ON_SHIPMENT").unpaid()
    }

    /// `customer.customer_id`; by default the basket's own.
    #[must_use]
    pub fn customer(mut self, id: &str) -> Self {
        self.customer = Some(id.to_owned());
        self
    }

    /// `transaction_number`.
    #[must_use]
    pub fn transaction(mut self, number: &str) -> Self {
        self.transaction = Some(number.to_owned());
        self
    }

    /// `created_date`; by default now.
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

    /// The customer pays the seller, past the operator.
    #[must_use]
    pub fn directly_paid(mut self) -> Self {
        self.directly_paid = true;
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, line: LineSeed) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds a tax on the order as a whole.
    #[must_use]
    pub fn order_tax(mut self, amount: &str) -> Self {
        self.order_taxes.push(decimal(amount));
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

    pub(super) fn build(self, now: DateTime<Utc>) -> (String, Value, Ask) {
        let debited = self.debited.or(Some(now));
        let frame = Frame {
            id: &self.id,
            state: &self.state,
            debited,
            created: self.created.unwrap_or(now),
            updated: self.updated.unwrap_or(now),
        };
        let lines: Vec<Value> = (1..)
            .zip(&self.lines)
            .map(|(index, line)| line.build(&frame, index))
            .collect();
        let (mut price, mut shipping, mut commission) = Default::default();
        for sums in self.lines.iter().filter_map(|line| line.sums(&self.state)) {
            price += sums.price;
            shipping += sums.shipping;
            commission += sums.commission;
        }
        let accepted = !matches!(self.state.as_str(), "STAGING" | "WAITING_ACCEPTANCE");
        let order_taxes: Vec<Value> = self.order_taxes.iter().map(|tax| order_tax(*tax)).collect();
        let usual = || format!("customer-{}", self.commercial_id);
        let customer = self.customer.clone().unwrap_or_else(usual);
        let mut order = json!({
            "order_id": self.id,
            "commercial_id": self.commercial_id,
            "created_date": dates::show(frame.created),
            "last_updated_date": dates::show(frame.updated),
            "acceptance_decision_date": accepted.then(|| dates::show(frame.created)),
            "order_state": self.state,
            "payment_workflow": self.workflow,
            "payment_type": "CARD",
            "customer_debited_date": debited.map(dates::show),
            "transaction_number": self.transaction,
            "transaction_date": self.transaction.as_ref().and(debited).map(dates::show),
            "imprint_number": null,
            "currency_iso_code": self.currency,
            "order_tax_mode": self.tax_mode,
            "price": number(price),
            "shipping_price": number(shipping),
            "total_price": number(price + shipping),
            "total_commission": number(commission),
            "shop_id": self.shop_id,
            "shop_name": format!("Shop {}", self.shop_id),
            "customer_directly_pays_seller": self.directly_paid,
            "fully_refunded": false,
            "has_incident": false,
            "customer": { "customer_id": customer },
            "order_lines": lines,
            "order_taxes": order_taxes,
            "order_refunds": [],
        });
        for change in &self.changes {
            change.apply(&mut order);
        }
        (self.id, order, self.ask)
    }
}

fn order_tax(amount: Decimal) -> Value {
    json!({ "code": "ORDER_TAX", "total_amount": number(amount) })
}
