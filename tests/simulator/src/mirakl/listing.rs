//! A page of OR11.

use std::sync::Arc;

use super::State;
use super::book::Entry;
use super::filter::Query;
use super::{paging, tax_mode};
use crate::api::{Answer, Incoming};

/// Answers a page, or says what is wrong with the query.
pub(super) fn page(state: &State, call: &Incoming) -> Result<Answer, String> {
    let query = Query::read(&call.query)?;
    let (selection, strays) = {
        let mut book = state.book();
        let strays = if query.filter.is_selective() {
            Vec::new()
        } else {
            book.strays()
        };
        (book.select(&query.filter), strays)
    };
    let show = |entry: &Arc<Entry>| tax_mode::show(entry, query.tax_mode.as_deref());
    let (part, orders) = (&query.part, selection.iter());
    Ok(match query.descending {
        true => paging::page(state, call, part, "orders", orders.rev(), strays, show),
        false => paging::page(state, call, part, "orders", orders, strays, show),
    })
}
