//! One HTTP request, sent with limits and retries, its end sorted by what is known of its effect.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::Retryable as _;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use crate::clock::Clock;

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer beyond this is not one of ours.
const LARGEST_BODY: usize = 32 * 1024 * 1024;
/// Tries in all, and the longest waits between them: full jitter below a doubling bound.
const TRIES: usize = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);
/// A `Retry-After` beyond this ends the try: a later run is the better retry.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);

/// A clock here that differs from a server's by more than this would write times that freeze what waits.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(10);

/// The HTTP client that both APIs share: rustls, no redirects. `total` covers one try, from connecting to
/// the last byte of the answer.
///
/// Errors when the TLS stack cannot be set up.
pub fn client(total: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("mirakl-stripe/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(total)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .build()
}

/// One request, without the secrets that are added as it leaves.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// The path with placeholders: all that a log may show of the address.
    pub template: &'static str,
    /// Headers, secrets included; never logged.
    pub headers: HeaderMap,
    /// The body; none for a GET.
    pub body: Option<&'a str>,
}

/// A complete answer of the server, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &'static str) -> Option<&str> {
        let name = HeaderName::from_static(name);
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The server's time, by its `Date` header.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc2822(self.header("date")?).ok()?;
        Some(date.to_utc())
    }
}

/// Why no complete answer came.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// No connection: the request did not leave.
    #[error("no connection to {api}: {cause}")]
    NotSent {
        /// Which API.
        api: &'static str,
        /// What the network said.
        cause: String,
    },
    /// The request left, and what became of it is not known.
    #[error("{api} did not answer {template}: {cause}")]
    Lost {
        /// Which API.
        api: &'static str,
        /// The path with placeholders.
        template: &'static str,
        /// What the network said.
        cause: String,
    },
    /// The clock here is not to be trusted, nor what would be decided by it.
    #[error(
        "the clock of this machine is {} minutes {} {api}'s; stopped: set it right (NTP), the next run goes on",
        off.num_minutes().abs(),
        if off.num_minutes() > 0 { "ahead of" } else { "behind" }
    )]
    WrongClock {
        /// Which API.
        api: &'static str,
        /// How far it is ahead, below zero behind.
        off: TimeDelta,
    },
}

/// What an API wants done with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it as it is.
    Final,
    /// Try again.
    Retry,
    /// Too many requests: everybody slows down, then try again.
    SlowDown,
}

/// One API's limits, shared by all of its workers, and the count of its calls.
#[derive(Debug)]
pub struct Api {
    name: &'static str,
    client: Client,
    judge: fn(&Answer) -> Verdict,
    slots: Semaphore,
    interval: Duration,
    next_start: Mutex<Instant>,
    calls: AtomicU64,
    clock: Clock,
    /// How far the clock here is ahead of the server's, by the first answer.
    ahead: OnceLock<TimeDelta>,
}

impl Api {
    /// An API with at most `concurrency` requests at once; `per_second` of none means no pace.
    pub fn new(
        name: &'static str,
        client: Client,
        judge: fn(&Answer) -> Verdict,
        concurrency: usize,
        per_second: Option<u32>,
    ) -> Self {
        Self {
            name,
            client,
            judge,
            slots: Semaphore::new(concurrency.max(1)),
            interval: per_second.map_or(Duration::ZERO, |n| Duration::from_secs(1) / n.max(1)),
            next_start: Mutex::new(Instant::now()),
            calls: AtomicU64::new(0),
            clock: Clock::system(),
            ahead: OnceLock::new(),
        }
    }

