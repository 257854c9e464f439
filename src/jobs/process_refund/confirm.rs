//! The second step: Mirakl is told which refunds were paid, in batches where it takes them. A call
//! whose answer does not come, or that is refused as a whole, is settled by what the orders show.

use std::collections::HashSet;

use anyhow::Context as _;

use super::{Pass, facts};
use crate::app::App;
use crate::domain::ids::{OrderId, RefundId};
use crate::domain::refund::RefundType;
use crate::domain::retry;
use crate::jobs::Result;
use crate::jobs::telling::{End, Tell, tell};
use crate::mirakl::{MiraklError, ToldRefund};
use crate::notify::{Event, RefundFailed};
use crate::store::notifications;
use crate::store::refunds::{self, NotConfirmed, ToConfirm};

/// Refunds that one call tells of.
const BATCH: i64 = 100;

/// Tells Mirakl of everything that was refunded. `asked` is what Mirakl asked for when this run began:
/// of the rest it may know already.
pub(super) async fn all(pass: &Pass<'_>, asked: &HashSet<(RefundType, RefundId)>) -> Result<()> {
    for kind in &pass.kinds {
        let mut after = 0;
        loop {
            let now = pass.app.clock.now();
            let rows = {
                let only = pass.options.only();
                let mut conn = pass.app.db.acquire().await?;
                refunds::to_confirm(&mut conn, *kind, only.as_deref(), now, after, BATCH).await?
            };
            let Some(last) = rows.last() else {
                break;
            };
            after = last.id;
            pass.run.check_lock().await?;
            batch(pass, *kind, rows, asked).await?;
        }
    }
    Ok(())
}

async fn batch(
    pass: &Pass<'_>,
    kind: RefundType,
    rows: Vec<ToConfirm>,
    asked: &HashSet<(RefundType, RefundId)>,
) -> Result<()> {
    let app = pass.app;
    let teller = Teller { app, kind };
    let (waiting, gone): (Vec<ToConfirm>, Vec<ToConfirm>) = rows
        .into_iter()
        .partition(|row| asked.contains(&(row.kind, row.refund_id.clone())));
    // What Mirakl does not ask for was taken before, or asked for since: its order tells.
    let mut known = Vec::new();
    let mut to_tell = waiting;
    if !gone.is_empty() {
        let shown = teller.shown(&gone).await.context(Teller::TELLING)?;
        for (row, shown) in gone.into_iter().zip(shown) {
            match shown {
                true => known.push(row.id),
                false => to_tell.push(row),
            }
        }
    }
    {
        let mut conn = app.db.acquire().await?;
        let now = app.clock.now();
        refunds::confirmed(&mut conn, &known, now).await?;
        let ids: Vec<i64> = to_tell.iter().map(|row| row.id).collect();
        refunds::confirm_sent(&mut conn, &ids, now).await?;
    }
    if to_tell.is_empty() {
        return Ok(());
    }
    let ends = tell(&teller, &to_tell).await?;
    settle(pass, &to_tell, &ends).await
}

async fn settle(pass: &Pass<'_>, rows: &[ToConfirm], ends: &[End]) -> Result<()> {
    let now = pass.app.clock.now();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for (row, end) in rows.iter().zip(ends) {
        match end {
            End::Done => done.push(row.id),
            End::Refused(why) => {
                tracing::warn!(refund = %row.refund_id, why, "Mirakl did not take a confirmation");
                refused.push(NotConfirmed {
                    id: row.id,
                    reason: format!("Mirakl refused: {why}"),
                    next_look_at: now + retry::failure_delay(row.failures),
                });
                pass.run.count_failed();
            }
            End::Unknown(cause) => {
                tracing::warn!(
                    refund = %row.refund_id,
                    cause,
                    "Mirakl did not say whether it took a confirmation; the next run finds out"
                );
                pass.run.count_in_doubt();
            }
        }
    }
    let mut tx = pass.app.db.begin().await?;
    refunds::confirmed(&mut tx, &done, now).await?;
    let news = refunds::not_confirmed(&mut tx, &refused, now).await?;
    if pass.app.notifier.is_some() {
        let told = refused.iter().filter(|refused| news.contains(&refused.id));
        let events = told.filter_map(|refused| {
            let row = rows.iter().find(|row| row.id == refused.id)?;
            Some(Event::from(RefundFailed {
                internal_id: row.id,
                order_id: row.order_id.clone(),
                refund_id: row.refund_id.clone(),
                shop_id: row.shop_id,
                stripe_refund_id: Some(row.stripe_refund_id.clone()),
                stripe_reversal_id: None,
                amount: Some(row.amount),
                reason: refused.reason.clone(),
            }))
        });
        let events: Vec<Event> = events.collect();
        notifications::add(&mut tx, &events, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// How Mirakl is told of refunds of one kind.
struct Teller<'a> {
    app: &'a App,
    kind: RefundType,
}

fn told(row: &ToConfirm) -> ToldRefund<'_> {
    ToldRefund {
        id: &row.refund_id,
        order_id: &row.order_id,
        amount: row.amount.to_major(),
        currency: row.amount.currency(),
        transaction: row.stripe_refund_id.as_str(),
    }
}

impl Tell<ToConfirm> for Teller<'_> {
    const TELLING: &'static str = "Mirakl could not be told of refunds";

    async fn send(&self, batch: &[ToConfirm]) -> Result<Vec<End>, MiraklError> {
        let told: Vec<ToldRefund<'_>> = batch.iter().map(told).collect();
        match self.kind {
            RefundType::ProductRefund => {
                self.app.mirakl.confirm_refunds(&told).await?;
                Ok(batch.iter().map(|_| End::Done).collect())
            }
            RefundType::ServiceRefund => {
                let said = self.app.mirakl.confirm_service_refunds(&told).await?;
                let end = |row: &ToConfirm| match said.get(&row.refund_id) {
                    Some(Ok(())) => End::Done,
                    Some(Err(why)) => End::Refused(why.clone()),
                    None => End::Unknown("its answer does not name this refund".to_owned()),
                };
                Ok(batch.iter().map(end).collect())
            }
        }
    }

    async fn shown(&self, batch: &[ToConfirm]) -> Result<Vec<bool>, MiraklError> {
        let ids: Vec<OrderId> = batch.iter().map(|row| row.order_id.clone()).collect();
        let orders = facts::orders(self.app, self.kind, &ids).await?;
        let shown = batch.iter().map(|row| {
            let order = orders.get(&row.order_id);
            let shown = order.and_then(|order| facts::shown(order, &row.refund_id));
            shown.is_ok_and(|shown| shown.confirmed)
        });
        Ok(shown.collect())
    }
}
