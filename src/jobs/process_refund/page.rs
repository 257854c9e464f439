//! One page of refunds: decided by fresh facts, recorded in one transaction, and sent.

use std::collections::HashMap;

use anyhow::Context as _;

use super::facts::{self, Orders};
use super::gather::READING;
use super::row::row;
use super::{Pass, refund};
use crate::app::App;
use crate::domain::ids::{ChargeId, OrderId, RefundId};
use crate::domain::money::Money;
use crate::domain::refund::{
    AbortReason, AskedRefund, Charged, Decision, Facts, HoldReason, RefundStatus, RefundType,
    decide,
};
use crate::domain::transfer::TransferType;
use crate::jobs::Result;
use crate::jobs::orders::stream::Order;
use crate::jobs::payments::Payments;
use crate::notify::{Event, RefundFailed};
use crate::store::notifications;
use crate::store::refunds::{self, KnownRefund, NewDecision, OldRefund, OrderTransfer, Waiting};

/// A refund to be decided.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// Mirakl asks for it.
    Asked(AskedRefund),
    /// It is made anew, after Mirakl was told of one that failed.
    Again(AskedRefund),
    /// It waits here and is due, and Mirakl does not ask for it.
    NotAsked(Waiting),
}

impl Item {
    pub fn kind(&self) -> RefundType {
        match self {
            Self::Asked(asked) | Self::Again(asked) => asked.kind,
            Self::NotAsked(waiting) => waiting.kind,
        }
    }

    pub fn id(&self) -> &RefundId {
        match self {
            Self::Asked(asked) | Self::Again(asked) => &asked.id,
            Self::NotAsked(waiting) => &waiting.id,
        }
    }

    pub fn order_id(&self) -> &OrderId {
        match self {
            Self::Asked(asked) | Self::Again(asked) => &asked.order_id,
            Self::NotAsked(waiting) => &waiting.order_id,
        }
    }
}

/// What was decided about one refund.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// By the rules of the first step.
    Rules(Decision),
    /// It ended elsewhere.
    Abort(AbortReason),
}

/// A refund with what was decided about it.
pub(super) struct Decided {
    pub item: Item,
    pub verdict: Verdict,
    pub order: Option<Order>,
    pub old: Option<OldRefund>,
}

/// A page, decided.
pub(super) struct DecidedPage {
    pub decided: Vec<Decided>,
    pub known: HashMap<RefundId, KnownRefund>,
    pub transfers: HashMap<(TransferType, OrderId), OrderTransfer>,
}

/// Decides a page, records it, and sends what it made pending.
pub(super) async fn process(pass: &mut Pass<'_>, kind: RefundType, items: Vec<Item>) -> Result<()> {
    let number = u64::try_from(items.len()).unwrap_or(0);
    let asked = !pass.options.refunds.is_empty();
    let none = HashMap::new();
    let page = decide_page(pass.app, &mut pass.payments, kind, asked, items, &none).await?;
    record(pass, &page).await?;
    pass.bar.inc(number);
    refund::send_pending(pass).await
}

/// Whether any of these may be decided now.
pub(super) async fn has_decidable(
    pass: &Pass<'_>,
    kind: RefundType,
    items: &[Item],
) -> Result<bool> {
    let now = pass.app.clock.now();
    let asked = !pass.options.refunds.is_empty();
    let known = known(pass.app, kind, items).await?;
    Ok(items.iter().any(|item| {
        let known = known.get(item.id());
        known.is_none_or(|row| row.known.may_decide(now, asked))
    }))
}

async fn known(
    app: &App,
    kind: RefundType,
    items: &[Item],
) -> Result<HashMap<RefundId, KnownRefund>> {
    let ids: Vec<&str> = items.iter().map(|item| item.id().as_str()).collect();
    let mut conn = app.db.acquire().await?;
    Ok(refunds::known(&mut conn, kind, &ids).await?)
}

