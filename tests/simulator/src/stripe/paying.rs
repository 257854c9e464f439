//! What customers and operators do with payments.

use chrono::{DateTime, Utc};

use super::book::Book;
use super::payments::{Charge, Intent, Settled};
use super::seeds::{End, Payment, PaymentSeed, Stage};

/// Time until a charge's money is available to the platform.
const SETTLING_SECONDS: i64 = 2 * 24 * 3600;
/// How long an authorisation lasts.
const AUTHORISED_SECONDS: i64 = 7 * 24 * 3600;

impl Book {
    /// A customer pays.
    pub(super) fn pay(&mut self, seed: PaymentSeed, now: DateTime<Utc>) -> Payment {
        let created = seed.created.unwrap_or(now).timestamp();
        let manual = matches!(seed.stage, Stage::Authorized | Stage::Canceled);
        let end = match seed.end {
            End::At(at) => at.timestamp(),
            End::Usual | End::Hidden => created + AUTHORISED_SECONDS,
        };
        let intent = (!seed.bare).then(|| self.ids.make("pi", 24));
        let (intent_metadata, mut charge_metadata) = (seed.metadata, seed.charge_metadata);
        if let Some(id) = &intent {
            let intent = Intent {
                id: id.clone(),
                created,
                amount: seed.amount,
                amount_capturable: 0,
                amount_received: 0,
                currency: seed.currency.clone(),
                status: "requires_payment_method",
                capture_method: if manual { "manual" } else { "automatic" },
                customer: seed.customer.clone(),
                latest_charge: None,
                transfer_group: seed.transfer_group.clone(),
                metadata: intent_metadata,
                canceled_at: None,
                cancellation_reason: None,
            };
            self.intents.put(intent);
        } else {
            charge_metadata.extend(intent_metadata);
        }
        let charge = Charge {
            id: self.ids.make(if seed.py { "py" } else { "ch" }, 24),
            created,
            amount: seed.amount,
            settlement: seed.settlement.unwrap_or_else(|| seed.currency.clone()),
            currency: seed.currency,
            status: "failed",
            captured: false,
            amount_captured: 0,
            given_back: 0,
            released: 0,
            releases: self.releases,
            disputed: seed.disputed,
            capture_before: manual.then_some(end),
            shows_end: !matches!(seed.end, End::Hidden),
            intent: intent.clone(),
            customer: seed.customer,
            transfer_group: seed.transfer_group,
            metadata: charge_metadata,
            balance: None,
            transferred: 0,
        };
        let charge = self.attempt(charge, seed.stage);
        Payment { intent, charge }
    }

    /// Adds a charge in a stage, and brings its intent to the same.
    fn attempt(&mut self, mut charge: Charge, stage: Stage) -> String {
        charge.status = match stage {
            Stage::Failed => "failed",
            Stage::Processing => "pending",
            Stage::Captured | Stage::Authorized | Stage::Canceled => "succeeded",
        };
        let (id, at, amount) = (charge.id.clone(), charge.created, charge.amount);
        let end = charge.capture_before;
        if let Some(intent) = self.intent_of(&charge) {
            intent.latest_charge = Some(id.clone());
            intent.status = match stage {
                Stage::Failed => "requires_payment_method",
                Stage::Processing => "processing",
                Stage::Captured | Stage::Authorized | Stage::Canceled => "requires_capture",
            };
            if intent.status == "requires_capture" {
                intent.amount_capturable = amount;
            }
        }
        if stage == Stage::Processing {
            // Nothing is left to capture, though the money has not come.
            charge.captured = true;
            charge.amount_captured = amount;
        }
        self.charges.put(charge);
        match stage {
            Stage::Captured => self.take(&id, amount, at),
            Stage::Canceled => self.void(&id, at, None),
            Stage::Authorized => self.authorised.extend(end.map(|end| (end, id.clone()))),
            Stage::Processing | Stage::Failed => {}
        }
        id
    }

    /// Another, successful attempt at an intent whose charge failed.
    pub(super) fn pay_again(&mut self, intent: &str, now: DateTime<Utc>) -> String {
        let failed = self.charge_id(intent);
        let mut charge = self.charge(&failed).clone();
        assert_eq!(charge.status, "failed", "{failed} has not failed");
        let prefix = if charge.id.starts_with("py") {
            "py"
        } else {
            "ch"
        };
        charge.id = self.ids.make(prefix, 24);
        charge.created = now.timestamp();
        self.attempt(charge, Stage::Captured)
    }

    /// A processing charge succeeds or fails.
    pub(super) fn settle(&mut self, id: &str, succeeds: bool, now: DateTime<Utc>) {
        let id = self.charge_id(id);
        let charge = self.charge(&id);
        assert_eq!(charge.status, "pending", "{id} is not pending");
        let amount = charge.amount;
        if succeeds {
            charge.status = "succeeded";
            self.take(&id, amount, now.timestamp());
            return;
        }
        charge.fail();
        let charge = charge.clone();
        if let Some(intent) = self.intent_of(&charge) {
            intent.status = "requires_payment_method";
        }
    }

    /// The money of a charge arrives.
    pub(super) fn take(&mut self, id: &str, amount: i64, at: i64) {
        let transaction = self.ids.make("txn", 24);
        let releases = self.releases;
        let charge = self.charge(id);
        let settled = Settled {
            id: transaction,
            amount: charge.settled(amount),
            created: at,
            available_on: at + SETTLING_SECONDS,
        };
        charge.captured = true;
        charge.amount_captured = amount;
        charge.released = charge.amount - amount;
        charge.releases = releases;
        charge.balance = Some(settled.clone());
        let charge = charge.clone();
        self.close(&charge);
        if let Some(intent) = self.intent_of(&charge) {
            intent.status = "succeeded";
            intent.amount_capturable = 0;
            intent.amount_received = amount;
        }
        let platform = &self.platform.id;
        let currency = &charge.settlement;
        self.ledger
            .book(platform, currency, settled.amount, settled.available_on);
    }

    /// The charge of an id that names a charge or an intent.
    pub(super) fn charge_id(&self, id: &str) -> String {
        let latest = self.intents.get(id).map(|intent| &intent.latest_charge);
        let charge = latest.map_or(Some(id), |latest| latest.as_deref());
        charge
            .filter(|id| self.charges.get(id).is_some())
            .unwrap_or_else(|| panic!("there is no charge of {id}"))
            .to_owned()
    }

    pub(super) fn charge(&mut self, id: &str) -> &mut Charge {
        let charge = self.charges.get_mut(id);
        charge.unwrap_or_else(|| panic!("there is no charge {id}"))
    }

    pub(super) fn intent_of(&mut self, charge: &Charge) -> Option<&mut Intent> {
        self.intents.get_mut(charge.intent.as_deref()?)
    }
}
