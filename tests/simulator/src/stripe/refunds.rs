//! Refunds, and the release of what was not captured.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::book::Book;
use super::errors::Refusal;
use super::form::Form;

/// A refund asked for.
#[derive(Debug)]
pub(super) struct RefundWish {
    charge: Option<String>,
    intent: Option<String>,
    amount: Option<i64>,
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl RefundWish {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount",
            "charge",
            "expand",
            "instructions_email",
            "metadata",
            "payment_intent",
            "reason",
        ])?;
        form.expand(&[])?;
        let text = |name| form.text(name).map(|text| text.map(str::to_owned));
        let (charge, intent) = (text("charge")?, text("payment_intent")?);
        if charge.is_some() == intent.is_some() {
            let message = "One of charge and payment_intent must be given, and not both.";
            let code = match charge {
                Some(_) => "parameters_exclusive",
                None => "parameter_missing",
            };
            return Err(Refusal::new(message).code(code).param("charge"));
        }
        let reasons = ["duplicate", "fraudulent", "requested_by_customer"];
        Ok(Self {
            charge,
            intent,
            amount: form.integer("amount", 1, 999_999_999_999)?,
            reason: form.one_of("reason", &reasons)?.map(str::to_owned),
            metadata: form.metadata()?,
        })
    }

    /// The parameter that names what is refunded, the kind of object, and its id.
    pub(super) fn target(&self) -> (&'static str, &str) {
        match (&self.charge, &self.intent) {
            (Some(charge), _) => ("charge", charge),
            (None, intent) => ("payment_intent", intent.as_deref().unwrap_or_default()),
        }
    }
}

impl Book {
    /// Refunds a charge, or releases an authorised one.
    pub(super) fn make_refund(
        &mut self,
        id: &str,
        wish: &RefundWish,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let charge = self.charge(id);
        let refuse = |code: &str, message: String| Err(Refusal::new(message).code(code));
        if charge.status != "succeeded" {
            let message = format!("Charge {id} has not succeeded and cannot be refunded.");
            return refuse("charge_not_refundable", message);
        }
        if charge.is_refunded() {
            let message = format!("Charge {id} has already been refunded.");
            return refuse("charge_already_refunded", message);
        }
        if charge.disputed {
            let message = format!("Charge {id} has been charged back; cannot issue a refund.");
            return refuse("refund_disputed_payment", message);
        }
        let left = charge.amount - charge.amount_refunded;
        let amount = wish.amount.unwrap_or(left);
        let open = charge.is_open();
        if open && amount != left {
            let message = "A charge that is not captured is released whole; capture less of it \
                           instead.";
            return Err(Refusal::new(message).param("amount"));
        }
        if amount > left {
            let message =
                format!("Refund amount ({amount}) is greater than unrefunded amount ({left}).");
            return Err(Refusal::new(message).param("amount"));
        }
        if open {
            self.call_off(id, wish.reason.as_deref(), key, now);
        } else {
            self.refund(id, amount, now);
        }
        Ok(self.show_refund(id, wish, amount, open, now))
    }

    fn show_refund(
        &mut self,
        charge: &str,
        wish: &RefundWish,
        amount: i64,
        released: bool,
        now: DateTime<Utc>,
    ) -> Value {
        let prefix = match charge.starts_with("py_") {
            true => "pyr",
            false => "re",
        };
        let id = self.ids.make(prefix, 24);
        let transaction = (!released).then(|| self.ids.make("txn", 24));
        let charge = self.charge(charge);
        let kind = if released { "reversal" } else { "refund" };
        json!({
            "id": id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": transaction,
            "charge": charge.id,
            "created": now.timestamp(),
            "currency": charge.currency,
            "destination_details": { "card": { "type": kind }, "type": "card" },
            "metadata": wish.metadata,
            "payment_intent": charge.intent,
            "reason": wish.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": "succeeded",
            "transfer_reversal": null,
        })
    }
}
