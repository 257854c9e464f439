//! Pages that lead to the next one by a token.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use form_urlencoded::Serializer;
use serde_json::{Value, json};

use super::query::Query;
use super::records::Records;
use crate::api::Answer;
use crate::mirakl::State;

/// Where a page ended: a date of creation in milliseconds and an id.
pub(super) type Place = (i64, String);

/// Answers a page; what could not be sorted in is shown on every page.
pub(super) fn page(state: &State, query: &Query, records: &Records) -> Answer {
    // The tokens go on, as if there were always more.
    let forever = state.forever.load(Ordering::SeqCst);
    let found = records.select(|record| query.holds(record));
    let from = match &query.after {
        Some(place) if !forever => {
            found.partition_point(|record| (record.created, &record.id) <= (place.0, &place.1))
        }
        _ => 0,
    };
    let rest = &found[from..];
    let shown = &rest[..rest.len().min(state.limited(query.limit))];
    let mut data: Vec<&Value> = shown.iter().map(|record| &record.value).collect();
    if !query.is_selective() {
        data.extend(&records.strays);
    }
    let mut body = json!({ "data": data });
    if let Some(last) = shown.last()
        && (forever || shown.len() < rest.len())
    {
        let token = seal(query, &(last.created, last.id.clone()));
        body["next_page_token"] = token.into();
    }
    Answer::new(200, body.to_string())
}

/// A token that holds a list's name, its parameters and a place in it.
fn seal(query: &Query, (created, id): &Place) -> String {
    let content = Serializer::new(String::new())
        .append_pair("list", query.list)
        .append_pair("created", &created.to_string())
        .append_pair("id", id)
        .append_pair("query", &query.raw)
        .finish();
    content.bytes().fold(String::new(), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

/// The parameters and the place in a token of this list.
pub(super) fn open(token: &str, list: &str) -> Option<(String, Place)> {
    let pairs = token.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    let content: Vec<u8> = bytes.collect::<Option<_>>()?;
    let mut fields = form_urlencoded::parse(&content);
    let mut field = |wanted: &str| {
        let (name, value) = fields.next()?;
        (name == wanted).then(|| value.into_owned())
    };
    let own = field("list")?;
    let created = field("created")?.parse().ok()?;
    let id = field("id")?;
    let query = field("query")?;
    (own == list).then_some((query, (created, id)))
}
