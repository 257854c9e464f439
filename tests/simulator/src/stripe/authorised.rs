//! Captures and cancellations that are asked for.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::book::Book;
use super::errors::Refusal;
use super::form::{Form, unknown};
use super::metadata::Metadata;
use super::payments::{Charge, Intent};
use super::views::Expand;

const LARGEST: i64 = 999_999_999_999;
const CANCELABLE: [&str; 4] = [
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
];

/// A capture of an intent.
#[derive(Debug)]
pub(super) struct IntentCapture {
    amount: Option<i64>,
    metadata: Metadata,
}

impl IntentCapture {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount_to_capture",
            "expand",
            "final_capture",
            "metadata",
            "statement_descriptor",
            "statement_descriptor_suffix",
        ])?;
        let wish = Self {
            amount: form.integer("amount_to_capture", 1, LARGEST)?,
            metadata: Metadata::read(form)?,
        };
        if form.boolean("final_capture")? == Some(false) {
            let message = "This PaymentIntent can be captured only once.";
            return Err(Refusal::new(message).param("final_capture"));
        }
        Ok(wish)
    }
}

/// A cancellation of an intent.
#[derive(Debug)]
pub(super) struct IntentCancel {
    reason: Option<String>,
}

impl IntentCancel {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        const REASON: &str = "cancellation_reason";
        form.allow(&[REASON, "expand"])?;
        let known = [
            "duplicate",
            "fraudulent",
            "requested_by_customer",
            "abandoned",
        ];
        let reason = form.one_of(REASON, &known)?;
        Ok(Self {
            reason: reason.map(str::to_owned),
        })
    }
}

/// A capture of a charge that has no intent.
#[derive(Debug)]
pub(super) struct ChargeCapture {
    amount: Option<i64>,
    group: Option<String>,
}

impl ChargeCapture {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount",
            "expand",
            "receipt_email",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
        ])?;
        Ok(Self {
            amount: form.integer("amount", 1, LARGEST)?,
            group: form.text("transfer_group")?.map(str::to_owned),
        })
    }

    /// A charge of an intent is captured by its intent.
    pub(super) fn check(&self, charge: &Charge) -> Result<(), Refusal> {
        match (&charge.intent, &charge.transfer_group, &self.group) {
            (Some(intent), ..) => Err(Refusal::new(format!(
                "Charge {} was made by the PaymentIntent {intent}; capture that instead.",
                charge.id
            ))),
            (None, Some(_), Some(_)) => Err(unknown("transfer_group")),
            _ => Ok(()),
        }
    }
}

impl Book {
    pub(super) fn capture_intent(
        &mut self,
        id: &str,
        wish: &IntentCapture,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let intent = self.intent(id)?;
        if intent.status != "requires_capture" {
            let message = format!(
                "This PaymentIntent could not be captured because it has a status of {}. Only a \
                 PaymentIntent with one of the following statuses may be captured: \
                 requires_capture.",
                intent.status
            );
            return Err(self.unexpected_state(intent, message, now));
        }
        let amount = wish.amount.unwrap_or(intent.amount_capturable);
        if amount > intent.amount_capturable {
            return Err(too_large("amount_to_capture", intent.amount_capturable));
        }
        let charge = self.charge_id(id);
        self.collect(&charge, amount, key, now);
        if let Some(intent) = self.intents.get_mut(id) {
            wish.metadata.write(&mut intent.metadata);
        }
        Ok(())
    }

    pub(super) fn cancel_intent(
        &mut self,
        id: &str,
        wish: &IntentCancel,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let intent = self.intent(id)?;
        if !CANCELABLE.contains(&intent.status) {
            let message = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a \
                 PaymentIntent with one of the following statuses may be canceled: {}.",
                intent.status,
                CANCELABLE.join(", ")
            );
            return Err(self.unexpected_state(intent, message, now));
        }
        let charge = self.charge_id(id);
        self.call_off(&charge, wish.reason.as_deref(), key, now);
        Ok(())
    }

    pub(super) fn capture_charge(
        &mut self,
        id: &str,
        wish: &ChargeCapture,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let charge = self.charge(id);
        if charge.captured {
            let message = format!("Charge {id} has already been captured.");
            return Err(Refusal::new(message).code("charge_already_captured"));
        }
        if charge.status == "failed" {
            let message = format!("Charge {id} has failed and cannot be captured.");
            return Err(Refusal::new(message));
        }
        if !charge.is_open() {
            let message = format!(
                "Charge {id} could not be captured: its authorization has expired or was released."
            );
            return Err(Refusal::new(message).code("charge_expired_for_capture"));
        }
        let amount = wish.amount.unwrap_or(charge.amount);
        if amount > charge.amount {
            return Err(too_large("amount", charge.amount));
        }
        if let Some(group) = &wish.group {
            charge.transfer_group = Some(group.clone());
        }
        self.collect(id, amount, key, now);
        Ok(())
    }

    fn intent(&self, id: &str) -> Result<&Intent, Refusal> {
        let intent = self.intents.get(id);
        intent.ok_or_else(|| Refusal::missing("payment_intent", id, "").status(404))
    }

    fn unexpected_state(&self, intent: &Intent, message: String, now: DateTime<Utc>) -> Refusal {
        let view = self.show_intent(intent, Expand::default(), now.timestamp());
        let view = serde_json::to_value(view).unwrap_or(Value::Null);
        Refusal::new(message)
            .code("payment_intent_unexpected_state")
            .about("payment_intent", view)
    }
}

fn too_large(param: &str, most: i64) -> Refusal {
    let message = format!("{param} must not be greater than the {most} that are authorized.");
    Refusal::new(message).code("amount_too_large").param(param)
}
