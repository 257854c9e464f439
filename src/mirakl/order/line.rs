//! The lines of a product order, with their taxes, cancellations and refunds.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::domain::ids::RefundId;
use crate::domain::order::{LineRefund, LineState, OrderLine};
use crate::mirakl::wire::{Amount, nullable, optional_date, text_or_number};

#[derive(Deserialize)]
pub(super) struct WireLine {
    order_line_id: String,
    order_line_state: String,
    total_price: Amount,
    total_commission: Amount,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    shipping_taxes: Vec<WireTax>,
    #[serde(default)]
    price_amount_breakdown: Option<WireBreakdown>,
    #[serde(default)]
    shipping_price_amount_breakdown: Option<WireBreakdown>,
    #[serde(default, deserialize_with = "optional_date")]
    debited_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "nullable")]
    cancelations: Vec<WireCancelation>,
    #[serde(default, deserialize_with = "nullable")]
    refunds: Vec<WireRefund>,
}

#[derive(Deserialize)]
struct WireTax {
    amount: Amount,
    #[serde(default)]
    amount_breakdown: Option<WireBreakdown>,
}

#[derive(Deserialize)]
struct WireBreakdown {
    #[serde(default, deserialize_with = "nullable")]
    parts: Vec<WirePart>,
}

#[derive(Deserialize)]
struct WirePart {
    amount: Amount,
    #[serde(default)]
    payable_to_shop: Option<bool>,
    #[serde(default)]
    debitable_from_customer: Option<bool>,
}

#[derive(Deserialize)]
struct WireCancelation {
    amount: Amount,
    #[serde(default)]
    shipping_amount: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    shipping_taxes: Vec<WireTax>,
}

#[derive(Deserialize)]
struct WireRefund {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    #[serde(default)]
    refund_state: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    shipping_amount: Option<Amount>,
    #[serde(default)]
    commission_total_amount: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    shipping_taxes: Vec<WireTax>,
    #[serde(default)]
    amount_breakdown: Option<WireBreakdown>,
    #[serde(default)]
    shipping_amount_breakdown: Option<WireBreakdown>,
}

impl From<&WireRefund> for LineRefund {
    fn from(wire: &WireRefund) -> Self {
        let amounts = [&wire.amount, &wire.shipping_amount].into_iter().flatten();
        let prices = [&wire.amount_breakdown, &wire.shipping_amount_breakdown];
        let prices = prices.into_iter().flatten();
        let taxes = || wire.taxes.iter().chain(&wire.shipping_taxes);
        let breakdowns = taxes().filter_map(|tax| tax.amount_breakdown.as_ref());
        let state = wire.refund_state.as_ref().or(wire.state.as_ref());
        Self {
            id: RefundId(wire.id.clone()),
            confirmed: state.is_some_and(|state| state == "REFUNDED"),
            amount: amounts.map(|amount| amount.0).sum(),
            taxes: taxes().map(|tax| tax.amount.0).sum(),
            commission: wire.commission_total_amount.map(|amount| amount.0),
            prices_not_payable: prices.map(WireBreakdown::not_payable).sum(),
            taxes_not_payable: breakdowns.map(WireBreakdown::not_payable).sum(),
        }
    }
}

impl WireCancelation {
    fn price(&self) -> Decimal {
        let shipping = self.shipping_amount.as_ref().map(|amount| amount.0);
        self.amount.0 + shipping.unwrap_or_default()
    }

    fn taxes(&self) -> Decimal {
        let taxes = self.taxes.iter().chain(&self.shipping_taxes);
        taxes.map(|tax| tax.amount.0).sum()
    }
}

impl WireBreakdown {
    fn not_payable(&self) -> Decimal {
        self.sum_of(|part| part.payable_to_shop == Some(false))
    }

    fn not_debitable(&self) -> Decimal {
        self.sum_of(|part| part.debitable_from_customer == Some(false))
    }

    fn sum_of(&self, wanted: impl Fn(&WirePart) -> bool) -> Decimal {
        let parts = self.parts.iter().filter(|part| wanted(part));
        parts.map(|part| part.amount.0).sum()
    }
}

impl From<WireLine> for OrderLine {
    fn from(wire: WireLine) -> Self {
        let prices = [
            &wire.price_amount_breakdown,
            &wire.shipping_price_amount_breakdown,
        ];
        let taxes = || wire.taxes.iter().chain(&wire.shipping_taxes);
        let of = |sum: fn(&WireBreakdown) -> Decimal| {
            move |breakdown: &Option<WireBreakdown>| breakdown.as_ref().map_or(Decimal::ZERO, sum)
        };
        let not_payable = of(WireBreakdown::not_payable);
        let not_debitable = of(WireBreakdown::not_debitable);
        Self {
            id: wire.order_line_id,
            state: LineState::parse(&wire.order_line_state),
            total_price: wire.total_price.0,
            total_commission: wire.total_commission.0,
            taxes: taxes().map(|tax| tax.amount.0).sum(),
            prices_not_payable: prices.into_iter().map(not_payable).sum(),
            taxes_not_payable: taxes().map(|tax| not_payable(&tax.amount_breakdown)).sum(),
            canceled: wire.cancelations.iter().map(WireCancelation::price).sum(),
            canceled_taxes: wire.cancelations.iter().map(WireCancelation::taxes).sum(),
            prices_not_debitable: prices.into_iter().map(not_debitable).sum(),
            taxes_not_debitable: taxes()
                .map(|tax| not_debitable(&tax.amount_breakdown))
                .sum(),
            debited_at: wire.debited_date,
            refunds: wire.refunds.iter().map(LineRefund::from).collect(),
        }
    }
}
