//! A marketplace of one's own for every test: a database, a simulator, and the built binary.

mod database;
pub mod debits;
mod mails;
mod payouts;
mod program;
mod refunds;
mod sellers;
mod services;
pub mod smtp;
mod taxes;
mod world;

pub use database::Database;
pub use mails::TO;
pub use payouts::Settled;
pub use program::{Finished, Program};
pub use sellers::{DASHBOARD, STRIPE};
pub use services::{TAX_ACCOUNT, service};
pub use taxes::{SPLIT, WHOLE, refuse, refuse_taxes, taxed, taxed_and_paid};
pub use world::{Row, World, day, eur};
