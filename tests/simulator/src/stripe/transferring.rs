//! How transfers move money.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::accounts::StoredAccount;
use super::auth::Caller;
use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::payments::Charge;
use super::seeds::TransferSeed;
use super::shelf::Shelf;
use super::transfers::{StoredTransfer, Transfer};
use super::wish::Wish;

impl Book {
    /// Carries a checked wish out, or refuses it for what the books say.
    pub(super) fn transfer(
        &mut self,
        wish: &Wish,
        caller: &Caller,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let destination = self.account(&wish.destination);
        if !destination.is_some_and(StoredAccount::receives_transfers) {
            let message = "Your destination account needs to have at least one of the following \
                           capabilities enabled: transfers, crypto_transfers, legacy_payments";
            return Err(Refusal::new(message).code("insufficient_capabilities_for_transfer"));
        }
        let owner = caller.account.clone();
        let payer = owner.as_ref().unwrap_or(&self.platform.id).clone();
        let available = self
            .ledger
            .available(&payer, &wish.currency, now.timestamp());
        if let Some(source) = &wish.source {
            check_source(wish, self.charge(source))?;
        } else if available < wish.amount {
            let message = "Insufficient available funds for this transfer.";
            return Err(Refusal::new(message).code("balance_insufficient"));
        }
        let id = self.record(wish.clone(), owner, cause, now);
        let made = self.transfers.get(&id).expect("made just now");
        Ok(made.show(self.live))
    }

    /// A transfer that somebody else made, for the platform or a connected account.
    pub(super) fn add_transfer(
        &mut self,
        seed: TransferSeed,
        owner: Option<&str>,
        now: DateTime<Utc>,
    ) -> String {
        let wish = Wish {
            amount: seed.amount,
            currency: seed.currency,
            destination: seed.destination,
            source: seed.source_transaction.map(|id| self.charge_id(&id)),
            group: seed.transfer_group,
            source_type: "card".to_owned(),
            description: None,
            metadata: seed.metadata,
        };
        let (owner, at) = (owner.map(str::to_owned), seed.created.unwrap_or(now));
        self.record(wish, owner, Cause::default(), at)
    }

    fn record(
        &mut self,
        wish: Wish,
        owner: Option<String>,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> String {
        let id = self.ids.make("tr", 24);
        let balance_transaction = self.ids.make("txn", 24);
        let destination_payment = self.ids.make("py", 24);
        let created = now.timestamp();
        // Money of a charge that is still settling arrives when the charge's does.
        let mut at = created;
        let mut group = wish.group;
        if let Some(source) = &wish.source {
            let charge = self.charge(source);
            charge.transferred += wish.amount;
            at = charge.balance.as_ref().map_or(at, |b| b.available_on);
            let origin = charge.intent.as_ref().unwrap_or(&charge.id);
            let own = format!("group_{origin}");
            let taken = group.take().unwrap_or(own);
            group = Some(charge.transfer_group.get_or_insert(taken).clone());
        }
        self.move_money(
            owner.as_deref(),
            &wish.destination,
            &wish.currency,
            wish.amount,
            at,
        );
        self.transfers.put(StoredTransfer {
            transfer: Transfer {
                id: id.clone(),
                amount: wish.amount,
                currency: wish.currency,
                destination: wish.destination,
                source_transaction: wish.source,
                transfer_group: group,
                metadata: wish.metadata,
                created: DateTime::from_timestamp(created, 0).unwrap_or(now),
                idempotency_key: cause.own_key(),
                amount_reversed: 0,
            },
            owner,
            created,
            description: wish.description,
            source_type: wish.source_type,
            balance_transaction,
            destination_payment,
            arrives: at,
            reversals: Shelf::default(),
        });
        self.transfer_happened("transfer.created", &id, cause, now);
        id
    }

    /// Notes what happened to a transfer of whoever made it.
    pub(super) fn transfer_happened(
        &mut self,
        kind: &'static str,
        id: &str,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) {
        let Some(stored) = self.transfers.get(id) else {
            return;
        };
        let (shown, owner) = (stored.show(self.live), stored.owner.clone());
        self.happened(kind, owner.as_deref(), &shown, cause, now);
    }

    /// From the platform, or the owner if there is one, to an account.
    pub(super) fn move_money(
        &mut self,
        owner: Option<&str>,
        to: &str,
        currency: &str,
        amount: i64,
        at: i64,
    ) {
        let from = owner.unwrap_or(&self.platform.id);
        self.ledger.book(from, currency, -amount, at);
        self.ledger.book(to, currency, amount, at);
    }
}

/// What a charge must be for a transfer to be paid from it.
fn check_source(wish: &Wish, charge: &Charge) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new(message).param("source_transaction"));
    let id = &charge.id;
    let settled = match (&charge.balance, charge.status) {
        (_, "failed") => return refuse(format!("Charge {id} has failed.")),
        (_, "pending") => return refuse(format!("Charge {id} is still pending.")),
        (None, _) => return refuse(format!("Charge {id} has not been captured.")),
        (Some(settled), _) => settled,
    };
    if charge.is_refunded() {
        return refuse(format!("Charge {id} has been fully refunded."));
    }
    if wish.currency != charge.settlement {
        return refuse(format!(
            "The currency of source_transaction's balance transaction ({}) must be the same as \
             the transfer currency ({})",
            charge.settlement, wish.currency
        ));
    }
    if wish.group.is_some() && charge.transfer_group.is_some() {
        let message =
            "You cannot use transfer_group if the source_transaction already has one set.";
        return Err(Refusal::new(message).param("transfer_group"));
    }
    let left = settled.amount - charge.transferred;
    if wish.amount > left {
        let message = format!(
            "Transfers using this transaction as a source must not exceed the source amount: \
             {left} of {} is left.",
            settled.amount
        );
        return Err(Refusal::new(message)
            .code("charge_exceeds_source_limit")
            .param("amount"));
    }
    Ok(())
}
