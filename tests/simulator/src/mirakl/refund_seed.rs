//! Builder for a refund of an order line.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::breakdown::breakdown;
use super::dates;
use super::line::{decimal, taxes};
use super::tax_mode::number;
use crate::fields::Change;

/// A refund of an order line that waits for its payment, without shipping, taxes or commission,
/// unless told otherwise.
#[derive(Clone, Debug)]
pub struct RefundSeed {
    id: String,
    amount: Decimal,
    shipping: Decimal,
    taxes: Vec<Decimal>,
    shipping_taxes: Vec<Decimal>,
    commission: Decimal,
    not_payable: Option<Decimal>,
    shipping_not_payable: Option<Decimal>,
    state: String,
    changes: Vec<Change>,
}

impl RefundSeed {
    /// A refund of this part of the price.
    pub fn new(id: &str, amount: &str) -> Self {
        let amount = decimal(amount);
        // Zeros with as many decimals keep the currency's form.
        let zero = Decimal::new(0, amount.scale());
        Self {
            id: id.to_owned(),
            amount,
            shipping: zero,
            taxes: Vec::new(),
            shipping_taxes: Vec::new(),
            commission: zero,
            not_payable: None,
            shipping_not_payable: None,
            state: "WAITING_REFUND_PAYMENT".to_owned(),
            changes: Vec::new(),
        }
    }

    /// The part of the shipping price.
    #[must_use]
    pub fn shipping(mut self, amount: &str) -> Self {
        self.shipping = decimal(amount);
        self
    }

    /// A tax on the amount.
    #[must_use]
    pub fn tax(mut self, amount: &str) -> Self {
        self.taxes.push(decimal(amount));
        self
    }

    /// A tax on the part of the shipping price.
    #[must_use]
    pub fn shipping_tax(mut self, amount: &str) -> Self {
        self.shipping_taxes.push(decimal(amount));
        self
    }

    /// The commission given back, with its tax.
    #[must_use]
    pub fn commission(mut self, amount: &str) -> Self {
        self.commission = decimal(amount);
        self
    }

    /// Splits the amount into a part that is not payable to the shop and the rest.
    #[must_use]
    pub fn part_not_payable(mut self, amount: &str) -> Self {
        self.not_payable = Some(decimal(amount));
        self
    }

    /// Splits the shipping amount into a part that is not payable to the shop and the rest.
    #[must_use]
    pub fn shipping_part_not_payable(mut self, amount: &str) -> Self {
        self.shipping_not_payable = Some(decimal(amount));
        self
    }

    /// `refund_state`, and `state` with it.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
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

    pub(super) fn build(self, at: DateTime<Utc>) -> Value {
        let mut refund = json!({
            "id": self.id,
            "order_refund_id": format!("refund-{}", self.id),
            "amount": number(self.amount),
            "shipping_amount": number(self.shipping),
            "taxes": taxes(&self.taxes),
            "shipping_taxes": taxes(&self.shipping_taxes),
            "fees": [],
            "commission_amount": number(self.commission),
            "commission_taxes": [],
            "commission_total_amount": number(self.commission),
            "quantity": 1,
            "reason_code": "17",
            "state": self.state,
            "refund_state": self.state,
            "transaction_number": null,
            "transaction_date": null,
            "created_date": dates::show(at),
        });
        let splits = [
            ("amount_breakdown", self.amount, self.not_payable),
            (
                "shipping_amount_breakdown",
                self.shipping,
                self.shipping_not_payable,
            ),
        ];
        for (field, whole, not_payable) in splits {
            if let Some(parts) = breakdown(whole, not_payable, None) {
                refund[field] = json!({ "parts": parts });
            }
        }
        for change in &self.changes {
            change.apply(&mut refund);
        }
        refund
    }
}
