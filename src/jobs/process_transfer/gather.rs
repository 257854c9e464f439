//! Reads orders page by page, and the rows of ours that are due for another look.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context as _, anyhow};

use super::page::{self, Missing};
use super::{Pass, Reading};
use crate::domain::ids::OrderId;
use crate::domain::retry::DECISION_LIFE;
use crate::domain::transfer::OrderKind;
use crate::jobs::orders::READING;
use crate::jobs::orders::stream::{self, Item, Seen, id_of};
use crate::jobs::reached::{Element, Reached};
use crate::jobs::{Result, both};
use crate::mirakl::{MOST_IDS, Mirakl, MiraklError};
use crate::store::transfers;

/// The orders that were asked for, of whichever list holds them.
pub(super) async fn asked(pass: &mut Pass<'_>) -> Result<()> {
    let mut wanted = pass.options.orders.clone();
    let mut heard_of = HashSet::new();
    for reading in pass.readings.clone() {
        let mut elsewhere = Vec::new();
        for ids in wanted.chunks(MOST_IDS) {
            let missing = by_ids(pass, reading, ids).await?;
            let known = missing.iter().filter(|missing| missing.known);
            heard_of.extend(known.map(|missing| missing.id.clone()));
            elsewhere.extend(missing.into_iter().map(|missing| missing.id));
        }
        wanted = elsewhere;
    }
    for order in wanted.iter().filter(|order| !heard_of.contains(order)) {
        tracing::error!(%order, "Mirakl has no such order");
        pass.run.count(|counts| counts.failed += 1);
    }
    Ok(())
}

/// The orders of one list that changed since its checkpoint.
pub(super) async fn pages(pass: &mut Pass<'_>, reading: Reading) -> Result<()> {
    let app = pass.app;
    let mirakl = &app.mirakl;
    let Reading { kind, beginning } = reading;
    let first = stream::first(mirakl, kind, beginning.read_from).await;
    let mut current = first.context(READING)?;
    let mut reached = Reached::new(current.date, pass.run.started_at);
    if let Some(total) = current.total {
        pass.bar.set_length(pass.bar.length().unwrap_or(0) + total);
    }
    loop {
        reached.see(current.items.iter().map(element));
        let next = current.next.take();
        let shown = fingerprint(&current.items);
        let checkpoint = match next {
            Some(_) => None,
            None => reached.checkpoint(beginning.begun_at),
        };
        // The next page is read while this one is worked on.
        let seen = Seen {
            read: current.items,
            gone: Vec::new(),
        };
        let work = page::process(pass, reading, seen, checkpoint);
        let Some(next) = next else {
            return work.await.map(drop);
        };
        let (read, worked) = both(app, stream::further(mirakl, kind, next), work).await;
        worked?;
        current = read.context(READING)?;
        if !shown.is_empty() && fingerprint(&current.items) == shown {
            return Err(anyhow!(MiraklError::same_page(stream::path(kind)))
                .context(READING)
                .into());
        }
    }
}

/// Waiting, refused and stale rows whose time has come.
pub(super) async fn due(pass: &mut Pass<'_>, reading: Reading) -> Result<()> {
    let kinds = reading.kind.transfers();
    let now = pass.app.clock.now();
    let mut after = 0;
    loop {
        let rows = {
            let mut conn = pass.app.db.acquire().await?;
            let stale = now - DECISION_LIFE;
            transfers::due(&mut conn, &kinds, now, stale, after, 100).await?
        };
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        // Both rows of an order are decided by one look.
        let ids: BTreeSet<OrderId> = rows.into_iter().map(|row| OrderId(row.mirakl_id)).collect();
        let ids: Vec<OrderId> = ids.into_iter().collect();
        by_ids(pass, reading, &ids).await?;
    }
}

/// Reads orders by id; what waits and Mirakl no longer returns is held. The others are left.
async fn by_ids(pass: &mut Pass<'_>, reading: Reading, ids: &[OrderId]) -> Result<Vec<Missing>> {
    let seen = read_ids(&pass.app.mirakl, reading.kind, ids).await?;
    page::process(pass, reading, seen, None).await
}

/// The orders with these ids, and the ids that Mirakl no longer returns.
pub(super) async fn read_ids(mirakl: &Mirakl, kind: OrderKind, ids: &[OrderId]) -> Result<Seen> {
    let seen = stream::by_ids(mirakl, kind, ids).await;
    Ok(seen.context(READING)?)
}

/// What a page shows, to notice one that comes again; empty when nothing can be told.
fn fingerprint(items: &[Item]) -> Vec<OrderId> {
    items.iter().filter_map(id_of).cloned().collect()
}

fn element(item: &Item) -> Element {
    match item {
        Ok(order) => Element::Read(order.updated_at()),
        Err(unread) if unread.id.is_some() => Element::Named,
        Err(_) => Element::Nameless,
    }
}
