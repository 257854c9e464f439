//! A basket: one payment, and all the orders it pays. When an order may be confirmed to Mirakl, and
//! what is captured of the payment.

mod amount;
mod capture;
mod confirm;
mod reason;
#[cfg(test)]
mod tests;

pub use amount::{Owed, owed};
pub use capture::{CaptureDecision, capture};
pub use confirm::{ConfirmDecision, Policy, confirm, confirm_order};
pub use reason::HoldReason;

use chrono::{DateTime, Utc};

use super::ids::OrderId;
use super::order::{OrderState, ProductOrder};
use super::payment::Payment;
use super::service::{DebitState, ServiceDebit, ServiceOrder, ServiceState};

/// A stored payment of a basket, and since when it stands where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPayment {
    /// The payment.
    pub payment: Payment,
    /// Since when it has its status, as far as this program has seen.
    pub since: DateTime<Utc>,
    /// When Stripe was asked.
    pub observed_at: DateTime<Utc>,
}

/// Everything that is known of a basket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basket {
    /// Its product orders, each of another shop.
    pub orders: Vec<ProductOrder>,
    /// Its service orders.
    pub services: Vec<ServiceOrder>,
    /// The debits of its service orders.
    pub debits: Vec<ServiceDebit>,
    /// Its payments.
    pub payments: Vec<KnownPayment>,
    /// What of it could not be read, and why: nothing is decided about the whole.
    pub unread: Option<String>,
    /// Mirakl had no list of service orders to look into: what no order names may be a service's.
    pub services_missing: bool,
}

impl Basket {
    /// The debits of one service order.
    pub fn debits_of<'a>(&'a self, order: &'a OrderId) -> impl Iterator<Item = &'a ServiceDebit> {
        self.debits
            .iter()
            .filter(move |debit| debit.order_id == *order)
    }

    /// The orders about which seller or customer have yet to decide, or whose state is not known.
    fn undecided(&self) -> Vec<OrderId> {
        let products = self.orders.iter().filter(|order| match order.state {
            OrderState::NotAccepted(_) | OrderState::Unknown(_) => true,
            OrderState::Accepted(_) | OrderState::Ended(_) => false,
        });
        let services = self.services.iter().filter(|order| match order.state {
            ServiceState::NotAccepted(_) | ServiceState::Unknown(_) => true,
            ServiceState::Accepted(_) | ServiceState::Ended(_) => false,
        });
        let products = products.map(|order| order.id.clone());
        products
            .chain(services.map(|order| order.id.clone()))
            .collect()
    }

    /// Whether Mirakl was told of any of the accepted orders.
    pub fn has_confirmed(&self) -> bool {
        let products = self.orders.iter().any(|order| {
            matches!(order.state, OrderState::Accepted(_)) && order.debited_at.is_some()
        });
        products
            || self
                .debits
                .iter()
                .any(|debit| debit.state == DebitState::Ok)
    }

    /// The accepted orders that Mirakl has not been told of yet.
    fn unconfirmed(&self) -> Vec<OrderId> {
        let products = self
            .orders
            .iter()
            .filter(|order| matches!(order.state, OrderState::Accepted(_)) && !is_confirmed(order));
        let services = self.services.iter().filter(|order| {
            let confirmed = self
                .debits_of(&order.id)
                .any(|debit| debit.state == DebitState::Ok);
            matches!(order.state, ServiceState::Accepted(_)) && !confirmed
        });
        let products = products.map(|order| order.id.clone());
        products
            .chain(services.map(|order| order.id.clone()))
            .collect()
    }
}

/// Whether Mirakl knows that the customer was debited for all that is live of an order.
fn is_confirmed(order: &ProductOrder) -> bool {
    if order.never_confirmed || order.customer_pays_seller {
        return true;
    }
    let each = |order: &ProductOrder| order.live_lines().all(|line| line.debited_at.is_some());
    order.debited_at.is_some() && (!order.pays_on_shipment || each(order))
}

/// The ids as a text.
fn listed(orders: &[OrderId]) -> String {
    let ids: Vec<&str> = orders.iter().map(OrderId::as_str).collect();
    ids.join(", ")
}
