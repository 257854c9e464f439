//! Pieces of Mirakl's JSON that several resources share.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::date::is_usable;

/// Decimals and digits beyond these are no amount of a marketplace; within them sums are exact.
const MOST_DECIMALS: u32 = 8;
const LARGEST: i64 = 1_000_000_000_000_000;

/// An amount in major units, read from the digits as they were sent: no float in between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.as_str();
        let parsed = match text.split_once(['e', 'E']) {
            // By itself this would round digits before the exponent that a decimal cannot hold.
            Some((digits, _)) => {
                Decimal::from_str_exact(digits).and_then(|_| Decimal::from_scientific(text))
            }
            None => Decimal::from_str_exact(text),
        };
        let amount = parsed.map_err(|_| D::Error::custom(format!("{text} is no exact amount")))?;
        if amount.normalize().scale() > MOST_DECIMALS || amount.abs() > Decimal::from(LARGEST) {
            return Err(D::Error::custom(format!("{text} is no exact amount")));
        }
        Ok(Self(amount))
    }
}

/// An amount as a JSON number, digit by digit.
pub(crate) fn exact_number(amount: Decimal) -> serde_json::Number {
    let digits = amount.to_string();
    // A decimal's digits are always a JSON number.
    serde_json::from_str(&digits).unwrap_or_else(|_| serde_json::Number::from(0))
}

/// A list that may be `null`.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An id that some versions of Mirakl send as a number.
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(D::Error::custom("an id is neither text nor number")),
    }
}

/// A date.
pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_date(&text).map_err(D::Error::custom)
}

/// Reads a date that can be used; the error says what is wrong with it, without quoting it.
pub(super) fn read_date(text: &str) -> Result<DateTime<Utc>, String> {
    let date: DateTime<Utc> = text
        .trim()
        .parse()
        .map_err(|error: chrono::ParseError| error.to_string())?;
    match is_usable(date) {
        true => Ok(date),
        false => Err("a date of no marketplace".to_owned()),
    }
}

/// A date that may be missing or empty.
pub(super) fn optional_date<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    let text: Option<String> = Option::deserialize(deserializer)?;
    match text.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => read_date(text).map(Some).map_err(D::Error::custom),
    }
}

/// A date that little depends on: one that cannot be read counts as missing.
pub(super) fn lenient_date<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| read_date(text).ok()))
}

/// Where a JSON text breaks, without quoting any text of it.
pub(super) fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => shown(&without_text(&error.to_string())),
        _ => format!("no JSON (line {}, column {})", error.line(), error.column()),
    }
}

/// Postgres keeps every text but one with a NUL.
pub(super) fn is_storable(id: &str) -> bool {
    !id.is_empty() && !id.contains('\0')
}

/// The parser's message without "at line … column …", which differs from page to page.
pub(super) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    shown(&without_text(&text[..end]))
}

/// The parser's message without the text that was found where something else belongs: it may be anybody's name.
fn without_text(message: &str) -> String {
    let quoted = message.find("string \"").map(|at| at + "string".len());
    match (quoted, message.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", &message[..start], &message[end + 1..])
        }
        _ => message.to_owned(),
    }
}

/// Mirakl's message in an error body; empty when there is none.
pub(super) fn error_message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct WireError {
        message: String,
    }
    serde_json::from_slice::<WireError>(body)
        .map(|error| shown(&error.message))
        .unwrap_or_default()
}

/// Mirakl's words as they may be shown: shortened, and without the addresses that they may quote,
/// because an onboarding link is a secret.
pub(super) fn shown(message: &str) -> String {
    let words = message
        .split_whitespace()
        .map(|word| match word.contains("://") {
            true => "(address)",
            false => word,
        });
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsers_message_quotes_no_text() {
        for (json, told) in [
            (
                r#""Jane \", expected Doe""#,
                "invalid type: string, expected u8",
            ),
            ("-1", "invalid value: integer `-1`, expected u8"),
        ] {
            let error = serde_json::from_str::<u8>(json).expect_err(json);
            assert_eq!(without_position(&error), told);
        }
    }

    fn amount(json: &str) -> Option<String> {
        let amount: Result<Amount, _> = serde_json::from_str(json);
        amount.ok().map(|amount| amount.0.to_string())
    }

    #[test]
    fn an_error_is_shown_without_the_addresses_that_it_quotes() {
        let body = r#"{"message": "'https://connect.stripe.com/setup/e/x'\n is\u0000 too   long"}"#;
        assert_eq!(error_message(body.as_bytes()), "(address) is too long");
        assert_eq!(error_message(b"<html>"), "");
    }

    #[test]
    fn amounts_are_read_digit_by_digit() {
        for (json, read) in [
            ("12.34", Some("12.34")),
            ("0.1", Some("0.1")),
            ("55.00", Some("55.00")),
            ("1.5E1", Some("15")),
            ("-3", Some("-3")),
            ("12.345678", Some("12.345678")),
            ("1.1234567890123", None),
            ("1e40", None),
            ("12.3400000000000000000000000000001e0", None),
            ("123456789012345678901234567890", None),
            ("\"12.34\"", None),
            ("null", None),
        ] {
            assert_eq!(amount(json).as_deref(), read, "{json}");
        }
    }
}
