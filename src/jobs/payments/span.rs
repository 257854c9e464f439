//! Which part of Stripe's list of charges a run has read.

use chrono::{DateTime, TimeDelta, Utc};

/// A span of Stripe's creation times, both ends included. Stripe counts whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// One span that has been read whole.
#[derive(Debug, Default)]
pub(super) struct Coverage(Option<Span>);

impl Coverage {
    /// The parts of `span` that have not been read, newest first.
    pub fn gaps(&self, span: Span) -> Vec<Span> {
        let Some(covered) = self.0 else {
            return vec![span];
        };
        if span.until < covered.from || covered.until < span.from {
            return vec![span];
        }
        let newer = Span {
            from: covered.until + SECOND,
            until: span.until,
        };
        let older = Span {
            from: span.from,
            until: covered.from - SECOND,
        };
        let gaps = [newer, older].into_iter();
        gaps.filter(|gap| gap.from <= gap.until).collect()
    }

    /// Adds what was read of `gap`, newest first, down to a charge made at `reached`; none when the
    /// gap was read to its end. A span that does not touch the one before replaces it.
    pub fn add(&mut self, gap: Span, reached: Option<DateTime<Utc>>) {
        let from = match reached {
            None => gap.from,
            // More charges of that second may follow on the next page.
            Some(at) => (at + SECOND).min(gap.until),
        };
        let read = Span { from, ..gap };
        self.0 = Some(match self.0 {
            Some(old) if read.from <= old.until + SECOND && old.from <= read.until + SECOND => {
                Span {
                    from: old.from.min(read.from),
                    until: old.until.max(read.until),
                }
            }
            _ => read,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a date")
    }

    fn span(from: i64, until: i64) -> Span {
        Span {
            from: at(from),
            until: at(until),
        }
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.gaps(span(10, 20)), [span(10, 20)]);
        coverage.add(span(10, 20), None);
        assert_eq!(coverage.gaps(span(12, 18)), []);
        assert_eq!(coverage.gaps(span(5, 25)), [span(21, 25), span(5, 9)]);
        coverage.add(span(21, 30), None);
        assert_eq!(coverage.gaps(span(10, 30)), []);
    }

    #[test]
    fn a_gap_that_was_read_in_part_is_read_from_there_on() {
        let mut coverage = Coverage::default();
        coverage.add(span(10, 30), Some(at(24)));
        assert_eq!(coverage.gaps(span(10, 30)), [span(10, 24)]);
        // A second full of charges, not even read to its end.
        let mut coverage = Coverage::default();
        coverage.add(span(10, 30), Some(at(30)));
        assert_eq!(coverage.gaps(span(30, 30)), []);
        assert_eq!(coverage.gaps(span(10, 30)), [span(10, 29)]);
    }

    #[test]
    fn a_span_far_away_is_read_whole_and_replaces_what_does_not_touch_it() {
        let mut coverage = Coverage::default();
        coverage.add(span(10, 20), None);
        assert_eq!(coverage.gaps(span(100, 110)), [span(100, 110)]);
        coverage.add(span(100, 110), None);
        assert_eq!(coverage.gaps(span(10, 20)), [span(10, 20)]);
    }
}
