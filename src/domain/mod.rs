//! The rules about money: pure functions and types, without I/O and without a clock.

pub mod account;
pub mod ids;
pub mod money;
pub mod order;
pub mod payment;
pub mod retry;
pub mod transfer;
