//! What the demo and the bench share: the program under observation, and the ledger's judgement.

pub mod agreement;
pub mod program;

/// The name under which the fake Stripe keeps each order's account.
pub fn account_of(shop: i64) -> String {
    format!("acct_shop{shop}")
}

/// A message for whoever started the program is all that an error has to be here.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
