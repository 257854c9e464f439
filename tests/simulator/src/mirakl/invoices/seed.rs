//! Builder for an accounting document.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::fields::Change;
use crate::mirakl::dates;
use crate::mirakl::line::decimal;
use crate::mirakl::tax_mode::number;

/// What a summary shows although it is nothing.
const SUMMARY: [&str; 10] = [
    "amount_transferred",
    "amount_transferred_to_operator",
    "total_commissions_incl_tax",
    "total_subscription_incl_tax",
    "total_other_credits_incl_tax",
    "total_other_invoices_incl_tax",
    "total_payable_orders_incl_tax",
    "total_refund_orders_incl_tax",
    "reserve_funding",
    "reserve_settlement",
];
/// Days of a billing cycle.
const CYCLE: TimeDelta = TimeDelta::days(10);

/// An accounting document: an `AUTO_INVOICE`, `COMPLETE`, its payment `PENDING`, in euro, of a
/// billing cycle of ten days that ended when it was made, with nothing in its summary, unless told
/// otherwise.
///
/// Amounts have the sign they are to be shown with. Period, billing cycle and summary are shown of
/// an `AUTO_INVOICE` only; the `invoice_id` of anything but a `DRAFT`.
#[derive(Clone, Debug)]
pub struct InvoiceSeed {
    id: i64,
    shop_id: i64,
    kind: String,
    state: String,
    currency: String,
    created: Option<DateTime<Utc>>,
    issued: Option<DateTime<Utc>>,
    period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    summary: Vec<(String, Decimal)>,
    changes: Vec<Change>,
}

impl InvoiceSeed {
    /// An accounting document of a shop, made just now.
    pub fn new(invoice_id: i64, shop_id: i64) -> Self {
        Self {
            id: invoice_id,
            shop_id,
            kind: "AUTO_INVOICE".to_owned(),
            state: "COMPLETE".to_owned(),
            currency: "EUR".to_owned(),
            created: None,
            issued: None,
            period: None,
            summary: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// `currency_iso_code`.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.currency);
        self
    }

    /// `date_created`; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }

    /// `issue_date`; by default the date of creation, and none for a draft.
    #[must_use]
    pub fn issued_at(mut self, at: DateTime<Utc>) -> Self {
        self.issued = Some(at);
        self
    }

    /// `type`: `AUTO_INVOICE`, `MANUAL_INVOICE` or `MANUAL_CREDIT`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// `state`: `DRAFT`, `GENERATED` or `COMPLETE`.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// `summary.amount_transferred`: what the seller is to get.
    #[must_use]
    pub fn transferred(self, amount: &str) -> Self {
        self.summary("amount_transferred", amount)
    }

    /// `summary.total_subscription_incl_tax`.
    #[must_use]
    pub fn subscription(self, amount: &str) -> Self {
        self.summary("total_subscription_incl_tax", amount)
    }

    /// `summary.total_other_credits_incl_tax`.
    #[must_use]
    pub fn other_credits(self, amount: &str) -> Self {
        self.summary("total_other_credits_incl_tax", amount)
    }

    /// `summary.total_other_invoices_incl_tax`.
    #[must_use]
    pub fn other_invoices(self, amount: &str) -> Self {
        self.summary("total_other_invoices_incl_tax", amount)
    }

    /// Any amount of the summary.
    #[must_use]
    pub fn summary(mut self, field: &str, amount: &str) -> Self {
        self.summary.push((field.to_owned(), decimal(amount)));
        self
    }

    /// `start_time` and `end_time`.
    #[must_use]
    pub fn period(mut self, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        self.period = Some((start, end));
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

    pub(super) fn build(self, now: DateTime<Utc>) -> (i64, Value) {
        let id = self.id;
        let created = self.created.unwrap_or(now);
        let issued = self.issued.or((self.state != "DRAFT").then_some(created));
        let is_automatic = self.kind == "AUTO_INVOICE";
        let author = if is_automatic { "BATCH" } else { "OPERATOR" };
        let nothing = || number(Decimal::new(0, 2));
        let mut invoice = json!({
            "id": format!("{id:09}"),
            "invoice_id": id,
            "type": self.kind,
            "state": self.state,
            "shop_id": self.shop_id,
            "shop_name": format!("Shop {}", self.shop_id),
            "shop_model": "MARKETPLACE",
            "currency_iso_code": self.currency,
            "date_created": dates::show(created),
            "total_amount_excl_taxes": nothing(),
            "total_amount_incl_taxes": nothing(),
            "total_taxes": [],
            "details": [],
            "payment": { "state": "PENDING" },
            "pay_out_psp_code": "NOT_SPECIFIED",
            "issuing_user": { "type": author, "information": null },
        });
        if let Some(issued) = issued {
            invoice["issue_date"] = dates::show(issued).into();
        }
        if is_automatic {
            let (start, end) = self.period.unwrap_or((created - CYCLE, created));
            invoice["start_time"] = dates::show(start).into();
            invoice["end_time"] = dates::show(end).into();
            invoice["seller_billing_cycle_id"] = cycle_id(id).into();
            for field in SUMMARY {
                invoice["summary"][field] = nothing();
            }
            for (field, amount) in &self.summary {
                invoice["summary"][field] = number(*amount);
            }
        }
        for change in &self.changes {
            change.apply(&mut invoice);
        }
        (id, invoice)
    }
}

/// Each invoice closes a billing cycle of its own.
fn cycle_id(invoice_id: i64) -> String {
    format!("00000000-0000-4000-8000-{invoice_id:012x}")
}
