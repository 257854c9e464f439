//! Refunds that Stripe made and could not carry out, often days later, or that were cancelled: the customer does
//! not have the money, and a person must find another way.

use anyhow::Context as _;
use chrono::TimeDelta;

use super::{Pass, adopt};
use crate::domain::ids::StripeRefundId;
use crate::domain::refund::PersonReason;
use crate::jobs::Result;
use crate::jobs::adopting::MARGIN;
use crate::notify::{Event, RefundFailed};
use crate::store::adoptions::{self, Covered, Listed};
use crate::store::{Connection, notifications, refunds};

/// Stripe keeps events for 30 days.
const EVENTS_LIFE: TimeDelta = TimeDelta::days(30);

/// Reads Stripe's events since the last run, usually one page.
pub(super) async fn follow(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::RefundFailures).await?
    };
    let oldest = now - EVENTS_LIFE;
    let from = covered.map_or(oldest, |covered| (covered.until - MARGIN).max(oldest));
    let (mut after, mut until) = (None, None);
    loop {
        let page = app
            .stripe
            .ended_refunds(from, after.as_deref())
            .await
            .context("Stripe did not tell which refunds failed")?;
        until = until.or(page.date);
        let mut tx = app.db.begin().await?;
        let (_, others) = adopt::sort(app, page.data.clone());
        refunds::keep_others(&mut tx, &others, now).await?;
        for failed in &page.data {
            let why = failed.ended.as_deref().unwrap_or("failed");
            note(pass, &mut tx, &failed.id, why).await?;
        }
        tx.commit().await?;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let until = until.unwrap_or(pass.run.started_at);
    let mut conn = app.db.acquire().await?;
    let from = from.min(until);
    let span = Covered { from, until };
    adoptions::cover(&mut conn, Listed::RefundFailures, span, now).await?;
    Ok(())
}

/// Notes one, with what is told of it; once.
pub(super) async fn note(
    pass: &Pass<'_>,
    conn: &mut Connection,
    refund: &StripeRefundId,
    why: &str,
) -> Result<()> {
    let now = pass.app.clock.now();
    let reason = PersonReason::FailedLater {
        id: refund.clone(),
        why: why.to_owned(),
    };
    let text = reason.to_string();
    let failed = refunds::failed_later(conn, refund, &text, reason.code(), now).await?;
    let Some(failed) = failed else {
        return Ok(());
    };
    tracing::error!(refund = %failed.refund_id, reason = text, "a refund failed after it was made");
    if pass.app.notifier.is_some() {
        let event = Event::from(RefundFailed {
            internal_id: failed.id,
            order_id: failed.order_id,
            refund_id: failed.refund_id,
            shop_id: failed.shop_id,
            stripe_refund_id: Some(refund.clone()),
            stripe_reversal_id: failed.reversal,
            amount: failed.amount,
            reason: text,
        });
        notifications::add(conn, &[event], now).await?;
    }
    pass.run.count_failed();
    Ok(())
}
