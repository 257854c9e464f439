//! What Mirakl asks for, all pages first, and the baskets that are due for a look.

use std::collections::BTreeSet;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use crate::app::App;
use crate::domain::ids::{CommercialOrderId, OrderId};
use crate::domain::retry::DECISION_LIFE;
use crate::domain::service::ServiceOrder;
use crate::jobs::reached::{Element, Reached};
use crate::jobs::{Job, Result};
use crate::mirakl::{MOST_IDS, MiraklError, ProductDebit, Services, ServicesQuery};
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::debits::{self, DebitKind};
use crate::store::{payments, runs};

/// A list of service orders that is missing for so long is none that is missing for a moment.
const NO_MOMENT: TimeDelta = TimeDelta::hours(12);

/// Whether Mirakl lists service orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ServiceList {
    /// It does.
    #[default]
    Shown,
    /// It has no such list: a marketplace without services.
    None,
    /// It has no such list now, and it cannot be told yet whether it ever had one.
    Missing,
}

/// What Mirakl asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Debits of product orders.
    pub debits: Vec<ProductDebit>,
    /// Orders whose debit could not be read, and why.
    pub unread: Vec<(OrderId, String)>,
    /// What is wrong with elements that name no order.
    pub unidentified: Vec<String>,
    /// Baskets whose service orders changed, or have a debit that waits.
    pub services: BTreeSet<CommercialOrderId>,
    /// Whether Mirakl lists service orders.
    pub service_list: ServiceList,
    /// How far the service orders have been read.
    pub reached: Option<Checkpoint>,
}

/// Reads all debits that await confirmation (PA11), and the service orders that changed (SOR11).
pub(super) async fn asked(app: &App, started_at: DateTime<Utc>) -> Result<Asked> {
    const READING: &str = "the debits could not be read from Mirakl";
    let mut asked = Asked::default();
    for item in app.mirakl.debits().await.context(READING)? {
        match item {
            Ok(debit) => asked.debits.push(debit),
            Err(unread) => match unread.order_id {
                Some(id) => asked.unread.push((id, unread.cause)),
                None => asked.unidentified.push(unread.cause),
            },
        }
    }
    changed_services(app, started_at, &mut asked).await?;
    Ok(asked)
}

async fn changed_services(app: &App, started_at: DateTime<Utc>, asked: &mut Asked) -> Result<()> {
    let checkpoint = {
        let mut conn = app.db.acquire().await?;
        checkpoints::get(&mut conn, Stream::ServiceOrders).await?
    };
    let overlap = app.settings.checkpoint_overlap;
    let first = app.settings.start_date;
    let since = checkpoint
        .map(|checkpoint| checkpoint.reached - overlap)
        .or(first)
        .unwrap_or(started_at - chrono::TimeDelta::days(30));
    let query = ServicesQuery::UpdatedSince(since);
    let Some(Services { read, unread, date }) = services(app, &query).await? else {
        let mut conn = app.db.acquire().await?;
        let before = started_at - NO_MOMENT;
        asked.service_list =
            match runs::finished_before(&mut conn, Job::ValidatePendingDebit.name(), before).await?
            {
                true => ServiceList::None,
                false => ServiceList::Missing,
            };
        return Ok(());
    };
    let mut reached = Reached::new(date, started_at);
    reached.see(read.iter().map(|order| Element::Read(order.updated_at)));
    for order in unread {
        if let Some(id) = order.order_id {
            reached.see(std::iter::once(Element::Named));
            tracing::error!(order = %id, cause = order.cause, "a service order cannot be read");
        } else {
            reached.see(std::iter::once(Element::Nameless));
            asked.unidentified.push(order.cause);
        }
    }
    let begun_at = checkpoint.map_or(since, |checkpoint| checkpoint.begun_at);
    asked.reached = reached.checkpoint(begun_at);
    asked.services = read.into_iter().map(|order| order.commercial_id).collect();
    // Mirakl does not list the services that wait, as it does the goods.
    let mut conn = app.db.acquire().await?;
    let waiting = debits::open_baskets(&mut conn, DebitKind::Service).await?;
    asked.services.extend(waiting);
    Ok(())
}

/// Service orders; `None` where Mirakl has no such list. Where services are known or switched on, a
/// missing list is an error like any other.
pub(super) async fn services(app: &App, query: &ServicesQuery<'_>) -> Result<Option<Services>> {
    let error = match app.mirakl.services(query).await {
        Ok(services) => return Ok(Some(services)),
        Err(error) => error,
    };
    if matches!(error, MiraklError::Status { status: 404, .. }) && !has_services(app).await? {
        return Ok(None);
    }
    Err(anyhow::Error::from(error)
        .context("the service orders could not be read from Mirakl")
        .into())
}

async fn has_services(app: &App) -> Result<bool> {
    if app.settings.service_payment_split || app.settings.refunds.services {
        return Ok(true);
    }
    let mut conn = app.db.acquire().await?;
    Ok(debits::knows_services(&mut conn).await?)
}

/// The debits of service orders.
pub(super) async fn service_debits(
    app: &App,
    orders: &[ServiceOrder],
) -> Result<Vec<crate::domain::service::ServiceDebit>> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id.clone()).collect();
    let mut debits = Vec::new();
    for ids in ids.chunks(MOST_IDS) {
        let read = app.mirakl.service_debits(ids).await;
        debits.extend(read.context("the debits of services could not be read from Mirakl")?);
    }
    Ok(debits)
}

/// The baskets to look at, a hundred at a time: asked for, changed, or due.
pub(super) async fn chunks(app: &App, asked: &Asked) -> Result<Vec<Vec<CommercialOrderId>>> {
    let mut ids: BTreeSet<CommercialOrderId> = asked
        .debits
        .iter()
        .map(|debit| debit.commercial_id.clone())
        .collect();
    ids.extend(asked.services.iter().cloned());
    let now = app.clock.now();
    let mut after = 0;
    loop {
        let due = {
            let mut conn = app.db.acquire().await?;
            let stale = now - DECISION_LIFE;
            payments::baskets_to_capture(&mut conn, now, stale, after, 1000).await?
        };
        let Some((last, _)) = due.last() else {
            break;
        };
        after = *last;
        ids.extend(due.into_iter().map(|(_, basket)| basket));
    }
    let ids: Vec<CommercialOrderId> = ids.into_iter().collect();
    Ok(ids.chunks(MOST_IDS).map(<[_]>::to_vec).collect())
}

/// Remembers how far the service orders have been read, after everything was recorded.
pub(super) async fn close(app: &App, asked: &Asked) -> Result<()> {
    if let Some(reached) = asked.reached {
        let mut conn = app.db.acquire().await?;
        let now = app.clock.now();
        checkpoints::advance(&mut conn, Stream::ServiceOrders, reached, now).await?;
    }
    Ok(())
}
