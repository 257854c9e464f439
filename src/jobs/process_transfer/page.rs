//! One page of orders: decided by fresh facts, and recorded in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Pass, Readers, act};
use crate::app::App;
use crate::domain::account::Seller;
use crate::domain::ids::{OrderId, ShopId};
use crate::domain::order::ProductOrder;
use crate::domain::payment::PaymentFacts;
use crate::domain::retry;
use crate::domain::transfer::{
    Decision, Facts, HoldReason, TransferStatus, TransferType, before_payment, compare, decide,
    seller_amount,
};
use crate::jobs::{Result, Run};
use crate::mirakl::{ReadOrder, UnreadOrder};
use crate::store::accounts;
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::transfers::{self, KnownRow, NewDecision, set_differences};
use crate::stripe::NewTransfer;

/// What Mirakl returned, and which of the orders that were asked for by id it did not.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub read: Vec<ReadOrder>,
    pub gone: Vec<OrderId>,
}

/// What was decided about one order.
pub(super) struct Decided {
    pub id: OrderId,
    pub order: Option<ProductOrder>,
    pub decision: Decision,
}

/// A page, decided.
#[derive(Default)]
pub(super) struct DecidedPage {
    pub decided: Vec<Decided>,
    /// Transferred orders, each with what no longer agrees.
    pub compared: Vec<(i64, Option<String>)>,
    pub known: HashMap<String, KnownRow>,
    /// Elements that are no orders and name none.
    pub unidentified: Vec<String>,
    /// Orders that were asked for by id and that neither Mirakl nor the store knows.
    pub unheard_of: Vec<OrderId>,
}

/// Decides a page, records it, and sends what it made pending.
pub(super) async fn process(
    pass: &mut Pass<'_>,
    seen: Seen,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let number = seen.read.len() + seen.gone.len();
    let asked = !pass.options.orders.is_empty();
    let start = pass.beginning.start;
    let page = decide_page(pass.app, &mut pass.readers, start, asked, seen).await?;
    record(pass, &page, checkpoint).await?;
    pass.bar.inc(u64::try_from(number).unwrap_or(0));
    act::send_pending(pass).await
}

/// Decides every order of a page that may be decided. Writes nothing but what Stripe said of
/// payments and accounts, and that only if `payments` stores.
pub(super) async fn decide_page(
    app: &App,
    readers: &mut Readers,
    start: DateTime<Utc>,
    asked: bool,
    seen: Seen,
) -> Result<DecidedPage> {
    let now = app.clock.now();
    let mut page = DecidedPage::default();
    let mut readable = Vec::with_capacity(seen.read.len());
    let without_order = |id: OrderId, reason| Decided {
        id,
        order: None,
        decision: Decision::Hold(reason),
    };
    for item in seen.read {
        match item {
            Ok(order) => readable.push(order),
            Err(UnreadOrder {
                id: Some(id),
                cause,
                ..
            }) => page
                .decided
                .push(without_order(id, HoldReason::Unreadable(cause))),
            Err(UnreadOrder {
                id: None, cause, ..
            }) => page.unidentified.push(cause),
        }
    }
    let shops: Vec<ShopId> = readable.iter().map(|order| order.shop_id).collect();
    let sellers = {
        let mut conn = app.db.acquire().await?;
        let ids = readable.iter().map(|order| &order.id).chain(&seen.gone);
        let ids = ids.chain(page.decided.iter().map(|decided| &decided.id));
        let ids: Vec<&str> = ids.map(OrderId::as_str).collect();
        page.known = transfers::known(&mut conn, TransferType::ProductOrder, &ids).await?;
        accounts::of_shops(&mut conn, &shops).await?
    };
    for id in seen.gone {
        if page.known.contains_key(id.as_str()) {
            page.decided.push(without_order(id, HoldReason::Gone));
        } else {
            page.unheard_of.push(id);
        }
    }
    let may_decide = |id: &OrderId| {
        let known = page.known.get(id.as_str());
        known.is_none_or(|row| row.known.may_decide(now, asked))
    };
    page.decided.retain(|decided| may_decide(&decided.id));
    let (open, settled): (Vec<ProductOrder>, Vec<ProductOrder>) = readable
        .into_iter()
        .partition(|order| may_decide(&order.id));
    page.compared = compare_settled(&settled, &page.known);

    let sellers = readers.accounts.refresh(app, sellers).await?;
    let in_need: Vec<&ProductOrder> = open
        .iter()
        .filter(|order| before_payment(facts(order, &sellers, start)).is_none())
        .collect();
    let found = readers.payments.of(app, &in_need).await?;
    let found: HashMap<OrderId, _> = in_need.iter().map(|o| o.id.clone()).zip(found).collect();
    for order in open {
        let decision = match found.get(&order.id) {
            Some(payment) => decide(facts(&order, &sellers, start), payment),
            // An order that needs no payment is decided without one.
            None => decide(facts(&order, &sellers, start), &PaymentFacts::Missing),
        };
        page.decided.push(Decided {
            id: order.id.clone(),
            order: Some(order),
            decision,
        });
    }
    Ok(page)
}

fn facts<'a>(
    order: &'a ProductOrder,
    sellers: &'a HashMap<ShopId, Seller>,
    start: DateTime<Utc>,
) -> Facts<'a> {
    let seller = sellers.get(&order.shop_id);
    Facts {
        order,
        account: seller.and_then(|seller| seller.account.as_ref()),
        excluded: seller.is_some_and(|seller| seller.excluded),
        start,
    }
}

