//! The judge, who looks from outside: at Stripe's ledger, at Mirakl, at the operator's server, and at
//! what the program lists.

mod ended;
mod mirakl;
mod moved;
mod open;
mod stored;

use std::fmt;

use crate::Simulator;
use crate::drive::Result;

use super::market::Market;
use super::story::Story;
use super::tally::Tally;

pub use ended::process;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// By what.
    pub what: String,
}

/// What always holds, or holds in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Nothing moves twice, and nothing moves that is not due.
    Once,
    /// What moves is exactly what is due, from and to whom it is due.
    ToTheCent,
    /// In the end everything that is due has moved.
    NothingLost,
    /// In the end no row waits, and none fails.
    NothingStuck,
    /// In the end the program lists exactly what Stripe holds.
    StoreAgrees,
    /// In the end Mirakl was told what Stripe did.
    MiraklAgrees,
    /// Every notification reaches the operator's server, or is listed as given up.
    Told,
    /// No secret in anything that is printed.
    NothingLeaks,
    /// A run ends with one of its exit codes, and says what it could not do.
    EndsOrderly,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

impl Invariant {
    pub(super) fn broken(self, what: impl Into<String>) -> Violation {
        Violation {
            invariant: self,
            what: what.into(),
        }
    }
}

/// What holds at any time, by the ledgers.
pub fn ledgers(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = moved::transfers(market, simulator);
    found.extend(moved::refunds(market, simulator));
    found.extend(moved::reversals(market, simulator));
    found.extend(moved::payments(market, simulator));
    found.extend(moved::payouts(market, simulator));
    found.extend(moved::accounts(market, simulator));
    found.extend(mirakl::confirmations(market, simulator));
    found
}

/// What holds between two runs, by what the program lists.
pub async fn lists(story: &Story<'_>) -> Result<Vec<Violation>> {
    stored::failures(story).await
}

/// Everything that holds in the end.
pub async fn all(story: &Story<'_>) -> Result<Vec<Violation>> {
    let (market, simulator) = (&story.market, &story.simulator);
    let mut found = ledgers(market, simulator);
    found.extend(open::movements(market, simulator));
    found.extend(mirakl::told(market, simulator));
    found.extend(mirakl::shops(market, simulator));
    found.extend(stored::rows(story).await?);
    found.extend(stored::notifications(story).await?);
    Ok(found)
}

/// Counts what was moved.
pub fn count(market: &Market, simulator: &Simulator, tally: &mut Tally) {
    let stripe = simulator.stripe();
    for (what, number) in [
        ("sellers", market.shops.len()),
        ("orders", market.orders.len()),
        ("refunds asked for", market.refunds.len()),
        ("invoices", market.invoices.len()),
        ("movements: captures", stripe.captures().len()),
        ("movements: transfers", stripe.transfers().len()),
        ("movements: refunds", stripe.refunds().len()),
        ("movements: reversals", stripe.reversals().len()),
        ("movements: payouts", stripe.payouts().len()),
    ] {
        tally.many(what, number);
    }
}