    /// Calls made so far, retries included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Fails when the clock here differs too much from the server's, as far as that is known.
    pub fn check_clock(&self) -> Result<(), Failure> {
        match self.ahead.get() {
            Some(off) if off.abs() > CLOCK_TOLERANCE => Err(Failure::WrongClock {
                api: self.name,
                off: *off,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Compares the clock here with the first answer that has a date: what is decided by a wrong clock
    /// must not be written.
    fn compare_clock(&self, answer: &Answer) -> Result<(), Failure> {
        if let Some(date) = answer.date() {
            self.ahead.get_or_init(|| self.clock.now() - date);
        }
        self.check_clock()
    }

    /// Sends until an answer is final or the tries are used up; then the last answer or failure.
    ///
    /// A request is tried again as it is, so it must be a GET or carry an idempotency key.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        self.retrying(request, |_| true).await
    }

    /// Sends a request that must not be carried out twice unseen: it is tried again only while it
    /// surely had no effect, because no connection was made or the server had too much to do.
    pub async fn send_once(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        self.retrying(request, Unfinished::had_no_effect).await
    }

    async fn retrying(
        &self,
        request: &Request<'_>,
        may_repeat: fn(&Unfinished) -> bool,
    ) -> Result<Answer, Failure> {
        let attempt = || self.attempt(request);
        let result = attempt
            .retry(full_jitter(TRIES))
            .when(|end: &Unfinished| end.retry && may_repeat(end))
            .adjust(|end, wait| wait.map(|wait| end.wait.unwrap_or(wait)))
            .await;
        result.or_else(|end| end.last)
    }

    /// One try.
    async fn attempt(&self, request: &Request<'_>) -> Result<Answer, Unfinished> {
        let _slot = self.slots.acquire().await.map_err(|_| Unfinished {
            last: Err(self.not_sent("the client is closed")),
            retry: false,
            wait: None,
        })?;
        self.wait_for_turn().await;
        self.check_clock().map_err(Unfinished::for_good)?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let end = self.exchange(request).await;
        self.log(request, started.elapsed(), &end);
        let answer = end.map_err(|failure| Unfinished {
            last: Err(failure),
            retry: true,
            wait: None,
        })?;
        self.compare_clock(&answer).map_err(Unfinished::for_good)?;
        let retry_after = retry_after(&answer);
        match (self.judge)(&answer) {
            Verdict::Final => Ok(answer),
            Verdict::Retry => Err(Unfinished {
                retry: retry_after.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER),
                wait: retry_after,
                last: Ok(answer),
            }),
            Verdict::SlowDown => {
                let wait = retry_after.unwrap_or(FIRST_BACKOFF);
                let retry = wait <= LONGEST_RETRY_AFTER;
                if retry {
                    self.pause(wait).await;
                }
                Err(Unfinished {
                    retry,
                    wait: retry_after,
                    last: Ok(answer),
                })
            }
        }
    }

    async fn exchange(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut builder = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if let Some(body) = request.body {
            builder = builder.body(body.to_owned());
        }
        let mut response = builder.send().await.map_err(|error| {
            if error.is_connect() {
                self.not_sent(&innermost(&error))
            } else {
                self.lost(request, &error)
            }
        })?;
        let mut answer = Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Vec::with_capacity(
                usize::try_from(response.content_length().unwrap_or(0))
                    .unwrap_or(0)
                    .min(LARGEST_BODY),
            ),
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.lost(request, &error))?
        {
            if answer.body.len() + chunk.len() > LARGEST_BODY {
                return Err(Failure::Lost {
                    api: self.name,
                    template: request.template,
                    cause: format!("the answer is longer than {LARGEST_BODY} bytes"),
                });
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// Spaces the starts of requests evenly, and waits while everybody is slowed down.
    async fn wait_for_turn(&self) {
        loop {
            let start = {
                let mut next = self.next_start.lock().await;
                let now = Instant::now();
                if *next <= now {
                    *next = now + self.interval;
                    return;
                }
                *next
            };
            tokio::time::sleep_until(start).await;
        }
    }

    async fn pause(&self, wait: Duration) {
        let mut next = self.next_start.lock().await;
        *next = (*next).max(Instant::now() + wait);
    }

    fn not_sent(&self, cause: &str) -> Failure {
        Failure::NotSent {
            api: self.name,
            cause: cause.to_owned(),
        }
    }

    fn lost(&self, request: &Request<'_>, error: &reqwest::Error) -> Failure {
        let cause = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            innermost(error)
        };
        Failure::Lost {
            api: self.name,
            template: request.template,
            cause,
        }
    }

    fn log(&self, request: &Request<'_>, elapsed: Duration, end: &Result<Answer, Failure>) {
        let (status, request_id, error) = match end {
            Ok(answer) => (
                answer.status.as_u16(),
                answer.header("request-id").unwrap_or_default(),
                None,
            ),
            Err(failure) => (0, "", Some(failure)),
        };
        tracing::debug!(
            api = self.name,
            method = %request.method,
            path = request.template,
            status,
            ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            request_id,
            error = error.map(tracing::field::display),
            "call"
        );
    }
}

/// A try that may be followed by another.
struct Unfinished {
    last: Result<Answer, Failure>,
    retry: bool,
    wait: Option<Duration>,
}

impl Unfinished {
    fn for_good(failure: Failure) -> Self {
        Self {
            last: Err(failure),
            retry: false,
            wait: None,
        }
    }

    fn had_no_effect(&self) -> bool {
        match &self.last {
            Ok(answer) => answer.status == StatusCode::TOO_MANY_REQUESTS,
            Err(Failure::NotSent { .. }) => true,
            Err(Failure::Lost { .. } | Failure::WrongClock { .. }) => false,
        }
    }
}

/// Waits below bounds that double from half a second to eight: full jitter keeps workers apart.
fn full_jitter(tries: usize) -> impl Iterator<Item = Duration> + Send + Sync + Unpin {
    let bounds = std::iter::successors(Some(FIRST_BACKOFF), |bound| {
        Some((*bound * 2).min(LONGEST_BACKOFF))
    });
    bounds.take(tries.saturating_sub(1)).map(|bound| {
        let longest = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(fastrand::u64(0..=longest))
    })
}

/// `Retry-After` in seconds, as Mirakl sends it.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// The deepest cause: the outer ones repeat the address, which may hold ids.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_stays_below_bounds_that_double_to_eight_seconds() {
        for _ in 0..100 {
            let waits: Vec<u128> = full_jitter(8).map(|wait| wait.as_millis()).collect();
            assert_eq!(waits.len(), 7);
            for (wait, bound) in waits.iter().zip([500, 1000, 2000, 4000, 8000, 8000, 8000]) {
                assert!(*wait <= bound, "{wait} > {bound}");
            }
        }
        assert_eq!(full_jitter(TRIES).count(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_back_every_worker_and_the_pace_holds_after_it() {
        let api = Api::new("Test", Client::new(), |_| Verdict::Final, 4, Some(10));
        let begin = Instant::now();
        api.pause(Duration::from_secs(3)).await;
        for expected in [3000, 3100, 3200] {
            api.wait_for_turn().await;
            assert_eq!(begin.elapsed().as_millis(), expected);
        }
    }
}
