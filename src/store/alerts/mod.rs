//! What an operator is to know: what failed, what waits too long, and what a person must look at.

mod failed;
mod held;
mod noted;
mod people;

pub use failed::{FailedPayout, FailedRefund, FailedTransfer};
pub use held::{Held, HeldSum};
pub use noted::{Difference, GivenUp, Shortfall, record_mailed};
pub use people::{TroubledAccount, TroubledPayment};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Connection, Result};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// Transfers that failed.
    pub transfers: Vec<FailedTransfer>,
    /// Refunds of which a step failed.
    pub refunds: Vec<FailedRefund>,
    /// Payouts that failed.
    pub payouts: Vec<FailedPayout>,
    /// Customers' payments with trouble.
    pub payments: Vec<TroubledPayment>,
    /// What waits for too long.
    pub held: Vec<Held>,
    /// What does not agree.
    pub differences: Vec<Difference>,
    /// What could not be taken back from sellers.
    pub shortfalls: Vec<Shortfall>,
    /// Sellers' accounts with trouble.
    pub accounts: Vec<TroubledAccount>,
    /// Notifications that were given up.
    pub notifications: Vec<GivenUp>,
}

/// Reads all of it. Rows that wait since before `held_before` wait for too long; an authorisation that
/// ends before `soon` is about to end.
pub async fn all(
    conn: &mut Connection,
    held_before: DateTime<Utc>,
    soon: DateTime<Utc>,
) -> Result<Alerts> {
    Ok(Alerts {
        transfers: failed::transfers(conn).await?,
        refunds: failed::refunds(conn).await?,
        payouts: failed::payouts(conn).await?,
        payments: people::payments(conn, soon).await?,
        held: held::held(conn, held_before).await?,
        differences: noted::differences(conn).await?,
        shortfalls: noted::shortfalls(conn).await?,
        accounts: people::accounts(conn).await?,
        notifications: noted::given_up(conn).await?,
    })
}
