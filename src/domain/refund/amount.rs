//! What a refund gives back to the customer, and what of it the seller bears.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::AskedRefund;
use super::reason::HoldReason;
use crate::domain::money::{Currency, Money, MoneyError};
use crate::domain::order::{LineRefund, ProductOrder, TaxMode};
use crate::domain::service::{ServiceOrder, ServiceRefund};

/// A refund as its order shows it. Amounts are in major units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What the customer gets back by the order's own figures; none where they do not tell.
    pub total: Option<Decimal>,
    /// ISO code of the order.
    pub currency: String,
    /// The taxes in it, whether they are part of the prices or come on top.
    pub taxes: Decimal,
    /// The commission that goes back to the seller, with its tax; none where it is not shown.
    pub commission: Option<Decimal>,
    /// Parts that are not payable to the shop: they were never transferred to it.
    pub not_payable: Decimal,
    /// Mirakl knows that the customer has the money back.
    pub confirmed: bool,
}

impl Shown {
    /// A refund of a line of a product order.
    pub fn of_line(order: &ProductOrder, refund: &LineRefund) -> Result<Self, HoldReason> {
        let on_top = match &order.tax_mode {
            TaxMode::Included => Decimal::ZERO,
            TaxMode::Excluded => refund.taxes,
            TaxMode::Unknown(mode) => {
                return Err(HoldReason::CannotAddUp(format!(
                    "unknown tax mode {mode:?}"
                )));
            }
        };
        let (prices, taxes) = (refund.prices_not_payable, refund.taxes_not_payable);
        if order.tax_mode == TaxMode::Included && !prices.is_zero() && !taxes.is_zero() {
            return Err(HoldReason::CannotAddUp(format!(
                "amounts that hold their taxes mark {prices} as not payable to the shop, and the \
                 taxes mark {taxes}: it cannot be told whether these are the same"
            )));
        }
        Ok(Self {
            total: Some(add(refund.amount, on_top)?),
            currency: order.currency.clone(),
            taxes: refund.taxes,
            commission: refund.commission,
            not_payable: add(prices, taxes)?,
            confirmed: refund.confirmed,
        })
    }

    /// A refund of a service order. What the customer gets back is what SPA12 says, as with debits:
    /// whether an order's prices are meant for one or for all of what was ordered is not certain.
    pub fn of_service(order: &ServiceOrder, refund: &ServiceRefund) -> Self {
        Self {
            total: None,
            currency: order.currency.clone(),
            taxes: refund.taxes,
            commission: refund.commission,
            not_payable: Decimal::ZERO,
            confirmed: refund.confirmed,
        }
    }
}

/// The amounts of one refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundAmounts {
    /// What the customer gets back, above zero.
    pub refund: Money,
    /// What of it the seller bears, taxes included; may be zero or negative.
    pub seller: Money,
    /// The taxes in it; none where they do not fit the currency.
    pub taxes: Option<Money>,
    /// The parts that are not payable to the shop; none where they do not fit the currency.
    pub withheld: Option<Money>,
    /// The arithmetic in major units, for the operator.
    pub explained: String,
}

/// Refund − refunded commission − parts that are not payable to the shop, exactly.
///
/// What Mirakl asks for and what its order shows must agree: refunding by either could be wrong.
pub fn refund_amounts(asked: &AskedRefund, shown: &Shown) -> Result<RefundAmounts, HoldReason> {
    let currency = Currency::parse(&asked.currency)
        .map_err(|_| HoldReason::UnknownCurrency(asked.currency.clone()))?;
    if Currency::parse(&shown.currency).ok() != Some(currency) {
        return Err(HoldReason::CannotAddUp(format!(
            "the refund is in {}, its order in {}",
            asked.currency, shown.currency
        )));
    }
    if let Some(total) = shown.total
        && total != asked.amount
    {
        return Err(HoldReason::CannotAddUp(format!(
            "Mirakl asks for {}, the order shows a refund of {total}",
            asked.amount
        )));
    }
    let refund = exact(asked.amount, currency)?;
    if !refund.is_positive() {
        return Err(HoldReason::CannotAddUp(format!(
            "a refund of {} gives nothing back",
            asked.amount
        )));
    }
    let commission = shown.commission.ok_or(HoldReason::NoCommission)?;
    for (what, amount) in [
        ("commission", commission),
        ("taxes", shown.taxes),
        ("parts not payable to the shop", shown.not_payable),
    ] {
        if amount < Decimal::ZERO {
            return Err(HoldReason::CannotAddUp(format!("its {what} are {amount}")));
        }
    }
    let seller = add(add(asked.amount, -commission)?, -shown.not_payable)?;
    let seller = exact(seller, currency)?;
    Ok(RefundAmounts {
        refund,
        seller,
        taxes: Money::from_major(shown.taxes, currency).ok(),
        withheld: Money::from_major(shown.not_payable, currency).ok(),
        explained: explain(asked.amount, commission, shown.not_payable, seller),
    })
}

fn add(a: Decimal, b: Decimal) -> Result<Decimal, HoldReason> {
    a.checked_add(b)
        .ok_or_else(|| HoldReason::CannotAddUp("an amount is too large".to_owned()))
}

fn exact(amount: Decimal, currency: Currency) -> Result<Money, HoldReason> {
    Money::from_major(amount, currency).map_err(|error| match error {
        MoneyError::Inexact { amount, currency } => HoldReason::InexactAmount {
            amount: amount.normalize(),
            currency,
        },
        other => HoldReason::CannotAddUp(other.to_string()),
    })
}

fn explain(refund: Decimal, commission: Decimal, not_payable: Decimal, seller: Money) -> String {
    let mut text = format!("refund {refund}");
    for (what, amount) in [
        ("commission", commission),
        ("not payable to the shop", not_payable),
    ] {
        if !amount.is_zero() {
            let _ = write!(text, " - {what} {amount}");
        }
    }
    let _ = write!(text, " = {seller}");
    text
}
