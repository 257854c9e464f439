//! Events: what happened to which object, as it was then.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Stripe;
use super::backend::DEFAULT_VERSION;
use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::shelf::Item;

/// How long events can be read.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;
const MOST_TYPES: usize = 20;

/// The request behind a change; a person at the dashboard makes none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cause<'a> {
    pub(super) request: Option<&'a str>,
    pub(super) key: Option<&'a str>,
}

impl Cause<'_> {
    /// The key, to be kept.
    pub(super) fn own_key(self) -> Option<String> {
        self.key.map(str::to_owned)
    }
}

/// An event, with its data as text.
#[derive(Debug)]
pub(super) struct StoredEvent {
    id: String,
    pub(super) created: i64,
    pub(super) kind: &'static str,
    /// The connected account whose event it is; `None` for the platform.
    pub(super) owner: Option<String>,
    data: String,
    request: Option<String>,
    key: Option<String>,
}

impl Item for StoredEvent {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredEvent {
    /// Whether it can still be read by this account.
    pub(super) fn is_visible(&self, acting: Option<&str>, now: i64) -> bool {
        self.owner.as_deref() == acting && self.created >= now - KEPT_SECONDS
    }

    pub(super) fn show(&self, live: bool) -> Value {
        let data: Value = serde_json::from_str(&self.data).expect("the text was made from a value");
        json!({
            "id": self.id,
            "object": "event",
            "api_version": DEFAULT_VERSION,
            "created": self.created,
            "data": data,
            "livemode": live,
            "pending_webhooks": 0,
            "request": { "id": self.request, "idempotency_key": self.key },
            "type": self.kind,
        })
    }
}

impl Book {
    /// Notes what happened to an object of the platform or a connected account.
    pub(super) fn happened(
        &mut self,
        kind: &'static str,
        owner: Option<&str>,
        object: &impl Serialize,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) {
        let object = serde_json::to_string(object).expect("objects are plain JSON");
        let id = self.ids.make("evt", 24);
        self.events.put(StoredEvent {
            id,
            created: now.timestamp(),
            kind,
            owner: owner.map(str::to_owned),
            data: format!(r#"{{"object":{object}}}"#),
            request: cause.request.map(str::to_owned),
            key: cause.own_key(),
        });
    }
}

/// Which kinds of events are asked for.
#[derive(Debug)]
pub(super) enum Kinds {
    All,
    /// Those that begin like this.
    Like(String),
    Among(Vec<String>),
}

impl Kinds {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        let kinds: Vec<String> = form.below("types").map(|(_, kind)| kind.into()).collect();
        let kind = form.text("type")?;
        match (kind, kinds.as_slice()) {
            (None, []) => {
                // One that is no list is refused by name.
                form.text("types")?.map_or(Ok(Self::All), |_| {
                    Err(Refusal::new("Invalid array").param("types"))
                })
            }
            (None, more) if more.len() > MOST_TYPES => {
                let message = format!("types can have up to {MOST_TYPES} elements.");
                Err(Refusal::new(message).param("types"))
            }
            (None, _) => Ok(Self::Among(kinds)),
            (Some(_), [_, ..]) => {
                let message = "You may only specify one of type and types.";
                let refusal = Refusal::new(message).code("parameters_exclusive");
                Err(refusal.param("types"))
            }
            (Some(kind), []) => Ok(match kind.strip_suffix('*') {
                Some(beginning) => Self::Like(beginning.to_owned()),
                None => Self::Among(vec![kind.to_owned()]),
            }),
        }
    }

    pub(super) fn hold(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Like(beginning) => kind.starts_with(beginning),
            Self::Among(kinds) => kinds.iter().any(|own| own == kind),
        }
    }
}

impl Stripe {
    /// All events ever made, connected accounts' and those too old to be read included, in order.
    pub fn events(&self) -> Vec<Value> {
        let book = self.book();
        book.events.iter().map(|event| event.show(false)).collect()
    }
}
