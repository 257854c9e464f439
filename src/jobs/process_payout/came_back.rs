//! Payouts that were made and came back: why, when they are tried again, and who is told.

use chrono::{DateTime, Utc};

use super::{Pass, next_try};
use crate::domain::payout::Life;
use crate::domain::retry;
use crate::jobs::Result;
use crate::notify::{Event, PayoutFailed};
use crate::store::payouts::CameBack;
use crate::store::{Connection, notifications};

/// Why a payout that was made is not any more, the code of it, and when it is tried again.
pub(super) fn why_ended(
    life: &Life,
    id: &str,
    now: DateTime<Utc>,
) -> (String, String, Option<DateTime<Utc>>) {
    match life {
        Life::Failed(code) => (
            format!("the bank did not take {id}: {code}"),
            code.clone(),
            Some(next_try(now, retry::final_failure_delay())),
        ),
        Life::Canceled => (
            format!("{id} was cancelled by hand: decide by `resolve payout`"),
            "canceled".to_owned(),
            None,
        ),
        Life::UnderWay(_) | Life::Paid => (String::new(), String::new(), None),
    }
}

/// Tells of payouts that came back, in the transaction that notes it.
pub(super) async fn tell(
    pass: &Pass<'_>,
    conn: &mut Connection,
    rows: &[CameBack],
    now: DateTime<Utc>,
) -> Result<()> {
    for row in rows {
        let reason = row.reason.as_str();
        tracing::warn!(invoice = %row.invoice, amount = %row.amount, reason, "a payout came back");
        pass.run.count_failed();
    }
    if pass.app.notifier.is_some() {
        let events: Vec<Event> = rows.iter().map(event).collect();
        notifications::add(conn, &events, now).await?;
    }
    Ok(())
}

fn event(row: &CameBack) -> Event {
    Event::from(PayoutFailed {
        internal_id: row.id,
        invoice: row.invoice.clone(),
        shop_id: row.shop_id,
        payout_id: Some(row.payout_id.clone()),
        amount: Some(row.amount),
        reason: row.reason.clone(),
    })
}
