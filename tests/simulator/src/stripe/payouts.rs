//! Payouts asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::auth::Caller;
use super::book::Book;
use super::checks;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::payout_book::Terms;

/// A payout asked for.
#[derive(Debug)]
pub(super) struct PayoutWish {
    amount: i64,
    currency: String,
    destination: Option<String>,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    method: String,
    source_type: String,
    statement_descriptor: Option<String>,
}

impl PayoutWish {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount",
            "currency",
            "description",
            "destination",
            "expand",
            "metadata",
            "method",
            "payout_method",
            "source_type",
            "statement_descriptor",
        ])?;
        form.expand(&[])?;
        form.text("payout_method")?;
        let amount = form.required_integer("amount", 1, 999_999_999_999)?;
        let currency = form.required("currency")?;
        checks::currency(currency, "currency")?;
        let step = smallest_step(currency);
        if amount % step != 0 {
            let message = format!(
                "Invalid amount: payouts in {currency} must be in multiples of {step} minor units."
            );
            return Err(Refusal::new(message).param("amount"));
        }
        if let Some(text) = form.text("statement_descriptor")? {
            checks::line(text, 22, "statement_descriptor")?;
        }
        let method = form.one_of("method", &["standard", "instant"])?;
        let source_type = form.one_of("source_type", &["card", "bank_account", "fpx"])?;
        let text = |name| form.text(name).map(|text| text.map(str::to_owned));
        Ok(Self {
            amount,
            currency: currency.to_owned(),
            destination: text("destination")?,
            description: text("description")?,
            metadata: form.metadata()?,
            method: method.unwrap_or("standard").to_owned(),
            source_type: source_type.unwrap_or("card").to_owned(),
            statement_descriptor: text("statement_descriptor")?,
        })
    }
}

/// What an amount in minor units must be a multiple of to be paid out.
fn smallest_step(currency: &str) -> i64 {
    match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "huf" | "isk" | "twd" | "ugx" => 100,
        _ => 1,
    }
}

impl Book {
    /// Carries out what was asked for, or refuses it for what the books say.
    pub(super) fn make_payout(
        &mut self,
        wish: &PayoutWish,
        caller: &Caller,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let payer = caller.account.as_ref().unwrap_or(&self.platform.id).clone();
        let currency = &wish.currency;
        if !self.account(&payer).is_some_and(|own| own.payouts_enabled) {
            let message = "Payouts are not enabled for this account.";
            return Err(Refusal::new(message).code("payouts_not_allowed"));
        }
        let Some(bank) = self.bank_account(&payer, currency) else {
            let message = format!(
                "Sorry, you don't have any external accounts in that currency ({currency})."
            );
            return Err(Refusal::new(message));
        };
        if let Some(other) = wish.destination.as_ref().filter(|id| **id != bank) {
            let missing = Refusal::missing("external account", other, "");
            return Err(missing.param("destination"));
        }
        let available = match wish.source_type.as_str() {
            "card" => self.ledger.available(&payer, currency, now.timestamp()),
            // No money here is of any other kind.
            _ => 0,
        };
        if available < wish.amount {
            let message = format!(
                "Insufficient available funds for this payout: {available} {currency} of {}.",
                wish.amount
            );
            return Err(Refusal::new(message).code("balance_insufficient"));
        }
        let terms = Terms {
            destination: bank,
            description: wish.description.clone(),
            metadata: wish.metadata.clone(),
            method: wish.method.clone(),
            statement_descriptor: wish.statement_descriptor.clone(),
        };
        let id = self.pay_out(&payer, wish.amount, currency, terms, cause, now);
        let made = self.payouts.get(&id).expect("made just now");
        Ok(made.show(self.live))
    }

    /// Cancels a payout that is still pending.
    pub(super) fn make_cancel(
        &mut self,
        id: &str,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let payout = self.payouts.get(id).expect("it was found before");
        if payout.status != "pending" {
            let message = format!(
                "Payout {id} is {} and cannot be canceled: only pending payouts can.",
                payout.status
            );
            return Err(Refusal::new(message));
        }
        self.cancel_payout(id, cause, now);
        let canceled = self.payouts.get(id).expect("it was there before");
        Ok(canceled.show(self.live))
    }
}
