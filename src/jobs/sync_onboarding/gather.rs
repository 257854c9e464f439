//! Reads shops page by page, and the shops of ours that are due for another look.

use std::collections::HashSet;

use anyhow::{Context as _, anyhow};

use super::Pass;
use super::page::{self, Seen};
use crate::app::App;
use crate::domain::ids::ShopId;
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::reached::{Element, Reached};
use crate::jobs::{Result, both};
use crate::mirakl::{MOST_IDS, Mirakl, MiraklError, ReadShop, ShopsQuery};
use crate::store::checkpoints::{self, Stream};
use crate::store::shops::{self, ReadBy};
use crate::store::{Connection, onboardings};

/// The shops that changed since the checkpoint, or the ones that were asked for.
pub(super) async fn pages(pass: &mut Pass<'_>) -> Result<()> {
    if let Some(shops) = pass.options.only() {
        for ids in shops.chunks(MOST_IDS) {
            by_ids(pass, ids).await?;
        }
        return Ok(());
    }
    let app = pass.app;
    let checkpoint = {
        let mut tx = app.db.begin().await?;
        start_over_for_new_settings(app, &mut tx).await?;
        let checkpoint = checkpoints::get(&mut tx, Stream::Shops).await?;
        tx.commit().await?;
        checkpoint
    };
    let overlap = app.settings.checkpoint_overlap;
    let query = checkpoint.map_or(ShopsQuery::All, |checkpoint| {
        ShopsQuery::UpdatedSince(checkpoint.reached - overlap)
    });
    let begun_at = checkpoint.map_or(pass.run.started_at, |checkpoint| checkpoint.begun_at);
    let mut current = app.mirakl.shops(query).await.context(READING)?;
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
            None => reached.checkpoint(begun_at),
        };
        let seen = Seen::listed(current.items);
        // The next page is read while this one is worked on.
        let work = page::process(pass, seen, checkpoint);
        let Some(next) = next else {
            return work.await;
        };
        let (read, worked) = both(app, app.mirakl.shops_at(next), work).await;
        worked?;
        current = read.context(READING)?;
        if !shown.is_empty() && fingerprint(&current.items) == shown {
            return Err(anyhow!(MiraklError::same_page("/api/shops"))
                .context(READING)
                .into());
        }
    }
}

/// What the shops' fields hold is known only by the settings they were read by.
async fn start_over_for_new_settings(app: &App, conn: &mut Connection) -> Result<()> {
    let settings = &app.settings.onboarding;
    let read_by = ReadBy {
        link_field: &settings.link_field,
        ignored_field: &settings.ignored_field,
        dashboard_url: settings.dashboard_url.as_str(),
    };
    if shops::read_by(conn, read_by, app.clock.now()).await? {
        tracing::info!("the settings of the shops' fields have changed: all shops are read anew");
        checkpoints::forget(conn, Stream::Shops).await?;
    }
    Ok(())
}

pub(super) const READING: &str = "the shops could not be read from Mirakl";

/// Shops whose account waits, was refused, or was decided too long ago, and whose time has come.
pub(super) async fn due(pass: &mut Pass<'_>) -> Result<()> {
    if pass.options.only().is_some() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let enabled = pass.app.settings.onboarding.enabled;
    let mut after = ShopId(i64::MIN);
    loop {
        let shops = {
            let mut conn = pass.app.db.acquire().await?;
            onboardings::due(&mut conn, enabled, now, now - DECISION_LIFE, after, 100).await?
        };
        let Some(last) = shops.last() else {
            return Ok(());
        };
        after = *last;
        by_ids(pass, &shops).await?;
    }
}

/// Shops that could not be read, and are to be read again.
pub(super) async fn unread(pass: &mut Pass<'_>) -> Result<()> {
    if pass.options.only().is_some() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let mut after = ShopId(i64::MIN);
    loop {
        let shops = {
            let mut conn = pass.app.db.acquire().await?;
            shops::unread_due(&mut conn, now, after, 100).await?
        };
        let Some(last) = shops.last() else {
            return Ok(());
        };
        after = *last;
        by_ids(pass, &shops).await?;
    }
}

/// Shops for which Stripe has an account, and that no page has shown in this run.
pub(super) async fn found_at_stripe(pass: &mut Pass<'_>) -> Result<()> {
    let shops = pass.candidates.unrecorded();
    for ids in shops.chunks(MOST_IDS) {
        by_ids(pass, ids).await?;
    }
    Ok(())
}

/// Reads shops by id; what Mirakl no longer returns waits.
async fn by_ids(pass: &mut Pass<'_>, ids: &[ShopId]) -> Result<()> {
    let seen = read_ids(&pass.app.mirakl, ids).await?;
    page::process(pass, seen, None).await
}

/// The shops with these ids, and the ids that Mirakl no longer returns.
pub(super) async fn read_ids(mirakl: &Mirakl, ids: &[ShopId]) -> Result<Seen> {
    let mut page = mirakl.shops(ShopsQuery::Ids(ids)).await.context(READING)?;
    let mut read = std::mem::take(&mut page.items);
    while let Some(next) = page.next.take() {
        page = mirakl.shops_at(next).await.context(READING)?;
        read.append(&mut page.items);
        // No more can come than was asked for.
        if read.len() > ids.len() {
            break;
        }
    }
    let returned: HashSet<ShopId> = read.iter().filter_map(id_of).collect();
    let gone = ids.iter().filter(|id| !returned.contains(id));
    let gone = gone.copied().collect();
    Ok(Seen {
        read,
        gone,
        asked: true,
    })
}

fn id_of(item: &ReadShop) -> Option<ShopId> {
    match item {
        Ok(shop) => Some(shop.id),
        Err(unread) => unread.id,
    }
}

/// What a page shows, to notice one that comes again; empty when nothing can be told.
fn fingerprint(items: &[ReadShop]) -> Vec<ShopId> {
    items.iter().filter_map(id_of).collect()
}

fn element(item: &ReadShop) -> Element {
    match item {
        Ok(shop) => Element::Read(shop.updated_at),
        Err(unread) if unread.id.is_some() => Element::Named,
        Err(_) => Element::Nameless,
    }
}
