//! Errors in Stripe's form.

use serde_json::{Map, Value};

use crate::api::{Answer, Words};

/// A refusal, as Stripe words it in `error`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    kind: &'static str,
    code: Option<String>,
    message: Box<str>,
    param: Option<String>,
    /// The object it is about, as `error` shows it.
    object: Option<Box<(&'static str, Value)>>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// 400 `invalid_request_error`.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into().into(),
            param: None,
            object: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(super) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    pub(super) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(super) fn about(mut self, name: &'static str, object: Value) -> Self {
        self.object = Some(Box::new((name, object)));
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An id that names nothing: 400 in a parameter, 404 in the path.
    pub(super) fn missing(object: &str, id: &str, hint: &str) -> Self {
        Self::new(format!("No such {object}: '{id}'{hint}")).code("resource_missing")
    }

    /// The object is in use by another request.
    pub(super) fn locked() -> Self {
        Self::new("This object cannot be accessed right now because another request is using it.")
            .status(429)
            .code("lock_timeout")
    }

    /// Too many requests at an endpoint.
    pub(super) fn too_many(retry_after: Option<u64>) -> Self {
        let refusal = Self::new("Request rate limit exceeded.")
            .status(429)
            .code("rate_limit")
            .header("Stripe-Rate-Limited-Reason", "endpoint-rate");
        match retry_after {
            Some(seconds) => refusal.header("Retry-After", seconds.to_string()),
            None => refusal,
        }
    }

    /// What Stripe answers when something outside the request is wrong.
    pub(super) fn failure(status: u16) -> Self {
        match status {
            429 => Self::too_many(None),
            409 => Self::key_in_use(),
            400..=499 => Self::new("The request failed.").status(status),
            _ => Self::new("An unknown error occurred.")
                .status(status)
                .kind("api_error"),
        }
    }

    /// What a test wants refused.
    pub(super) fn worded(words: Words<'_>) -> Self {
        let refusal = Self::new(words.message).status(words.status);
        Self {
            code: words.code.map(str::to_owned),
            param: words.param.map(str::to_owned),
            ..refusal
        }
    }

    /// Another request with the same key is being carried out.
    pub(super) fn key_in_use() -> Self {
        Self::new("There is currently another in-progress request using this Idempotency Key.")
            .status(409)
            .kind("idempotency_error")
            .code("idempotency_key_in_use")
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut error = Map::new();
        if let Some(code) = self.code {
            error.insert("code".to_owned(), code.into());
        }
        error.insert("message".to_owned(), String::from(self.message).into());
        if let Some(param) = self.param {
            error.insert("param".to_owned(), param.into());
        }
        if let Some(object) = self.object {
            let (name, object) = *object;
            error.insert(name.to_owned(), object);
        }
        error.insert("type".to_owned(), self.kind.into());
        let mut body = Map::new();
        body.insert("error".to_owned(), Value::Object(error));
        let answer = Answer::new(self.status, Value::Object(body).to_string());
        let headers = self.headers.iter();
        headers.fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}
