//! What the demo and the bench share: the program under observation, and the ledger's judgement.

pub mod agreement;
pub mod captures;
pub mod payout_ledger;
pub mod payouts;
pub mod refund_ledger;
pub mod refunds;
pub mod sellers;

pub use simulator::drive::Result;

/// The id of an account that was made elsewhere for a shop.
pub fn account_of(shop: i64) -> String {
    format!("acct_shop{shop}")
}

/// Nothing differs, or an error that names what does: the first ten in words.
pub fn agreed(what: &str, differences: &[String]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let first: Vec<&str> = differences.iter().take(10).map(String::as_str).collect();
    let number = differences.len();
    Err(format!("{what} ({number}):\n  {}", first.join("\n  ")).into())
}
