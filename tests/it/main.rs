//! The program as its users meet it: the built binary against a real Postgres and the simulator,
//! whose ledger decides what happened.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)] // a test may stop where it stands

mod support;

mod first_order;
