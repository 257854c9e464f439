//! Orders with what their decisions need of Mirakl besides them: services have their debits in a list of
//! their own.

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;

use super::stream::Order;
use crate::app::App;
use crate::domain::ids::OrderId;
use crate::domain::service::{ServiceDebit, ServiceOrder, ServiceState};
use crate::domain::transfer::{Debits, Payable};
use crate::jobs::Result;
use crate::mirakl::MiraklError;

/// The orders as they can be decided.
pub(in crate::jobs) async fn payables(app: &App, orders: &[Order]) -> Result<Vec<Payable>> {
    let services = orders.iter().filter_map(|order| match order {
        Order::Product(_) => None,
        Order::Service(order) => Some(&**order),
    });
    let debits = debits(app, services).await?;
    let payable = |order: &Order| match order {
        Order::Product(order) => Payable::of_product(order),
        Order::Service(order) => Payable::of_service(order, &debits.of(&order.id)),
    };
    Ok(orders.iter().map(payable).collect())
}

/// The debits of some service orders.
#[derive(Default)]
struct PageDebits {
    read: Vec<ServiceDebit>,
    /// Orders of which a debit could not be read, and why.
    unread: HashMap<OrderId, String>,
    /// Why no debit at all can be told.
    all_unread: Option<String>,
    asked: HashSet<OrderId>,
}

impl PageDebits {
    fn of(&self, order: &OrderId) -> Debits {
        if !self.asked.contains(order) {
            return Debits::Unread("the order is not accepted".to_owned());
        }
        match self.unread.get(order).or(self.all_unread.as_ref()) {
            Some(cause) => Debits::Unread(cause.clone()),
            None => {
                let own = self.read.iter().filter(|debit| debit.order_id == *order);
                Debits::Read(own.cloned().collect())
            }
        }
    }
}

/// Reads the debits of the accepted ones among these orders, in one call. What cannot be read holds
/// the orders that it may belong to.
async fn debits(app: &App, orders: impl Iterator<Item = &ServiceOrder>) -> Result<PageDebits> {
    let accepted = orders.filter(|order| match order.state {
        ServiceState::Accepted(_) => true,
        ServiceState::NotAccepted(_) | ServiceState::Ended(_) | ServiceState::Unknown(_) => false,
    });
    let ids: Vec<OrderId> = accepted.map(|order| order.id.clone()).collect();
    let mut debits = PageDebits::default();
    for ids in ids.chunks(crate::mirakl::MOST_IDS) {
        debits.asked.extend(ids.iter().cloned());
        match app.mirakl.each_service_debit(ids).await {
            Ok(read) => {
                for debit in read {
                    match debit {
                        Ok(debit) => debits.read.push(debit),
                        Err(unread) => match unread.order_id {
                            Some(id) => {
                                debits.unread.insert(id, unread.cause);
                            }
                            None => debits.all_unread = Some(unread.cause),
                        },
                    }
                }
            }
            Err(error @ MiraklError::Unauthorized(_)) => return Err(anyhow!(error).into()),
            Err(error) => {
                tracing::warn!(%error, "the debits of services could not be read");
                debits.all_unread = Some(error.to_string());
            }
        }
    }
    Ok(debits)
}
