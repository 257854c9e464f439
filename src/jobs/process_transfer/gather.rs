//! Reads orders page by page, and the rows of ours that are due for another look.

use anyhow::{Context as _, anyhow};

use super::Pass;
use super::page::{self, Seen};
use crate::domain::ids::OrderId;
use crate::domain::retry::DECISION_LIFE;
use crate::domain::transfer::TransferType;
use crate::jobs::Result;
use crate::jobs::orders::{self, ById, READING, id_of};
use crate::jobs::reached::{Element, Reached};
use crate::mirakl::{Mirakl, MiraklError, OrdersQuery, ReadOrder};
use crate::store::transfers;

/// Ids in one call, and rows in one look.
const IDS_PER_CALL: usize = 100;

/// The orders that changed since the checkpoint, or the ones that were asked for.
pub(super) async fn pages(pass: &mut Pass<'_>) -> Result<()> {
    let orders = &pass.options.orders;
    if !orders.is_empty() {
        for ids in orders.chunks(IDS_PER_CALL) {
            by_ids(pass, ids).await?;
        }
        return Ok(());
    }
    let mirakl = &pass.app.mirakl;
    let query = OrdersQuery::UpdatedSince(pass.beginning.read_from);
    let mut current = mirakl.orders(&query).await.context(READING)?;
    let mut reached = Reached::new(current.date, pass.run.started_at);
    if let Some(total) = current.total {
        pass.bar.set_length(total);
    }
    loop {
        reached.see(current.items.iter().map(element));
        let next = current.next.take();
        let shown = fingerprint(&current.items);
        let checkpoint = match next {
            Some(_) => None,
            None => reached.checkpoint(pass.beginning.begun_at),
        };
        // The next page is read while this one is worked on.
        let seen = Seen {
            read: current.items,
            gone: Vec::new(),
        };
        let work = page::process(pass, seen, checkpoint);
        let Some(next) = next else {
            return work.await;
        };
        let (read, worked) = tokio::join!(mirakl.orders_at(next), work);
        worked?;
        current = read.context(READING)?;
        if !shown.is_empty() && fingerprint(&current.items) == shown {
            return Err(anyhow!(MiraklError::Malformed {
                path: "/api/orders",
                cause: "the same page again and again".to_owned(),
            })
            .context(READING)
            .into());
        }
    }
}

/// Waiting, refused and stale rows whose time has come.
pub(super) async fn due(pass: &mut Pass<'_>) -> Result<()> {
    if !pass.options.orders.is_empty() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let mut after = 0;
    loop {
        let rows = {
            let mut conn = pass.app.db.acquire().await?;
            let stale = now - DECISION_LIFE;
            let limit = 100;
            transfers::due(
                &mut conn,
                TransferType::ProductOrder,
                now,
                stale,
                after,
                limit,
            )
            .await?
        };
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        let ids: Vec<OrderId> = rows.into_iter().map(|row| OrderId(row.mirakl_id)).collect();
        by_ids(pass, &ids).await?;
    }
}

/// Reads orders by id; what Mirakl no longer returns is held.
async fn by_ids(pass: &mut Pass<'_>, ids: &[OrderId]) -> Result<()> {
    let seen = read_ids(&pass.app.mirakl, ids).await?;
    page::process(pass, seen, None).await
}

/// The orders with these ids, and the ids that Mirakl no longer returns.
pub(super) async fn read_ids(mirakl: &Mirakl, ids: &[OrderId]) -> Result<Seen> {
    let ById { read, gone } = orders::by_ids(mirakl, ids).await.context(READING)?;
    Ok(Seen { read, gone })
}

/// What a page shows, to notice one that comes again; empty when nothing can be told.
fn fingerprint(items: &[ReadOrder]) -> Vec<OrderId> {
    items.iter().filter_map(id_of).cloned().collect()
}

fn element(item: &ReadOrder) -> Element {
    match item {
        Ok(order) => Element::Read(order.updated_at),
        Err(unread) if unread.id.is_some() => Element::Named,
        Err(_) => Element::Nameless,
    }
}
