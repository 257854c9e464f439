//! What an operator is to know: what failed, what waits too long, and what a person must look at.

mod failed;
mod held;
mod noted;
mod people;

pub use failed::{
    FailedPayout, FailedRefund, FailedTransfer, failed_payouts, failed_refunds, failed_transfers,
};
pub use held::{Held, HeldSum, held};
pub use noted::{
    Difference, GivenUp, Shortfall, differences, given_up, record_mailed, shortfalls,
};
pub use people::{TroubledAccount, TroubledPayment, accounts, payments};
