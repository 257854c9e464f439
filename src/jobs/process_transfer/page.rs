//! One page of orders: decided by fresh facts, and recorded in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::facts::{self, Around, Sorted, flagged_by_stripe};
use super::row::{count, row};
use super::{Pass, Readers, Reading, act};
use crate::app::App;
use crate::domain::ids::OrderId;
use crate::domain::payment::PaymentFacts;
use crate::domain::transfer::{
    Comparison, Decision, Decisions, Facts, HoldReason, OrderKind, Parts, Payable, RowState, Rows,
    TransferType, before_payment, compare_seller, compare_taxes, decide,
};
use crate::jobs::Result;
use crate::jobs::orders;
use crate::jobs::orders::stream::{self, Seen};
use crate::jobs::payments::PaymentOf;
use crate::store::checkpoints::{self, Checkpoint};
use crate::store::transfers::{self, KnownRow, NewDecision, TransferKey, set_differences};

/// What was decided about one row.
pub(super) struct Decided {
    pub kind: TransferType,
    pub id: OrderId,
    pub order: Option<Payable>,
    /// What the order comes to, where that can be told.
    pub parts: Option<Parts>,
    pub decision: Decision,
}

impl Decided {
    pub fn key(&self) -> TransferKey {
        (self.kind, self.id.to_string())
    }
}

/// A page, decided.
#[derive(Default)]
pub(super) struct DecidedPage {
    pub decided: Vec<Decided>,
    /// Transferred orders, each with what no longer agrees.
    pub compared: Vec<(i64, Option<String>)>,
    pub known: HashMap<TransferKey, KnownRow>,
    /// Elements that are no orders and name none.
    pub unidentified: Vec<String>,
    /// Orders that were asked for by id and that this list does not hold.
    pub missing: Vec<Missing>,
}

/// An order that a list does not hold, and of which nothing waits.
pub(super) struct Missing {
    pub id: OrderId,
    /// The store has a row of it under this kind.
    pub known: bool,
}

/// Decides a page, records it, and sends what it made pending. Returns the orders that were asked
/// for by id, that this list does not hold, and of which nothing waits.
pub(super) async fn process(
    pass: &mut Pass<'_>,
    reading: Reading,
    seen: Seen,
    checkpoint: Option<Checkpoint>,
) -> Result<Vec<Missing>> {
    let number = seen.read.len() + seen.gone.len();
    let asked = !pass.options.orders.is_empty();
    let page = decide_page(pass.app, &mut pass.readers, reading, asked, seen).await?;
    record(pass, reading.kind, &page, checkpoint).await?;
    pass.bar.inc(u64::try_from(number).unwrap_or(0));
    act::send_pending(pass).await?;
    Ok(page.missing)
}

/// Decides every row of a page that may be decided. Writes nothing but what Stripe said of
/// payments and accounts, and that only if the readers store.
pub(super) async fn decide_page(
    app: &App,
    readers: &mut Readers,
    reading: Reading,
    asked: bool,
    seen: Seen,
) -> Result<DecidedPage> {
    let sorted = facts::sort(seen);
    let around = facts::around(app, readers, reading, asked, &sorted).await?;
    let mut page = DecidedPage::default();
    without_order(&mut page, reading.kind, &around, &sorted);
    let orders = orders::payables(app, &sorted.orders).await?;
    decide_orders(app, readers, &around, orders, &mut page).await?;
    page.unidentified = sorted.nameless;
    page.known = around.known;
    Ok(page)
}

/// Holds the rows of orders that could not be read, or that Mirakl no longer returns.
fn without_order(page: &mut DecidedPage, kind: OrderKind, around: &Around, sorted: &Sorted) {
    let unreadable = sorted.unreadable.iter();
    let unreadable = unreadable.map(|(id, cause)| (id, HoldReason::Unreadable(cause.clone())));
    let gone = sorted.gone.iter().map(|id| (id, HoldReason::Gone));
    for (id, reason) in unreadable.chain(gone) {
        let rows = around.rows(id);
        let known = rows.seller != RowState::None || rows.taxes != RowState::None;
        let open = known && rows.decides_seller() || rows.decides_taxes();
        if reason == HoldReason::Gone && !open {
            let id = id.clone();
            page.missing.push(Missing { id, known });
            continue;
        }
        let mut hold = |kind| {
            page.decided.push(Decided {
                kind,
                id: id.clone(),
                order: None,
                parts: None,
                decision: Decision::Hold(reason.clone()),
            });
        };
        if rows.decides_seller() {
            hold(kind.to_seller());
        }
        if rows.decides_taxes() {
            hold(kind.of_taxes());
        }
    }
}

