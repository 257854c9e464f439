//! The parts of a price that go different ways.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::tax_mode::number;

/// The parts that are not the shop's or not the customer's to pay, after the rest; `None` if there
/// is only the rest.
pub(super) fn breakdown(
    price: Decimal,
    not_payable: Option<Decimal>,
    not_debitable: Option<Decimal>,
) -> Option<Vec<Value>> {
    if not_payable.is_none() && not_debitable.is_none() {
        return None;
    }
    let rest = price - not_payable.unwrap_or_default() - not_debitable.unwrap_or_default();
    let parts = [
        Some(part(rest, true, true)),
        not_payable.map(|amount| part(amount, true, false)),
        not_debitable.map(|amount| part(amount, false, true)),
    ];
    Some(parts.into_iter().flatten().collect())
}

fn part(amount: Decimal, debitable: bool, payable: bool) -> Value {
    json!({
        "amount": number(amount),
        "commissionable": payable,
        "debitable_from_customer": debitable,
        "payable_to_shop": payable,
    })
}
