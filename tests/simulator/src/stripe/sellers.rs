//! What happens to sellers at Stripe, and what a test sees of them.

use serde_json::Value;

use super::account_view::Account;
use super::accounts::StoredAccount;
use super::links::{AccountLink, Visit};
use super::{AccountSeed, Stripe};

/// Metadata under which a shop's id is kept.
const SHOP: &str = "miraklShopId";

impl Stripe {
    /// Connects an account and returns its id.
    pub fn add_account(&self, seed: AccountSeed) -> String {
        let now = self.state.shared.clock.now();
        let mut book = self.book();
        let account = seed.build(|| book.ids.make("acct", 16), now);
        let id = account.id.clone();
        book.accounts.put(account);
        id
    }

    /// All accounts ever connected, in the order they were made.
    pub fn accounts(&self) -> Vec<Account> {
        let book = self.book();
        book.accounts.iter().map(StoredAccount::view).collect()
    }

    /// The accounts whose metadata `miraklShopId` is this.
    pub fn accounts_for(&self, shop: i64) -> Vec<Account> {
        let shop = shop.to_string();
        let mut accounts = self.accounts();
        accounts.retain(|account| account.metadata.get(SHOP) == Some(&shop));
        accounts
    }

    /// An account as Stripe shows it, also one that is not connected any more.
    pub fn account_json(&self, id: &str) -> Option<Value> {
        let book = self.book();
        let account = book.accounts.get(id);
        let account = account.or_else(|| book.accounts.iter().find(|account| account.id == id));
        account.map(StoredAccount::show)
    }

    /// All account links, in the order they were made.
    pub fn links(&self) -> Vec<AccountLink> {
        self.book().links.clone()
    }

    /// A seller's browser opens a link. It works once, and for five minutes.
    pub fn visit(&self, url: &str) -> Visit {
        let now = self.state.shared.clock.now();
        self.book().visit(url, now)
    }

    /// The seller finishes the form: nothing is due, and Stripe verifies what was entered.
    pub fn submit_details(&self, account: &str) {
        self.change(account, |account| {
            account.details_submitted = true;
            account.set_due(&[]);
            account.pending_verification = vec!["individual.verification.document".to_owned()];
            account.disabled_reason = Some("requirements.pending_verification".to_owned());
            account.charges_enabled = false;
            account.payouts_enabled = false;
            account.set_capabilities("pending");
        });
    }

    /// Stripe has verified the seller: nothing is due, and everything requested works.
    pub fn verify(&self, account: &str) {
        self.change(account, |account| {
            account.details_submitted = true;
            account.set_due(&[]);
            account.pending_verification.clear();
            account.disabled_reason = None;
            account.charges_enabled = true;
            account.payouts_enabled = true;
            account.set_capabilities("active");
        });
    }

    /// Something more becomes due, and payouts stop until it is there.
    pub fn require(&self, account: &str, requirement: &str) {
        self.change(account, |account| {
            account.currently_due.push(requirement.to_owned());
            account.payouts_enabled = false;
        });
    }

    /// Stripe rejects the seller for a reason such as `rejected.fraud`.
    pub fn reject(&self, account: &str, reason: &str) {
        self.change(account, |account| {
            account.disabled_reason = Some(reason.to_owned());
            account.charges_enabled = false;
            account.payouts_enabled = false;
            account.set_capabilities("inactive");
        });
    }

    /// The seller leaves the platform, which cannot reach the account from then on.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn disconnect(&self, account: &str) {
        let mut book = self.book();
        let left = book.accounts.withdraw(account);
        let left = left.unwrap_or_else(|| panic!("there is no account {account}"));
        left.connected = false;
    }

    /// Sets a capability, such as `transfers`, to `active`, `inactive` or `pending`.
    pub fn set_capability(&self, account: &str, capability: &str, status: &str) {
        self.change(account, |account| {
            let capabilities = &mut account.capabilities;
            capabilities.insert(capability.to_owned(), status.to_owned());
        });
    }

    /// Enables charges, or stops them.
    pub fn set_charges_enabled(&self, account: &str, enabled: bool) {
        self.change(account, |account| account.charges_enabled = enabled);
    }

    /// Enables payouts, or stops them.
    pub fn set_payouts_enabled(&self, account: &str, enabled: bool) {
        self.change(account, |account| account.payouts_enabled = enabled);
    }

    /// # Panics
    /// If there is no such account.
    fn change(&self, account: &str, change: impl FnOnce(&mut StoredAccount)) {
        let mut book = self.book();
        let stored = book.accounts.get_mut(account);
        change(stored.unwrap_or_else(|| panic!("there is no account {account}")));
    }
}
