//! The one clock: everything that asks for the time asks here.

use chrono::{DateTime, TimeDelta, Utc};

/// The time of this process, in UTC.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    offset: TimeDelta,
}

#[cfg(all(feature = "test-clock", not(debug_assertions)))]
compile_error!("the feature test-clock must never be part of a release build");

impl Clock {
    /// The system's clock; in a test build moved by `MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS`.
    pub fn system() -> Self {
        #[cfg(feature = "test-clock")]
        let seconds = std::env::var("MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS")
            .ok()
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(0);
        #[cfg(not(feature = "test-clock"))]
        let seconds = 0;
        Self {
            offset: TimeDelta::seconds(seconds),
        }
    }

    /// Now. Microseconds, as Postgres keeps them, so that a stored time equals the one in memory.
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + self.offset;
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}
