//! What the orders of a page of refunds show: what each refund comes to, and how its order was paid.

use std::collections::HashMap;

use crate::app::App;
use crate::domain::ids::{CommercialOrderId, OrderId, RefundId, ShopId};
use crate::domain::payment::PaymentFacts;
use crate::domain::refund::{Charged, HoldReason, RefundType, Shown};
use crate::domain::transfer::{Payable, charged};
use crate::jobs::orders::stream::{self, Order};
use crate::jobs::payments::{PaymentOf, Payments};
use crate::jobs::{Result, orders};
use crate::mirakl::{MOST_IDS, MiraklError};

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
    for ids in ids.chunks(MOST_IDS) {
        let seen = stream::by_ids(&app.mirakl, kind.order_kind(), ids).await?;
        for item in seen.read {
            match item {
                Ok(order) => {
                    found.0.insert(order.id().clone(), Ok(order));
                }
                Err(unread) => {
                    if let Some(id) = unread.id {
                        let reason = HoldReason::Unreadable(unread.cause);
                        found.0.insert(id, Err(reason));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The basket of an order.
pub(super) fn basket(order: &Order) -> &CommercialOrderId {
    match order {
        Order::Product(order) => &order.commercial_id,
        Order::Service(order) => &order.commercial_id,
    }
}

/// The shop of an order.
pub(super) fn shop(order: &Order) -> ShopId {
    match order {
        Order::Product(order) => order.shop_id,
        Order::Service(order) => order.shop_id,
    }
}

/// A refund as its order shows it.
pub(super) fn shown(order: &Order, refund: &RefundId) -> Result<Shown, HoldReason> {
    match order {
        Order::Product(order) => {
            let found = order.refund(refund).ok_or(HoldReason::NotInOrder)?;
            Shown::of_line(order, found)
        }
        Order::Service(order) => {
            let mut refunds = order.refunds.iter();
            let found = refunds.find(|found| found.id == refund.as_str());
            let found = found.ok_or(HoldReason::NotInOrder)?;
            Ok(Shown::of_service(order, found))
        }
    }
}

/// The charge that each of these orders was paid by, or why it cannot be refunded.
pub(super) async fn charges(
    app: &App,
    payments: &mut Payments,
    orders: &[Order],
) -> Result<HashMap<OrderId, Result<Charged, HoldReason>>> {
    let payables = orders::payables(app, orders).await?;
    let named: Vec<PaymentOf<'_>> = payables.iter().map(PaymentOf::from).collect();
    let found = payments.of(app, &named).await?;
    let charges = payables
        .iter()
        .zip(found)
        .map(|(order, payment)| (order.id.clone(), charge(order, &payment)));
    Ok(charges.collect())
}

fn charge(order: &Payable, payment: &PaymentFacts) -> Result<Charged, HoldReason> {
    let charged = charged(&order.commercial_id, payment).map_err(HoldReason::Payment)?;
    Ok(Charged {
        charge: charged.charge.clone(),
        payment: Some(charged.reference.to_string()),
        currency: charged.payment.amount.currency(),
        captured: Some(charged.payment.captured),
    })
}
