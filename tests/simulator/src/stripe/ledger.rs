//! Balances per account and currency, available now or from a later time on.

use std::collections::{BTreeMap, HashMap};

/// All balances of one mode.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    purses: HashMap<(String, String), Purse>,
}

#[derive(Debug, Default)]
struct Purse {
    available: i64,
    /// Sums by the Unix second they become available at.
    pending: BTreeMap<i64, i64>,
}

impl Ledger {
    /// Books an amount, negative to take it, that counts as available from `at` on.
    pub(super) fn book(&mut self, account: &str, currency: &str, amount: i64, at: i64) {
        let key = (account.to_owned(), currency.to_owned());
        let purse = self.purses.entry(key).or_default();
        *purse.pending.entry(at).or_default() += amount;
    }

    /// Available and pending together.
    pub(super) fn total(&self, account: &str, currency: &str) -> i64 {
        let key = (account.to_owned(), currency.to_owned());
        self.purses.get(&key).map_or(0, |purse| {
            purse.available + purse.pending.values().sum::<i64>()
        })
    }

    /// The currencies in which an account has or had money.
    pub(super) fn currencies(&self, account: &str) -> impl Iterator<Item = &str> {
        let purses = self.purses.keys();
        let own = purses.filter(move |(owner, _)| owner == account);
        own.map(|(_, currency)| currency.as_str())
    }

    /// What can be spent at a time to come, if nothing more happens.
    pub(super) fn available_by(&self, account: &str, currency: &str, at: i64) -> i64 {
        let key = (account.to_owned(), currency.to_owned());
        self.purses.get(&key).map_or(0, |purse| {
            let due = purse.pending.range(..=at);
            purse.available + due.map(|(_, amount)| amount).sum::<i64>()
        })
    }

    /// What can be spent now.
    pub(super) fn available(&mut self, account: &str, currency: &str, now: i64) -> i64 {
        let key = (account.to_owned(), currency.to_owned());
        let Some(purse) = self.purses.get_mut(&key) else {
            return 0;
        };
        let later = purse.pending.split_off(&now.saturating_add(1));
        let due = std::mem::replace(&mut purse.pending, later);
        purse.available += due.values().sum::<i64>();
        purse.available
    }
}
