//! Mirakl's two lists of orders, read the same way: goods (OR11) and services (SOR11).

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::domain::ids::OrderId;
use crate::domain::order::ProductOrder;
use crate::domain::service::ServiceOrder;
use crate::domain::transfer::OrderKind;
use crate::mirakl::{
    Mirakl, MiraklError, NextPage, OrdersQuery, Page, ReadOrder, ReadService, ServicesQuery,
};
use crate::store::checkpoints::Stream;

/// An order of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) enum Order {
    Product(Box<ProductOrder>),
    Service(Box<ServiceOrder>),
}

impl Order {
    pub fn id(&self) -> &OrderId {
        match self {
            Self::Product(order) => &order.id,
            Self::Service(order) => &order.id,
        }
    }

    pub fn updated_at(&self) -> DateTime<Utc> {
        match self {
            Self::Product(order) => order.updated_at,
            Self::Service(order) => order.updated_at,
        }
    }
}

/// An element that is not what the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) struct Unread {
    /// Its id, if that much could be read.
    pub id: Option<OrderId>,
    pub cause: String,
}

/// An element of a list.
pub(in crate::jobs) type Item = Result<Order, Unread>;

/// The id of an element, if that much could be read.
pub(in crate::jobs) fn id_of(item: &Item) -> Option<&OrderId> {
    match item {
        Ok(order) => Some(order.id()),
        Err(unread) => unread.id.as_ref(),
    }
}

/// What Mirakl returned, and which of the orders that were asked for by id it did not.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Seen {
    pub read: Vec<Item>,
    pub gone: Vec<OrderId>,
}

/// Where the checkpoint of a list is kept.
pub(in crate::jobs) fn checkpoint(kind: OrderKind) -> Stream {
    match kind {
        OrderKind::Product => Stream::ProductOrders,
        OrderKind::Service => Stream::PaidServices,
    }
}

/// The path of a list, for messages.
pub(in crate::jobs) fn path(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Product => "/api/orders",
        OrderKind::Service => "/api/mms/orders",
    }
}

/// The first page of what changed since a time.
pub(in crate::jobs) async fn first(
    mirakl: &Mirakl,
    kind: OrderKind,
    since: DateTime<Utc>,
) -> Result<Page<Item>, MiraklError> {
    match kind {
        OrderKind::Product => {
            let query = OrdersQuery::UpdatedSince(since);
            mirakl.orders(&query).await.map(|page| each(page, product))
        }
        OrderKind::Service => {
            let query = ServicesQuery::UpdatedSince(since);
            let page = mirakl.services_page(&query).await;
            without_services(page).map(|page| each(page, service))
        }
    }
}

/// A further page.
pub(in crate::jobs) async fn further(
    mirakl: &Mirakl,
    kind: OrderKind,
    next: NextPage,
) -> Result<Page<Item>, MiraklError> {
    match kind {
        OrderKind::Product => mirakl.orders_at(next).await.map(|page| each(page, product)),
        OrderKind::Service => mirakl
            .services_at(next)
            .await
            .map(|page| each(page, service)),
    }
}

/// The orders with these ids, at most 100, and the ids that Mirakl does not return.
pub(in crate::jobs) async fn by_ids(
    mirakl: &Mirakl,
    kind: OrderKind,
    ids: &[OrderId],
) -> Result<Seen, MiraklError> {
    match kind {
        OrderKind::Product => {
            let super::ById { read, gone } = super::by_ids(mirakl, ids).await?;
            let read = read.into_iter().map(product).collect();
            Ok(Seen { read, gone })
        }
        OrderKind::Service => {
            let page = mirakl.services_page(&ServicesQuery::Ids(ids)).await;
            let mut page = without_services(page)?;
            let mut read: Vec<Item> = page.items.into_iter().map(service).collect();
            while let Some(next) = page.next.take() {
                page = mirakl.services_at(next).await?;
                read.extend(std::mem::take(&mut page.items).into_iter().map(service));
                // No more can come than was asked for.
                if read.len() > ids.len() {
                    break;
                }
            }
            let returned: HashSet<&OrderId> = read.iter().filter_map(id_of).collect();
            let gone = ids.iter().filter(|id| !returned.contains(id));
            let gone = gone.cloned().collect();
            Ok(Seen { read, gone })
        }
    }
}

/// A marketplace without services has no such list.
fn without_services(
    page: Result<Page<ReadService>, MiraklError>,
) -> Result<Page<ReadService>, MiraklError> {
    match page {
        Err(MiraklError::Status { status: 404, .. }) => Ok(Page {
            items: Vec::new(),
            next: None,
            total: None,
            date: None,
        }),
        page => page,
    }
}

fn each<T>(page: Page<T>, read: fn(T) -> Item) -> Page<Item> {
    Page {
        items: page.items.into_iter().map(read).collect(),
        next: page.next,
        total: page.total,
        date: page.date,
    }
}

fn product(item: ReadOrder) -> Item {
    match item {
        Ok(order) => Ok(Order::Product(Box::new(order))),
        Err(unread) => Err(Unread {
            id: unread.id,
            cause: unread.cause,
        }),
    }
}

fn service(item: ReadService) -> Item {
    match item {
        Ok(order) => Ok(Order::Service(Box::new(order))),
        Err(unread) => Err(Unread {
            id: unread.order_id,
            cause: unread.cause,
        }),
    }
}
