//! Balances: `GET /v1/balance`.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Stripe, StripeError};
use crate::domain::ids::AccountId;
use crate::domain::money::Currency;

const PATH: &str = "/v1/balance";

/// What an account has and may dispose of. A hint: Stripe's refusal decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    available: HashMap<String, i64>,
}

impl Balance {
    /// Minor units at once available in this currency; may be below zero. None: the account holds
    /// nothing in it.
    pub fn available(&self, currency: Currency) -> Option<i64> {
        self.available.get(&currency.stripe_code()).copied()
    }

    /// The currencies that it holds, in upper case.
    pub fn currencies(&self) -> Vec<String> {
        let codes = self.available.keys();
        let mut codes: Vec<String> = codes.map(|code| code.to_ascii_uppercase()).collect();
        codes.sort_unstable();
        codes
    }
}

#[derive(Deserialize)]
struct WireBalance {
    available: Vec<WireEntry>,
}

#[derive(Deserialize)]
struct WireEntry {
    amount: i64,
    currency: String,
}

impl Stripe {
    /// The balance of a connected account.
    pub async fn balance(&self, account: &AccountId) -> Result<Balance, StripeError> {
        let (wire, _): (WireBalance, _) = self.get_for(PATH, PATH, &[], Some(account)).await?;
        let entries = wire.available.into_iter();
        Ok(Balance {
            available: entries
                .map(|entry| (entry.currency, entry.amount))
                .collect(),
        })
    }
}
