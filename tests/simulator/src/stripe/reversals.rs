//! Reversals of transfers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::shelf::Item;

/// A reversal asked for.
#[derive(Debug)]
pub(super) struct ReversalWish {
    amount: Option<i64>,
    metadata: BTreeMap<String, String>,
}

impl ReversalWish {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount",
            "description",
            "expand",
            "metadata",
            "refund_application_fee",
        ])?;
        form.expand(&[])?;
        form.text("description")?;
        form.boolean("refund_application_fee")?;
        Ok(Self {
            amount: form.integer("amount", 1, 999_999_999_999)?,
            metadata: form.metadata()?,
        })
    }
}

/// What was taken back of a transfer.
#[derive(Debug)]
pub(super) struct StoredReversal {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) transfer: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) key: Option<String>,
    balance_transaction: String,
    destination_refund: String,
}

impl Item for StoredReversal {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredReversal {
    pub(super) fn show(&self) -> Value {
        json!({
            "id": self.id,
            "object": "transfer_reversal",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": self.currency,
            "destination_payment_refund": self.destination_refund,
            "metadata": self.metadata,
            "source_refund": null,
            "transfer": self.transfer,
        })
    }
}

impl Book {
    /// Carries out what was asked for, or refuses it for what the books say.
    pub(super) fn make_reversal(
        &mut self,
        id: &str,
        wish: &ReversalWish,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let stored = self.transfers.get(id).expect("it was found before");
        let transfer = &stored.transfer;
        let left = transfer.amount - transfer.amount_reversed;
        if left == 0 {
            let message = format!("Transfer {id} has already been fully reversed.");
            return Err(Refusal::new(message));
        }
        let amount = wish.amount.unwrap_or(left);
        if amount > left {
            let message = format!(
                "Reversal amount ({amount}) is greater than the amount ({left}) of transfer {id} \
                 that is not reversed."
            );
            return Err(Refusal::new(message));
        }
        let (seller, currency) = (&transfer.destination, &transfer.currency);
        let at = self.taken_at(stored.arrives, now);
        if self.ledger.available_by(seller, currency, at) < amount {
            let message = format!(
                "Insufficient funds in account {seller} to reverse {amount} {currency} of this \
                 transfer."
            );
            return Err(Refusal::new(message).code("balance_insufficient"));
        }
        let made = self.take_back(id, amount, wish.metadata.clone(), cause, now);
        let reversal = self.transfers.get(id).and_then(|s| s.reversals.get(&made));
        Ok(reversal.expect("made just now").show())
    }

    /// Takes back a part of a transfer, whatever the balance.
    pub(super) fn take_back(
        &mut self,
        id: &str,
        amount: i64,
        metadata: BTreeMap<String, String>,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> String {
        let reversal = self.ids.make("trr", 24);
        let balance_transaction = self.ids.make("txn", 24);
        let destination_refund = self.ids.make("pyr", 24);
        let stored = self
            .transfers
            .get_mut(id)
            .unwrap_or_else(|| panic!("there is no transfer {id}"));
        let transfer = &mut stored.transfer;
        let left = transfer.amount - transfer.amount_reversed;
        assert!(
            (1..=left).contains(&amount),
            "{id} has {left} left to reverse"
        );
        transfer.amount_reversed += amount;
        stored.reversals.put(StoredReversal {
            id: reversal.clone(),
            created: now.timestamp(),
            amount,
            currency: transfer.currency.clone(),
            transfer: id.to_owned(),
            metadata,
            key: cause.own_key(),
            balance_transaction,
            destination_refund,
        });
        let (transfer, owner) = (transfer.clone(), stored.owner.clone());
        let arrives = stored.arrives;
        if let Some(source) = &transfer.source_transaction {
            self.charge(source).transferred -= amount;
        }
        let at = self.taken_at(arrives, now);
        let (to, currency) = (&transfer.destination, &transfer.currency);
        self.move_money(owner.as_deref(), to, currency, -amount, at);
        self.reversals.push((id.to_owned(), reversal.clone()));
        self.transfer_happened("transfer.reversed", id, cause, now);
        reversal
    }

    /// When money is taken back: with that of the transfer, if it is still on its way.
    fn taken_at(&self, arrives: i64, now: DateTime<Utc>) -> i64 {
        match self.reverses_available_only {
            true => now.timestamp(),
            false => arrives.max(now.timestamp()),
        }
    }
}
