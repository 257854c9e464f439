//! What tests do with refunds and reversals, and what they see of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Stripe;
use super::events::Cause;
use super::metadata::owned;
use super::refund_book::{Gift, Standing, StoredRefund};
use super::refunds::RefundBalanceRule;
use super::reversals::StoredReversal;
use super::views::time;

/// A refund, by a request or by hand; what it releases of a charge not captured included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// `re_…` or `pyr_…`
    pub id: String,
    /// `ch_…` or `py_…`
    pub charge: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case; the charge's own.
    pub currency: String,
    /// `succeeded`, `pending`, `failed` or `canceled`.
    pub status: String,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in whole seconds.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

/// A reversal, by a request or by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// `trr_…`
    pub id: String,
    /// `tr_…`
    pub transfer: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case; the transfer's own.
    pub currency: String,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in whole seconds.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

impl StoredRefund {
    fn view(&self) -> Refund {
        Refund {
            id: self.id.clone(),
            charge: self.charge.clone(),
            amount: self.amount,
            currency: self.currency.clone(),
            status: self.status.to_owned(),
            metadata: self.metadata.clone(),
            at: time(self.created),
            idempotency_key: self.key.clone(),
        }
    }
}

impl StoredReversal {
    fn view(&self) -> Reversal {
        Reversal {
            id: self.id.clone(),
            transfer: self.transfer.clone(),
            amount: self.amount,
            currency: self.currency.clone(),
            metadata: self.metadata.clone(),
            at: time(self.created),
            idempotency_key: self.key.clone(),
        }
    }
}

impl Stripe {
    /// Refunds a captured payment by hand, in its own currency; one not captured is released
    /// whole. Returns the refund's id.
    pub fn refund(&self, charge_or_intent: &str, amount: i64) -> String {
        let now = self.state.shared.clock.now();
        let mut book = self.book();
        let charge = book.charge_id(charge_or_intent);
        let gift = Gift {
            amount,
            ..Gift::default()
        };
        let standing = book.usual_standing();
        book.give_back(&charge, gift, standing, Cause::default(), now)
    }

    /// A refund that somebody made at another time; it has succeeded. Returns its id.
    pub fn old_refund(
        &self,
        charge_or_intent: &str,
        amount: i64,
        metadata: &[(&str, &str)],
        at: DateTime<Utc>,
    ) -> String {
        let mut book = self.book();
        let charge = book.charge_id(charge_or_intent);
        let gift = Gift {
            amount,
            reason: None,
            metadata: owned(metadata),
        };
        book.give_back(&charge, gift, Standing::Succeeded, Cause::default(), at)
    }

    /// Whether new refunds are `pending`, as those of slow payment methods are for days.
    pub fn refunds_stay_pending(&self, on: bool) {
        self.book().refunds_stay_pending = on;
    }

    /// What becomes of a refund that the platform's balance does not cover, the charge's own money
    /// counted even if it is still on its way.
    pub fn refund_balance_rule(&self, rule: RefundBalanceRule) {
        self.book().refund_balance_rule = rule;
    }

    /// A pending refund reaches the customer.
    pub fn settle_refund(&self, refund: &str) {
        let now = self.state.shared.clock.now();
        self.book().settle_refund(refund, now);
    }

    /// A refund, pending or succeeded, fails for a reason such as `lost_or_stolen_card`: the
    /// charge counts as not refunded by it, and the platform gets the money back.
    pub fn fail_refund(&self, refund: &str, reason: &str) {
        let now = self.state.shared.clock.now();
        self.book().fail_refund(refund, reason, now);
    }

    /// A pending refund is cancelled: the charge counts as not refunded by it, and the platform gets the money back.
    pub fn cancel_refund(&self, refund: &str) {
        let now = self.state.shared.clock.now();
        self.book().cancel_refund(refund, now);
    }

    /// All refunds, in the order they were made.
    pub fn refunds(&self) -> Vec<Refund> {
        self.book().refunds.iter().map(StoredRefund::view).collect()
    }

    /// Takes back a part of a transfer by hand, whatever the seller's balance. Returns the
    /// reversal's id.
    pub fn reverse(&self, transfer: &str, amount: i64) -> String {
        let now = self.state.shared.clock.now();
        self.old_reversal(transfer, amount, &[], now)
    }

    /// A reversal that somebody made at another time, whatever the seller's balance. Returns its
    /// id.
    pub fn old_reversal(
        &self,
        transfer: &str,
        amount: i64,
        metadata: &[(&str, &str)],
        at: DateTime<Utc>,
    ) -> String {
        let mut book = self.book();
        book.take_back(transfer, amount, owned(metadata), Cause::default(), at)
    }

    /// Whether reversals are limited to what a seller can spend now. By default money of the
    /// transfer itself counts too while it is on its way.
    pub fn reverse_available_only(&self, on: bool) {
        self.book().reverses_available_only = on;
    }

    /// All reversals, in the order they were made.
    pub fn reversals(&self) -> Vec<Reversal> {
        let book = self.book();
        let made = book.reversals.iter();
        let made = made.filter_map(|(transfer, id)| {
            let stored = book.transfers.get(transfer)?;
            stored.reversals.get(id).map(StoredReversal::view)
        });
        made.collect()
    }

    /// Takes money from an account or the platform at once, as a payout does; the rest may be
    /// negative.
    pub fn drain(&self, account: &str, currency: &str, amount: i64) {
        self.add_funds(account, currency, -amount);
    }

    /// The customer disputes a charge, which cannot be refunded then.
    pub fn dispute(&self, charge_or_intent: &str) {
        self.set_disputed(charge_or_intent, true);
    }

    /// The dispute is closed in the platform's favour.
    pub fn end_dispute(&self, charge_or_intent: &str) {
        self.set_disputed(charge_or_intent, false);
    }

    fn set_disputed(&self, charge_or_intent: &str, disputed: bool) {
        let mut book = self.book();
        let id = book.charge_id(charge_or_intent);
        book.charge(&id).disputed = disputed;
    }
}