/// Decides every refund of a page that may be decided. Writes nothing but what Stripe said of
/// payments, and that only if `payments` stores.
///
/// `unstored` is what others refunded of charges, as far as the store does not hold it: a dry run stores
/// nothing.
pub(super) async fn decide_page(
    app: &App,
    payments: &mut Payments,
    kind: RefundType,
    asked: bool,
    mut items: Vec<Item>,
    unstored: &HashMap<ChargeId, i64>,
) -> Result<DecidedPage> {
    let now = app.clock.now();
    let known = known(app, kind, &items).await?;
    items.retain(|item| {
        let known = known.get(item.id());
        known.is_none_or(|row| row.known.may_decide(now, asked))
    });
    let mut page = DecidedPage {
        decided: Vec::with_capacity(items.len()),
        known,
        transfers: HashMap::new(),
    };
    if items.is_empty() {
        return Ok(page);
    }
    let order_ids: Vec<OrderId> = items.iter().map(|item| item.order_id().clone()).collect();
    let orders = facts::orders(app, kind, &order_ids)
        .await
        .context(READING)?;
    let old = {
        let ids: Vec<&str> = items.iter().map(|item| item.id().as_str()).collect();
        let order_ids: Vec<&str> = order_ids.iter().map(OrderId::as_str).collect();
        let mut conn = app.db.acquire().await?;
        page.transfers = refunds::order_transfers(&mut conn, &order_ids).await?;
        refunds::old(&mut conn, &ids).await?
    };
    let charged = charged(app, payments, kind, &items, &orders, &page.transfers).await?;
    let by_others = {
        let of_page: Vec<ChargeId> = charged
            .values()
            .filter_map(|charged| charged.as_ref().ok())
            .map(|charged| charged.charge.clone())
            .collect();
        let mut conn = app.db.acquire().await?;
        refunds::by_others(&mut conn, &of_page).await?
    };
    for item in items {
        let order = orders.get(item.order_id());
        let shown = order
            .clone()
            .and_then(|order| facts::shown(order, item.id()));
        let not_charged = Err(HoldReason::OrderGone);
        let charged = charged.get(item.order_id()).unwrap_or(&not_charged);
        let charge = charged.as_ref().ok().map(|charged| &charged.charge);
        let old = old
            .get(item.id())
            .and_then(|made| made.iter().find(|made| Some(&made.charge_id) == charge));
        let row = page.known.get(item.id());
        let verdict = match &item {
            Item::Asked(_) if shown.as_ref().is_ok_and(|shown| shown.confirmed) => {
                Verdict::Rules(Decision::Hold(HoldReason::ShownAsPaid))
            }
            Item::Asked(asked) | Item::Again(asked) => Verdict::Rules(decide(Facts {
                asked,
                shown: &shown,
                charged,
                old: old.map(|old| (&old.stripe_refund_id, old.amount)),
                by_others: charge.map_or(0, |charge| {
                    let accepted = row.map_or(&[][..], |row| &row.known.accepted);
                    let unstored = unstored.get(charge).copied().unwrap_or(0);
                    by_others.besides(charge, accepted) + unstored
                }),
            })),
            Item::NotAsked(_) => match shown {
                Ok(shown) if shown.confirmed => Verdict::Abort(AbortReason::ConfirmedElsewhere),
                Ok(_) => Verdict::Rules(Decision::Hold(HoldReason::NoLongerAsked)),
                Err(reason) => Verdict::Rules(Decision::Hold(reason)),
            },
        };
        page.decided.push(Decided {
            order: order.ok().cloned(),
            old: old.cloned(),
            item,
            verdict,
        });
    }
    Ok(page)
}

/// The charge that each order was paid by: its transfer's, else its payment's.
async fn charged(
    app: &App,
    payments: &mut Payments,
    kind: RefundType,
    items: &[Item],
    orders: &Orders,
    transfers: &HashMap<(TransferType, OrderId), OrderTransfer>,
) -> Result<HashMap<OrderId, Result<Charged, HoldReason>>> {
    let mut charged = HashMap::new();
    let mut unpaid: HashMap<OrderId, Order> = HashMap::new();
    for item in items {
        let id = item.order_id();
        let transfer = transfers.get(&(kind.order_kind().to_seller(), id.clone()));
        let of_transfer = transfer.and_then(|transfer| {
            let (_, amount) = transfer.made.as_ref()?;
            let (charge, payment) = transfer.charge.clone()?;
            Some(Charged {
                charge,
                payment,
                currency: amount.currency(),
                captured: None,
            })
        });
        if let Some(of_transfer) = of_transfer {
            charged.insert(id.clone(), Ok(of_transfer));
        } else if let Ok(order) = orders.get(id) {
            unpaid.insert(id.clone(), order.clone());
        }
    }
    if !unpaid.is_empty() {
        let unpaid: Vec<Order> = unpaid.into_values().collect();
        charged.extend(facts::charges(app, payments, &unpaid).await?);
    }
    Ok(charged)
}

/// Writes a page's decisions, and what a person is told of them: all or nothing.
async fn record(pass: &Pass<'_>, page: &DecidedPage) -> Result<()> {
    let now = pass.app.clock.now();
    let host = pass.app.mirakl.host();
    let rows: Vec<NewDecision> = page
        .decided
        .iter()
        .map(|decided| row(decided, page.known.get(decided.item.id()), &host, now))
        .collect();
    let mut tx = pass.app.db.begin().await?;
    let ids = refunds::record(&mut tx, &rows, now).await?;
    if pass.app.notifier.is_some() {
        let left_to_persons = rows
            .iter()
            .filter(|row| row.status == RefundStatus::RefundFailed);
        let events = left_to_persons.filter_map(|row| {
            let money = row.amount.zip(row.currency);
            Some(Event::from(RefundFailed {
                internal_id: *ids.get(&row.mirakl_id)?,
                order_id: row.order_id.clone(),
                refund_id: row.mirakl_id.clone(),
                shop_id: row.shop_id,
                stripe_refund_id: None,
                stripe_reversal_id: None,
                amount: money.map(|(minor, currency)| Money::from_minor(minor, currency)),
                reason: row.status_reason.clone().unwrap_or_default(),
            }))
        });
        let events: Vec<Event> = events.collect();
        notifications::add(&mut tx, &events, now).await?;
    }
    tx.commit().await?;
    for row in &rows {
        count(pass, row, page.known.get(&row.mirakl_id));
    }
    Ok(())
}

fn count(pass: &Pass<'_>, row: &NewDecision, known: Option<&KnownRefund>) {
    let same = known.is_some_and(|known| {
        known.known.status == row.status && known.known.reason_code.as_deref() == row.reason_code
    });
    pass.run.count(|counts| {
        match row.status {
            // Counted when Stripe has answered, and when all three steps are done.
            RefundStatus::RefundPending | RefundStatus::RefundCreated => return,
            RefundStatus::RefundOnHold => counts.waiting += 1,
            RefundStatus::RefundFailed => counts.failed += 1,
            RefundStatus::RefundAborted => counts.aborted += 1,
            RefundStatus::RefundIgnored => counts.ignored += 1,
        }
        counts.news += u64::from(!same);
    });
}
