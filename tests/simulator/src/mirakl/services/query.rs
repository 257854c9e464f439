//! The query of a list that is paged by tokens.

use std::collections::HashSet;

use super::records::Record;
use super::seek::{self, Place};
use crate::mirakl::filter::Span;
use crate::mirakl::parameters::{date, repeat, wrong};

const LARGEST_PAGE: usize = 100;

/// Parameters that may be repeated, and the fields they are compared with.
type Fields = [(&'static str, &'static str)];

/// Those of SOR11.
pub(super) const ORDERS: [(&str, &str); 4] = [
    ("order_id", "/id"),
    ("commercial_order_id", "/commercial_order_id"),
    ("state", "/state"),
    ("customer_id", "/customer/id"),
];
/// Those of SPA11.
pub(super) const DEBITS: [(&str, &str); 1] = [("order_id", "/order_id")];
/// Those of SPA12.
pub(super) const REFUNDS: [(&str, &str); 2] = [("order_id", "/order_id"), ("state", "/state")];

/// What a page asks for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) list: &'static str,
    /// The parameters as they were first sent, for the next page's token.
    pub(super) raw: String,
    pub(super) after: Option<Place>,
    pub(super) limit: usize,
    created: Span,
    updated: Span,
    /// The values asked for, by the field they must be in.
    among: Vec<(&'static str, HashSet<String>)>,
}

impl Query {
    /// Reads a raw query. Beside a page token nothing counts; unknown parameters are passed over.
    pub(super) fn read(
        raw: &str,
        list: &'static str,
        fields: &'static Fields,
    ) -> Result<Self, String> {
        let mut sent = form_urlencoded::parse(raw.as_bytes());
        let token = sent.find(|(name, _)| name == "page_token");
        let (raw, after) = match token {
            None => (raw.to_owned(), None),
            Some((name, token)) => {
                let (raw, place) = seek::open(&token, list).ok_or_else(|| wrong(&name, &token))?;
                (raw, Some(place))
            }
        };
        let mut query = Self {
            list,
            raw: String::new(),
            after,
            limit: 10,
            created: Span::default(),
            updated: Span::default(),
            among: Vec::new(),
        };
        let mut sets: Vec<Option<HashSet<String>>> = vec![None; fields.len()];
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            match fields.iter().position(|(own, _)| *own == name) {
                Some(at) => repeat(sets[at].get_or_insert_default(), &name, &value)?,
                None => query.set(&name, &value)?,
            }
        }
        let sets = fields.iter().zip(sets);
        query.among = sets
            .filter_map(|((_, field), set)| Some((*field, set?)))
            .collect();
        query.raw = raw;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "limit" => {
                let limit = value.parse().map_err(|_| wrong(name, value))?;
                if !(1..=LARGEST_PAGE).contains(&limit) {
                    return Err(wrong(name, value));
                }
                self.limit = limit;
            }
            "date_created_start" => self.created.start = Some(date(name, value)?),
            "date_created_end" => self.created.end = Some(date(name, value)?),
            "date_updated_start" => self.updated.start = Some(date(name, value)?),
            "date_updated_end" => self.updated.end = Some(date(name, value)?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn holds(&self, record: &Record) -> bool {
        self.created.holds(record.created)
            && self.updated.holds(record.updated)
            && self.among.iter().all(|(field, values)| {
                let own = record.value.pointer(field).and_then(|own| own.as_str());
                own.is_some_and(|own| values.contains(own))
            })
    }

    /// Whether certain ones are asked for.
    pub(super) fn is_selective(&self) -> bool {
        !self.among.is_empty()
    }
}
