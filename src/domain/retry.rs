//! When a row that waits or failed is looked at again.

use chrono::{DateTime, TimeDelta, Utc};

const FIRST: TimeDelta = TimeDelta::minutes(5);
const LONGEST_HOLD: TimeDelta = TimeDelta::hours(6);
const LONGEST_FAILURE: TimeDelta = TimeDelta::hours(24);

/// A decision that was recorded but not sent is made anew after this time: facts change.
pub const DECISION_LIFE: TimeDelta = TimeDelta::minutes(10);

/// After this time Stripe may have forgotten an idempotency key (it keeps them for 24 hours):
/// what was sent before is looked up before it is sent again.
pub const KEY_LIFE: TimeDelta = TimeDelta::hours(23);

/// The wait before a held row is looked at again: 5 minutes, doubling to 6 hours.
///
/// `looks` counts the earlier looks that found the same reason.
pub fn hold_delay(looks: u32) -> TimeDelta {
    doubling(looks, LONGEST_HOLD)
}

/// How often a held row was looked at, and when it is looked at again: later and later as long as the
/// reason stays the same. `same` is that of a row that waits for this reason already.
pub fn next_look(
    same: Option<(u32, Option<DateTime<Utc>>)>,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let looks = match same {
        // Seen because something changed, before its time: the planned look stays.
        Some((looks, Some(planned))) if planned > now => return (looks, Some(planned)),
        Some((looks, _)) => looks + 1,
        None => 0,
    };
    (looks, Some(now + hold_delay(looks)))
}

/// The wait before a refused request is tried again: 5 minutes, doubling to 24 hours.
///
/// `failures` counts the earlier refusals in a row.
pub fn failure_delay(failures: u32) -> TimeDelta {
    doubling(failures, LONGEST_FAILURE)
}

/// The wait after a refusal that time alone will not mend: 24 hours at once.
pub fn final_failure_delay() -> TimeDelta {
    LONGEST_FAILURE
}

/// The wait before a notification is tried again: 1 minute, doubling to an hour.
///
/// `tries` counts the earlier tries.
pub fn notification_delay(tries: u32) -> TimeDelta {
    doubling_from(TimeDelta::minutes(1), tries, TimeDelta::hours(1))
}

fn doubling(times: u32, longest: TimeDelta) -> TimeDelta {
    doubling_from(FIRST, times, longest)
}

fn doubling_from(first: TimeDelta, times: u32, longest: TimeDelta) -> TimeDelta {
    let factor = 2_i32.saturating_pow(times.min(20));
    first
        .checked_mul(factor)
        .map_or(longest, |d| d.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stop_at_their_longest() {
        let minutes = |n| TimeDelta::minutes(n);
        for (looks, hold, failure) in [
            (0, 5, 5),
            (1, 10, 10),
            (2, 20, 20),
            (6, 320, 320),
            (7, 360, 640),
            (9, 360, 1440),
            (u32::MAX, 360, 1440),
        ] {
            assert_eq!(hold_delay(looks), minutes(hold), "hold {looks}");
            assert_eq!(failure_delay(looks), minutes(failure), "failure {looks}");
        }
        for (tries, delay) in [(0, 1), (1, 2), (5, 32), (6, 60), (u32::MAX, 60)] {
            assert_eq!(notification_delay(tries), minutes(delay), "try {tries}");
        }
    }

    #[test]
    fn a_held_row_is_looked_at_later_and_later_and_a_planned_look_stays() {
        let now = DateTime::from_timestamp(1_770_000_000, 0).expect("a date");
        let at = |minutes| Some(now + TimeDelta::minutes(minutes));
        for (same, looks, next) in [
            (None, 0, at(5)),
            (Some((0, at(0))), 1, at(10)),
            (Some((1, at(-3))), 2, at(20)),
            (Some((1, at(3))), 1, at(3)),
            (Some((1, None)), 2, at(20)),
        ] {
            assert_eq!(next_look(same, now), (looks, next), "{same:?}");
        }
    }
}
