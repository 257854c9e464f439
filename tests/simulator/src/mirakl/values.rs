//! Reading JSON of which little is certain.

use serde_json::Value;

use super::dates;

/// The elements of an array; none of anything else.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// An id as a text, whether or not it is one.
pub(super) fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// As sent, digit for digit, if it was.
pub(super) fn sent(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| text(value))
}

/// A text that must be given.
pub(super) fn required<'a>(item: &'a Value, name: &str) -> Result<&'a str, String> {
    let text = item[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("The field '{name}' is required"))
}

/// What an item may say about the transaction behind it.
pub(super) fn check_transaction(item: &Value) -> Result<(), String> {
    let number = &item["transaction_number"];
    if !(number.is_null() || number.is_string()) {
        return Err("The transaction_number must be a text".to_owned());
    }
    match &item["transaction_date"] {
        Value::Null => Ok(()),
        date if date.as_str().and_then(dates::read).is_some() => Ok(()),
        date => Err(format!("The transaction_date {date} is not valid")),
    }
}
