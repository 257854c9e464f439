//! The customers' payments at Stripe: the newest charges in bulk, and singly what must be known now.

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use crate::app::App;
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::payment::Payment;
use crate::jobs::Result;
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::payments;
use crate::stripe::{ChargesQuery, StripeError};

/// Where the first list begins: an authorisation of a card holds for a week.
const FIRST: TimeDelta = TimeDelta::days(8);
/// Lists overlap by this, for charges that were made while the last list was read.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// A charge may be made so long after its intent.
const SLACK: TimeDelta = TimeDelta::days(1);

/// Reads the charges made since the last run; without `store`, a dry run's, nothing is written.
pub(super) async fn list(
    app: &App,
    started_at: DateTime<Utc>,
    store: bool,
) -> Result<Vec<Payment>> {
    let checkpoint = {
        let mut conn = app.db.acquire().await?;
        checkpoints::get(&mut conn, Stream::Charges).await?
    };
    let first = app.settings.start_date.unwrap_or(started_at - FIRST);
    let from = checkpoint.map_or(first.max(started_at - FIRST), |checkpoint| {
        checkpoint.reached - OVERLAP
    });
    let mut query = ChargesQuery {
        from,
        until: started_at + TimeDelta::days(1),
        starting_after: None,
    };
    let mut begun = None;
    let mut seen = Vec::new();
    loop {
        let observed_at = app.clock.now();
        let page = app
            .stripe
            .charges(&query)
            .await
            .context("Stripe's charges could not be listed")?;
        begun = begun.or(page.date);
        let listed = page.data.into_iter().filter_map(|charge| charge.payment);
        let ours: Vec<Payment> = listed.filter(|p| p.commercial_id.is_some()).collect();
        if store {
            let mut conn = app.db.acquire().await?;
            payments::observe(&mut conn, &ours, observed_at).await?;
        } else {
            seen.extend(ours);
        }
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => break,
        }
    }
    if let (true, Some(reached)) = (store, begun) {
        let mut conn = app.db.acquire().await?;
        let checkpoint = Checkpoint {
            reached,
            begun_at: from,
        };
        checkpoints::advance(&mut conn, Stream::Charges, checkpoint, app.clock.now()).await?;
    }
    Ok(seen)
}

/// Reads these payments again: from the list as long as a page of it is cheaper than asking singly,
/// then one by one, several at a time. What Stripe cannot tell now stays as it was seen.
pub(super) async fn again(app: &App, stale: &[Payment]) -> Result<Vec<Payment>> {
    let mut open: Vec<PaymentRef> = stale.iter().filter_map(Payment::reference).collect();
    let mut found = Vec::new();
    let made = stale.iter().map(|payment| payment.created_at);
    if let (true, Some(oldest), Some(newest)) = (open.len() > 1, made.clone().min(), made.max()) {
        // A charge is made with its intent or some time after it.
        let mut query = ChargesQuery {
            from: oldest,
            until: newest + SLACK,
            starting_after: None,
        };
        let mut pages = 0;
        while pages < open.len() {
            let page = match app.stripe.charges(&query).await {
                Ok(page) => page,
                Err(StripeError::Stop(error)) => {
                    return Err(anyhow!(StripeError::Stop(error)).into());
                }
                // The list saves calls: what it does not tell is asked for singly.
                Err(StripeError::Unknown(_) | StripeError::Refused(_)) => break,
            };
            pages += 1;
            for payment in page.data.into_iter().filter_map(|charge| charge.payment) {
                let at = open
                    .iter()
                    .position(|open| payment.reference().as_ref() == Some(open));
                if let Some(at) = at {
                    open.swap_remove(at);
                    found.push(payment);
                }
            }
            match page.next {
                Some(next) if !open.is_empty() => query.starting_after = Some(next),
                _ => break,
            }
        }
    }
    found.extend(singly(app, open).await?);
    Ok(found)
}

async fn singly(app: &App, references: Vec<PaymentRef>) -> Result<Vec<Payment>> {
    let workers = app.settings.stripe.limits.concurrency;
    let read: Vec<_> = stream::iter(references)
        .map(|reference| async move {
            let answer = app.stripe.payment(&reference).await;
            (reference, answer)
        })
        .buffer_unordered(workers)
        .collect()
        .await;
    let mut found = Vec::new();
    for (reference, answer) in read {
        match answer {
            Ok(payment) => found.extend(payment),
            Err(StripeError::Stop(error)) => return Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                tracing::warn!(payment = %reference, %error, "the payment could not be read");
            }
        }
    }
    Ok(found)
}

/// Payments that were searched.
pub(super) struct Searched {
    /// What was found. Not finding one proves nothing.
    pub found: Vec<Payment>,
    /// Baskets that Stripe did not search, and why.
    pub unread: Vec<(CommercialOrderId, String)>,
}

/// Looks for the payments of baskets that no list has shown.
pub(super) async fn search(app: &App, baskets: Vec<CommercialOrderId>) -> Result<Searched> {
    let workers = app.settings.stripe.limits.concurrency;
    let searched: Vec<_> = stream::iter(baskets)
        .map(|basket| async move {
            let answer = app.stripe.search_payments(&basket).await;
            (basket, answer)
        })
        .buffer_unordered(workers)
        .collect()
        .await;
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for (basket, answer) in searched {
        match answer {
            Ok(mut references) => found.append(&mut references),
            Err(StripeError::Stop(error)) => return Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                tracing::warn!(%basket, %error, "the payments of a basket could not be searched");
                unread.push((basket, error.to_string()));
            }
        }
    }
    let found = singly(app, found).await?;
    Ok(Searched { found, unread })
}
