//! Reads invoices: a sweep of Mirakl's list at most once a day, and by their ids those that are due.

use std::collections::HashSet;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};

use super::page::{self, Seen};
use super::{Beginning, Pass};
use crate::app::App;
use crate::domain::ids::{InvoiceId, ShopId};
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::Result;
use crate::jobs::reached::{Element, Reached};
use crate::mirakl::{InvoicesQuery, MOST_IDS, Mirakl, MiraklError, ReadInvoice};
use crate::store::checkpoints::Checkpoint;
use crate::store::payouts;

pub(super) const READING: &str = "the invoices could not be read from Mirakl";

/// Decides everything that Mirakl shows or that is due.
pub(super) async fn all(pass: &mut Pass<'_>) -> Result<()> {
    let swept = match pass.beginning.sweep_from {
        Some(from) => sweep(pass, from).await,
        None => Ok(()),
    };
    // What waits is read by its id even where the list cannot be read.
    swept.and(due(pass).await)
}

async fn sweep(pass: &mut Pass<'_>, from: DateTime<Utc>) -> Result<()> {
    let mirakl = &pass.app.mirakl;
    let query = InvoicesQuery::CreatedSince(from, pass.options.shop);
    let mut current = mirakl.invoices(&query).await.context(READING)?;
    let mut reached = Reached::new(current.date, pass.run.started_at);
    if let Some(total) = current.total {
        pass.bar.set_length(total);
    }
    loop {
        reached.see(current.items.iter().map(element));
        let next = current.next.take();
        let shown = names(&current.items);
        let checkpoint = match next {
            None if pass.options.shop.is_none() => Some(checkpoint(&reached, pass.beginning)),
            Some(_) | None => None,
        };
        let seen = Seen {
            read: current.items,
            gone: Vec::new(),
        };
        page::process(pass, seen, checkpoint).await?;
        let Some(next) = next else {
            return Ok(());
        };
        current = mirakl.invoices_at(next).await.context(READING)?;
        if !shown.is_empty() && names(&current.items) == shown {
            return Err(again_and_again().into());
        }
    }
}

pub(super) fn again_and_again() -> anyhow::Error {
    anyhow!(MiraklError::same_page(Mirakl::INVOICES)).context(READING)
}

/// A sweep is noted also when it saw nothing new, or something that could not be identified: that
/// leaves the checkpoint where it was.
fn checkpoint(reached: &Reached, beginning: Beginning) -> Checkpoint {
    let begun_at = beginning.begun_at;
    let stays = beginning.reached.unwrap_or(begun_at);
    let new = reached.checkpoint(begun_at);
    new.unwrap_or(Checkpoint {
        reached: stays,
        begun_at,
    })
}

/// What waits, was refused, or was decided too long ago, and whose time has come.
async fn due(pass: &mut Pass<'_>) -> Result<()> {
    let mut after = String::new();
    loop {
        let ids = due_after(pass.app, &after, pass.options.shop).await?;
        let Some(last) = ids.last() else {
            return Ok(());
        };
        last.as_str().clone_into(&mut after);
        // What the sweep has just decided is not read again.
        let ids: Vec<InvoiceId> = ids
            .into_iter()
            .filter(|id| !pass.decided.contains(id))
            .collect();
        if !ids.is_empty() {
            let seen = by_ids(pass.app, &ids).await?;
            page::process(pass, seen, None).await?;
        }
    }
}

pub(super) async fn due_after(
    app: &App,
    after: &str,
    shop: Option<ShopId>,
) -> Result<Vec<InvoiceId>> {
    let now = app.clock.now();
    let limit = i64::try_from(MOST_IDS).unwrap_or(100);
    let mut conn = app.db.acquire().await?;
    Ok(payouts::due(&mut conn, now, now - DECISION_LIFE, after, limit, shop).await?)
}

/// Reads at most 100 invoices by their ids, which is no sweep.
pub(super) async fn by_ids(app: &App, ids: &[InvoiceId]) -> Result<Seen> {
    let query = InvoicesQuery::Ids(ids);
    let mut page = app.mirakl.invoices(&query).await.context(READING)?;
    let mut read = page.items;
    while let Some(next) = page.next.take() {
        page = app.mirakl.invoices_at(next).await.context(READING)?;
        read.append(&mut page.items);
    }
    let shown: HashSet<InvoiceId> = names(&read).into_iter().collect();
    let gone = ids.iter().filter(|id| !shown.contains(id));
    Ok(Seen {
        gone: gone.cloned().collect(),
        read,
    })
}

pub(super) fn names(items: &[ReadInvoice]) -> Vec<InvoiceId> {
    let names = items.iter().filter_map(|item| match item {
        Ok(invoice) => Some(invoice.id.clone()),
        Err(unread) => unread.id.clone(),
    });
    names.collect()
}

fn element(item: &ReadInvoice) -> Element {
    match item {
        Ok(invoice) => Element::Read(invoice.created_at),
        Err(unread) if unread.id.is_some() => Element::Named,
        Err(_) => Element::Nameless,
    }
}
