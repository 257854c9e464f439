//! What the views of objects have in common.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Of which objects the whole is shown rather than the id.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expand {
    pub(super) intent: bool,
    pub(super) balance: bool,
    pub(super) charge: bool,
}

/// What is always `null` here.
pub(super) type Null = ();

/// An id, or the object itself.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Ref<'a, T> {
    Id(&'a str),
    Object(Box<T>),
}

impl<'a, T> Ref<'a, T> {
    pub(super) fn new(id: &'a str, expand: bool, object: impl FnOnce() -> T) -> Self {
        if expand {
            Self::Object(Box::new(object()))
        } else {
            Self::Id(id)
        }
    }
}

/// A list, as every list endpoint answers.
#[derive(Serialize)]
pub(super) struct List<'a, T> {
    pub(super) object: &'static str,
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
    pub(super) url: &'a str,
}

impl<'a, T> List<'a, T> {
    pub(super) fn new(data: Vec<T>, has_more: bool, url: &'a str) -> Self {
        Self {
            object: "list",
            data,
            has_more,
            url,
        }
    }
}

/// An object without fields.
#[derive(Serialize)]
pub(super) struct Empty {}

pub(super) const DECLINED: &str = "card_declined";
pub(super) const DECLINED_MESSAGE: &str = "Your card was declined.";

/// A time of creation, as tests read it.
pub(super) fn time(created: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(created, 0).unwrap_or_default()
}
