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
    check(name, values.len())?;
    Ok(values.into_iter().map(str::to_owned).collect())
}

/// One more value of a parameter that is repeated.
pub(super) fn repeat(set: &mut HashSet<String>, name: &str, value: &str) -> Result<(), String> {
    set.insert(value.to_owned());
    check(name, set.len())
}

fn check(name: &str, values: usize) -> Result<(), String> {
    if values > LIST_LIMIT {
        return Err(format!(
            "The limit of {LIST_LIMIT} is exceeded for parameter '{name}'"
        ));
    }
    Ok(())
}

/// A date in milliseconds.
pub(super) fn date(name: &str, value: &str) -> Result<i64, String> {
    let date = dates::read(value).ok_or_else(|| wrong(name, value))?;
    Ok(date.timestamp_millis())
}
