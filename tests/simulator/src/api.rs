//! What a fake is to its server: requests in, answers out.

use std::time::Duration;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

use crate::calls::Api;

/// A request that has been read completely.
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        format!("{}?{}", self.path, self.query)
    }
}

/// What a fake answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) replayed: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: String) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            replayed: false,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a header in place of any by that name.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let other = |(own, _): &(String, String)| !own.eq_ignore_ascii_case(name);
        self.headers.retain(other);
        self.with(name, value)
    }
}

/// How a fake is to carry a call out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// Time it takes.
    pub(crate) takes: Duration,
    pub(crate) outcome: Outcome,
}

/// What a fault made of the carrying out.
#[derive(Clone, Debug, Default)]
pub(crate) enum Outcome {
    #[default]
    Faithful,
    /// Fails at the point of execution.
    Fails(Answer),
    /// Has its effect, but this is its answer for good.
    FailsAfter(Answer),
}

/// A refusal, to be put in the API's own form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) status: u16,
    pub(crate) code: Option<&'a str>,
    pub(crate) param: Option<&'a str>,
    pub(crate) message: &'a str,
}

/// One fake API.
pub(crate) trait Backend: Send + Sync + 'static {
    fn api(&self) -> Api;
    fn host(&self) -> String;
    /// The path with its ids replaced by `{id}`.
    fn template(&self, path: &str) -> String;
    fn handle(&self, call: &Incoming, manner: Manner) -> impl Future<Output = Answer> + Send;
    /// An error in the API's own form.
    fn failure(&self, status: u16) -> Answer;
    /// A given refusal in the API's own form.
    fn refusal(&self, words: Words<'_>) -> Answer;
    fn too_many_requests(&self, retry_after: Option<u64>) -> Answer;
    fn lock_timeout(&self) -> Answer;
    /// Headers of every answer.
    fn dress(&self, call: &Incoming, answer: Answer) -> Answer;
}

/// A date as HTTP headers write it.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
