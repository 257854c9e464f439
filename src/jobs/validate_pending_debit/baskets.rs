//! Everything that is known of some baskets: their orders from Mirakl, their payments from the store
//! and, where those may have changed, from Stripe.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::gather::{self, Asked};
use super::payments as reading;
use crate::app::App;
use crate::domain::basket::{Basket, KnownPayment};
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::order::ProductOrder;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::jobs::Result;
use crate::mirakl::{OrdersQuery, ServicesQuery};
use crate::store::payments::{self, Observed};

/// Baskets by their ids.
pub(super) type Baskets = BTreeMap<CommercialOrderId, Basket>;

/// Reads some baskets whole.
pub(super) async fn read(
    app: &App,
    ids: &[CommercialOrderId],
    asked: &Asked,
    started_at: DateTime<Utc>,
    store: bool,
) -> Result<Baskets> {
    let mut baskets: Baskets = ids
        .iter()
        .map(|id| (id.clone(), Basket::default()))
        .collect();
    products(app, ids, &mut baskets).await?;
    let services = gather::services(app, &ServicesQuery::Baskets(ids)).await?;
    for unread in services.unread {
        // It cannot be told which basket it belongs to: none of these is decided about.
        for basket in baskets.values_mut() {
            basket.unread = Some(format!("a service order: {}", unread.cause));
        }
    }
    let debits = gather::service_debits(app, &services.read).await?;
    for order in services.read {
        let Some(basket) = baskets.get_mut(&order.commercial_id) else {
            continue;
        };
        let of_order = debits.iter().filter(|debit| debit.order_id == order.id);
        basket.debits.extend(of_order.cloned());
        basket.services.push(order);
    }
    let found = known_payments(app, ids, asked, started_at, store).await?;
    for known in found {
        let basket = known.payment.commercial_id.clone();
        if let Some(basket) = basket.and_then(|id| baskets.get_mut(&id)) {
            basket.payments.push(known);
        }
    }
    for basket in baskets.values_mut() {
        basket
            .payments
            .sort_by_key(|known| known.payment.created_at);
    }
    Ok(baskets)
}

async fn products(app: &App, ids: &[CommercialOrderId], baskets: &mut Baskets) -> Result<()> {
    const READING: &str = "the orders could not be read from Mirakl";
    let query = OrdersQuery::Baskets(ids);
    let mut page = Some(app.mirakl.orders(&query).await.context(READING)?);
    while let Some(current) = page {
        for item in current.items {
            match item {
                Ok(order) => put(baskets, order),
                Err(unread) => {
                    let name = unread.id.map_or_else(|| "an order".to_owned(), |id| id.0);
                    for basket in baskets.values_mut() {
                        basket.unread = Some(format!("{name}: {}", unread.cause));
                    }
                }
            }
        }
        page = match current.next {
            Some(next) => Some(app.mirakl.orders_at(next).await.context(READING)?),
            None => None,
        };
    }
    Ok(())
}

/// A list may show an order twice, when it changes while the list is read: the newest counts.
fn put(baskets: &mut Baskets, order: ProductOrder) {
    let Some(basket) = baskets.get_mut(&order.commercial_id) else {
        return;
    };
    match basket.orders.iter_mut().find(|known| known.id == order.id) {
        Some(known) if known.updated_at < order.updated_at => *known = order,
        Some(_) => {}
        None => basket.orders.push(order),
    }
}

/// The payments of these baskets: as stored, read again where an authorisation was last seen before
/// this run, and searched where none is known and Mirakl asks.
async fn known_payments(
    app: &App,
    ids: &[CommercialOrderId],
    asked: &Asked,
    started_at: DateTime<Utc>,
    store: bool,
) -> Result<Vec<KnownPayment>> {
    let names: Vec<&str> = ids.iter().map(CommercialOrderId::as_str).collect();
    let mut stored = find(app, &names).await?;
    let wants_payment = |id: &CommercialOrderId| {
        let in_need = asked.debits.iter().any(|debit| debit.commercial_id == *id)
            || asked.services.contains(id);
        let mut known = stored.iter().map(|seen| &seen.payment);
        in_need && !known.any(|p| p.commercial_id.as_ref() == Some(id) && p.is_live())
    };
    let unknown: Vec<CommercialOrderId> =
        ids.iter().filter(|id| wants_payment(id)).cloned().collect();
    let stale: Vec<PaymentRef> = stored
        .iter()
        .filter(|seen| {
            seen.payment.status == PaymentStatus::ToCapture && seen.observed_at < started_at
        })
        .filter_map(|seen| seen.payment.reference())
        .collect();
    if unknown.is_empty() && stale.is_empty() {
        return Ok(stored.into_iter().map(known).collect());
    }
    let now = app.clock.now();
    let mut found = reading::again(app, stale).await?;
    found.extend(reading::search(app, unknown).await?);
    if store {
        let mut conn = app.db.acquire().await?;
        payments::observe(&mut conn, &found, now).await?;
        drop(conn);
        stored = find(app, &names).await?;
        return Ok(stored.into_iter().map(known).collect());
    }
    let is_new = |payment: &Payment| !found.iter().any(|f| f.reference() == payment.reference());
    let mut all: Vec<KnownPayment> = stored
        .into_iter()
        .filter(|seen| is_new(&seen.payment))
        .map(known)
        .collect();
    all.extend(found.into_iter().map(|payment| KnownPayment {
        payment,
        since: now,
    }));
    Ok(all)
}

async fn find(app: &App, baskets: &[&str]) -> Result<Vec<Observed>> {
    let mut conn = app.db.acquire().await?;
    Ok(payments::find(&mut conn, &[], baskets).await?)
}

fn known(seen: Observed) -> KnownPayment {
    KnownPayment {
        payment: seen.payment,
        since: seen.status_since,
    }
}
