//! The debits of a page of service orders (SPA11).

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;

use crate::app::App;
use crate::domain::ids::OrderId;
use crate::domain::service::{ServiceDebit, ServiceOrder, ServiceState};
use crate::domain::transfer::Debits;
use crate::jobs::Result;
use crate::mirakl::{MOST_IDS, MiraklError, UnreadService};

/// The debits of some service orders.
#[derive(Default)]
pub(super) struct PageDebits {
    read: Vec<ServiceDebit>,
    /// Orders of which a debit could not be read, and why.
    unread: HashMap<OrderId, String>,
    /// Why no debit at all can be told.
    all_unread: Option<String>,
    asked: HashSet<OrderId>,
}

impl PageDebits {
    fn keep(&mut self, debit: std::result::Result<ServiceDebit, UnreadService>) {
        match debit {
            Ok(debit) => self.read.push(debit),
            Err(unread) => self.lack(unread),
        }
    }

    /// What cannot be read holds the orders that it may belong to.
    fn lack(&mut self, unread: UnreadService) {
        match unread.order_id {
            Some(id) => drop(self.unread.insert(id, unread.cause)),
            None => self.all_unread = Some(unread.cause),
        }
    }

    /// The debits of one of the orders.
    pub fn of(&self, order: &OrderId) -> Debits {
        if !self.asked.contains(order) {
            return Debits::Unread("the order is not accepted".to_owned());
        }
        if let Some(cause) = self.unread.get(order).or(self.all_unread.as_ref()) {
            return Debits::Unread(cause.clone());
        }
        let own = self.read.iter().filter(|debit| debit.order_id == *order);
        Debits::Read(own.cloned().collect())
    }
}

/// Reads the debits of the accepted ones among these orders, in one call for a hundred of them. Only
/// a refused key is an error.
pub(super) async fn read(
    app: &App,
    orders: impl Iterator<Item = &ServiceOrder>,
) -> Result<PageDebits> {
    let accepted = orders.filter(|order| match order.state {
        ServiceState::Accepted(_) => true,
        ServiceState::NotAccepted(_) | ServiceState::Ended(_) | ServiceState::Unknown(_) => false,
    });
    let ids: Vec<OrderId> = accepted.map(|order| order.id.clone()).collect();
    let mut debits = PageDebits::default();
    for ids in ids.chunks(MOST_IDS) {
        debits.asked.extend(ids.iter().cloned());
        match app.mirakl.each_service_debit(ids).await {
            Ok(read) => read.into_iter().for_each(|debit| debits.keep(debit)),
            Err(error @ MiraklError::Unauthorized(_)) => return Err(anyhow!(error).into()),
            Err(error) => {
                tracing::warn!(%error, "the debits of services could not be read");
                debits.all_unread = Some(error.to_string());
            }
        }
    }
    Ok(debits)
}
