//! A page of OR11 with its links.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use form_urlencoded::Serializer;

use super::State;
use super::book::Entry;
use super::filter::Query;
use super::tax_mode;
use crate::api::{Answer, Incoming};

/// Answers a page, or says what is wrong with the query.
pub(super) fn page(state: &State, call: &Incoming) -> Result<Answer, String> {
    let mut query = Query::read(&call.query)?;
    query.max = query.max.min(state.page_limit.load(Ordering::SeqCst));
    let forever = state.forever.load(Ordering::SeqCst);
    // The links go on, as if there were always more.
    let from = if forever { 0 } else { query.offset };
    let (selection, strays) = {
        let mut book = state.book();
        let strays = if query.filter.is_selective() {
            Vec::new()
        } else {
            book.strays()
        };
        (book.select(&query.filter), strays)
    };
    let host = &state.host;
    let total = selection.len();
    let mut elements: Vec<String> = Vec::with_capacity(query.max);
    let mut add =
        |entry: &Arc<Entry>| elements.push(tax_mode::show(entry, query.tax_mode.as_deref()));
    if query.descending {
        let page = selection.iter().rev().skip(from).take(query.max);
        page.for_each(&mut add);
    } else {
        let page = selection.iter().skip(from).take(query.max);
        page.for_each(&mut add);
    }
    let total_count = total + strays.len();
    elements.extend(strays);

    let body = format!(
        r#"{{"orders":[{}],"total_count":{total_count}}}"#,
        elements.join(",")
    );
    let answer = Answer::new(200, body);
    let end = query.offset.saturating_add(query.max);
    let mut links = Vec::new();
    if query.offset > 0 {
        let previous = query.offset.saturating_sub(query.max);
        links.push(link(host, call, previous, "previous"));
    }
    if forever || end < total {
        links.push(link(host, call, end, "next"));
    }
    Ok(match links.as_slice() {
        [] => answer,
        links => answer.with("Link", &links.join(", ")),
    })
}

/// A link to another offset that keeps every other parameter.
fn link(host: &str, call: &Incoming, offset: usize, rel: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
        if name != "offset" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("offset", &offset.to_string());
    format!(
        r#"<http://{host}{}?{}>; rel="{rel}""#,
        call.path,
        query.finish()
    )
}
