//! `resolve`: carries out what a person decided about a row that waits or was refused.

mod payout;
mod refund;
mod transfer;

pub use payout::payout;
pub use refund::refund;
pub use transfer::transfer;

use anyhow::anyhow;

use crate::jobs::JobError;
use crate::store::StoreError;
use crate::stripe::StripeError;

/// What a person decided about a row.
#[derive(Debug, Clone)]
pub enum Decided {
    /// Decide it anew, or go on with its step, at the next run.
    Retry,
    /// Stripe has made this for it.
    MadeAs(String),
    /// End it where it is, for this reason.
    Abandon(String),
}

/// What the person must say otherwise.
fn usage<T>(text: String) -> Result<T, JobError> {
    Err(JobError::Usage(text))
}

/// What another row already has is refused by the database, by one of these constraints.
fn taken(error: StoreError, constraints: &[&str], message: &str) -> JobError {
    match &error {
        StoreError::Database(sqlx::Error::Database(database))
            if database
                .constraint()
                .is_some_and(|name| constraints.contains(&name)) =>
        {
            JobError::Usage(message.to_owned())
        }
        _ => error.into(),
    }
}

/// What a person named must be known at Stripe by what it pays, or nothing is settled.
fn not_marked(id: &str, pays: &str, error: &StripeError) -> JobError {
    anyhow!(
        "{id} could not be marked at Stripe as what pays {pays}, and nothing was settled: {error}; \
         give the command again when Stripe lets this key write to it"
    )
    .into()
}
