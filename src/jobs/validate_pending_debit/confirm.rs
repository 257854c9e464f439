//! Tells Mirakl which debits are covered by a payment, in batches where Mirakl takes them. A call
//! whose answer does not come, or that is refused as a whole, is settled by reading the orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::baskets::Baskets;
use super::gather::Asked;
use super::{Pass, confirm_services};
use crate::app::App;
use crate::domain::basket::{Basket, ConfirmDecision, Policy, confirm_order};
use crate::domain::ids::OrderId;
use crate::domain::money::{Currency, Money};
use crate::domain::order::ProductOrder;
use crate::jobs::Result;
use crate::jobs::orders;
use crate::jobs::telling::{End, Tell, tell};
use crate::mirakl::{MOST_IDS, MiraklError, ProductDebit, Told};
use crate::store::debits::{self, DebitKind, DebitRow, DebitStatus};

/// Decides about every debit of some baskets, records that, tells Mirakl, and settles.
pub(super) async fn baskets(pass: &Pass<'_>, baskets: &mut Baskets, asked: &Asked) -> Result<()> {
    products(pass, baskets, asked).await?;
    if pass.app.settings.payments.confirm_services {
        confirm_services::all(pass, baskets).await?;
    }
    Ok(())
}

/// A debit, and the payment that Mirakl is told; none to refuse it.
struct Telling<'a> {
    debit: &'a ProductDebit,
    transaction: Option<String>,
}

async fn products(pass: &Pass<'_>, baskets: &mut Baskets, asked: &Asked) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let mut rows = Vec::new();
    let mut telling = Vec::new();
    for debit in &asked.debits {
        let Some(basket) = baskets.get(&debit.commercial_id) else {
            continue;
        };
        let decision = decide(basket, debit, pass.policy, now);
        rows.push(decided_row(bare_row(debit), &decision, now));
        match decision {
            ConfirmDecision::Confirm { transaction, .. } => telling.push(Telling {
                debit,
                transaction: Some(transaction),
            }),
            ConfirmDecision::Refuse => telling.push(Telling {
                debit,
                transaction: None,
            }),
            ConfirmDecision::Hold(_) => {}
        }
    }
    record(pass, &rows).await?;
    if telling.is_empty() {
        return Ok(());
    }
    pass.run.check_lock().await?;
    // The batches concern different debits: they are told at once, and settled one after another.
    let batches: Vec<&[Telling<'_>]> = telling.chunks(MOST_IDS).collect();
    let teller = Teller { app };
    let ends = join_all(batches.iter().map(|batch| tell(&teller, batch))).await;
    for (batch, ends) in batches.iter().zip(ends) {
        settle(pass, batch, &ends?, baskets).await?;
    }
    Ok(())
}

pub(super) const TELLING: &str = "Mirakl could not be told of debits";

/// How Mirakl is told of debits of product orders.
struct Teller<'a> {
    app: &'a App,
}

