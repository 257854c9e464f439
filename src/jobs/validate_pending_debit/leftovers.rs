//! Debits that waited, or of which Mirakl was told without an answer, and for which it no longer asks:
//! confirmed, refused, or ended by somebody else.

use std::collections::HashMap;

use anyhow::Context as _;

use super::Pass;
use super::confirm_services::not_asked;
use super::gather::Asked;
use crate::domain::ids::OrderId;
use crate::domain::order::{OrderState, ProductOrder};
use crate::domain::service::{DebitState, ServiceDebit};
use crate::jobs::Result;
use crate::jobs::orders::{self, ById};
use crate::mirakl::ProductDebit;
use crate::store::debits::{self, DebitKind, DebitRow, DebitStatus, OpenDebit};

/// Settles them by what their orders show.
pub(super) async fn settle(pass: &Pass<'_>, asked: &Asked) -> Result<()> {
    let mut names: Vec<String> = asked.debits.iter().map(ProductDebit::name).collect();
    // One that could not be read is still asked for.
    names.extend(asked.unread.iter().map(|(order, _)| order.to_string()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut after = 0;
    loop {
        let open = open(pass, DebitKind::Product, &names, after).await?;
        let Some(last) = open.last() else {
            break;
        };
        after = last.id;
        let ids: Vec<OrderId> = open.iter().map(|debit| debit.order_id.clone()).collect();
        let ById { read, gone } = orders::by_ids(&pass.app.mirakl, &ids)
            .await
            .context(orders::READING)?;
        let read = read.into_iter().filter_map(std::result::Result::ok);
        let orders: HashMap<OrderId, ProductOrder> =
            read.map(|order| (order.id.clone(), order)).collect();
        let rows = open.iter().filter_map(|debit| {
            let order = orders.get(&debit.order_id);
            // One that is there and cannot be read says nothing: it stays as it is.
            let known = order.is_some() || gone.contains(&debit.order_id);
            known.then(|| product(debit, order))
        });
        record(pass, &rows.collect::<Vec<_>>()).await?;
    }
    let mut after = 0;
    loop {
        let open = open(pass, DebitKind::Service, &[], after).await?;
        let Some(last) = open.last() else {
            return Ok(());
        };
        after = last.id;
        let ids: Vec<OrderId> = open.iter().map(|debit| debit.order_id.clone()).collect();
        let shown = pass.app.mirakl.service_debits(&ids).await;
        let shown = shown.context("the debits of services could not be read from Mirakl")?;
        let rows = open.iter().filter_map(|debit| {
            if debit.mirakl_id == not_asked(&debit.order_id) {
                return None;
            }
            let now = shown.iter().find(|now| now.id.as_str() == debit.mirakl_id);
            service(debit, now)
        });
        record(pass, &rows.collect::<Vec<_>>()).await?;
    }
}

async fn open(
    pass: &Pass<'_>,
    kind: DebitKind,
    asked: &[&str],
    after: i64,
) -> Result<Vec<OpenDebit>> {
    let mut conn = pass.app.db.acquire().await?;
    Ok(debits::no_longer_asked(&mut conn, kind, asked, after, 100).await?)
}

fn bare(kind: DebitKind, debit: &OpenDebit) -> DebitRow {
    DebitRow {
        kind,
        mirakl_id: debit.mirakl_id.clone(),
        order_id: debit.order_id.clone(),
        commercial_order_id: debit.commercial_id.clone(),
        status: DebitStatus::DebitEnded,
        status_reason: Some("Mirakl no longer asks for it".to_owned()),
        reason_code: Some("no_longer_asked"),
        amount: None,
        currency: None,
        transaction_number: None,
        sent_at: None,
    }
}

fn product(debit: &OpenDebit, order: Option<&ProductOrder>) -> DebitRow {
    let mut row = bare(DebitKind::Product, debit);
    let Some(order) = order else {
        row.status_reason = Some("Mirakl no longer returns the order".to_owned());
        return row;
    };
    if let OrderState::Ended(state) = &order.state {
        row.status_reason = Some(format!("the order ended without a sale ({state})"));
    } else if order.debited_at.is_some() {
        confirmed(&mut row, debit, order.transaction_number.as_deref());
    }
    row
}

/// Confirmed: by what this program told, or by somebody else.
fn confirmed(row: &mut DebitRow, debit: &OpenDebit, shown: Option<&str>) {
    row.status = DebitStatus::DebitConfirmed;
    row.transaction_number = shown.map(str::to_owned);
    let ours = shown.is_some() && debit.transaction_number.as_deref() == shown;
    (row.status_reason, row.reason_code) = match ours {
        true => (None, None),
        false => (
            Some("confirmed, not by this program".to_owned()),
            Some("confirmed_elsewhere"),
        ),
    };
}

/// None as long as Mirakl still asks.
fn service(debit: &OpenDebit, now: Option<&ServiceDebit>) -> Option<DebitRow> {
    let mut row = bare(DebitKind::Service, debit);
    match now.map(|now| &now.state) {
        None => {}
        Some(DebitState::Waiting | DebitState::Unknown(_)) => return None,
        Some(DebitState::Refused) => row.status = DebitStatus::DebitRefused,
        Some(DebitState::Ok) => {
            confirmed(&mut row, debit, debit.transaction_number.as_deref());
        }
    }
    Some(row)
}

async fn record(pass: &Pass<'_>, rows: &[DebitRow]) -> Result<()> {
    let now = pass.app.clock.now();
    let mut conn = pass.app.db.acquire().await?;
    let changed = debits::record(&mut conn, rows, now).await?;
    pass.run.count(|counts| counts.news += changed);
    Ok(())
}
