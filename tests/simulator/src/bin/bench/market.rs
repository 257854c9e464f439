//! A marketplace that is ready to be run on, and what is due in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cases::{Case, OLD_ROWS, Work};
use super::debits::Baskets;
use super::track::Track;
use super::{debits, failures, invoices, orders, refunds, sellers, services, shops};
use crate::common::{Result, payouts, refunds as refund_rows};

/// What is due.
pub enum Market {
    /// Each shop's account.
    Shops(BTreeSet<i64>),
    /// Each basket.
    Baskets(Baskets),
    /// Each order's amount, in cents.
    Orders(HashMap<String, i64>),
    /// Each refund.
    Refunds(BTreeMap<String, refund_rows::Due>),
    /// Each invoice.
    Invoices(BTreeMap<i64, payouts::Due>),
    /// So many failures.
    Failures(i64),
}

/// What came of a run.
pub struct Judged {
    /// What was made since the beginning: accounts, captures, transfers, refunds, payouts, or failures
    /// that were mailed.
    pub made: usize,
    /// What does not agree with what is due.
    pub differences: Vec<String>,
}

impl Market {
    /// Fills a track with what the case is about.
    pub async fn fill(track: &Track<'_>, case: &Case) -> Result<Self> {
        let (simulator, number) = (&track.simulator, case.items);
        if case.work == Work::Shops {
            return Ok(Self::Shops(match number {
                0 => shops::known(track, OLD_ROWS).await?,
                _ => shops::new(simulator, number),
            }));
        }
        shops::open(track).await?;
        let span = match case.filled {
            true => orders::SINCE_THE_LAST_RUN,
            false => orders::BEFORE_THE_FIRST_RUN,
        };
        Ok(match case.work {
            Work::Shops => Self::Shops(BTreeSet::new()),
            Work::Baskets => Self::Baskets(debits::fill(simulator, number)?),
            Work::Orders => Self::Orders(orders::fill(simulator, number, 0, &span)),
            Work::OrdersAmongOthers => Self::Orders(orders::fill(simulator, number, 9, &span)),
            Work::Services => Self::Orders(services::fill(simulator, number)),
            Work::Refunds => Self::Refunds(refunds::fill(track, number).await?),
            Work::Invoices => Self::Invoices(invoices::fill(simulator, number, false)),
            Work::InvoicesWithTransfers => Self::Invoices(invoices::fill(simulator, number, true)),
            Work::Failures => {
                failures::fill(track, number)?;
                Self::Failures(number)
            }
        })
    }

    /// What passes between two runs with nothing new.
    pub fn wait(&self, track: &Track<'_>) -> Result<()> {
        match self {
            Self::Shops(_) => sellers::wait(track),
            Self::Baskets(_)
            | Self::Orders(_)
            | Self::Refunds(_)
            | Self::Invoices(_)
            | Self::Failures(_) => Ok(()),
        }
    }

    /// Whether exactly what was due was done, by the ledgers of Mirakl and Stripe and by the store.
    pub async fn judge(&self, track: &Track<'_>) -> Result<Judged> {
        match self {
            Self::Shops(due) => sellers::judge(track, due).await,
            Self::Baskets(due) => debits::judge(track, due),
            Self::Orders(due) => orders::judge(track, due).await,
            Self::Refunds(due) => refunds::judge(track, due).await,
            Self::Invoices(due) => invoices::judge(track, due).await,
            Self::Failures(number) => Ok(failures::judge(track, *number)),
        }
    }
}
