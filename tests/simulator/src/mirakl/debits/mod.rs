//! Debits of product orders: what the test says about them, and the way to PA11 and PA01.

mod amounts;
mod confirm;
mod judge;
mod settle;
mod waiting;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::seed::Ask;
use super::{Mirakl, State, paging};
use crate::api::{Answer, Incoming};
use paging::Part;
use waiting::Waiting;

/// What becomes of the valid items of a batch that PA01 or PA02 answers 400 to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchRule {
    /// Nothing is applied.
    #[default]
    Atomic,
    /// They are applied although the answer is 400.
    AppliesValid,
}

/// One order of a call of PA01, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `order_id`.
    pub order_id: String,
    /// `debit_entity`: its type and id.
    pub debit_entity: Option<(String, String)>,
    /// `payment_status`.
    pub status: String,
    /// `amount`, digit for digit.
    pub amount: Option<String>,
    /// `currency_iso_code`.
    pub currency: Option<String>,
    /// `customer_id`.
    pub customer_id: String,
    /// `transaction_number`.
    pub transaction_number: Option<String>,
    /// Whether it had its effect.
    pub applied: bool,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

/// A debit asked for when a shipment was ready.
#[derive(Clone, Debug)]
struct Shipment {
    id: String,
    amount: Decimal,
    waits: bool,
}

/// What is asked for and what was confirmed.
#[derive(Debug)]
pub(super) struct Debits {
    /// Orders with a debit asked for whatever their state.
    asked: HashSet<String>,
    shipments: HashMap<String, Vec<Shipment>>,
    rule: BatchRule,
    platform_currency: String,
    confirmations: Vec<Confirmation>,
    /// Empty lists answered so far.
    empty: usize,
}

impl Default for Debits {
    fn default() -> Self {
        Self {
            asked: HashSet::new(),
            shipments: HashMap::new(),
            rule: BatchRule::default(),
            platform_currency: "EUR".to_owned(),
            confirmations: Vec::new(),
            empty: 0,
        }
    }
}

impl Debits {
    /// What holds for every call: what becomes of a batch, and the currency taken for granted.
    pub(super) fn terms(&self) -> (BatchRule, String) {
        (self.rule, self.platform_currency.clone())
    }

    /// Takes note of what is asked for an order, in place of what was.
    pub(super) fn ask(&mut self, order_id: &str, ask: Ask) {
        self.asked.remove(order_id);
        self.shipments.remove(order_id);
        match ask {
            Ask::Usual => {}
            Ask::Order => {
                self.asked.insert(order_id.to_owned());
            }
            Ask::Shipments(shipments) => {
                let waits = |(id, amount)| Shipment {
                    id,
                    amount,
                    waits: true,
                };
                let shipments = shipments.into_iter().map(waits).collect();
                self.shipments.insert(order_id.to_owned(), shipments);
            }
        }
    }
}

impl Mirakl {
    /// What becomes of the valid items of a batch that PA01 or PA02 answers 400 to.
    pub fn batch_rule(&self, rule: BatchRule) {
        self.state.debits().rule = rule;
    }

    /// The currency that PA01 and PA02 take for granted; by default `EUR`.
    pub fn platform_currency(&self, currency: &str) {
        currency.clone_into(&mut self.state.debits().platform_currency);
    }

    /// All orders that PA01 was ever called with, applied or not, in order of arrival.
    pub fn confirmations(&self) -> Vec<Confirmation> {
        self.state.debits().confirmations.clone()
    }
}

impl State {
    /// PA11.
    pub(super) fn list_debits(&self, call: &Incoming) -> Result<Answer, String> {
        let mut part = Part::default();
        for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
            part.set(&name, &value)?;
        }
        let mut debits = self.debits();
        let waiting = debits.waiting(&self.book());
        let show = |waiting: &Waiting| waiting.show(&debits).to_string();
        let page = paging::cut(self, call, &part, waiting.iter(), Vec::new(), show);
        if page.elements.is_empty() {
            debits.empty += 1;
        }
        Ok(page.nested(debits.empty))
    }

    /// PA01.
    pub(super) fn confirm_debits(&self, call: &Incoming) -> Result<Answer, String> {
        let now = self.shared.clock.now();
        confirm::confirm(&mut self.debits(), &mut self.book(), &call.body, now)?;
        Ok(Answer::new(204, String::new()))
    }
}
