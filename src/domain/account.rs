//! A seller's Stripe account, as far as the jobs decide by it.

use super::ids::{AccountId, ShopId};

/// The account of one shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The Mirakl shop it belongs to.
    pub shop_id: ShopId,
    /// The Stripe account.
    pub id: AccountId,
    /// Capability `transfers` is active: the account can receive transfers.
    pub transfers_active: bool,
    /// The operator has excluded the shop from this program.
    pub ignored: bool,
}
