//! Refunds of product orders: what the test says about them, and the way to PA12 and PA02.

mod confirm;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::book::{Book, Entry};
use super::paging::{self, Part};
use super::refund_seed::RefundSeed;
use super::{Mirakl, State};
use crate::api::{Answer, Incoming};
use confirm::Terms;
pub(super) use waiting::waiting_ids;

/// One refund of a call of PA02, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundConfirmation {
    /// `refund_id`.
    pub refund_id: String,
    /// `payment_status`.
    pub status: String,
    /// `amount`, digit for digit.
    pub amount: Option<String>,
    /// `currency_iso_code`.
    pub currency: Option<String>,
    /// `transaction_number`.
    pub transaction_number: Option<String>,
    /// Whether it had its effect.
    pub applied: bool,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

/// What is asked for beside the orders' own refunds, and what was confirmed.
#[derive(Debug, Default)]
pub(super) struct Refunds {
    /// Orders as PA12 shows them, of which OR11 knows nothing.
    unknown: Vec<Value>,
    numeric: bool,
    /// Messages by the refunds that cannot be confirmed.
    refused: HashMap<String, String>,
    confirmations: Vec<RefundConfirmation>,
    /// Empty lists answered so far.
    empty: usize,
}

/// What PA12 lists.
enum Listed<'a> {
    Known(Arc<Entry>),
    Unknown(&'a Value),
}

impl Refunds {
    /// The orders with a refund that waits, in the order of OR11, then those it does not know.
    fn listed(&self, book: &Book) -> Vec<Listed<'_>> {
        let orders = book.all();
        let known = orders.iter().filter(|entry| !entry.refunds.is_empty());
        let known = known.cloned().map(Listed::Known);
        known
            .chain(self.unknown.iter().map(Listed::Unknown))
            .collect()
    }
}

impl Mirakl {
    /// Adds a refund to a line, of which the first is 1; the order's `last_updated_date` becomes
    /// now, and its sums stay as they are.
    ///
    /// # Panics
    /// If there is no such order or line.
    pub fn add_refund(&self, order_id: &str, line_index: usize, refund: RefundSeed) {
        let refund = refund.build(self.state.shared.clock.now());
        self.update(order_id, |order| {
            let line = line_index
                .checked_sub(1)
                .and_then(|at| order["order_lines"].get_mut(at))
                .unwrap_or_else(|| panic!("order {order_id} has no line {line_index}"));
            match line["refunds"].as_array_mut() {
                Some(refunds) => refunds.push(refund),
                None => line["refunds"] = vec![refund].into(),
            }
        });
    }

    /// Lists anything in PA12 as an order that OR11 need not know; PA02 takes its refunds off.
    pub fn put_pending_refund_json(&self, order: Value) {
        self.state.refunds().unknown.push(order);
    }

    /// Whether PA12 shows a refund's id as a number, where it is one.
    pub fn numeric_refund_ids(&self, on: bool) {
        self.state.refunds().numeric = on;
    }

    /// PA02 and SPA02 refuse this refund with this message, until called again with `None`.
    pub fn refuse_refund(&self, refund_id: &str, message: Option<&str>) {
        self.state.services().refuse_refund(refund_id, message);
        let mut refunds = self.state.refunds();
        let refused = &mut refunds.refused;
        match message {
            Some(message) => refused.insert(refund_id.to_owned(), message.to_owned()),
            None => refused.remove(refund_id),
        };
    }

    /// All refunds that PA02 was ever called with, applied or not, in order of arrival.
    pub fn refund_confirmations(&self) -> Vec<RefundConfirmation> {
        self.state.refunds().confirmations.clone()
    }
}

impl State {
    /// PA12.
    pub(super) fn list_refunds(&self, call: &Incoming) -> Result<Answer, String> {
        let mut part = Part::default();
        for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
            part.set(&name, &value)?;
        }
        let mut refunds = self.refunds();
        let listed = refunds.listed(&self.book());
        let show = |listed: &Listed<'_>| match listed {
            Listed::Known(entry) => waiting::show(&entry.value(), refunds.numeric).to_string(),
            Listed::Unknown(order) => order.to_string(),
        };
        let page = paging::cut(self, call, &part, listed.iter(), Vec::new(), show);
        if page.elements.is_empty() {
            refunds.empty += 1;
        }
        Ok(page.nested(refunds.empty))
    }

    /// PA02.
    pub(super) fn confirm_refunds(&self, call: &Incoming) -> Result<Answer, String> {
        let now = self.shared.clock.now();
        let (rule, currency) = self.debits().terms();
        let terms = Terms { rule, currency };
        confirm::confirm(
            &mut self.refunds(),
            &mut self.book(),
            &terms,
            &call.body,
            now,
        )?;
        Ok(Answer::new(204, String::new()))
    }
}
