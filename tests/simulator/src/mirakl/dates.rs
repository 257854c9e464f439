//! Dates as Mirakl writes and reads them.

use chrono::{DateTime, Timelike, Utc};

/// UTC with `Z`; milliseconds only when there are any.
pub(super) fn show(at: DateTime<Utc>) -> String {
    let form = if at.nanosecond() / 1_000_000 == 0 {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    };
    at.format(form).to_string()
}

/// A date parameter: `Z`, `±hh:mm`, or the `±hhmm` that real clients get away with.
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|date| date.to_utc())
}
