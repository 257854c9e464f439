//! What the orders of a page of refunds show: what each refund comes to, and how its order is paid.

use std::collections::HashMap;

use crate::app::App;
use crate::domain::ids::{CommercialOrderId, OrderId, RefundId, ShopId};
use crate::domain::order::ProductOrder;
use crate::domain::payment::PaymentFacts;
use crate::domain::refund::{Charged, HoldReason, RefundType, Shown};
use crate::domain::service::ServiceOrder;
use crate::domain::transfer::chargeable;
use crate::jobs::Result;
use crate::jobs::orders;
use crate::jobs::payments::Payments;
use crate::mirakl::{MiraklError, ServicesQuery};

/// The most ids that one call takes.
const IDS_PER_CALL: usize = 100;

/// An order, of either kind.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Product(ProductOrder),
    Service(ServiceOrder),
}

impl Order {
    pub fn commercial_id(&self) -> &CommercialOrderId {
        match self {
            Self::Product(order) => &order.commercial_id,
            Self::Service(order) => &order.commercial_id,
        }
    }

    pub fn shop_id(&self) -> ShopId {
        match self {
            Self::Product(order) => order.shop_id,
            Self::Service(order) => order.shop_id,
        }
    }

    /// The refund as this order shows it.
    pub fn shown(&self, refund: &RefundId) -> Result<Shown, HoldReason> {
        match self {
            Self::Product(order) => {
                let found = order.refund(refund).ok_or(HoldReason::NotInOrder)?;
                Shown::of_line(order, found)
            }
            Self::Service(order) => {
                let mut refunds = order.refunds.iter();
                let found = refunds.find(|found| found.id == refund.as_str());
                found
                    .map(|found| Shown::of_service(order, found))
                    .ok_or(HoldReason::NotInOrder)
            }
        }
    }
}

/// The orders with these ids; of each that cannot be used, why.
#[derive(Debug, Default)]
pub(super) struct Orders(HashMap<OrderId, Result<Order, HoldReason>>);

impl Orders {
    pub fn get(&self, id: &OrderId) -> Result<&Order, HoldReason> {
        match self.0.get(id) {
            Some(Ok(order)) => Ok(order),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(HoldReason::OrderGone),
        }
    }
}

/// The charge that each of these orders was paid by, or why it cannot be refunded.
pub(super) async fn payments(
    app: &App,
    payments: &mut Payments,
    orders: &[(OrderId, Order)],
) -> Result<Vec<Result<Charged, HoldReason>>> {
    let named: Vec<&ProductOrder> = orders
        .iter()
        .filter_map(|(_, order)| match order {
            Order::Product(order) => Some(order),
            Order::Service(_) => None,
        })
        .collect();
    let found = payments.of(app, &named).await?;
    Ok(found
        .iter()
        .zip(orders)
        .map(|(facts, (_, order))| charged(order.commercial_id(), facts))
        .collect())
}

fn charged(basket: &CommercialOrderId, facts: &PaymentFacts) -> Result<Charged, HoldReason> {
    let (payment, reference, charge) = chargeable(basket, facts).map_err(HoldReason::Payment)?;
    Ok(Charged {
        charge: charge.clone(),
        payment: Some(reference.to_string()),
        currency: payment.amount.currency(),
        captured: Some(payment.captured),
    })
}

/// Reads orders of one kind by their ids.
pub(super) async fn orders(
    app: &App,
    kind: RefundType,
    ids: &[OrderId],
) -> Result<Orders, MiraklError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Orders::default();
    for ids in ids.chunks(IDS_PER_CALL) {
        match kind {
            RefundType::ProductRefund => products(app, ids, &mut found).await?,
            RefundType::ServiceRefund => services(app, ids, &mut found).await?,
        }
    }
    Ok(found)
}

async fn products(app: &App, ids: &[OrderId], found: &mut Orders) -> Result<(), MiraklError> {
    let read = orders::by_ids(&app.mirakl, ids).await?.read;
    for item in read {
        match item {
            Ok(order) => {
                let id = order.id.clone();
                found.0.insert(id, Ok(Order::Product(order)));
            }
            Err(unread) => {
                if let Some(id) = unread.id {
                    let reason = HoldReason::Unreadable(unread.cause);
                    found.0.insert(id, Err(reason));
                }
            }
        }
    }
    Ok(())
}

async fn services(app: &App, ids: &[OrderId], found: &mut Orders) -> Result<(), MiraklError> {
    let read = app.mirakl.services(&ServicesQuery::Ids(ids)).await?;
    for order in read.read {
        let id = order.id.clone();
        found.0.insert(id, Ok(Order::Service(order)));
    }
    for unread in read.unread {
        if let Some(id) = unread.order_id {
            let reason = HoldReason::Unreadable(unread.cause);
            found.0.insert(id, Err(reason));
        }
    }
    Ok(())
}