/// Transferred orders that are seen again: what changed is flagged, what agrees again is not.
fn compare_settled(
    orders: &[ProductOrder],
    known: &HashMap<String, KnownRow>,
) -> Vec<(i64, Option<String>)> {
    let created = orders.iter().filter_map(|order| {
        let row = known.get(order.id.as_str())?;
        if row.known.status != TransferStatus::TransferCreated {
            return None;
        }
        let difference = compare(order, row.amount?);
        // A flag that Stripe's side raised is not for Mirakl's side to take down.
        let by_stripe = row
            .difference
            .as_deref()
            .is_some_and(|d| d.starts_with("Stripe"));
        (difference != row.difference && !by_stripe).then_some((row.id, difference))
    });
    created.collect()
}

/// Writes a page's decisions, its flags and, with the last page, the checkpoint: all or nothing.
async fn record(pass: &Pass<'_>, page: &DecidedPage, checkpoint: Option<Checkpoint>) -> Result<()> {
    let now = pass.app.clock.now();
    let host = pass.app.mirakl.host();
    let rows: Vec<NewDecision> = page
        .decided
        .iter()
        .map(|decided| row(decided, page.known.get(decided.id.as_str()), &host, now))
        .collect();
    for (decided, row) in page.decided.iter().zip(&rows) {
        count(pass.run, decided, row, page.known.get(decided.id.as_str()));
    }
    for cause in &page.unidentified {
        tracing::error!(
            cause,
            "Mirakl sent an order without an id; the checkpoint stays where it is"
        );
        pass.run.count(|counts| {
            counts.failed += 1;
            counts.news += 1;
        });
    }
    for order in &page.unheard_of {
        tracing::error!(%order, "Mirakl has no such order");
        pass.run.count(|counts| counts.failed += 1);
    }
    for (id, difference) in &page.compared {
        if let Some(difference) = difference {
            tracing::warn!(transfer = id, difference, "a transferred order has changed");
            pass.run.count(|counts| counts.news += 1);
        }
    }
    let mut tx = pass.app.db.begin().await?;
    transfers::record(&mut tx, TransferType::ProductOrder, &rows, now).await?;
    set_differences(&mut tx, &page.compared, now).await?;
    if let Some(checkpoint) = checkpoint {
        checkpoints::advance(&mut tx, Stream::ProductOrders, checkpoint, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn count(run: &Run, decided: &Decided, row: &NewDecision, known: Option<&KnownRow>) {
    let same = known.is_some_and(|known| {
        known.known.status == row.status && known.known.reason_code.as_deref() == row.reason_code
    });
    run.count(|counts| {
        match decided.decision {
            // Counted when Stripe has answered.
            Decision::Send { .. } => return,
            Decision::Hold(_) => counts.waiting += 1,
            Decision::Abort(_) => counts.aborted += 1,
            Decision::Ignore(_) => counts.ignored += 1,
        }
        counts.news += u64::from(!same);
    });
}

/// A decision as a row.
fn row(decided: &Decided, known: Option<&KnownRow>, host: &str, now: DateTime<Utc>) -> NewDecision {
    let order = decided.order.as_ref();
    let mut row = NewDecision {
        mirakl_id: decided.id.to_string(),
        shop_id: order.map(|order| order.shop_id),
        commercial_order_id: order.map(|order| order.commercial_id.clone()),
        status: TransferStatus::TransferOnHold,
        status_reason: None,
        reason_code: None,
        amount: None,
        currency: None,
        amount_explained: None,
        destination: None,
        payment_id: None,
        source_charge: None,
        request_body: None,
        looks: 0,
        next_look_at: None,
    };
    match &decided.decision {
        Decision::Send {
            amount,
            destination,
            source,
            payment,
            explained,
        } => {
            let shop_id = order.map_or(ShopId(0), |order| order.shop_id);
            let new = NewTransfer {
                amount: *amount,
                destination,
                source,
                kind: TransferType::ProductOrder,
                mirakl_id: decided.id.as_str(),
                mirakl_host: host,
                shop_id,
            };
            row.status = TransferStatus::TransferPending;
            row.amount = Some(amount.minor());
            row.currency = Some(amount.currency());
            row.amount_explained = Some(explained.clone());
            row.destination = Some(destination.clone());
            row.payment_id = Some(payment.to_string());
            row.source_charge = Some(source.clone());
            row.request_body = Some(new.encode());
            row.looks = refusals(known);
        }
        Decision::Hold(reason) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            (row.looks, row.next_look_at) = next_look(known, reason.code(), now);
            if let Some(amount) = order.and_then(|order| seller_amount(order).ok())
                && amount.seller.is_positive()
            {
                row.amount = Some(amount.seller.minor());
                row.currency = Some(amount.seller.currency());
                row.amount_explained = Some(amount.explained);
            }
        }
        Decision::Abort(reason) => {
            row.status = TransferStatus::TransferAborted;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
        Decision::Ignore(reason) => {
            row.status = TransferStatus::TransferIgnored;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
    }
    row
}

/// Refusals in a row so far: a try after them keeps the count for its own delay.
fn refusals(known: Option<&KnownRow>) -> u32 {
    known
        .filter(|row| match row.known.status {
            TransferStatus::TransferFailed | TransferStatus::TransferPending => true,
            TransferStatus::TransferOnHold
            | TransferStatus::TransferCreated
            | TransferStatus::TransferAborted
            | TransferStatus::TransferIgnored => false,
        })
        .map_or(0, |row| row.known.looks)
}

/// When a held row is looked at again: later and later as long as the reason stays the same.
fn next_look(
    known: Option<&KnownRow>,
    code: &str,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let same = known.filter(|row| {
        row.known.status == TransferStatus::TransferOnHold
            && row.known.reason_code.as_deref() == Some(code)
    });
    retry::next_look(
        same.map(|row| (row.known.looks, row.known.next_look_at)),
        now,
    )
}
