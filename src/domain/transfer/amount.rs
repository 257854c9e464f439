//! The seller's part of a product order.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::reason::HoldReason;
use crate::domain::money::{Currency, Money, MoneyError};
use crate::domain::order::{LineState, ProductOrder, TaxMode};

/// The seller's part, how it came about, and what the customer owes for the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerAmount {
    /// What the seller gets; may be zero or negative.
    pub seller: Money,
    /// What the customer owes for this order, taxes included.
    pub customer: Money,
    /// The arithmetic in major units, for the operator.
    pub explained: String,
}

/// Total + taxes on top − commission − parts that are not payable to the shop, exactly.
///
/// Totals that contradict the live lines are held: paying by either could be wrong.
pub fn seller_amount(order: &ProductOrder) -> Result<SellerAmount, HoldReason> {
    let currency = Currency::parse(&order.currency)
        .map_err(|_| HoldReason::UnknownCurrency(order.currency.clone()))?;
    let sums = Sums::of(order)?;
    sums.agree_with(order)?;
    let taxes = match &order.tax_mode {
        TaxMode::Included => Decimal::ZERO,
        TaxMode::Excluded => sums.taxes,
        TaxMode::Unknown(mode) => {
            return Err(HoldReason::CannotAddUp(format!(
                "unknown tax mode {mode:?}"
            )));
        }
    };
    let included = order.tax_mode == TaxMode::Included;
    if included && !sums.prices_not_payable.is_zero() && !sums.taxes_not_payable.is_zero() {
        return Err(HoldReason::CannotAddUp(format!(
            "prices that hold their taxes mark {} as not payable to the shop, and the taxes mark {}: \
             it cannot be told whether these are the same",
            sums.prices_not_payable, sums.taxes_not_payable
        )));
    }
    let not_payable = add(sums.prices_not_payable, sums.taxes_not_payable)?;
    let customer = add(order.total_price, taxes)?;
    let seller = add(add(customer, -order.total_commission)?, -not_payable)?;
    Ok(SellerAmount {
        seller: exact(seller, currency)?,
        customer: exact(customer, currency)?,
        explained: explain(order, taxes, not_payable, seller),
    })
}

/// What the live lines add up to.
#[derive(Default)]
struct Sums {
    total_price: Decimal,
    total_commission: Decimal,
    taxes: Decimal,
    prices_not_payable: Decimal,
    taxes_not_payable: Decimal,
}

impl Sums {
    fn of(order: &ProductOrder) -> Result<Self, HoldReason> {
        let mut sums = Self::default();
        for line in order.live_lines() {
            if let LineState::Unknown(state) = &line.state {
                return Err(HoldReason::CannotAddUp(format!(
                    "line {} is in state {state:?}, which this program does not know",
                    line.id
                )));
            }
            sums.total_price = add(sums.total_price, line.total_price)?;
            sums.total_commission = add(sums.total_commission, line.total_commission)?;
            sums.taxes = add(sums.taxes, line.taxes)?;
            sums.prices_not_payable = add(sums.prices_not_payable, line.prices_not_payable)?;
            sums.taxes_not_payable = add(sums.taxes_not_payable, line.taxes_not_payable)?;
        }
        Ok(sums)
    }

    fn agree_with(&self, order: &ProductOrder) -> Result<(), HoldReason> {
        for (what, total, sum) in [
            ("total_price", order.total_price, self.total_price),
            (
                "total_commission",
                order.total_commission,
                self.total_commission,
            ),
        ] {
            if total != sum {
                return Err(HoldReason::CannotAddUp(format!(
                    "{what} is {total}, its live lines add up to {sum}"
                )));
            }
        }
        Ok(())
    }
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

fn explain(order: &ProductOrder, taxes: Decimal, not_payable: Decimal, seller: Decimal) -> String {
    let mut text = format!("total {}", order.total_price);
    for (sign, what, amount) in [
        ("+", "taxes", taxes),
        ("-", "commission", order.total_commission),
        ("-", "not payable to the shop", not_payable),
    ] {
        if !amount.is_zero() {
            let _ = write!(text, " {sign} {what} {amount}");
        }
    }
    let _ = write!(text, " = {seller} {}", order.currency);
    text
}
