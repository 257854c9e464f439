//! Tells Mirakl which debits are covered by a payment, in batches where Mirakl takes them. A call
//! whose answer does not come, or that is refused as a whole, is settled by reading the orders.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::Pass;
use super::baskets::Baskets;
use super::gather::Asked;
use crate::app::App;
use crate::domain::basket::{Basket, ConfirmDecision, HoldReason, Policy, confirm, confirm_order};
use crate::domain::ids::{CommercialOrderId, OrderId};
use crate::domain::money::{Currency, Money};
use crate::domain::order::ProductOrder;
use crate::domain::service::{DebitState, ServiceDebit, ServiceState};
use crate::jobs::Result;
use crate::jobs::orders;
use crate::mirakl::{MiraklError, ProductDebit, Told, ToldService};
use crate::store::debits::{self, DebitKind, DebitRow, DebitStatus};

/// Debits that one call tells of.
const BATCH: usize = 100;

/// Decides about every debit of some baskets, records that, tells Mirakl, and settles.
pub(super) async fn baskets(pass: &Pass<'_>, baskets: &mut Baskets, asked: &Asked) -> Result<()> {
    products(pass, baskets, asked).await?;
    if pass.app.settings.payments.confirm_services {
        services(pass, baskets).await?;
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
    let batches: Vec<&[Telling<'_>]> = telling.chunks(BATCH).collect();
    let ends = join_all(batches.iter().map(|batch| tell(app, batch))).await;
    for (batch, ends) in batches.iter().zip(ends) {
        settle(pass, batch, &ends?, baskets).await?;
    }
    Ok(())
}

/// What became of a debit that Mirakl was told of.
enum End {
    /// Taken.
    Done,
    /// Not taken, and why.
    Refused(String),
    /// It cannot be told now.
    Unknown(String),
}

/// Tells Mirakl of a batch, and finds out what became of each.
async fn tell(app: &App, batch: &[Telling<'_>]) -> Result<Vec<End>> {
    match send(app, batch).await {
        Ok(()) => return Ok(batch.iter().map(|_| End::Done).collect()),
        Err(error @ MiraklError::Unauthorized(_)) => {
            return Err(anyhow!(error).context(TELLING).into());
        }
        Err(MiraklError::Status {
            status: 400 | 413 | 422,
            message,
            ..
        }) if batch.len() == 1 => return read_again(app, batch, &message, true).await,
        Err(MiraklError::Status {
            status: 400 | 413 | 422,
            ..
        }) => {}
        Err(error) => return read_again(app, batch, &error.to_string(), false).await,
    }
    // One of them spoils the call. Whether the others were taken is not certain: read, then tell
    // of the rest one by one.
    let read = read_again(app, batch, "", false).await?;
    let mut ends = Vec::with_capacity(batch.len());
    for (telling, end) in batch.iter().zip(read) {
        ends.push(match end {
            End::Done => End::Done,
            End::Refused(_) | End::Unknown(_) => {
                let one = std::slice::from_ref(telling);
                match send(app, one).await {
                    Ok(()) => End::Done,
                    Err(error @ MiraklError::Unauthorized(_)) => {
                        return Err(anyhow!(error).context(TELLING).into());
                    }
                    Err(MiraklError::Status {
                        status: 400 | 413 | 422,
                        message,
                        ..
                    }) => single(read_again(app, one, &message, true).await?),
                    Err(error) => single(read_again(app, one, &error.to_string(), false).await?),
                }
            }
        });
    }
    Ok(ends)
}

const TELLING: &str = "Mirakl could not be told of debits";

fn single(ends: Vec<End>) -> End {
    let nothing = || End::Unknown("no answer".to_owned());
    ends.into_iter().next().unwrap_or_else(nothing)
}

async fn send(app: &App, batch: &[Telling<'_>]) -> Result<(), MiraklError> {
    let told: Vec<Told<'_>> = batch
        .iter()
        .map(|telling| Told {
            debit: telling.debit,
            transaction: telling.transaction.as_deref(),
        })
        .collect();
    app.mirakl.confirm_debits(&told).await
}

/// Settles by what the orders show now. What they do not show was refused, if Mirakl said so.
async fn read_again(
    app: &App,
    batch: &[Telling<'_>],
    cause: &str,
    refused: bool,
) -> Result<Vec<End>> {
    let mut ids: Vec<OrderId> = batch
        .iter()
        .map(|telling| telling.debit.order_id.clone())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut shown: HashMap<OrderId, ProductOrder> = HashMap::new();
    match orders::by_ids(&app.mirakl, &ids).await {
        Ok(found) => {
            let read = found.read.into_iter().filter_map(std::result::Result::ok);
            shown.extend(read.map(|order| (order.id.clone(), order)));
        }
        Err(error @ MiraklError::Unauthorized(_)) => {
            return Err(anyhow!(error).context(TELLING).into());
        }
        Err(error) => {
            let ends = batch.iter().map(|_| End::Unknown(error.to_string()));
            return Ok(ends.collect());
        }
    }
    let ends = batch
        .iter()
        .map(|telling| match shown.get(&telling.debit.order_id) {
            Some(order) if shows(order, telling) => End::Done,
            _ if refused => End::Refused(cause.to_owned()),
            _ => End::Unknown(cause.to_owned()),
        });
    Ok(ends.collect())
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
                pass.run.count(|counts| {
                    counts.created += 1;
                    counts.news += 1;
                });
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
                pass.run.count(|counts| {
                    counts.failed += 1;
                    counts.news += 1;
                });
            }
            (End::Unknown(cause), _) => {
                tracing::warn!(
                    order = %debit.order_id,
                    cause,
                    "Mirakl did not say whether it took a confirmation; the next run finds out"
                );
                row.status = DebitStatus::DebitPending;
                row.sent_at = Some(now);
                pass.run.count(|counts| {
                    counts.waiting += 1;
                    counts.in_doubt += 1;
                    counts.news += 1;
                });
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
async fn record(pass: &Pass<'_>, rows: &[DebitRow]) -> Result<()> {
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

fn decided_row(mut row: DebitRow, decision: &ConfirmDecision, now: DateTime<Utc>) -> DebitRow {
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

/// Service orders that were accepted, and whose debit waits.
async fn services(pass: &Pass<'_>, baskets: &mut Baskets) -> Result<()> {
    let now = pass.app.clock.now();
    let mut rows = Vec::new();
    let mut telling: Vec<(CommercialOrderId, ServiceDebit, Option<String>)> = Vec::new();
    let mut ended = Vec::new();
    for (id, basket) in baskets.iter() {
        for order in &basket.services {
            let asked = basket.debits_of(&order.id).next().is_some();
            match (&order.state, asked) {
                (ServiceState::Accepted(_), false) => rows.push(not_asked_row(id, &order.id)),
                (ServiceState::Ended(_), _) | (_, true) => ended.push(not_asked(&order.id)),
                (ServiceState::NotAccepted(_) | ServiceState::Unknown(_), false) => {}
            }
        }
        let waiting: Vec<&ServiceDebit> = waiting_debits(basket).collect();
        if waiting.is_empty() {
            continue;
        }
        let decision = confirm(basket, pass.policy, now);
        for debit in waiting {
            rows.push(decided_row(service_row(id, debit), &decision, now));
            match &decision {
                ConfirmDecision::Confirm { transaction, .. } => {
                    telling.push((id.clone(), debit.clone(), Some(transaction.clone())));
                }
                ConfirmDecision::Refuse => telling.push((id.clone(), debit.clone(), None)),
                ConfirmDecision::Hold(_) => {}
            }
        }
    }
    record(pass, &rows).await?;
    {
        let mut conn = pass.app.db.acquire().await?;
        debits::end(&mut conn, DebitKind::Service, &ended, now).await?;
    }
    for batch in telling.chunks(BATCH) {
        pass.run.check_lock().await?;
        tell_services(pass, batch, baskets).await?;
    }
    Ok(())
}

fn waiting_debits(basket: &Basket) -> impl Iterator<Item = &ServiceDebit> {
    let accepted: HashSet<&OrderId> = basket
        .services
        .iter()
        .filter(|order| matches!(order.state, ServiceState::Accepted(_)))
        .map(|order| &order.id)
        .collect();
    basket.debits.iter().filter(move |debit| {
        debit.state == DebitState::Waiting && accepted.contains(&debit.order_id)
    })
}

/// What names an accepted service order as long as Mirakl has not asked for its debit.
pub(super) fn not_asked(order: &OrderId) -> String {
    format!("order:{order}")
}

fn not_asked_row(basket: &CommercialOrderId, order: &OrderId) -> DebitRow {
    let reason = HoldReason::NoDebit;
    DebitRow {
        kind: DebitKind::Service,
        mirakl_id: not_asked(order),
        order_id: order.clone(),
        commercial_order_id: basket.clone(),
        status: DebitStatus::DebitOnHold,
        status_reason: Some(reason.to_string()),
        reason_code: Some(reason.code()),
        amount: None,
        currency: None,
        transaction_number: None,
        sent_at: None,
    }
}

fn service_row(basket: &CommercialOrderId, debit: &ServiceDebit) -> DebitRow {
    let currency = Currency::parse(&debit.currency).ok();
    let amount = currency.and_then(|currency| Money::from_major(debit.amount, currency).ok());
    DebitRow {
        kind: DebitKind::Service,
        mirakl_id: debit.id.to_string(),
        order_id: debit.order_id.clone(),
        commercial_order_id: basket.clone(),
        status: DebitStatus::DebitOnHold,
        status_reason: None,
        reason_code: None,
        amount: amount.map(Money::minor),
        currency: amount.map(Money::currency),
        transaction_number: None,
        sent_at: None,
    }
}

async fn tell_services(
    pass: &Pass<'_>,
    batch: &[(CommercialOrderId, ServiceDebit, Option<String>)],
    baskets: &mut Baskets,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let told: Vec<ToldService<'_>> = batch
        .iter()
        .map(|(_, debit, transaction)| ToldService {
            debit,
            transaction: transaction.as_deref(),
        })
        .collect();
    let answered = app.mirakl.confirm_service_debits(&told).await;
    if let Err(error @ MiraklError::Unauthorized(_)) = answered {
        return Err(anyhow!(error).context(TELLING).into());
    }
    // What Mirakl shows counts, also where it has just answered: a debit it does not name was taken.
    let orders: Vec<OrderId> = batch
        .iter()
        .map(|(_, debit, _)| debit.order_id.clone())
        .collect();
    let (errors, lost) = match answered {
        Ok(errors) => (errors, None),
        Err(error) => (HashMap::new(), Some(error.to_string())),
    };
    let shown = match &lost {
        None => Vec::new(),
        Some(_) => app.mirakl.service_debits(&orders).await.context(TELLING)?,
    };
    let mut rows = Vec::with_capacity(batch.len());
    for (basket, debit, transaction) in batch {
        let mut row = service_row(basket, debit);
        row.transaction_number.clone_from(transaction);
        let refused = errors.get(&debit.id);
        let now_shown = shown.iter().find(|shown| shown.id == debit.id);
        let done = match (&lost, now_shown) {
            (None, _) => refused.is_none(),
            (Some(_), Some(shown)) => shown.state != DebitState::Waiting,
            (Some(_), None) => false,
        };
        if done {
            row.status = match transaction {
                Some(_) => DebitStatus::DebitConfirmed,
                None => DebitStatus::DebitRefused,
            };
            if transaction.is_none() {
                row.status_reason = Some("every payment of the basket has ended".to_owned());
                row.reason_code = Some("payment_ended");
            }
            mark_service(baskets, basket, debit, transaction.is_some());
            pass.run.count(|counts| {
                match transaction {
                    Some(_) => counts.created += 1,
                    None => counts.aborted += 1,
                }
                counts.news += 1;
            });
        } else if let Some(why) = refused {
            tracing::warn!(order = %debit.order_id, why, "Mirakl did not take a confirmation");
            row.status = DebitStatus::DebitFailed;
            row.status_reason = Some(format!("Mirakl refused: {why}"));
            row.reason_code = Some("refused_by_mirakl");
            pass.run.count(|counts| {
                counts.failed += 1;
                counts.news += 1;
            });
        } else {
            row.status = DebitStatus::DebitPending;
            row.sent_at = Some(now);
            tracing::warn!(
                order = %debit.order_id,
                cause = lost.as_deref().unwrap_or_default(),
                "Mirakl did not say whether it took a confirmation; the next run finds out"
            );
            pass.run.count(|counts| {
                counts.waiting += 1;
                counts.in_doubt += 1;
                counts.news += 1;
            });
        }
        rows.push(row);
    }
    let mut conn = app.db.acquire().await?;
    debits::record(&mut conn, &rows, now).await?;
    Ok(())
}

fn mark_service(
    baskets: &mut Baskets,
    basket: &CommercialOrderId,
    debit: &ServiceDebit,
    confirmed: bool,
) {
    let debits = baskets.get_mut(basket).map(|basket| &mut basket.debits);
    let debit = debits.and_then(|debits| debits.iter_mut().find(|known| known.id == debit.id));
    if let Some(debit) = debit {
        debit.state = match confirmed {
            true => DebitState::Ok,
            false => DebitState::Refused,
        };
    }
}
