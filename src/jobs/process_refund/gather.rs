//! Reads what Mirakl asks for, whole lists first because they shrink as refunds are confirmed, and what
//! of it may be decided now.

use std::collections::HashSet;

use anyhow::Context as _;
use chrono::TimeDelta;

use super::page::{self, Item};
use super::{Pass, adopt};
use crate::app::App;
use crate::domain::ids::RefundId;
use crate::domain::refund::{AskedRefund, RefundType};
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::Result;
use crate::mirakl::{MOST_IDS, UnreadRefund};
use crate::store::refunds::{self, Waiting};

/// So long after it was told, Mirakl may still show a refund as asked for.
const LAG: TimeDelta = TimeDelta::hours(1);

pub(super) const READING: &str = "the refunds could not be read from Mirakl";

/// Everything that Mirakl asks for, of what is switched on and wanted.
pub(super) async fn asked(pass: &Pass<'_>) -> Result<Vec<AskedRefund>> {
    let (asked, unread) = read(pass.app, &pass.kinds).await?;
    for UnreadRefund { order_id, cause } in unread {
        let order = order_id.as_ref().map_or("unknown", |id| id.as_str());
        tracing::error!(order, cause, "Mirakl sent a refund that cannot be read");
        pass.run.count_failed();
    }
    let asked: Vec<AskedRefund> = asked
        .into_iter()
        .filter(|refund| pass.options.wants(&refund.id))
        .collect();
    for id in &pass.options.refunds {
        if !asked.iter().any(|refund| refund.id == *id) {
            tracing::info!(refund = %id, "Mirakl does not ask for this refund");
        }
    }
    Ok(asked)
}

/// The lists of Mirakl, each refund once, and what of them cannot be read.
pub(super) async fn read(
    app: &App,
    kinds: &[RefundType],
) -> Result<(Vec<AskedRefund>, Vec<UnreadRefund>)> {
    let (mut asked, mut unread) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for kind in kinds {
        let list = match kind {
            RefundType::ProductRefund => app.mirakl.refunds().await,
            RefundType::ServiceRefund => app.mirakl.service_refunds().await,
        };
        for item in list.context(READING)? {
            match item {
                Ok(refund) if seen.insert((refund.kind, refund.id.clone())) => asked.push(refund),
                Ok(_) => {}
                Err(cause) => unread.push(cause),
            }
        }
    }
    Ok((asked, unread))
}

/// Mirakl may show for a while what it has taken; what it still asks for then is told to a person.
async fn flag_still_asked(pass: &Pass<'_>, kind: RefundType, items: &[Item]) -> Result<()> {
    let ids = items.iter().filter_map(|item| match item {
        Item::Asked(asked) => Some(asked.id.as_str()),
        Item::Again(_) | Item::NotAsked(_) => None,
    });
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let mut conn = pass.app.db.acquire().await?;
    for id in refunds::still_asked(&mut conn, kind, &ids, now - LAG, now).await? {
        tracing::error!(refund = %id, "Mirakl still asks for a refund that it was told of");
        pass.run.count(|counts| counts.news += 1);
    }
    Ok(())
}

/// Mirakl does not ask again for what it was told of.
fn again_or_not_asked(row: Waiting) -> Item {
    match row.again {
        Some(amount) => Item::Again(AskedRefund::remembered(
            row.kind,
            &row.id,
            &row.order_id,
            amount,
            row.shop_id,
        )),
        None => Item::NotAsked(row),
    }
}

/// Decides what may be decided, page by page: what Mirakl asks for, and what waits here and is due
/// although Mirakl no longer asks for it.
pub(super) async fn pages(pass: &mut Pass<'_>, asked: Vec<AskedRefund>) -> Result<()> {
    let waiting = {
        let mut conn = pass.app.db.acquire().await?;
        let now = pass.app.clock.now();
        refunds::waiting(&mut conn, &pass.kinds, now, now - DECISION_LIFE).await?
    };
    let names: HashSet<(RefundType, &RefundId)> = asked
        .iter()
        .map(|refund| (refund.kind, &refund.id))
        .collect();
    let lost: Vec<Item> = waiting
        .into_iter()
        .filter(|row| pass.options.wants(&row.id) && !names.contains(&(row.kind, &row.id)))
        .map(again_or_not_asked)
        .collect();
    let mut items: Vec<Item> = asked.into_iter().map(Item::Asked).chain(lost).collect();
    // Pages of one kind: their orders come from one list.
    for kind in pass.kinds.clone() {
        let mut of_kind: Vec<Item> = items.extract_if(.., |item| item.kind() == kind).collect();
        flag_still_asked(pass, kind, &of_kind).await?;
        while !of_kind.is_empty() {
            let rest = of_kind.split_off(of_kind.len().min(MOST_IDS));
            // What others refunded until now must be known before anything is decided.
            if !pass.adopted && page::has_decidable(pass, kind, &of_kind).await? {
                adopt::adopt(pass).await?;
            }
            page::process(pass, kind, of_kind).await?;
            of_kind = rest;
        }
    }
    Ok(())
}
