//! Balances as they are read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::accounts::StoredAccount;
use super::book::Book;

impl Book {
    /// The balance of an account: one entry for its own currency, and for each it ever had.
    pub(super) fn show_balance(&self, account: &StoredAccount, now: i64) -> Value {
        let id = account.id.as_str();
        let mut shown = json!({
            "object": "balance",
            "available": [],
            "pending": [],
            "connect_reserved": [],
            "instant_available": [],
            "livemode": self.live,
        });
        let mut currencies: BTreeSet<&str> = self.ledger.currencies(id).collect();
        currencies.insert(&account.currency);
        for currency in currencies {
            let available = self.ledger.available_by(id, currency, now);
            let pending = self.ledger.total(id, currency) - available;
            for (part, amount) in [
                ("available", available),
                ("pending", pending),
                ("instant_available", available.max(0)),
            ] {
                add(&mut shown, part, entry(amount, currency));
            }
            let reserved = json!({ "amount": 0, "currency": currency });
            add(&mut shown, "connect_reserved", reserved);
        }
        shown
    }
}

/// All money here came by card.
fn entry(amount: i64, currency: &str) -> Value {
    json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } })
}

fn add(balance: &mut Value, part: &str, entry: Value) {
    if let Some(entries) = balance[part].as_array_mut() {
        entries.push(entry);
    }
}
