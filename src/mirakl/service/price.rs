//! What a service costs: a price or prices of its units, options, and the taxes of each.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::mirakl::wire::{Amount, nullable};

#[derive(Deserialize)]
pub(super) struct WirePrice {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    quantity: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    options: Vec<WireOption>,
    #[serde(default, deserialize_with = "nullable")]
    ordered_service_units: Vec<WireUnit>,
}

#[derive(Deserialize)]
pub(super) struct WireTax {
    amount: Amount,
}

#[derive(Deserialize)]
pub(super) struct WireOption {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "values")]
    values: Vec<WireValue>,
}

#[derive(Deserialize)]
struct WireUnit {
    #[serde(default, deserialize_with = "values")]
    values: Vec<WireValue>,
}

#[derive(Deserialize)]
struct WireValue {
    amount: Amount,
    #[serde(default)]
    ordered_quantity: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
}

/// A list that may be `null`, or of another shape altogether.
fn values<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    nullable(deserializer)
}

pub(super) fn sum(taxes: &[WireTax]) -> Decimal {
    taxes.iter().map(|tax| tax.amount.0).sum()
}

/// The product; none where a decimal cannot hold all of its digits.
fn exact_product(one: Decimal, other: Decimal) -> Option<Decimal> {
    let (one, other) = (one.normalize(), other.normalize());
    let product = one.checked_mul(other)?;
    let is_exact = product.is_zero() || product.scale() == one.scale() + other.scale();
    is_exact.then_some(product)
}

/// What a price comes to, in major units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Price, options and taxes.
    pub total: Decimal,
    /// The taxes in it.
    pub taxes: Decimal,
}

impl Sums {
    fn with(self, amount: Decimal, taxes: Decimal) -> Option<Self> {
        Some(Self {
            total: self.total.checked_add(amount)?.checked_add(taxes)?,
            taxes: self.taxes.checked_add(taxes)?,
        })
    }
}

impl WireOption {
    /// Without its taxes.
    pub fn amount(&self) -> Decimal {
        let own = self.amount.as_ref().map_or(Decimal::ZERO, |own| own.0);
        own + self
            .values
            .iter()
            .map(|value| value.amount.0)
            .sum::<Decimal>()
    }

    pub fn taxes(&self) -> Decimal {
        let of_values = self.values.iter().map(|value| sum(&value.taxes));
        sum(&self.taxes) + of_values.sum::<Decimal>()
    }
}

impl WirePrice {
    /// A unit price counts as often as it was ordered; `None` for a price of a form that is not
    /// known here.
    pub fn sums(&self) -> Option<Sums> {
        let times = |amount: Decimal, quantity: &Option<Amount>| {
            exact_product(
                amount,
                quantity
                    .as_ref()
                    .map_or(Decimal::ONE, |quantity| quantity.0),
            )
        };
        let mut sums = Sums::default().with(Decimal::ZERO, sum(&self.taxes))?;
        match (&self.amount, self.ordered_service_units.is_empty()) {
            (Some(amount), true) => {
                sums = sums.with(times(amount.0, &self.quantity)?, Decimal::ZERO)?;
            }
            (None, false) => {
                let units = self.ordered_service_units.iter();
                for value in units.flat_map(|unit| &unit.values) {
                    let amount = times(value.amount.0, &value.ordered_quantity)?;
                    sums = sums.with(amount, sum(&value.taxes))?;
                }
            }
            _ => return None,
        }
        for option in &self.options {
            sums = sums.with(option.amount(), option.taxes())?;
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(json: &str) -> Option<(String, String)> {
        let price: WirePrice = serde_json::from_str(json).expect("a price");
        let text = |amount: Decimal| amount.normalize().to_string();
        price
            .sums()
            .map(|sums| (text(sums.total), text(sums.taxes)))
    }

    #[test]
    fn a_price_comes_to_its_units_options_and_the_taxes_of_each() {
        let values = r#""values":[{"amount":1,"taxes":[{"amount":0.1}]},{"amount":2}]"#;
        for (json, expected) in [
            (r#"{"amount":10}"#.to_owned(), Some(("10", "0"))),
            (
                r#"{"amount":10,"quantity":3}"#.to_owned(),
                Some(("30", "0")),
            ),
            (
                r#"{"amount":10,"taxes":[{"amount":2},{"amount":0.5}]}"#.to_owned(),
                Some(("12.5", "2.5")),
            ),
            (
                r#"{"amount":10,"taxes":null,"options":[{"amount":4,"taxes":[{"amount":0.8}]}]}"#
                    .to_owned(),
                Some(("14.8", "0.8")),
            ),
            (
                format!(r#"{{"amount":10,"options":[{{{values}}}]}}"#),
                Some(("13.1", "0.1")),
            ),
            (
                format!(
                    r#"{{"ordered_service_units":[{{{}}}],"taxes":[{{"amount":1}}]}}"#,
                    values.replace(r#""amount":2"#, r#""amount":2,"ordered_quantity":4"#)
                ),
                Some(("10.1", "1.1")),
            ),
            (r#"{"quantity":3}"#.to_owned(), None),
            (
                format!(r#"{{"amount":1,"ordered_service_units":[{{{values}}}]}}"#),
                None,
            ),
        ] {
            let expected = expected.map(|(total, taxes)| (total.to_owned(), taxes.to_owned()));
            assert_eq!(sums(&json), expected, "{json}");
        }
    }
}
