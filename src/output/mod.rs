//! Everything that is printed on standard output: summaries, plans, alarms, and lists as tables or JSON.

mod accounts;
mod failures;
mod notifications;
mod payments;
mod payouts;
mod plans;
mod refunds;
mod runs;
mod summary;
mod table;
mod transfers;

pub use accounts::accounts;
pub use failures::{told, told_json, tried};
pub use notifications::notifications;
pub use payments::payments;
pub use payouts::{payouts, planned_payouts};
pub use plans::{plan, planned_debits, planned_shops};
pub use refunds::{planned_refunds, refunds};
pub use runs::runs;
pub use summary::summary;
pub use transfers::transfers;

use std::io::{self, Write as _};

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Prints a line for the operator.
///
/// Whoever reads may have left (`list transfers | head`): what was done is done all the same.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
