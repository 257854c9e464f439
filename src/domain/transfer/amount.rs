//! What an order comes to, and how it is divided: the seller's part, and the taxes where they go to an
//! account of their own.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::reason::HoldReason;
use crate::domain::money::{Currency, Money, MoneyError};

/// What an order comes to, in major units, before anything is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// The currency of all of it.
    pub(super) currency: Currency,
    /// What the customer owes for this order, or was debited; taxes included.
    pub(super) customer: Decimal,
    /// How that came about, for the operator.
    pub(super) customer_explained: String,
    /// The operator's commission with its tax.
    pub(super) commission: Decimal,
    /// Parts that the shop does not get.
    pub(super) not_payable: Decimal,
    /// The taxes in what the customer owes; why they cannot be told apart where they cannot.
    pub(super) taxes: Result<Decimal, String>,
}

/// An order, divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What the seller gets; may be zero or negative.
    pub seller: Money,
    /// What goes to the tax account; zero where taxes are not split off.
    pub taxes: Money,
    /// What the customer owes for this order, taxes included.
    pub customer: Money,
    /// The arithmetic behind the seller's part in major units, for the operator.
    pub explained: String,
}

impl Parts {
    /// The arithmetic behind the taxes.
    pub fn taxes_explained(&self) -> String {
        format!("taxes of the order = {}", self.taxes)
    }

    /// What leaves for seller and tax account together. A seller's part below zero brings nothing.
    pub fn total(&self) -> Result<Money, HoldReason> {
        let nothing = Money::from_minor(0, self.seller.currency());
        let seller = match self.seller.is_positive() {
            true => self.seller,
            false => nothing,
        };
        let total = seller.checked_add(self.taxes);
        total.map_err(|error| HoldReason::CannotAddUp(error.to_string()))
    }
}

impl Amounts {
    /// The seller gets all: customer's amount − commission − parts that are not payable to the shop.
    pub fn whole(&self) -> Result<Parts, HoldReason> {
        self.divided(Decimal::ZERO)
    }

    /// The taxes go to the tax account, and the seller's part is less by exactly that.
    ///
    /// Held where it cannot be told what is meant: a part that is not payable to the shop may be a
    /// tax already, and a tax of the order as a whole belongs to no line.
    pub fn split(&self) -> Result<Parts, HoldReason> {
        let cannot = |cause: &str| {
            HoldReason::CannotAddUp(format!("its taxes cannot be split off: {cause}"))
        };
        let taxes = self.taxes.as_ref().map_err(|cause| cannot(cause))?;
        if taxes.is_sign_negative() && !taxes.is_zero() {
            return Err(cannot(&format!("they come to {taxes}")));
        }
        self.divided(*taxes)
    }

    fn divided(&self, taxes: Decimal) -> Result<Parts, HoldReason> {
        let after_commission = add(self.customer, -self.commission)?;
        let seller = add(add(after_commission, -self.not_payable)?, -taxes)?;
        let seller = exact(seller, self.currency)?;
        Ok(Parts {
            seller,
            taxes: exact(taxes, self.currency)?,
            customer: exact(self.customer, self.currency)?,
            explained: self.explain(taxes, seller),
        })
    }

    fn explain(&self, taxes: Decimal, seller: Money) -> String {
        let mut text = self.customer_explained.clone();
        for (amount, what) in [
            (self.commission, "commission {}"),
            (self.not_payable, "not payable to the shop {}"),
            (taxes, "taxes {} to the tax account"),
        ] {
            if !amount.is_zero() {
                let _ = write!(text, " - {}", what.replace("{}", &amount.to_string()));
            }
        }
        let _ = write!(text, " = {seller}");
        text
    }
}

/// The sum, or that it is more than can be counted.
pub(super) fn add(a: Decimal, b: Decimal) -> Result<Decimal, HoldReason> {
    a.checked_add(b)
        .ok_or_else(|| HoldReason::CannotAddUp("an amount is too large".to_owned()))
}

/// The currency by its code.
pub(super) fn currency(code: &str) -> Result<Currency, HoldReason> {
    Currency::parse(code).map_err(|_| HoldReason::UnknownCurrency(code.to_owned()))
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
