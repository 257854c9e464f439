//! The rules about money: pure functions and types, without I/O and without a clock.

pub mod account;
pub mod basket;
pub mod date;
pub mod ids;
pub mod key;
pub mod money;
pub mod onboarding;
pub mod order;
pub mod payment;
pub mod payout;
pub mod refund;
pub mod retry;
pub mod service;
pub mod shop;
pub mod transfer;
