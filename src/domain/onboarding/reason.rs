//! Why a shop waits for its account, or gets none. `Display` is what is stored and listed; `code`
//! groups the rows of one kind.

use thiserror::Error;

use crate::domain::ids::{AccountId, ShopId};

/// Why a shop waits. Each is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldReason {
    /// Several accounts at Stripe were made for the shop.
    #[error(
        "Stripe has several accounts that were made for this shop ({}): choose one by link-account",
        names(.0)
    )]
    SeveralAccounts(Vec<AccountId>),
    /// The account that was made for the shop is paid out by Stripe itself.
    #[error(
        "account {0} was made for this shop, but Stripe pays it out by itself: set its payout schedule to manual"
    )]
    PayoutsNotManual(AccountId),
    /// A person has linked the account that was made for the shop to another one.
    #[error(
        "account {0} was made for this shop and is linked to shop {1}: say by link-account which account this shop has"
    )]
    LinkedElsewhere(AccountId, ShopId),
    /// `ENABLE_SELLER_ONBOARDING` is false.
    #[error("onboarding is switched off (ENABLE_SELLER_ONBOARDING is false)")]
    SwitchedOff,
    /// An account that was made for the shop could not be read.
    #[error("an account made for this shop could not be read at Stripe: {0}")]
    AccountUnread(String),
    /// Mirakl's answer for this shop could not be read.
    #[error("Mirakl sent a shop that cannot be read: {0}")]
    Unreadable(String),
    /// Mirakl no longer returns the shop.
    #[error("Mirakl no longer returns this shop")]
    Gone,
}

impl HoldReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SeveralAccounts(_) => "several_accounts",
            Self::PayoutsNotManual(_) => "payouts_not_manual",
            Self::LinkedElsewhere(..) => "linked_elsewhere",
            Self::SwitchedOff => "switched_off",
            Self::AccountUnread(_) => "account_unread",
            Self::Unreadable(_) => "unreadable",
            Self::Gone => "gone",
        }
    }
}

fn names(accounts: &[AccountId]) -> String {
    let names: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    names.join(", ")
}

/// Why a shop gets no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IgnoreReason {
    /// The shop has ended.
    #[error("the shop is terminated")]
    Terminated,
    /// The operator has excluded the shop.
    #[error("the shop is excluded")]
    Excluded,
}

impl IgnoreReason {
    /// A short word for the kind of reason, stable across versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::Terminated => "terminated",
            Self::Excluded => "excluded",
        }
    }
}
