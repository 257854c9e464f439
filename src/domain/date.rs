//! Which dates are taken from outside.

use chrono::{DateTime, Datelike as _, Utc};

/// Whether the store can hold a date, and days can be added to it and taken from it: one element with another
/// date would stop the page that it stands on.
pub fn is_usable(date: DateTime<Utc>) -> bool {
    (1900..=9999).contains(&date.year())
}
