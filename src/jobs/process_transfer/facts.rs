//! What a page's orders rest on besides themselves: rows, sellers, debits, and the old connector's
//! transfers, each read once for the whole page.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::debits;
use super::stream::{Item, Order, Seen, Unread};
use super::{Readers, Reading};
use crate::app::App;
use crate::domain::account::Seller;
use crate::domain::ids::{AccountId, OrderId, ShopId, TransferId};
use crate::domain::transfer::{Division, Facts, OrderKind, Payable, RowState, Rows};
use crate::jobs::Result;
use crate::store::accounts;
use crate::store::transfers::{self, KnownRow, TransferKey};

/// The elements of a page, sorted by what could be read of them.
#[derive(Default)]
pub(super) struct Sorted {
    pub orders: Vec<Order>,
    pub unreadable: Vec<(OrderId, String)>,
    pub nameless: Vec<String>,
    pub gone: Vec<OrderId>,
}

/// A list may show an order twice, when it changes while the list is read: the newest counts.
pub(super) fn sort(seen: Seen) -> Sorted {
    let mut sorted = Sorted {
        gone: seen.gone,
        ..Sorted::default()
    };
    let mut places: HashMap<OrderId, usize> = HashMap::new();
    let mut unreadable: HashMap<OrderId, String> = HashMap::new();
    for item in seen.read {
        let item: Item = item;
        match item {
            Ok(order) => match places.get(order.id()) {
                Some(&place) if sorted.orders[place].updated_at() < order.updated_at() => {
                    sorted.orders[place] = order;
                }
                Some(_) => {}
                None => {
                    places.insert(order.id().clone(), sorted.orders.len());
                    sorted.orders.push(order);
                }
            },
            Err(Unread {
                id: Some(id),
                cause,
            }) => {
                unreadable.insert(id, cause);
            }
            Err(Unread { id: None, cause }) => sorted.nameless.push(cause),
        }
    }
    // What could not be read once is not decided by what was read another time.
    sorted
        .orders
        .retain(|order| !unreadable.contains_key(order.id()));
    sorted.unreadable = unreadable.into_iter().collect();
    sorted.unreadable.sort();
    sorted
}

/// What is known around the orders of one page.
pub(super) struct Around {
    kind: OrderKind,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    /// The orders were asked for by name.
    asked: bool,
    split_on: bool,
    tax_account: Option<AccountId>,
    pub known: HashMap<TransferKey, KnownRow>,
    sellers: HashMap<ShopId, Seller>,
    old: HashMap<String, TransferId>,
}

/// Reads what the store knows of a page, and the sellers' accounts.
pub(super) async fn around(
    app: &App,
    readers: &mut Readers,
    reading: Reading,
    asked: bool,
    sorted: &Sorted,
) -> Result<Around> {
    let kind = reading.kind;
    let ids = sorted.orders.iter().map(Order::id).chain(&sorted.gone);
    let ids = ids.chain(sorted.unreadable.iter().map(|(id, _)| id));
    let ids: Vec<&str> = ids.map(OrderId::as_str).collect();
    let shops = sorted.orders.iter().map(|order| match order {
        Order::Product(order) => order.shop_id,
        Order::Service(order) => order.shop_id,
    });
    let shops: Vec<ShopId> = shops.collect();
    let (known, old, sellers) = {
        let mut conn = app.db.acquire().await?;
        let known = transfers::known(&mut conn, &kind.transfers(), &ids).await?;
        let old = match kind {
            OrderKind::Product => HashMap::new(),
            OrderKind::Service => transfers::of_old_connector(&mut conn, &ids).await?,
        };
        (known, old, accounts::of_shops(&mut conn, &shops).await?)
    };
    let taxes = &app.settings.taxes;
    Ok(Around {
        kind,
        start: reading.beginning.start,
        now: app.clock.now(),
        asked,
        split_on: taxes.split,
        tax_account: taxes.account.clone(),
        known,
        sellers: readers.accounts.refresh(app, sellers).await?,
        old,
    })
}

impl Around {
    /// The rows of an order as they depend on each other.
    pub fn rows(&self, id: &OrderId) -> Rows {
        let [seller, taxes] = self.kind.transfers();
        let state = |kind| {
            let row = self.known.get(&(kind, id.to_string()));
            row.map_or(RowState::None, |row| {
                let doubted = flagged_by_stripe(row);
                RowState::of(&row.known, row.amount, doubted, self.now, self.asked)
            })
        };
        Rows {
            seller: state(seller),
            taxes: state(taxes),
        }
    }

    pub fn division(&self, order: &Payable, rows: &Rows) -> Division {
        rows.division(order, self.split_on)
    }

    /// What a decision about this order rests on.
    pub fn facts<'a>(
        &'a self,
        order: &'a Payable,
        rows: &'a Rows,
        division: &'a Division,
    ) -> Facts<'a> {
        let seller = self.sellers.get(&order.shop_id);
        let taxes = (self.kind.of_taxes(), order.id.to_string());
        let named = self
            .known
            .get(&taxes)
            .and_then(|row| row.destination.as_ref());
        Facts {
            order,
            rows,
            division,
            account: seller.and_then(|seller| seller.account.as_ref()),
            excluded: seller.is_some_and(|seller| seller.excluded),
            start: self.start,
            tax_account: self.tax_account.as_ref().or(named),
            old_transfer: self.old.get(order.id.as_str()),
        }
    }
}

/// A flag that Stripe's side raised, which is not for Mirakl's side to take down.
pub(super) fn flagged_by_stripe(row: &KnownRow) -> bool {
    let flag = row.difference.as_deref();
    flag.is_some_and(|difference| difference.starts_with("Stripe"))
}

/// The orders with what their decision needs of Mirakl besides them: services have their debits in a
/// list of their own.
pub(super) async fn payables(app: &App, orders: &[Order]) -> Result<Vec<Payable>> {
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
