//! What is asserted of everything that was decoded, by a reading of its own.

use chrono::{DateTime, Datelike as _, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::http::Answer;

/// Decimals of the oracle's integers.
const DECIMALS: u32 = 8;

/// A JSON number in units of 10⁻⁸, by its digits alone; `None` when it is no whole number of them, or
/// beyond 10²⁹ units.
pub(super) fn units(number: &str) -> Option<i128> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let fraction = i64::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_sub(fraction)?.checked_add(dropped)? + i64::from(DECIMALS);
    let shift = u32::try_from(shift).ok().filter(|shift| *shift < 30)?;
    if significant.len() > 30 {
        return None;
    }
    let units: i128 = significant.parse().ok()?;
    let units = units.checked_mul(10_i128.checked_pow(shift)?)?;
    let units = (units < 10_i128.pow(29)).then_some(units)?;
    Some(if negative { -units } else { units })
}

/// The number in a field in units; of a field that is missing or `null`, zero.
pub(super) fn units_of(value: Option<&Value>) -> Option<i128> {
    match value {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => units(number.as_str()),
        Some(_) => None,
    }
}

/// The sum of what `of` finds in each element of a list that may be missing or `null`; `None` when one of
/// them is of another shape.
pub(super) fn sum(list: Option<&Value>, of: impl Fn(&Value) -> Option<i128>) -> Option<i128> {
    match list {
        None | Some(Value::Null) => Some(0),
        Some(Value::Array(elements)) => elements
            .iter()
            .map(|element| element.is_object().then(|| of(element)).flatten())
            .sum(),
        Some(_) => None,
    }
}

/// A decimal as integer and scale, without zeros at its end.
fn canonical(mut mantissa: i128, mut scale: u32) -> (i128, u32) {
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    (mantissa, scale)
}

/// An amount is exactly so many units of 10 to the power of minus `decimals`.
pub(super) fn same_at(decimals: u32, amount: Decimal, units: i128, what: &str) {
    let read = canonical(amount.mantissa(), amount.scale());
    assert_eq!(read, canonical(units, decimals), "{what} is {amount}");
}

/// An amount is exactly so many units.
pub(super) fn same(amount: Decimal, units: i128, what: &str) {
    same_at(DECIMALS, amount, units, what);
}

/// An amount that was accepted is what its field says, digit for digit.
pub(super) fn as_sent(amount: Decimal, field: Option<&Value>, what: &str) {
    let units = units_of(field);
    assert!(units.is_some(), "{what}: {field:?} was read as {amount}");
    same(amount, units.unwrap_or_default(), what);
}

/// Postgres takes it: a text that is stored holds no NUL.
pub(super) fn storable(text: &str, what: &str) {
    assert!(!text.contains('\0'), "{what} holds a NUL: {text:?}");
}

/// An id that is stored.
pub(super) fn storable_id(id: &str, what: &str) {
    assert!(!id.is_empty(), "{what} is empty");
    storable(id, what);
}

/// Postgres takes it, and a few years more or less than it is are dates too.
pub(super) fn date(date: DateTime<Utc>, what: &str) {
    assert!((1..=9999).contains(&date.year()), "{what} is {date}");
}

/// The same of each.
pub(super) fn dates(dates: impl IntoIterator<Item = DateTime<Utc>>, what: &str) {
    for at in dates {
        date(at, what);
    }
}

/// What an operator sees does not hold it, unless whoever answered said so first.
pub(super) fn hides(shown: &str, secret: &str, answers: &[Answer]) {
    let said = |text: &[u8]| {
        let mut parts = text.windows(secret.len());
        parts.any(|part| part == secret.as_bytes())
    };
    let told = answers
        .iter()
        .any(|answer| said(&answer.body) || answer.headers.values().any(|v| said(v.as_bytes())));
    assert!(told || !shown.contains(secret), "{secret} in {shown}");
}

/// A reason or a message that is stored, printed and mailed: short, and without control characters.
pub(super) fn message(text: &str, what: &str) {
    assert!(
        text.chars().count() <= 700,
        "{what} has {} bytes",
        text.len()
    );
    let control = text.chars().any(char::is_control);
    assert!(!control, "{what} holds control characters: {text:?}");
}
