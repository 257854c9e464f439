//! Pieces of Stripe's JSON that several resources share.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::domain::date::is_usable;

/// Free text that whoever made an object left on it, as far as it can be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata(HashMap<String, String>);

impl Metadata {
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.get(name)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields: HashMap<String, String> = HashMap::deserialize(deserializer)?;
        Ok(fields.into_iter().collect())
    }
}

impl FromIterator<(String, String)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        // Postgres takes no NUL: what holds one names nothing of ours.
        let storable = fields.into_iter().filter(|(_, text)| !text.contains('\0'));
        Self(storable.collect())
    }
}

/// A list as every list endpoint answers it: where there is more, its last element leads on.
#[derive(serde::Deserialize)]
#[serde(try_from = "WirePage<T>")]
pub(super) struct WireList<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

#[derive(serde::Deserialize)]
struct WirePage<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

impl<T> TryFrom<WirePage<T>> for WireList<T> {
    type Error = &'static str;

    fn try_from(page: WirePage<T>) -> Result<Self, Self::Error> {
        // Taken for the last page, it would say that Stripe has nothing which the store does not know.
        match page.has_more && page.data.is_empty() {
            true => Err("there is more, and nothing leads to it"),
            false => Ok(Self {
                data: page.data,
                has_more: page.has_more,
            }),
        }
    }
}

/// A field that is an id, or the whole object when it was expanded.
pub(super) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

// By hand, because an untagged enum would lose exact numbers.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Expandable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdOrObject<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for IdOrObject<T> {
            type Value = Expandable<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id or an object")
            }
            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Self::Value, E> {
                Ok(Expandable::Id(id.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let object = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Expandable::Object(Box::new(object)))
            }
        }
        deserializer.deserialize_any(IdOrObject(PhantomData))
    }
}

/// Unix seconds.
pub(super) fn unix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let seconds = i64::deserialize(deserializer)?;
    usable(seconds).ok_or_else(|| D::Error::custom("no date"))
}

/// The date of Unix seconds, if it can be used.
pub(super) fn usable(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).filter(|date| is_usable(*date))
}

/// `null` means false: accounts of the second generation leave flags empty.
pub(super) fn null_is_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(false))
}
