//! Faults on demand: what goes wrong, where and how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::calls::Api;
use crate::hold::Hold;
use crate::kill::{KillSwitch, When};

/// What a fault does to a call.
///
/// `Html`, `EmptyBody` and `Body` spoil the answer of a call that was carried out, as a proxy on
/// the way back would; the answer that Stripe keeps under the key is the true one.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answered instead of carrying the call out; nothing is stored under the key.
    Status(u16),
    /// Not carried out, but on a Stripe POST the answer is stored under the key and replayed.
    StatusStored(u16),
    /// Not carried out but refused in these words; on a Stripe POST the refusal is stored under the
    /// key and replayed.
    Refusal {
        /// The HTTP status.
        status: u16,
        /// `error.code` of Stripe.
        code: Option<String>,
        /// `error.param` of Stripe.
        param: Option<String>,
        /// What is said.
        message: String,
    },
    /// Carried out, yet this is answered, and on a Stripe POST stored under the key.
    StatusAfter(u16),
    /// 429, with `Retry-After` if given (Mirakl always names one).
    TooManyRequests {
        /// Seconds.
        retry_after: Option<u64>,
    },
    /// 429 with code `lock_timeout`: the object is in use.
    LockTimeout,
    /// The connection is closed without an answer and without an effect.
    CutBefore,
    /// The connection is closed without an answer after the effect.
    CutAfter,
    /// Headers at once, then the body in small pieces over this time.
    SlowBody(Duration),
    /// A body that goes on for 1 GiB, or until the client leaves.
    EndlessBody,
    /// Status 200 and a web page.
    Html,
    /// The true status and headers, no body.
    EmptyBody,
    /// Another status and body.
    Body(u16, String),
    /// A header more on whatever is answered.
    Header(String, String),
    /// Time the call takes to be carried out. A Stripe POST holds its key and its charge or
    /// transfer meanwhile.
    Delay(Duration),
}

/// Which calls a fault hits: by default the next one that matches.
#[derive(Clone, Debug)]
pub struct Trigger {
    endpoint: String,
    text: Option<String>,
    skip: usize,
    times: usize,
}

/// A trigger with its effect; add it with [`Faults::add`].
#[derive(Clone, Debug)]
pub struct Fault {
    trigger: Trigger,
    effect: Effect,
    seen: usize,
}

impl Fault {
    /// Starts a fault on an endpoint, such as `POST /v1/transfers`, or on `*` for every endpoint.
    pub fn on(endpoint: &str) -> Trigger {
        Trigger {
            endpoint: endpoint.to_owned(),
            text: None,
            skip: 0,
            times: 1,
        }
    }
}

impl Trigger {
    /// From the n-th matching call on, counted from 1 (so only that one, unless `times` or
    /// `always` say more).
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// This many matching calls.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every matching call.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = usize::MAX;
        self
    }

    /// Only calls whose body or path and query contain this text (raw, as sent).
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// What happens to these calls.
    pub fn then(self, effect: Effect) -> Fault {
        Fault {
            trigger: self,
            effect,
            seen: 0,
        }
    }

    fn matches(&self, endpoint: &str, path_and_query: &str, body: &str) -> bool {
        (self.endpoint == "*" || self.endpoint == endpoint)
            && self
                .text
                .as_deref()
                .is_none_or(|text| body.contains(text) || path_and_query.contains(text))
    }
}

/// The faults of a simulator. Several that match the same call combine: delays add up, headers
/// are all sent, and the first of the other effects wins.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    mirakl_latency: Duration,
    stripe_latency: Duration,
    faults: Vec<Fault>,
    struck: usize,
    /// Calls still to come before each switch strikes.
    kills: Vec<(usize, KillSwitch)>,
    holds: Vec<(usize, Hold)>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A constant delay before every call of one API is handled.
    pub fn latency(&self, api: Api, each: Duration) {
        let mut inner = self.lock();
        match api {
            Api::Mirakl => inner.mirakl_latency = each,
            Api::Stripe => inner.stripe_latency = each,
        }
    }

    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Removes all faults, latencies, holds and kill switches that have not struck.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// How often faults have struck since the last clearing.
    pub fn struck(&self) -> usize {
        self.lock().struck
    }

    /// Kills a process at the n-th call from now, counted from 1 over both APIs.
    ///
    /// That call waits (10 seconds at most) until the switch is armed with a process id.
    pub fn kill_at_call(&self, n: usize, when: When) -> KillSwitch {
        let switch = KillSwitch::new(when);
        self.lock().kills.push((n.max(1), switch.clone()));
        switch
    }

    pub(crate) fn latency_of(&self, api: Api) -> Duration {
        let inner = self.lock();
        match api {
            Api::Mirakl => inner.mirakl_latency,
            Api::Stripe => inner.stripe_latency,
        }
    }

    /// Holds the n-th call from now back, counted from 1 over both APIs, until it is released (30
    /// seconds at most).
    pub fn hold_at_call(&self, n: usize, when: When) -> Hold {
        let hold = Hold::new(when);
        self.lock().holds.push((n.max(1), hold.clone()));
        hold
    }

    /// Counts one arrival; the switch that strikes at it and what holds it, if any.
    pub(crate) fn arrived(&self) -> (Option<KillSwitch>, Option<Hold>) {
        let mut inner = self.lock();
        let kill = due(&mut inner.kills);
        (kill, due(&mut inner.holds))
    }

    /// The effects that hit this call.
    pub(crate) fn strike(&self, endpoint: &str, path_and_query: &str, body: &str) -> Plan {
        let mut plan = Plan::default();
        let mut inner = self.lock();
        let Inner { faults, struck, .. } = &mut *inner;
        for fault in faults {
            if !fault.trigger.matches(endpoint, path_and_query, body) {
                continue;
            }
            fault.seen += 1;
            let first = fault.trigger.skip;
            if fault.seen > first && fault.seen - first <= fault.trigger.times {
                plan.add(&fault.effect);
                *struck += 1;
            }
        }
        plan
    }
}

/// Counts one arrival off, and takes out what is due at it.
fn due<T: Clone>(waiting: &mut Vec<(usize, T)>) -> Option<T> {
    let mut due = None;
    waiting.retain_mut(|(left, what)| {
        *left -= 1;
        if *left == 0 {
            due.get_or_insert_with(|| what.clone());
        }
        *left > 0
    });
    due
}

/// All that goes wrong with one call.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) effect: Option<Effect>,
}

impl Plan {
    fn add(&mut self, effect: &Effect) {
        match effect {
            Effect::Delay(time) => self.delay += *time,
            Effect::Header(name, value) => self.headers.push((name.clone(), value.clone())),
            other => {
                self.effect.get_or_insert_with(|| other.clone());
            }
        }
    }
}
