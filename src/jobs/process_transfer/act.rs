//! Sends what is pending, several at a time, and settles each answer at once. New rows and rows
//! left by a crash take the same way.

use std::cell::Cell;

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::{Pass, adopt};
use crate::app::App;
use crate::domain::ids::{OrderId, TransferId};
use crate::domain::key::IdempotencyKey;
use crate::domain::retry;
use crate::jobs::sending::{CLOCK_MARGIN, Doubts, in_chains};
use crate::jobs::{Result, Run, adopting};
use crate::notify::{Event, TransferFailed};
use crate::store::transfers::{self, Failed, Made, Pending};
use crate::store::{Connection, StoreError, accounts, notifications};
use crate::stripe::{Class, Refusal, StripeError, Transfer, TransfersQuery};

const BATCH: i64 = 200;

/// What sending has met in this run.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// Stripe's list has been compared with the store in this run.
    pub adopted: bool,
    /// Sent in this run without an answer: left to the next run.
    pub doubts: Doubts,
    newest: Cell<Option<DateTime<Utc>>>,
}

impl Sender {
    /// When Stripe made the newest transfer of this run.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest.get()
    }
}

/// Sends everything that is pending, and settles it.
pub(super) async fn send_pending(pass: &mut Pass<'_>) -> Result<()> {
    let mut after = 0;
    loop {
        let mut batch = load(pass, after).await?;
        let Some(last) = batch.last().map(|row| row.id) else {
            return Ok(());
        };
        if !pass.sender.adopted {
            // What Stripe already has is then no longer pending.
            adopt::adopt(pass).await?;
            continue;
        }
        after = last;
        batch.retain(|row| !pass.sender.doubts.holds(row.id));
        pass.run.check_lock().await?;
        send_batch(pass, batch).await?;
    }
}

async fn load(pass: &Pass<'_>, after: i64) -> Result<Vec<Pending>> {
    let fresh_since = pass.app.clock.now() - retry::DECISION_LIFE;
    let orders: Vec<&str> = pass.options.orders.iter().map(OrderId::as_str).collect();
    let only = (!orders.is_empty()).then_some(orders.as_slice());
    let mut conn = pass.app.db.acquire().await?;
    let kinds = pass.kinds();
    Ok(transfers::pending(&mut conn, &kinds, fresh_since, only, after, BATCH).await?)
}

async fn send_batch(pass: &Pass<'_>, batch: Vec<Pending>) -> Result<()> {
    let sending = Sending {
        app: pass.app,
        run: pass.run,
        sender: &pass.sender,
        host: pass.app.mirakl.host(),
    };
    let now = pass.app.clock.now();
    let (old, mut sendable): (Vec<Pending>, Vec<Pending>) = batch
        .into_iter()
        .partition(|row| row.sent_at.is_some_and(|at| now - at > retry::KEY_LIFE));
    for row in old {
        if !sending.settle_old_doubt(&row).await? {
            sendable.push(row);
        }
    }
    sendable.retain(|row| !pass.sender.doubts.holds(row.id));
    let ids: Vec<i64> = sendable.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    {
        let mut conn = pass.app.db.acquire().await?;
        transfers::mark_sent(&mut conn, &ids, now).await?;
    }
    let workers = pass.app.settings.stripe.limits.concurrency;
    in_chains(
        sendable,
        |row| row.source.clone(),
        workers,
        &pass.sender.doubts,
        async |row: &Pending| sending.send(row).await,
        |row| sending.count_in_doubt(row.id),
    )
    .await
}

/// What Stripe's list shows of a row.
#[derive(Default)]
struct Found {
    ours: Option<Transfer>,
    /// Out of the same charge to the same account, and by nobody who says what it pays.
    by_hand: Vec<TransferId>,
}

/// One row's way to Stripe and back.
struct Sending<'a> {
    app: &'a App,
    run: &'a Run,
    sender: &'a Sender,
    host: String,
}

