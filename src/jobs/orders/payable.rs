//! Orders with what their decisions need of Mirakl besides them: services have their debits in a list of
//! their own.

use super::debits;
use super::stream::Order;
use crate::app::App;
use crate::domain::transfer::Payable;
use crate::jobs::Result;

/// The orders as they can be decided.
pub(in crate::jobs) async fn payables(app: &App, orders: &[Order]) -> Result<Vec<Payable>> {
    let services = orders.iter().filter_map(|order| match order {
        Order::Product(_) => None,
        Order::Service(order) => Some(&**order),
    });
    let debits = debits::read(app, services).await?;
    let payable = |order: &Order| match order {
        Order::Product(order) => Payable::of_product(order),
        Order::Service(order) => Payable::of_service(order, &debits.of(&order.id)),
    };
    Ok(orders.iter().map(payable).collect())
}
