//! Builder for a refund of a service order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::choice::{Choice, options};
use super::seed::commission;
use crate::mirakl::dates;
use crate::mirakl::line::{decimal, taxes};
use crate::mirakl::tax_mode::number;

/// A refund of a service order, in state `WAITING` unless told otherwise.
#[derive(Clone, Debug)]
pub struct ServiceRefundSeed {
    id: String,
    amount: Decimal,
    state: String,
    taxes: Vec<Decimal>,
    options: Vec<Choice>,
    commission: Option<(Decimal, Decimal)>,
}

impl ServiceRefundSeed {
    /// A refund of this amount, without taxes and options.
    pub fn new(id: &str, amount: &str) -> Self {
        Self {
            id: id.to_owned(),
            amount: decimal(amount),
            state: "WAITING".to_owned(),
            taxes: Vec::new(),
            options: Vec::new(),
            commission: None,
        }
    }

    /// `state`, `WAITING` or `OK`.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// A tax on the amount.
    #[must_use]
    pub fn tax(mut self, amount: &str) -> Self {
        self.taxes.push(decimal(amount));
        self
    }

    /// An option that is refunded.
    #[must_use]
    pub fn option(mut self, amount: &str) -> Self {
        self.options.push(Choice::flag(amount));
        self
    }

    /// An option of several values that is refunded: the amount of each and the tax on it.
    #[must_use]
    pub fn option_values(mut self, values: &[(&str, &str)]) -> Self {
        self.options.push(Choice::values(values));
        self
    }

    /// A tax on the option refunded last.
    ///
    /// # Panics
    /// If there is no option, or it is one of several values.
    #[must_use]
    pub fn option_tax(mut self, amount: &str) -> Self {
        let option = self.options.last_mut().expect("there is no option");
        option.tax(amount);
        self
    }

    /// The commission given back, without and with its taxes.
    #[must_use]
    pub fn commission(mut self, excluding_taxes: &str, including_taxes: &str) -> Self {
        self.commission = Some((decimal(excluding_taxes), decimal(including_taxes)));
        self
    }

    pub(super) fn show(self, at: DateTime<Utc>) -> Value {
        let mut refund = json!({
            "id": self.id,
            "amount": number(self.amount),
            "taxes": taxes(&self.taxes),
            "options": options(&self.options),
            "state": self.state,
            "reason_code": "17",
            "creation_date": dates::show(at),
        });
        if let Some((excluding, including)) = self.commission {
            refund["commission"] = commission(excluding, including);
        }
        refund
    }
}
