//! A marketplace of one's own for every test: a database, a simulator, and the built binary.

mod database;
mod program;
mod refunds;
mod sellers;
mod world;

pub use database::Database;
pub use program::{Finished, Program};
pub use sellers::{DASHBOARD, STRIPE};
pub use world::{World, day, eur};
