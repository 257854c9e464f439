//! A seller: the shop's standing with the operator and its Stripe account, as far as the jobs decide
//! by them.

use super::ids::{AccountId, ShopId};

/// What is known of a shop when something is to be paid to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seller {
    /// The operator has excluded the shop from this program.
    pub excluded: bool,
    /// Its account, if it has one.
    pub account: Option<Account>,
}

/// The account of one shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The Mirakl shop it belongs to.
    pub shop_id: ShopId,
    /// The Stripe account.
    pub id: AccountId,
    /// Capability `transfers` is active: the account can receive transfers.
    pub transfers_active: bool,
}
