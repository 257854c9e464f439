//! Delivery after a job: oldest first, one try each, stopping at the first failure.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::app::App;
use crate::domain::retry;
use crate::store::lock::JobLock;
use crate::store::{StoreError, notifications};

/// One try, and all tries of a run together.
const TRY: Duration = Duration::from_secs(10);
const ALL: Duration = Duration::from_secs(30);
/// What could not be delivered for so long is given up, and stays listed.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(3);
const BATCH: i64 = 100;

/// Delivers what is due. An endpoint that does not take it changes nothing about the job: what is
/// left waits for the next run.
///
/// Errors when the database cannot be used.
pub async fn deliver(app: &App) -> Result<(), StoreError> {
    let Some(notifier) = &app.notifier else {
        return Ok(());
    };
    let begin = Instant::now();
    let now = app.clock.now();
    let mut conn = app.db.acquire().await?;
    let given_up = notifications::give_up(&mut conn, now - GIVEN_UP_AFTER, now).await?;
    if given_up > 0 {
        tracing::error!(
            notifications = given_up,
            "given up after 3 days without delivery; see `list notifications --status given_up`"
        );
    }
    if notifications::due(&mut conn, now, 1).await?.is_empty() {
        return Ok(());
    }
    drop(conn);
    // Two runs that deliver at once could change the order.
    let options = &app.settings.database.options;
    let Some(lock) = JobLock::try_take(options, "notifications").await? else {
        return Ok(());
    };
    let delivered = oldest_first(app, notifier, begin).await;
    lock.release().await;
    match delivered? {
        Some(error) => super::mail::tell_endpoint_down(app, &error).await,
        None => Ok(()),
    }
}

/// What the first failure met, if any.
async fn oldest_first(
    app: &App,
    notifier: &super::Notifier,
    begin: Instant,
) -> Result<Option<String>, StoreError> {
    loop {
        let batch = {
            let mut conn = app.db.acquire().await?;
            notifications::due(&mut conn, app.clock.now(), BATCH).await?
        };
        if batch.is_empty() {
            return Ok(None);
        }
        for notification in batch {
            let left = ALL.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            let now = app.clock.now();
            let tried = notifier
                .send(
                    &notification.notification_id,
                    &notification.body,
                    now,
                    left.min(TRY),
                )
                .await;
            let now = app.clock.now();
            let mut conn = app.db.acquire().await?;
            let Err(error) = tried else {
                notifications::delivered(&mut conn, notification.id, now).await?;
                continue;
            };
            let next = now + retry::notification_delay(notification.tries);
            notifications::failed(&mut conn, notification.id, &error, next, now).await?;
            // Once for each notification: cron mails what is warned of.
            if notification.tries == 0 {
                tracing::warn!(
                    notification = notification.id,
                    kind = notification.kind,
                    error,
                    "the operator's server did not take a notification; a later run tries again"
                );
            }
            return Ok(Some(error));
        }
    }
}
