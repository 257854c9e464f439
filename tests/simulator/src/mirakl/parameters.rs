//! Values of query parameters.

use std::collections::HashSet;

use super::dates;

/// Most values a comma list may hold.
const LIST_LIMIT: usize = 100;

/// What is said about a value that cannot be understood.
pub(super) fn wrong(name: &str, value: &str) -> String {
    format!("The value '{value}' of parameter '{name}' is not valid")
}

/// A comma list.
pub(super) fn list(name: &str, value: &str) -> Result<HashSet<String>, String> {
    let values: Vec<&str> = value.split(',').collect();
    if values.len() > LIST_LIMIT {
        return Err(format!(
            "The limit of {LIST_LIMIT} is exceeded for parameter '{name}'"
        ));
    }
    Ok(values.into_iter().map(str::to_owned).collect())
}

/// A date in milliseconds.
pub(super) fn date(name: &str, value: &str) -> Result<i64, String> {
    let date = dates::read(value).ok_or_else(|| wrong(name, value))?;
    Ok(date.timestamp_millis())
}
