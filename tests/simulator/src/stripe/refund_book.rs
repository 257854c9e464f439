//! Refunds as they are kept, and what becomes of their money.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::book::Book;
use super::events::Cause;
use super::releases::Releases;
use super::shelf::Item;
use super::views::Expand;

/// A refund.
#[derive(Clone, Debug)]
pub(super) struct StoredRefund {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pending_reason: Option<&'static str>,
    failure_reason: Option<String>,
    reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) key: Option<String>,
    /// Whether it released what was not captured, so that no money moves.
    released: bool,
    /// What it takes from the platform, in the settlement currency.
    worth: i64,
    /// The balance transactions that took it, and that brought it back.
    taken: Option<String>,
    returned: Option<String>,
}

impl Item for StoredRefund {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredRefund {
    pub(super) fn show(&self) -> Value {
        let kind = if self.released { "reversal" } else { "refund" };
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.taken,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": { "card": { "type": kind }, "type": "card" },
            "metadata": self.metadata,
            "payment_intent": self.intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        });
        if let Some(reason) = self.pending_reason {
            refund["pending_reason"] = reason.into();
        }
        if let Some(reason) = &self.failure_reason {
            refund["failure_reason"] = reason.as_str().into();
            refund["failure_balance_transaction"] = self.returned.as_deref().into();
        }
        refund
    }
}

/// How a new refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Succeeded,
    /// The bank has it.
    Processing,
    /// It waits for money of the platform.
    Unfunded,
}

/// What is to be refunded, and what is kept with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gift {
    pub(super) amount: i64,
    pub(super) reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Book {
    /// Refunds a captured charge, or releases an authorised one whole.
    pub(super) fn give_back(
        &mut self,
        id: &str,
        gift: Gift,
        standing: Standing,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> String {
        let charge = self.charge(id);
        assert_eq!(charge.status, "succeeded", "{id} has nothing to refund");
        let released = !charge.captured;
        let mut worth = 0;
        let mut amount = gift.amount;
        if released {
            amount = charge.amount;
            self.call_off(id, gift.reason.as_deref(), cause.key, now);
            // This one was asked for as a refund, and is one.
            self.charge(id).releases = Releases::Refunded;
        } else {
            let left = charge.left();
            assert!(
                (1..=left).contains(&amount),
                "{id} has {left} left to refund"
            );
            worth = charge.worth(amount);
            charge.given_back += amount;
        }
        let charge = self.charge(id).clone();
        let prefix = match charge.id.starts_with("py_") {
            true => "pyr",
            false => "re",
        };
        let standing = if released {
            Standing::Succeeded
        } else {
            standing
        };
        let mut refund = StoredRefund {
            id: self.ids.make(prefix, 24),
            created: now.timestamp(),
            charge: charge.id,
            intent: charge.intent,
            amount,
            currency: charge.currency,
            status: match standing {
                Standing::Succeeded => "succeeded",
                Standing::Processing | Standing::Unfunded => "pending",
            },
            pending_reason: match standing {
                Standing::Succeeded => None,
                Standing::Processing => Some("processing"),
                Standing::Unfunded => Some("insufficient_funds"),
            },
            failure_reason: None,
            reason: gift.reason,
            metadata: gift.metadata,
            key: cause.own_key(),
            released,
            worth,
            taken: None,
            returned: None,
        };
        if !(released || standing == Standing::Unfunded) {
            self.pay_refund(&mut refund);
        }
        let (refund_id, shown) = (refund.id.clone(), refund.show());
        self.refunds.put(refund);
        self.happened("refund.created", None, &shown, cause, now);
        let charge = self.charge(id).clone();
        let charge = self.show_charge(&charge, Expand::default(), now.timestamp());
        let charge = serde_json::to_value(charge).unwrap_or(Value::Null);
        self.happened("charge.refunded", None, &charge, cause, now);
        refund_id
    }

    /// Takes the money of a refund, which may be on its way itself.
    fn pay_refund(&mut self, refund: &mut StoredRefund) {
        refund.taken = Some(self.ids.make("txn", 24));
        let (currency, at) = self.settlement_of(&refund.charge);
        let platform = &self.platform.id;
        self.ledger.book(platform, &currency, -refund.worth, at);
    }

    /// The currency a charge settles in, and when its money is there.
    pub(super) fn settlement_of(&mut self, charge: &str) -> (String, i64) {
        let charge = self.charge(charge);
        let at = charge.balance.as_ref().map_or(0, |b| b.available_on);
        (charge.settlement.clone(), at)
    }

    /// A pending refund reaches the customer.
    pub(super) fn settle_refund(&mut self, id: &str, now: DateTime<Utc>) {
        let mut refund = self.refund_by_id(id);
        assert_eq!(refund.status, "pending", "{id} is not pending");
        refund.status = "succeeded";
        refund.pending_reason = None;
        if refund.taken.is_none() {
            self.pay_refund(&mut refund);
        }
        self.change_refund(refund, &["refund.updated"], now);
    }

    /// A refund does not reach the customer, and its money comes back.
    pub(super) fn fail_refund(&mut self, id: &str, reason: &str, now: DateTime<Utc>) {
        let mut refund = self.refund_by_id(id);
        let open = matches!(refund.status, "pending" | "succeeded");
        assert!(open && !refund.released, "{id} cannot fail");
        refund.status = "failed";
        refund.pending_reason = None;
        refund.failure_reason = Some(reason.to_owned());
        self.bring_back(&mut refund, now);
        self.change_refund(refund, &["refund.updated", "refund.failed"], now);
    }

    /// A refund is cancelled before it reaches the customer, and its money comes back.
    pub(super) fn cancel_refund(&mut self, id: &str, now: DateTime<Utc>) {
        let mut refund = self.refund_by_id(id);
        assert_eq!(refund.status, "pending", "{id} cannot be cancelled");
        refund.status = "canceled";
        refund.pending_reason = None;
        self.bring_back(&mut refund, now);
        self.change_refund(refund, &["refund.updated"], now);
    }

    /// The charge counts as not refunded, and the platform has its money again.
    fn bring_back(&mut self, refund: &mut StoredRefund, now: DateTime<Utc>) {
        self.charge(&refund.charge).given_back -= refund.amount;
        if refund.taken.is_some() {
            refund.returned = Some(self.ids.make("txn", 24));
            let (currency, at) = self.settlement_of(&refund.charge);
            let at = at.max(now.timestamp());
            let platform = &self.platform.id;
            self.ledger.book(platform, &currency, refund.worth, at);
        }
    }

    fn refund_by_id(&self, id: &str) -> StoredRefund {
        let refund = self.refunds.get(id);
        refund
            .unwrap_or_else(|| panic!("there is no refund {id}"))
            .clone()
    }

    fn change_refund(&mut self, refund: StoredRefund, events: &[&'static str], now: DateTime<Utc>) {
        let shown = refund.show();
        self.refunds.put(refund);
        for kind in events {
            self.happened(kind, None, &shown, Cause::default(), now);
        }
    }
}