impl<'t> Tell<Telling<'t>> for Teller<'_> {
    const TELLING: &'static str = TELLING;

    async fn send(&self, batch: &[Telling<'t>]) -> Result<Vec<End>, MiraklError> {
        let told: Vec<Told<'_>> = batch
            .iter()
            .map(|telling| Told {
                debit: telling.debit,
                transaction: telling.transaction.as_deref(),
            })
            .collect();
        self.app.mirakl.confirm_debits(&told).await?;
        Ok(batch.iter().map(|_| End::Done).collect())
    }

    async fn shown(&self, batch: &[Telling<'t>]) -> Result<Vec<bool>, MiraklError> {
        let ids = batch.iter().map(|telling| telling.debit.order_id.clone());
        let mut ids: Vec<OrderId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let found = orders::by_ids(&self.app.mirakl, &ids).await?;
        let read = found.read.into_iter().filter_map(std::result::Result::ok);
        let found: HashMap<OrderId, ProductOrder> =
            read.map(|order| (order.id.clone(), order)).collect();
        let shown = batch.iter().map(|telling| {
            let order = found.get(&telling.debit.order_id);
            order.is_some_and(|order| shows(order, telling))
        });
        Ok(shown.collect())
    }
}

/// Whether an order shows that Mirakl took what it was told.
fn shows(order: &ProductOrder, telling: &Telling<'_>) -> bool {
    match &telling.transaction {
        Some(transaction) => {
            order.debited_at.is_some()
                && order.transaction_number.as_ref() == Some(transaction)
                && telling
                    .debit
                    .entity
                    .as_ref()
                    .is_none_or(|entity| entity.kind != "SHIPMENT")
        }
        None => matches!(order.state, crate::domain::order::OrderState::Ended(_)),
    }
}

async fn settle(
    pass: &Pass<'_>,
    batch: &[Telling<'_>],
    ends: &[End],
    baskets: &mut Baskets,
) -> Result<()> {
    let now = pass.app.clock.now();
    let mut rows = Vec::with_capacity(batch.len());
    for (telling, end) in batch.iter().zip(ends) {
        let debit = telling.debit;
        let mut row = bare_row(debit);
        row.transaction_number.clone_from(&telling.transaction);
        match (end, &telling.transaction) {
            (End::Done, Some(_)) => {
                row.status = DebitStatus::DebitConfirmed;
                mark_confirmed(baskets, debit, now);
                pass.run.count_created();
            }
            (End::Done, None) => {
                row.status = DebitStatus::DebitRefused;
                row.status_reason = Some("every payment of the basket has ended".to_owned());
                row.reason_code = Some("payment_ended");
                pass.run.count(|counts| {
                    counts.aborted += 1;
                    counts.news += 1;
                });
            }
            (End::Refused(why), _) => {
                tracing::warn!(order = %debit.order_id, why, "Mirakl did not take a confirmation");
                row.status = DebitStatus::DebitFailed;
                row.status_reason = Some(format!("Mirakl refused: {why}"));
                row.reason_code = Some("refused_by_mirakl");
                pass.run.count_failed();
            }
            (End::Unknown(cause), _) => {
                tracing::warn!(
                    order = %debit.order_id,
                    cause,
                    "Mirakl did not say whether it took a confirmation; the next run finds out"
                );
                row.status = DebitStatus::DebitPending;
                row.sent_at = Some(now);
                pass.run.count_in_doubt();
            }
        }
        rows.push(row);
    }
    let mut conn = pass.app.db.acquire().await?;
    debits::record(&mut conn, &rows, now).await?;
    Ok(())
}

/// What was just told needs not be read again to be known.
fn mark_confirmed(baskets: &mut Baskets, debit: &ProductDebit, now: DateTime<Utc>) {
    let Some(basket) = baskets.get_mut(&debit.commercial_id) else {
        return;
    };
    let order = basket
        .orders
        .iter_mut()
        .find(|order| order.id == debit.order_id);
    // Which lines a shipment holds only Mirakl knows.
    if let Some(order) = order.filter(|order| !order.pays_on_shipment) {
        order.debited_at = order.debited_at.or(Some(now));
    }
}

/// Records where debits stand, and counts what waits.
pub(super) async fn record(pass: &Pass<'_>, rows: &[DebitRow]) -> Result<()> {
    let now = pass.app.clock.now();
    let news = {
        let mut conn = pass.app.db.acquire().await?;
        debits::record(&mut conn, rows, now).await?
    };
    let waiting = rows
        .iter()
        .filter(|row| row.status == DebitStatus::DebitOnHold);
    let waiting = u64::try_from(waiting.count()).unwrap_or(0);
    pass.run.count(|counts| {
        counts.waiting += waiting;
        counts.news += news.min(waiting);
    });
    Ok(())
}

fn bare_row(debit: &ProductDebit) -> DebitRow {
    let currency = Currency::parse(&debit.currency).ok();
    let amount = currency.and_then(|currency| Money::from_major(debit.amount, currency).ok());
    DebitRow {
        kind: DebitKind::Product,
        mirakl_id: debit.name(),
        order_id: debit.order_id.clone(),
        commercial_order_id: debit.commercial_id.clone(),
        status: DebitStatus::DebitOnHold,
        status_reason: None,
        reason_code: None,
        amount: amount.map(Money::minor),
        currency: amount.map(Money::currency),
        transaction_number: None,
        sent_at: None,
    }
}

/// Decides about what Mirakl asks for one order.
pub(super) fn decide(
    basket: &Basket,
    debit: &ProductDebit,
    policy: Policy,
    now: DateTime<Utc>,
) -> ConfirmDecision {
    let order = &debit.order_id;
    confirm_order(basket, order, debit.amount, &debit.currency, policy, now)
}

pub(super) fn decided_row(
    mut row: DebitRow,
    decision: &ConfirmDecision,
    now: DateTime<Utc>,
) -> DebitRow {
    match decision {
        ConfirmDecision::Confirm { transaction, .. } => {
            row.status = DebitStatus::DebitPending;
            row.transaction_number = Some(transaction.clone());
            row.sent_at = Some(now);
        }
        ConfirmDecision::Refuse => {
            row.status = DebitStatus::DebitPending;
            row.sent_at = Some(now);
        }
        ConfirmDecision::Hold(reason) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
    }
    row
}
