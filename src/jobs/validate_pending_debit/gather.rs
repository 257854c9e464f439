//! What Mirakl asks for, all pages first, and the baskets that are due for a look.

use std::collections::BTreeSet;

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::ids::{CommercialOrderId, OrderId};
use crate::domain::retry::DECISION_LIFE;
use crate::domain::service::ServiceOrder;
use crate::jobs::Result;
use crate::jobs::reached::{Element, Reached};
use crate::mirakl::{MOST_IDS, MiraklError, ProductDebit, Services, ServicesQuery};
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::debits::{self, DebitKind};
use crate::store::payments;

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
    let Services { read, unread, date } =
        services(app, &ServicesQuery::UpdatedSince(since)).await?;
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

/// Service orders; none where the marketplace has no services.
pub(super) async fn services(app: &App, query: &ServicesQuery<'_>) -> Result<Services> {
    match app.mirakl.services(query).await {
        Ok(services) => Ok(services),
        Err(MiraklError::Status { status: 404, .. }) => Ok(Services::default()),
        Err(error) => Err(anyhow::Error::from(error)
            .context("the service orders could not be read from Mirakl")
            .into()),
    }
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
