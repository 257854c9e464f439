//! Builder for an order line.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::breakdown::breakdown;
use super::canceled::Canceled;
use super::dates;
use super::refund_seed::RefundSeed;
use super::seed::Debit;
use super::tax_mode::number;
use crate::fields::assign;

/// Reads an amount that a test wrote.
pub(super) fn decimal(amount: &str) -> Decimal {
    Decimal::from_str(amount).unwrap_or_else(|_| panic!("{amount} is no amount"))
}

/// Whether a line in this state counts in the order's sums.
pub(super) fn is_live(state: &str) -> bool {
    !matches!(state, "REFUSED" | "CANCELED")
}

/// One line of an order.
#[derive(Clone, Debug)]
pub struct LineSeed {
    price: Decimal,
    shipping: Option<Decimal>,
    commission: Option<Decimal>,
    taxes: Vec<Decimal>,
    shipping_taxes: Vec<Decimal>,
    state: Option<String>,
    debited: Debit,
    refunds: Vec<RefundSeed>,
    canceled: Vec<Canceled>,
    not_payable: Option<Decimal>,
    not_debitable: Option<Decimal>,
    changes: Vec<(String, Value)>,
}

impl LineSeed {
    /// A line at this price, such as `"30.00"`, without shipping, commission or taxes. Of a line
    /// that was cancelled in part it is what is left.
    pub fn new(price: &str) -> Self {
        Self {
            price: decimal(price),
            shipping: None,
            commission: None,
            taxes: Vec::new(),
            shipping_taxes: Vec::new(),
            state: None,
            debited: Debit::Usual,
            refunds: Vec::new(),
            canceled: Vec::new(),
            not_payable: None,
            not_debitable: None,
            changes: Vec::new(),
        }
    }

    /// The shipping price.
    #[must_use]
    pub fn shipping(mut self, amount: &str) -> Self {
        self.shipping = Some(decimal(amount));
        self
    }

    /// The commission with its tax.
    #[must_use]
    pub fn commission(mut self, amount: &str) -> Self {
        self.commission = Some(decimal(amount));
        self
    }

    /// A tax on the price.
    #[must_use]
    pub fn tax(mut self, amount: &str) -> Self {
        self.taxes.push(decimal(amount));
        self
    }

    /// A tax on the shipping price.
    #[must_use]
    pub fn shipping_tax(mut self, amount: &str) -> Self {
        self.shipping_taxes.push(decimal(amount));
        self
    }

