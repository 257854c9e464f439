//! Options of a service, as an order and a refund show them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::mirakl::line::{decimal, taxes};
use crate::mirakl::tax_mode::number;

/// An option that was chosen.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// One that is had or not, with the taxes on it.
    Flag(Decimal, Vec<Decimal>),
    /// One of several values, each with a tax.
    Values(Vec<(Decimal, Decimal)>),
}

impl Choice {
    pub(super) fn flag(amount: &str) -> Self {
        Self::Flag(decimal(amount), Vec::new())
    }

    pub(super) fn values(values: &[(&str, &str)]) -> Self {
        let values = values.iter();
        let values = values.map(|(amount, tax)| (decimal(amount), decimal(tax)));
        Self::Values(values.collect())
    }

    /// Adds a tax.
    ///
    /// # Panics
    /// If it is of several values, whose taxes are given with them.
    pub(super) fn tax(&mut self, amount: &str) {
        let Self::Flag(_, taxes) = self else {
            panic!("the option's values have their own taxes");
        };
        taxes.push(decimal(amount));
    }

    fn show(&self, index: u32) -> Value {
        let code = format!("option-{index}");
        let label = format!("Option {index}");
        match self {
            Self::Flag(amount, own) => json!({
                "type": "BOOLEAN",
                "code": code,
                "label": label,
                "value": true,
                "amount": number(*amount),
                "taxes": taxes(own),
            }),
            Self::Values(values) => {
                let value = |(at, (amount, tax)): (u32, &(Decimal, Decimal))| {
                    json!({
                        "code": format!("value-{at}"),
                        "label": format!("Value {at}"),
                        "amount": number(*amount),
                        "taxes": taxes(std::slice::from_ref(tax)),
                    })
                };
                let values: Vec<Value> = (1..).zip(values).map(value).collect();
                json!({ "type": "VALUE_LIST", "code": code, "label": label, "values": values })
            }
        }
    }
}

/// Options with their taxes.
pub(super) fn options(options: &[Choice]) -> Vec<Value> {
    let options = (1..).zip(options);
    options.map(|(index, option)| option.show(index)).collect()
}
