//! What operators do by hand.

pub mod link_account;
pub mod list;
pub mod migrate;
pub mod onboarding_link;
pub mod resolve;