    /// The line's own state; by default the order's.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        self.state = Some(state.to_owned());
        self
    }

    /// The line's own debit date; by default the order's, and none on a line that is not live.
    #[must_use]
    pub fn debited_at(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.debited = Debit::On(at);
        self
    }

    /// A refund of this part of the price that waits for its payment.
    #[must_use]
    pub fn refund(self, id: &str, amount: &str) -> Self {
        self.refund_with(RefundSeed::new(id, amount))
    }

    /// A refund.
    #[must_use]
    pub fn refund_with(mut self, refund: RefundSeed) -> Self {
        self.refunds.push(refund);
        self
    }

    /// Splits the price into a part of this amount that is not payable to the shop and the rest.
    #[must_use]
    pub fn part_not_payable(mut self, amount: &str) -> Self {
        self.not_payable = Some(decimal(amount));
        self
    }

    /// Splits the price into a part of this amount that the customer is not debited and the rest.
    #[must_use]
    pub fn part_not_debitable(mut self, amount: &str) -> Self {
        self.not_debitable = Some(decimal(amount));
        self
    }

    /// A part that was cancelled: what its price and its shipping price were.
    #[must_use]
    pub fn canceled_part(mut self, amount: &str, shipping_amount: &str) -> Self {
        self.canceled
            .push(Canceled::new(decimal(amount), decimal(shipping_amount)));
        self
    }

    /// A tax on the price of the part cancelled last.
    ///
    /// # Panics
    /// If no part was cancelled.
    #[must_use]
    pub fn canceled_tax(mut self, amount: &str) -> Self {
        self.last_canceled().taxes.push(decimal(amount));
        self
    }

    /// A tax on the shipping price of the part cancelled last.
    ///
    /// # Panics
    /// If no part was cancelled.
    #[must_use]
    pub fn canceled_shipping_tax(mut self, amount: &str) -> Self {
        self.last_canceled().shipping_taxes.push(decimal(amount));
        self
    }

    fn last_canceled(&mut self) -> &mut Canceled {
        self.canceled.last_mut().expect("no part was cancelled")
    }

    /// Sets any field, by name or JSON pointer.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.changes.push((field.to_owned(), value));
        self
    }

    pub(super) fn sums(&self, order_state: &str) -> Option<Sums> {
        let state = self.state.as_deref().unwrap_or(order_state);
        let zero = self.zero();
        is_live(state).then(|| Sums {
            price: self.price,
            shipping: self.shipping.unwrap_or(zero),
            commission: self.commission.unwrap_or(zero),
        })
    }

    /// Zero with as many decimals as the price, so that sums keep the currency's form.
    fn zero(&self) -> Decimal {
        Decimal::new(0, self.price.scale())
    }

    pub(super) fn build(&self, order: &Frame<'_>, index: usize) -> Value {
        let state = self.state.as_deref().unwrap_or(order.state);
        let shipping = self.shipping.unwrap_or_else(|| self.zero());
        let commission = self.commission.unwrap_or_else(|| self.zero());
        let inherited = order.debited.filter(|_| is_live(state));
        let debited = self.debited.or(inherited).map(dates::show);
        let refunds: Vec<Value> = self
            .refunds
            .iter()
            .map(|refund| refund.clone().build(order.updated))
            .collect();
        let canceled: Vec<Value> = (1..)
            .zip(&self.canceled)
            .map(|(part, canceled)| {
                canceled.show(&format!("{}-{index}-{part}", order.id), order.updated)
            })
            .collect();
        let mut line = json!({
            "order_line_id": format!("{}-{index}", order.id),
            "order_line_index": index,
            "order_line_state": state,
            "offer_id": 3300 + index,
            "offer_sku": format!("SKU-{index}"),
            "product_sku": format!("PRODUCT-{index}"),
            "product_title": "A thing",
            "quantity": 1,
            "price": number(self.price),
            "price_unit": number(self.price),
            "shipping_price": number(shipping),
            "total_price": number(self.price + shipping),
            "commission_fee": number(commission),
            "commission_taxes": [],
            "total_commission": number(commission),
            "taxes": taxes(&self.taxes),
            "shipping_taxes": taxes(&self.shipping_taxes),
            "fees": [],
            "cancelations": canceled,
            "refunds": refunds,
            "debited_date": debited,
            "created_date": dates::show(order.created),
            "last_updated_date": dates::show(order.updated),
            "can_refund": is_live(state),
        });
        if let Some(parts) = breakdown(self.price, self.not_payable, self.not_debitable) {
            assign(
                &mut line,
                "price_amount_breakdown",
                json!({ "parts": parts }),
            );
        }
        for (field, value) in &self.changes {
            assign(&mut line, field, value.clone());
        }
        line
    }
}

/// What a line adds to its order.
pub(super) struct Sums {
    pub(super) price: Decimal,
    pub(super) shipping: Decimal,
    pub(super) commission: Decimal,
}

/// What a line takes from its order.
pub(super) struct Frame<'a> {
    pub(super) id: &'a str,
    pub(super) state: &'a str,
    pub(super) debited: Option<DateTime<Utc>>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

pub(super) fn taxes(amounts: &[Decimal]) -> Vec<Value> {
    let tax = |amount: &Decimal| json!({ "code": "VAT", "amount": number(*amount) });
    amounts.iter().map(tax).collect()
}
