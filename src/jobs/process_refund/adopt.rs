//! Taking over what Stripe has and the store does not know, before anything is sent; and remembering
//! what others refunded.

use anyhow::Context as _;

use super::{Pass, failures, start};
use crate::app::App;
use crate::domain::refund::RefundOrigin;
use crate::jobs::Result;
use crate::jobs::adopting::{covered_by, list_from};
use crate::store::adoptions::{self, Listed};
use crate::store::refunds::{self, AdoptedRefund, OtherRefund};
use crate::stripe::{Refund, RefundsQuery};

/// Whether the store has never been compared with Stripe's list back to where refunds are ours.
pub(super) async fn is_needed_first(pass: &Pass<'_>) -> Result<bool> {
    let mut conn = pass.app.db.acquire().await?;
    let covered = adoptions::get(&mut conn, Listed::Refunds).await?;
    Ok(covered.is_none_or(|covered| covered.from > start(pass.app)))
}

/// Lists Stripe's refunds back to what the store is known to hold, takes over ours and remembers the
/// others. The span is widened only when the whole list was read.
pub(super) async fn adopt(pass: &mut Pass<'_>) -> Result<()> {
    let app = pass.app;
    let start = start(app);
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Refunds).await?
    };
    let mut query = RefundsQuery {
        from: Some(list_from(covered, start)),
        ..RefundsQuery::default()
    };
    let mut newest = None;
    loop {
        let page = app
            .stripe
            .refunds(&query)
            .await
            .context("Stripe's refunds could not be listed; nothing is sent without that")?;
        newest = newest.max(page.data.first().map(|first| first.created_at));
        store(pass, page.data).await?;
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => break,
        }
    }
    let span = covered_by(newest, covered, start);
    let mut conn = app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Refunds, span, app.clock.now()).await?;
    pass.adopted = true;
    Ok(())
}

/// Refunds of this marketplace, and those of others.
pub(super) fn sort(app: &App, listed: Vec<Refund>) -> (Vec<AdoptedRefund>, Vec<OtherRefund>) {
    let host = app.mirakl.host();
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for refund in listed {
        let Some(charge_id) = refund.charge else {
            continue;
        };
        let old = match refund.origin {
            RefundOrigin::Ours { host: of, made_for } if of == host => {
                if let Some(amount) = refund.amount.filter(|amount| amount.is_positive()) {
                    ours.push(AdoptedRefund {
                        kind: made_for.kind,
                        mirakl_id: made_for.refund_id,
                        order_id: made_for.order_id,
                        shop_id: made_for.shop_id,
                        stripe_refund_id: refund.id,
                        amount: amount.minor(),
                        currency: amount.currency(),
                        charge_id,
                        stripe_created_at: refund.created_at,
                        ended: refund.ended,
                    });
                }
                continue;
            }
            RefundOrigin::Old(id) => id,
            RefundOrigin::Ours { .. } | RefundOrigin::Other => None,
        };
        others.push(OtherRefund {
            stripe_refund_id: refund.id,
            charge_id,
            amount: refund.minor,
            ended: refund.ended.is_some(),
            mirakl_refund_id: old,
            stripe_created_at: refund.created_at,
        });
    }
    (ours, others)
}

async fn store(pass: &Pass<'_>, listed: Vec<Refund>) -> Result<()> {
    let now = pass.app.clock.now();
    let (ours, others) = sort(pass.app, listed);
    let mut tx = pass.app.db.begin().await?;
    refunds::keep_others(&mut tx, &others, now).await?;
    let result = refunds::adopt(&mut tx, &ours, now).await?;
    for failed in &ours {
        if let Some(why) = &failed.ended {
            failures::note(pass, &mut tx, &failed.stripe_refund_id, why).await?;
        }
    }
    if result.settled > 0 {
        adoptions::found_unknown(&mut tx, now).await?;
    }
    tx.commit().await?;
    if result.settled > 0 {
        tracing::info!(
            refunds = result.settled,
            "taken over from Stripe: refunds that the store did not know"
        );
    }
    if result.doubled > 0 {
        tracing::error!(
            refunds = result.doubled,
            "Stripe holds a second refund for refunds that already have one; see `list refunds`"
        );
    }
    pass.run.count(|counts| {
        counts.failed += result.doubled;
        counts.news += result.settled + result.doubled;
    });
    Ok(())
}
