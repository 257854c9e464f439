//! Orders as the jobs read them: by their ids, list by list, and with what their decisions need.

mod debits;
mod payable;
pub(super) mod stream;

pub(super) use payable::payables;

use std::collections::HashSet;

use crate::domain::ids::OrderId;
use crate::mirakl::{Mirakl, MiraklError, OrdersQuery, ReadOrder};

pub(super) const READING: &str = "the orders could not be read from Mirakl";

/// Orders that were asked for by id.
#[derive(Debug)]
pub(super) struct ById {
    /// What Mirakl returned.
    pub read: Vec<ReadOrder>,
    /// The ids that it no longer returns.
    pub gone: Vec<OrderId>,
}

/// The orders with these ids, at most 100.
pub(super) async fn by_ids(mirakl: &Mirakl, ids: &[OrderId]) -> Result<ById, MiraklError> {
    let mut page = mirakl.orders(&OrdersQuery::Ids(ids)).await?;
    let mut read = std::mem::take(&mut page.items);
    while let Some(next) = page.next.take() {
        page = mirakl.orders_at(next).await?;
        read.append(&mut page.items);
        // No more can come than was asked for.
        if read.len() > ids.len() {
            break;
        }
    }
    let returned: HashSet<&OrderId> = read.iter().filter_map(id_of).collect();
    let gone = ids.iter().filter(|id| !returned.contains(id));
    let gone = gone.cloned().collect();
    Ok(ById { read, gone })
}

/// The id of an element of the list, if that much could be read.
pub(super) fn id_of(item: &ReadOrder) -> Option<&OrderId> {
    match item {
        Ok(order) => Some(&order.id),
        Err(unread) => unread.id.as_ref(),
    }
}
