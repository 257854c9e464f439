//! Payouts as they are kept, and what becomes of their money.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::book::Book;
use super::events::Cause;
use super::shelf::Item;

/// Time until a payout is with the bank, and until it arrives.
const LEAVING_SECONDS: i64 = 24 * 3600;
const ARRIVING_SECONDS: i64 = 2 * 24 * 3600;

/// What may become of a payout.
pub(super) const STATUSES: [&str; 5] = ["canceled", "failed", "in_transit", "paid", "pending"];

/// A payout.
#[derive(Clone, Debug)]
pub(super) struct StoredPayout {
    pub(super) id: String,
    pub(super) created: i64,
    /// Whose balance it is paid from: a connected account's or the platform's own.
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) failure_code: Option<String>,
    pub(super) terms: Terms,
    pub(super) key: Option<String>,
    /// The balance transactions that took its money, and that brought it back.
    taken: String,
    returned: Option<String>,
}

/// What is kept of a payout as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// `ba_…`
    pub(super) destination: String,
    pub(super) description: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) method: String,
    pub(super) statement_descriptor: Option<String>,
}

impl Item for StoredPayout {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredPayout {
    pub(super) fn arrival(&self) -> i64 {
        self.created + ARRIVING_SECONDS
    }

    /// When it goes on by itself, and what it becomes then.
    fn next(&self) -> Option<(i64, &'static str)> {
        match self.status {
            "pending" => Some((self.created + LEAVING_SECONDS, "in_transit")),
            "in_transit" => Some((self.arrival(), "paid")),
            _ => None,
        }
    }

    pub(super) fn show(&self, live: bool) -> Value {
        let failed = self.failure_code.as_ref();
        let message = failed.map(|code| format!("The payout could not be made: {code}."));
        json!({
            "id": self.id,
            "object": "payout",
            "amount": self.amount,
            "application_fee": null,
            "application_fee_amount": null,
            "arrival_date": self.arrival(),
            "automatic": false,
            "balance_transaction": self.taken,
            "created": self.created,
            "currency": self.currency,
            "description": self.terms.description,
            "destination": self.terms.destination,
            "failure_balance_transaction": self.returned.as_ref().filter(|_| failed.is_some()),
            "failure_code": failed,
            "failure_message": message,
            "livemode": live,
            "metadata": self.terms.metadata,
            "method": self.terms.method,
            "original_payout": null,
            "payout_method": null,
            "reconciliation_status": "not_applicable",
            "reversed_by": null,
            "source_type": "card",
            "statement_descriptor": self.terms.statement_descriptor,
            "status": self.status,
            "trace_id": { "status": "pending", "value": null },
            "type": "bank_account",
        })
    }
}

impl Book {
    /// The external account that an account has in a currency.
    pub(super) fn bank_account(&mut self, account: &str, currency: &str) -> Option<String> {
        let key = (account.to_owned(), currency.to_owned());
        let ids = &mut self.ids;
        let bank = self.bank_accounts.entry(key);
        bank.or_insert_with(|| Some(ids.make("ba", 24))).clone()
    }

    /// Pays out, whatever the balance.
    pub(super) fn pay_out(
        &mut self,
        account: &str,
        amount: i64,
        currency: &str,
        terms: Terms,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> String {
        let payout = StoredPayout {
            id: self.ids.make("po", 24),
            created: now.timestamp(),
            account: account.to_owned(),
            amount,
            currency: currency.to_owned(),
            status: "pending",
            failure_code: None,
            terms,
            key: cause.own_key(),
            taken: self.ids.make("txn", 24),
            returned: None,
        };
        let id = payout.id.clone();
        let ledger = &mut self.ledger;
        ledger.book(account, currency, -amount, payout.created);
        self.turn(payout, "pending", Some("payout.created"), cause, now);
        id
    }

    /// Payouts go on by themselves, each as if at its time.
    pub(super) fn carry_payouts(&mut self, now: DateTime<Utc>) {
        while let Some((due, id)) = self.payouts_due.first().cloned() {
            if due > now.timestamp() {
                return;
            }
            self.payouts_due.pop_first();
            let payout = self.payout_by_id(&id);
            let Some((_, status)) = payout.next() else {
                continue;
            };
            let event = (status == "paid").then_some("payout.paid");
            let at = DateTime::from_timestamp(due, 0).unwrap_or(now);
            self.turn(payout, status, event, Cause::default(), at);
        }
    }

    /// A payout arrives.
    pub(super) fn pay_payout(&mut self, id: &str, now: DateTime<Utc>) {
        let payout = self.payout_by_id(id);
        assert!(payout.next().is_some(), "{id} is {}", payout.status);
        self.turn(payout, "paid", Some("payout.paid"), Cause::default(), now);
    }

    /// A payout does not arrive, or is sent back, and its money returns.
    pub(super) fn fail_payout(&mut self, id: &str, code: &str, now: DateTime<Utc>) {
        let mut payout = self.payout_by_id(id);
        let open = matches!(payout.status, "pending" | "in_transit" | "paid");
        assert!(open, "{id} is {}", payout.status);
        payout.failure_code = Some(code.to_owned());
        self.take_payout_back(&mut payout, now);
        let event = Some("payout.failed");
        self.turn(payout, "failed", event, Cause::default(), now);
    }

    /// A payout is cancelled before it is with the bank, and its money returns.
    pub(super) fn cancel_payout(&mut self, id: &str, cause: Cause<'_>, now: DateTime<Utc>) {
        let mut payout = self.payout_by_id(id);
        assert_eq!(payout.status, "pending", "{id} cannot be cancelled");
        self.take_payout_back(&mut payout, now);
        self.turn(payout, "canceled", Some("payout.canceled"), cause, now);
    }

    fn take_payout_back(&mut self, payout: &mut StoredPayout, now: DateTime<Utc>) {
        payout.returned = Some(self.ids.make("txn", 24));
        let (account, currency) = (&payout.account, &payout.currency);
        let ledger = &mut self.ledger;
        ledger.book(account, currency, payout.amount, now.timestamp());
    }

    /// Puts a payout on the shelf in another status, and notes that it came there.
    fn turn(
        &mut self,
        mut payout: StoredPayout,
        status: &'static str,
        event: Option<&'static str>,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) {
        if let Some((due, _)) = payout.next() {
            self.payouts_due.remove(&(due, payout.id.clone()));
        }
        payout.status = status;
        if let Some((due, _)) = payout.next() {
            self.payouts_due.insert((due, payout.id.clone()));
        }
        if let Some(kind) = event {
            let shown = payout.show(self.live);
            let owner = Some(payout.account.as_str());
            let owner = owner.filter(|account| *account != self.platform.id);
            self.happened(
                kind,
                owner.map(str::to_owned).as_deref(),
                &shown,
                cause,
                now,
            );
        }
        self.payouts.put(payout);
    }

    /// A payout of the account acted for, or of the platform.
    pub(super) fn payout_of(&self, id: &str, acting: Option<&str>) -> Option<&StoredPayout> {
        let account = acting.unwrap_or(&self.platform.id);
        let payout = self.payouts.get(id);
        payout.filter(|payout| payout.account == account)
    }

    fn payout_by_id(&self, id: &str) -> StoredPayout {
        let payout = self.payouts.get(id);
        payout
            .unwrap_or_else(|| panic!("there is no payout {id}"))
            .clone()
    }
}
