//! What becomes of money that is held until it is captured.

use chrono::{DateTime, Utc};

use super::book::Book;
use super::payments::Charge;
use super::record::{Cancellation, Capture};
use super::releases::Releases;

impl Book {
    /// Captures an authorised charge; the rest is released.
    pub(super) fn capture(&mut self, id: &str, amount: Option<i64>, now: DateTime<Utc>) {
        let id = self.charge_id(id);
        let charge = self.charge(&id);
        assert!(charge.is_open(), "{id} cannot be captured");
        let amount = amount.unwrap_or(charge.amount);
        assert!(
            (1..=charge.amount).contains(&amount),
            "{amount} is not authorised"
        );
        self.collect(&id, amount, None, now);
    }

    /// Captures a part of an open authorisation and keeps a record of it.
    pub(super) fn collect(&mut self, id: &str, amount: i64, key: Option<&str>, now: DateTime<Utc>) {
        self.take(id, amount, now.timestamp());
        let payment = self.payment_of(id);
        self.captures.push(Capture {
            payment,
            amount,
            at: now,
            idempotency_key: key.map(str::to_owned),
        });
    }

    /// Cancels what is not captured.
    pub(super) fn cancel(&mut self, id: &str, now: DateTime<Utc>) {
        let id = self.charge_id(id);
        let charge = self.charge(&id);
        assert!(charge.balance.is_none(), "{id} is captured");
        self.call_off(&id, None, None, now);
    }

    /// Cancels what is not captured and keeps a record of it.
    pub(super) fn call_off(
        &mut self,
        id: &str,
        reason: Option<&str>,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) {
        self.void(id, now.timestamp(), reason);
        let payment = self.payment_of(id);
        self.cancellations.push(Cancellation {
            payment,
            reason: reason.map(str::to_owned),
            at: now,
            idempotency_key: key.map(str::to_owned),
        });
    }

    pub(super) fn void(&mut self, id: &str, at: i64, reason: Option<&str>) {
        let releases = self.releases;
        let charge = self.charge(id);
        if charge.status == "pending" {
            charge.fail();
        } else if charge.status == "succeeded" {
            charge.released = charge.amount;
            charge.releases = releases;
        }
        let charge = charge.clone();
        self.close(&charge);
        if let Some(intent) = self.intent_of(&charge) {
            intent.status = "canceled";
            intent.cancellation_reason = reason.map(str::to_owned);
            intent.amount_capturable = 0;
            intent.canceled_at = Some(at);
        }
    }

    /// Ends the authorisations whose time has come, as if it had happened then.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) {
        while let Some((end, id)) = self.authorised.first().cloned() {
            if end > now.timestamp() {
                return;
            }
            let at = DateTime::from_timestamp(end, 0).unwrap_or(now);
            let reason = match self.releases {
                Releases::Untold => "expired",
                Releases::Refunded => "automatic",
            };
            self.call_off(&id, Some(reason), None, at);
        }
    }

    /// Nothing of this charge ends by itself any more.
    pub(super) fn close(&mut self, charge: &Charge) {
        if let Some(end) = charge.capture_before {
            self.authorised.remove(&(end, charge.id.clone()));
        }
    }

    /// What a charge is a payment of: its intent, else itself.
    fn payment_of(&mut self, charge: &str) -> String {
        let charge = self.charge(charge);
        charge.intent.as_ref().unwrap_or(&charge.id).clone()
    }
}
