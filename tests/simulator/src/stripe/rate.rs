//! The limit of requests per endpoint and second.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts the requests of the last second of real time.
#[derive(Debug, Default)]
pub(super) struct Rate {
    limit: Option<usize>,
    recent: HashMap<String, VecDeque<Instant>>,
}

impl Rate {
    pub(super) fn limit(&mut self, per_second: Option<u32>) {
        self.limit = per_second.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        self.recent.clear();
    }

    /// Whether one more request is within the limit; a refused one does not count.
    pub(super) fn admits(&mut self, endpoint: &str, now: Instant) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        let recent = self.recent.entry(endpoint.to_owned()).or_default();
        while recent.front().is_some_and(|at| now - *at >= WINDOW) {
            recent.pop_front();
        }
        if recent.len() >= limit {
            return false;
        }
        recent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_per_endpoint_and_sliding_second() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert!(rate.admits("a", start));
        rate.limit(Some(2));
        assert!(rate.admits("a", at(0)));
        assert!(rate.admits("a", at(600)));
        assert!(!rate.admits("a", at(999)));
        assert!(rate.admits("b", at(999)));
        assert!(rate.admits("a", at(1000)));
        assert!(!rate.admits("a", at(1599)));
        assert!(rate.admits("a", at(1600)));
        rate.limit(None);
        assert!(rate.admits("a", at(1600)));
    }
}
