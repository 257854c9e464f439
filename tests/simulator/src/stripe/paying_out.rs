//! What tests do with payouts and with transfers that sellers make, and what they see of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::events::Cause;
use super::metadata::owned;
use super::payout_book::{StoredPayout, Terms};
use super::transfers::StoredTransfer;
use super::views::time;
use super::{Stripe, TransferSeed};

/// A payout, by a request or by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// `po_…`
    pub id: String,
    /// The account it is paid from, `acct_…`.
    pub account: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// `pending`, `in_transit`, `paid`, `canceled` or `failed`.
    pub status: String,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in whole seconds.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

/// A transfer that a connected account made, from its own balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerTransfer {
    /// `tr_…`
    pub id: String,
    /// The account that made it, `acct_…`.
    pub account: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// `acct_…`; the platform's own.
    pub destination: String,
    /// How much of it was taken back.
    pub amount_reversed: i64,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in whole seconds.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

impl StoredPayout {
    fn view(&self) -> Payout {
        Payout {
            id: self.id.clone(),
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency.clone(),
            status: self.status.to_owned(),
            failure_code: self.failure_code.clone(),
            metadata: self.terms.metadata.clone(),
            at: time(self.created),
            idempotency_key: self.key.clone(),
        }
    }
}

impl StoredTransfer {
    /// `None` for the platform's.
    fn sellers_view(&self) -> Option<SellerTransfer> {
        let transfer = self.transfer.clone();
        Some(SellerTransfer {
            account: self.owner.clone()?,
            id: transfer.id,
            amount: transfer.amount,
            currency: transfer.currency,
            destination: transfer.destination,
            amount_reversed: transfer.amount_reversed,
            metadata: transfer.metadata,
            at: transfer.created,
            idempotency_key: transfer.idempotency_key,
        })
    }
}

impl Stripe {
    /// A seller pays out by hand, whatever the balance. Returns the payout's id.
    pub fn payout_by_hand(&self, account: &str, amount: i64, currency: &str) -> String {
        let now = self.state.shared.clock.now();
        self.old_payout(account, amount, currency, &[], now)
    }

    /// A payout that somebody made at another time, whatever the balance; it stands as one of its
    /// age does. Returns its id.
    ///
    /// # Panics
    /// If the account has no external account in the currency.
    pub fn old_payout(
        &self,
        account: &str,
        amount: i64,
        currency: &str,
        metadata: &[(&str, &str)],
        at: DateTime<Utc>,
    ) -> String {
        let mut book = self.book();
        let bank = book.bank_account(account, currency);
        let terms = Terms {
            destination: bank.unwrap_or_else(|| panic!("{account} has no bank in {currency}")),
            description: None,
            metadata: owned(metadata),
            method: "standard".to_owned(),
            statement_descriptor: None,
        };
        book.pay_out(account, amount, currency, terms, Cause::default(), at)
    }

    /// A payout, pending or in transit, arrives before its time.
    pub fn pay_payout(&self, payout: &str) {
        let now = self.state.shared.clock.now();
        self.book().pay_payout(payout, now);
    }

    /// A payout, even one that counts as paid, fails for a reason such as `account_closed`, and its
    /// money is the seller's again at once.
    pub fn fail_payout(&self, payout: &str, failure_code: &str) {
        let now = self.state.shared.clock.now();
        self.book().fail_payout(payout, failure_code, now);
    }

    /// A pending payout is cancelled by hand, and its money is the seller's again at once.
    pub fn cancel_payout(&self, payout: &str) {
        let now = self.state.shared.clock.now();
        self.book().cancel_payout(payout, Cause::default(), now);
    }

    /// Whether an account has an external account in a currency; by default it has one in each.
    pub fn external_account(&self, account: &str, currency: &str, exists: bool) {
        let mut book = self.book();
        let key = (account.to_owned(), currency.to_owned());
        if exists {
            // A new one gets an id of its own when it is first asked for.
            if let Some(None) = book.bank_accounts.get(&key) {
                book.bank_accounts.remove(&key);
            }
        } else {
            book.bank_accounts.insert(key, None);
        }
    }

    /// All payouts, in the order they were made.
    pub fn payouts(&self) -> Vec<Payout> {
        self.book().payouts.iter().map(StoredPayout::view).collect()
    }

    /// A transfer to the platform that a seller made at another time, whatever the balance. Returns
    /// its id.
    pub fn old_seller_transfer(
        &self,
        account: &str,
        amount: i64,
        currency: &str,
        metadata: &[(&str, &str)],
        at: DateTime<Utc>,
    ) -> String {
        let mut seed = TransferSeed::new(&self.platform_id(), amount, currency).created_at(at);
        seed.metadata = owned(metadata);
        self.book().add_transfer(seed, Some(account), at)
    }

    /// All transfers that connected accounts made, in that order; [`Stripe::transfers`] has them
    /// too, among the platform's.
    pub fn seller_transfers(&self) -> Vec<SellerTransfer> {
        let book = self.book();
        let made = book.transfers.iter();
        made.filter_map(StoredTransfer::sellers_view).collect()
    }
}
