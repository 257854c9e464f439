//! Tells Mirakl which debits of service orders are covered by a payment (SPA01). The answer names what was
//! not taken; one that does not come is settled by reading the debits.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, anyhow};

use super::Pass;
use super::baskets::Baskets;
use super::confirm::{TELLING, decided_row, record};
use crate::domain::basket::{Basket, ConfirmDecision, HoldReason, confirm};
use crate::domain::ids::{CommercialOrderId, OrderId};
use crate::domain::money::{Currency, Money};
use crate::domain::service::{DebitState, ServiceDebit, ServiceState};
use crate::jobs::Result;
use crate::mirakl::{MOST_IDS, MiraklError, ToldService};
use crate::store::debits::{self, DebitKind, DebitRow, DebitStatus};

/// Service orders that were accepted, and whose debit waits.
pub(super) async fn all(pass: &Pass<'_>, baskets: &mut Baskets) -> Result<()> {
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
    for batch in telling.chunks(MOST_IDS) {
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
        // Somebody else may have answered the debit otherwise meanwhile.
        let taken = match transaction {
            Some(_) => DebitState::Ok,
            None => DebitState::Refused,
        };
        let done = match (&lost, now_shown) {
            (None, _) => refused.is_none(),
            (Some(_), Some(shown)) => shown.state == taken,
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
            pass.run.count_failed();
        } else {
            row.status = DebitStatus::DebitPending;
            row.sent_at = Some(now);
            tracing::warn!(
                order = %debit.order_id,
                cause = lost.as_deref().unwrap_or_default(),
                "Mirakl did not say whether it took a confirmation; the next run finds out"
            );
            pass.run.count_in_doubt();
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
