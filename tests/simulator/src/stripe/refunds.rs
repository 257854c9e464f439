//! Refunds asked for, and the release of what was not captured.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::refund_book::{Gift, Standing};

/// What Stripe does about a refund that the platform's balance does not cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefundBalanceRule {
    /// Makes it as any other; the balance becomes negative.
    #[default]
    Ignore,
    /// Makes one that is pending for `insufficient_funds`.
    Pending,
    /// Refuses it with `balance_insufficient`.
    Refuse,
}

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
        cause: Cause<'_>,
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
        let left = charge.left();
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
        let standing = match open {
            true => Standing::Succeeded,
            false => self.standing(id, amount, now)?,
        };
        let gift = Gift {
            amount,
            reason: wish.reason.clone(),
            metadata: wish.metadata.clone(),
        };
        let id = self.give_back(id, gift, standing, cause, now);
        let made = self.refunds.get(&id).expect("made just now");
        Ok(made.show())
    }

    /// How a new refund of a captured charge stands, by the platform's balance once the charge's
    /// money is in it.
    fn standing(&mut self, id: &str, amount: i64, now: DateTime<Utc>) -> Result<Standing, Refusal> {
        let worth = self.charge(id).worth(amount);
        let (currency, at) = self.settlement_of(id);
        let at = at.max(now.timestamp());
        let covered = self.ledger.available_by(&self.platform.id, &currency, at) >= worth;
        match self.refund_balance_rule {
            RefundBalanceRule::Pending if !covered => Ok(Standing::Unfunded),
            RefundBalanceRule::Refuse if !covered => {
                let message = "Insufficient funds in your Stripe balance to refund this amount.";
                Err(Refusal::new(message).code("balance_insufficient"))
            }
            _ => Ok(self.usual_standing()),
        }
    }

    /// How a new refund stands when money is no question.
    pub(super) fn usual_standing(&self) -> Standing {
        match self.refunds_stay_pending {
            true => Standing::Processing,
            false => Standing::Succeeded,
        }
    }
}