async fn decide_orders(
    app: &App,
    readers: &mut Readers,
    around: &Around,
    orders: Vec<Payable>,
    page: &mut DecidedPage,
) -> Result<()> {
    let divided: Vec<_> = orders
        .iter()
        .map(|order| {
            let rows = around.rows(&order.id);
            let division = around.division(order, &rows);
            (rows, division)
        })
        .collect();
    let with_facts = || {
        let pairs = orders.iter().zip(&divided);
        pairs.map(|(order, (rows, division))| around.facts(order, rows, division))
    };
    for facts in with_facts() {
        page.compared.extend(compared(&facts, around));
    }
    let in_need: Vec<&Payable> = with_facts()
        .filter(|facts| facts.are_open() && before_payment(*facts).is_none())
        .map(|facts| facts.order)
        .collect();
    let names: Vec<PaymentOf<'_>> = in_need.iter().copied().map(PaymentOf::from).collect();
    let found = readers.payments.of(app, &names).await?;
    let found: HashMap<&OrderId, _> = in_need.iter().map(|order| &order.id).zip(found).collect();
    for facts in with_facts().filter(Facts::are_open) {
        // An order that needs no payment is decided without one.
        let payment = found.get(&facts.order.id);
        let decisions = decide(facts, payment.unwrap_or(&PaymentFacts::Missing));
        page.decided.extend(decided(facts.order, decisions));
    }
    Ok(())
}

fn decided(order: &Payable, decisions: Decisions) -> impl Iterator<Item = Decided> {
    let Decisions {
        seller,
        taxes,
        parts,
    } = decisions;
    let rows = [
        (order.kind.to_seller(), seller),
        (order.kind.of_taxes(), taxes),
    ];
    let order = order.clone();
    rows.into_iter().filter_map(move |(kind, decision)| {
        Some(Decided {
            kind,
            id: order.id.clone(),
            order: Some(order.clone()),
            parts: parts.clone(),
            decision: decision?,
        })
    })
}

/// Transferred orders that are seen again: what changed is flagged, what agrees again is not.
fn compared(facts: &Facts<'_>, around: &Around) -> Vec<(i64, Option<String>)> {
    let order = facts.order;
    let rows: &Rows = facts.rows;
    let [seller, taxes] = order.kind.transfers();
    let flag = |kind: TransferType, state: &RowState| {
        let RowState::Made {
            amount: Some(amount),
            ..
        } = state
        else {
            return None;
        };
        let row = around.known.get(&(kind, order.id.to_string()))?;
        let comparison = match kind.is_tax() {
            false => compare_seller(order, *amount, rows, facts.division),
            true => compare_taxes(order, *amount),
        };
        let difference = match comparison {
            Comparison::Agrees => None,
            Comparison::Differs(difference) => Some(difference),
            Comparison::Silent => return None,
        };
        let news = difference != row.difference && !flagged_by_stripe(row);
        news.then_some((row.id, difference))
    };
    let flags = [flag(seller, &rows.seller), flag(taxes, &rows.taxes)];
    flags.into_iter().flatten().collect()
}

/// Writes a page's decisions, its flags and, with the last page, the checkpoint: all or nothing.
async fn record(
    pass: &Pass<'_>,
    kind: OrderKind,
    page: &DecidedPage,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let now = pass.app.clock.now();
    let rows = rows(pass, page, now);
    for cause in &page.unidentified {
        tracing::error!(
            cause,
            "Mirakl sent an order without an id; the checkpoint stays where it is"
        );
        pass.run.count_failed();
    }
    for (id, difference) in &page.compared {
        if let Some(difference) = difference {
            tracing::warn!(transfer = id, difference, "a transferred order has changed");
            pass.run.count(|counts| counts.news += 1);
        }
    }
    let mut tx = pass.app.db.begin().await?;
    transfers::record(&mut tx, &rows, now).await?;
    set_differences(&mut tx, &page.compared, now).await?;
    if let Some(checkpoint) = checkpoint {
        checkpoints::advance(&mut tx, stream::checkpoint(kind), checkpoint, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn rows(pass: &Pass<'_>, page: &DecidedPage, now: DateTime<Utc>) -> Vec<NewDecision> {
    let host = pass.app.mirakl.host();
    let decided = page.decided.iter().map(|decided| {
        let known = page.known.get(&decided.key());
        let row = row(decided, known, &host, now);
        count(pass.run, decided, &row, known);
        row
    });
    decided.collect()
}
