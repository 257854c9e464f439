//! The log of every call that reached one of the two fakes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// Which of the two fakes was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// A marketplace's Mirakl.
    Mirakl,
    /// Stripe.
    Stripe,
}

/// One call, as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// The fake that was called.
    pub api: Api,
    /// `host:port` of the fake, to tell marketplaces apart.
    pub host: String,
    /// Method and path template, such as `GET /v1/charges/{id}`.
    pub endpoint: String,
    /// The HTTP method.
    pub method: String,
    /// The path and the raw query.
    pub path_and_query: String,
    /// The raw body.
    pub body: String,
    /// Header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Header `Stripe-Account`.
    pub stripe_account: Option<String>,
    /// Header `Stripe-Version`.
    pub stripe_version: Option<String>,
    /// What was answered; `None` while in flight and when the connection was cut.
    pub status: Option<u16>,
    /// Whether Stripe gave a stored answer.
    pub replayed: bool,
    /// When it arrived, by the simulator's clock.
    pub at: DateTime<Utc>,
}

/// Calls in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Number of the first call still held: earlier ones were cleared.
    first: usize,
    calls: Vec<Call>,
}

impl CallLog {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an arrival and returns its number.
    pub(crate) fn arrived(&self, call: Call) -> usize {
        let mut inner = self.lock();
        inner.calls.push(call);
        inner.first + inner.calls.len() - 1
    }

    pub(crate) fn answered(&self, number: usize, status: u16, replayed: bool) {
        let mut inner = self.lock();
        let first = inner.first;
        // A call from before the last clearing has no place any more.
        if let Some(call) = number
            .checked_sub(first)
            .and_then(|at| inner.calls.get_mut(at))
        {
            call.status = Some(status);
            call.replayed = replayed;
        }
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.first += inner.calls.len();
        inner.calls.clear();
    }

    pub(crate) fn count(&self, endpoint: &str) -> usize {
        let inner = self.lock();
        inner
            .calls
            .iter()
            .filter(|call| call.endpoint == endpoint)
            .count()
    }
}
