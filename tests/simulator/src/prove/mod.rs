//! The proof: a marketplace that lives for some days in bad weather, and a judge that looks at it from
//! outside.
//!
//! A seed draws everything: what is sold, what goes wrong with which run, what people do by hand, how
//! time passes, and when the database is put back or lost. Nothing here knows how the program works; it
//! knows what each seller and each customer is due.

mod chance;
mod climate;
mod coin;
mod invoices;
mod judge;
mod market;
mod operator;
mod orders;
mod people;
mod refunds;
mod run;
mod shops;
mod story;
mod tally;
mod weather;

pub use climate::Size;
pub use judge::{Invariant, Violation};
pub use story::{Proof, Setup, prove};
pub use tally::Tally;