impl Sending<'_> {
    async fn send(&self, row: &Pending) -> Result<()> {
        if row.attempt > 1 && self.made_meanwhile(row).await? {
            return Ok(());
        }
        let kind = row.kind.as_str();
        let key = IdempotencyKey::new(&self.host, "transfer", kind, &row.mirakl_id, row.attempt);
        match self.app.stripe.create_transfer(&row.body, &key, None).await {
            Ok((transfer, request_id)) => {
                self.sender.doubts.answered();
                self.settle(row, &transfer, request_id.as_deref()).await
            }
            Err(StripeError::Refused(refusal)) => {
                self.sender.doubts.answered();
                self.refused(row, &refusal).await
            }
            Err(StripeError::Unknown(cause)) => {
                self.sender.doubts.unanswered(row.id, &cause);
                self.in_doubt(row, &cause);
                Ok(())
            }
            Err(StripeError::Stop(error)) => {
                self.count_in_doubt(row.id);
                Err(anyhow!(StripeError::Stop(error)).into())
            }
        }
    }

    /// Looks up a request whose key Stripe may have forgotten. False: it was never carried out.
    async fn settle_old_doubt(&self, row: &Pending) -> Result<bool> {
        match self.look_up(row).await {
            Ok(found) => match found.ours {
                Some(transfer) => self.settle(row, &transfer, None).await.map(|()| true),
                None => Ok(false),
            },
            Err(error) => self.not_looked_up(row, error).map(|()| true),
        }
    }

    /// Looks, before another try, for what somebody has moved since the first one was refused. True:
    /// nothing is sent.
    async fn made_meanwhile(&self, row: &Pending) -> Result<bool> {
        let found = match self.look_up(row).await {
            Ok(found) => found,
            Err(error) => return self.not_looked_up(row, error).map(|()| true),
        };
        if let Some(transfer) = found.ours {
            return self.settle(row, &transfer, None).await.map(|()| true);
        }
        if found.by_hand.is_empty() {
            return Ok(false);
        }
        let named: Vec<&str> = found.by_hand.iter().map(TransferId::as_str).collect();
        let reason = format!(
            "somebody made {} out of the same charge to the same account: decide by `resolve transfer`, \
             --stripe-id if it pays this, --retry if not",
            named.join(", ")
        );
        if row.accepted.as_deref() == Some(reason.as_str()) {
            return Ok(false);
        }
        let failed = Failed {
            id: row.id,
            reason: &reason,
            code: "made_by_hand",
            request_id: None,
            next_look_at: None,
        };
        let mut tx = self.app.db.begin().await.map_err(StoreError::from)?;
        self.fail(&mut tx, row, &failed).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What became of a row could not be looked up: left to the next run.
    fn not_looked_up(&self, row: &Pending, error: StripeError) -> Result<()> {
        match error {
            StripeError::Stop(_) => {
                self.count_in_doubt(row.id);
                Err(anyhow!(error).into())
            }
            StripeError::Unknown(_) | StripeError::Refused(_) => {
                self.sender.doubts.add(row.id);
                self.in_doubt(row, &error.to_string());
                Ok(())
            }
        }
    }

    /// The transfer that this row's request made, or another try did; and what somebody else made.
    async fn look_up(&self, row: &Pending) -> Result<Found, StripeError> {
        // Other tries may have left earlier than this one.
        let since = row.sent_at.filter(|_| row.attempt == 1);
        let mut query = TransfersQuery {
            destination: Some(&row.destination),
            from: Some(since.unwrap_or(row.created_at) - CLOCK_MARGIN),
            ..TransfersQuery::default()
        };
        let mut found = Found::default();
        loop {
            let page = self.app.stripe.transfers(&query).await?;
            let mine = |transfer: &Transfer| {
                transfer.origin.as_ref().is_some_and(|origin| {
                    adopting::kind(self.app, origin, transfer) == row.kind
                        && origin.mirakl_id == row.mirakl_id
                        && origin.is_of(&self.host)
                })
            };
            for transfer in page.data {
                if mine(&transfer) {
                    found.ours = Some(transfer);
                    return Ok(found);
                }
                if transfer.origin.is_none() && transfer.source.as_ref() == Some(&row.source) {
                    found.by_hand.push(transfer.id);
                }
            }
            match page.next {
                Some(next) => query.starting_after = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn settle(
        &self,
        row: &Pending,
        transfer: &Transfer,
        request_id: Option<&str>,
    ) -> Result<()> {
        let amount = transfer.amount.unwrap_or(row.amount);
        let destination = transfer.destination.as_ref().unwrap_or(&row.destination);
        let difference = (amount != row.amount || *destination != row.destination).then(|| {
            format!(
                "Stripe moved {amount} to {destination}, asked for were {} to {}",
                row.amount, row.destination
            )
        });
        let made = Made {
            id: row.id,
            transfer_id: &transfer.id,
            amount,
            destination,
            stripe_created_at: transfer.created_at,
            request_id,
            difference: difference.as_deref(),
        };
        if let Some(difference) = &difference {
            tracing::error!(
                order = row.mirakl_id,
                r#type = row.kind.as_str(),
                difference,
                "a transfer differs from its request"
            );
        }
        let mut conn = self.app.db.acquire().await?;
        transfers::created(&mut conn, &made, self.app.clock.now()).await?;
        let newest = self.sender.newest.get().max(Some(transfer.created_at));
        self.sender.newest.set(newest);
        self.run.count_created();
        Ok(())
    }

    async fn refused(&self, row: &Pending, refusal: &Refusal) -> Result<()> {
        if refusal.class == Class::MaybeDone {
            match self.look_up(row).await {
                Ok(Found {
                    ours: Some(transfer),
                    ..
                }) => return self.settle(row, &transfer, None).await,
                Ok(_) => {}
                Err(error) => return self.not_looked_up(row, error),
            }
        }
        let now = self.app.clock.now();
        let delay = refusal.class.delay(row.failures);
        let reason = refusal.to_string();
        let code = refusal.reason_code();
        tracing::warn!(
            order = row.mirakl_id,
            r#type = row.kind.as_str(),
            amount = %row.amount,
            reason,
            request_id = refusal.request_id,
            "a transfer was refused"
        );
        let failed = Failed {
            id: row.id,
            reason: &reason,
            code: &code,
            request_id: refusal.request_id.as_deref(),
            next_look_at: Some(now + delay),
        };
        let mut tx = self.app.db.begin().await.map_err(StoreError::from)?;
        self.fail(&mut tx, row, &failed).await?;
        if refusal.cannot_receive() {
            accounts::cannot_receive(&mut tx, &row.destination, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Settles a row as not made, and tells the operator's server if that is news.
    async fn fail(&self, conn: &mut Connection, row: &Pending, failed: &Failed<'_>) -> Result<()> {
        let now = self.app.clock.now();
        let news = transfers::failed(&mut *conn, failed, now).await?;
        if news && self.app.notifier.is_some() {
            let event = Event::from(TransferFailed {
                internal_id: row.id,
                kind: row.kind,
                mirakl_id: row.mirakl_id.clone(),
                account: Some(row.destination.clone()),
                shop_id: row.shop_id,
                charge: Some(row.source.clone()),
                amount: Some(row.amount),
                reason: failed.reason.to_owned(),
            });
            notifications::add(conn, &[event], now).await?;
        }
        self.run.count_failed();
        Ok(())
    }

    fn in_doubt(&self, row: &Pending, cause: &str) {
        tracing::warn!(
            order = row.mirakl_id,
            r#type = row.kind.as_str(),
            amount = %row.amount,
            cause,
            "no answer to a transfer; the next run sends the same request again"
        );
        self.run.count_in_doubt();
    }

    fn count_in_doubt(&self, id: i64) {
        self.sender.doubts.add(id);
        self.run.count(|counts| {
            counts.waiting += 1;
            counts.in_doubt += 1;
        });
    }
}
