//! Which part of one of Stripe's own lists has to be read to take over what the store does not know, and
//! what is known afterwards.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::adoptions::Covered;

/// Lists overlap by this: Stripe's clock and ours, and requests that overtook each other.
pub(super) const MARGIN: TimeDelta = TimeDelta::minutes(10);

/// Where a list has to be read from: all of it since `start`, or what came after what is known.
pub(super) fn list_from(covered: Option<Covered>, start: DateTime<Utc>) -> DateTime<Utc> {
    match covered {
        Some(covered) if covered.from <= start => covered.until - MARGIN,
        _ => start - MARGIN,
    }
}

/// What is known after the whole list was read, whose newest element was made at `newest`.
pub(super) fn covered_by(
    newest: Option<DateTime<Utc>>,
    covered: Option<Covered>,
    start: DateTime<Utc>,
) -> Covered {
    let until = newest
        .or(covered.map(|covered| covered.until))
        .unwrap_or(start);
    Covered {
        from: start.min(until),
        until,
    }
}
