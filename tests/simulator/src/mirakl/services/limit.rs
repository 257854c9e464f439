//! A limit of calls per minute.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// Counts the calls of the last minute.
#[derive(Debug, Default)]
pub(super) struct Limit {
    most: Option<usize>,
    recent: VecDeque<DateTime<Utc>>,
}

impl Limit {
    pub(super) fn set(&mut self, most: Option<usize>) {
        self.most = most;
        self.recent.clear();
    }

    /// Counts a call, or says how many seconds it comes too early.
    pub(super) fn exceeded(&mut self, now: DateTime<Utc>) -> Option<u64> {
        let most = self.most?;
        while self.recent.front().is_some_and(|at| now - *at >= WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() < most {
            self.recent.push_back(now);
            return None;
        }
        let left = self
            .recent
            .front()
            .map_or(WINDOW, |at| WINDOW - (now - *at));
        let seconds = left.num_milliseconds().max(1) + 999;
        Some(u64::try_from(seconds / 1000).unwrap_or(1))
    }
}
