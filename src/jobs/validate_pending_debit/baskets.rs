//! Everything that is known of some baskets: their orders from Mirakl, their payments from the store
//! and, where those may have changed, from Stripe.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};

use super::gather::{self, Asked, ServiceList};
use super::payments as reading;
use crate::app::App;
use crate::domain::basket::{Basket, KnownPayment};
use crate::domain::ids::CommercialOrderId;
use crate::domain::order::ProductOrder;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::jobs::{Result, both, orders};
use crate::mirakl::{Services, ServicesQuery};
use crate::store::payments::{self, Observed};

/// Baskets by their ids.
pub(super) type Baskets = BTreeMap<CommercialOrderId, Basket>;

/// Reads some baskets whole. `listed` are the payments that a dry run has read and not stored.
pub(super) async fn read(
    app: &App,
    ids: &[CommercialOrderId],
    asked: &Asked,
    listed: Option<&[Payment]>,
    started_at: DateTime<Utc>,
) -> Result<Baskets> {
    let mut baskets: Baskets = ids
        .iter()
        .map(|id| (id.clone(), Basket::default()))
        .collect();
    let query = ServicesQuery::Baskets(ids);
    let goods = products(app, ids, &mut baskets);
    let (products, services) = both(app, goods, gather::services(app, &query)).await;
    products?;
    let services = match (services?, asked.service_list) {
        (Some(services), _) => services,
        (None, ServiceList::Shown) => {
            let gone = "Mirakl listed service orders a moment ago, and has no such list now";
            return Err(anyhow!(gone).into());
        }
        (None, ServiceList::None) => Services::default(),
        (None, ServiceList::Missing) => {
            for basket in baskets.values_mut() {
                basket.services_missing = true;
            }
            Services::default()
        }
    };
    for unread in services.unread {
        let name = unread
            .order_id
            .map_or_else(|| "a service order".to_owned(), |id| id.0);
        not_read(
            &mut baskets,
            unread.basket,
            &format!("{name}: {}", unread.cause),
        );
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
    let (found, unsearched) = known_payments(app, ids, asked, listed, started_at).await?;
    for known in found {
        let basket = known.payment.commercial_id.clone();
        if let Some(basket) = basket.and_then(|id| baskets.get_mut(&id)) {
            basket.payments.push(known);
        }
    }
    // That every known payment has ended says nothing while there may be another.
    for (id, cause) in unsearched {
        let basket = baskets.get_mut(&id);
        if let Some(basket) = basket.filter(|basket| !basket.payments.is_empty()) {
            basket.unread = Some(format!("its payments could not be searched: {cause}"));
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
    let read = app.mirakl.orders_of(ids).await;
    for item in read.context(orders::READING)? {
        match item {
            Ok(order) => put(baskets, order),
            Err(unread) => {
                let name = unread.id.map_or_else(|| "an order".to_owned(), |id| id.0);
                not_read(baskets, unread.basket, &format!("{name}: {}", unread.cause));
            }
        }
    }
    Ok(())
}

/// Nothing is decided about a basket of which an order could not be read. One that names no basket
/// may belong to any of these.
fn not_read(baskets: &mut Baskets, basket: Option<CommercialOrderId>, cause: &str) {
    match basket.and_then(|id| baskets.get_mut(&id)) {
        Some(basket) => basket.unread = Some(cause.to_owned()),
        None => {
            for basket in baskets.values_mut() {
                basket.unread = Some(cause.to_owned());
            }
        }
    }
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
/// this run, and searched where none is known and Mirakl asks. Then the baskets that could not be
/// searched, and why.
async fn known_payments(
    app: &App,
    ids: &[CommercialOrderId],
    asked: &Asked,
    listed: Option<&[Payment]>,
    started_at: DateTime<Utc>,
) -> Result<(Vec<KnownPayment>, Vec<(CommercialOrderId, String)>)> {
    let names: Vec<&str> = ids.iter().map(CommercialOrderId::as_str).collect();
    let mut all: Vec<KnownPayment> = find(app, &names).await?.into_iter().map(known).collect();
    let now = app.clock.now();
    let of_these = |payment: &&Payment| {
        let basket = payment.commercial_id.as_ref();
        basket.is_some_and(|basket| ids.contains(basket))
    };
    let fresh = listed.unwrap_or_default().iter().filter(of_these);
    learn(&mut all, fresh.cloned().collect(), now);
    let wants_payment = |id: &&CommercialOrderId| {
        let in_need = asked.debits.iter().any(|debit| debit.commercial_id == **id)
            || asked.services.contains(*id);
        let of_basket = |known: &KnownPayment| known.payment.commercial_id.as_ref() == Some(*id);
        in_need
            && !all
                .iter()
                .any(|known| of_basket(known) && known.payment.is_live())
    };
    let unknown: Vec<CommercialOrderId> = ids.iter().filter(wants_payment).cloned().collect();
    let is_fresh = |payment: &Payment| {
        let listed = listed.unwrap_or_default().iter();
        listed
            .map(Payment::reference)
            .any(|reference| reference == payment.reference())
    };
    let stale: Vec<Payment> = all
        .iter()
        .filter(|known| {
            known.payment.status == PaymentStatus::ToCapture
                && known.observed_at < started_at
                && !is_fresh(&known.payment)
        })
        .map(|known| known.payment.clone())
        .collect();
    if unknown.is_empty() && stale.is_empty() {
        return Ok((all, Vec::new()));
    }
    let mut found = reading::again(app, &stale).await?;
    let searched = reading::search(app, unknown).await?;
    found.extend(searched.found);
    if listed.is_none() {
        let mut conn = app.db.acquire().await?;
        payments::observe(&mut conn, &found, now).await?;
        drop(conn);
        let stored = find(app, &names).await?;
        let stored = stored.into_iter().map(known).collect();
        return Ok((stored, searched.unread));
    }
    learn(&mut all, found, now);
    Ok((all, searched.unread))
}

/// Puts what was just read in the place of what was known before.
fn learn(all: &mut Vec<KnownPayment>, found: Vec<Payment>, now: DateTime<Utc>) {
    for payment in found {
        let same = |known: &KnownPayment| known.payment.reference() == payment.reference();
        let since = all.iter().find(|known| same(known));
        let since = since.filter(|known| known.payment.status == payment.status);
        let since = since.map_or(now, |known| known.since);
        all.retain(|known| !same(known));
        all.push(KnownPayment {
            payment,
            since,
            observed_at: now,
        });
    }
}

async fn find(app: &App, baskets: &[&str]) -> Result<Vec<Observed>> {
    let mut conn = app.db.acquire().await?;
    Ok(payments::find(&mut conn, &[], baskets).await?)
}

fn known(seen: Observed) -> KnownPayment {
    KnownPayment {
        payment: seen.payment,
        since: seen.status_since,
        observed_at: seen.observed_at,
    }
}
