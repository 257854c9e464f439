//! Metadata written over what there is: `POST /v1/accounts|payouts|transfers/{id}`.

use super::State;
use super::accounts::StoredAccount;
use super::auth::Caller;
use super::backend::{no_access, ok};
use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::metadata::Metadata;
use super::payout_book::StoredPayout;
use super::transfers::StoredTransfer;
use crate::api::{Answer, Incoming};

/// What is written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Account,
    Payout,
    Transfer,
}

/// What is to be written, where.
#[derive(Debug)]
pub(super) struct MarkWish {
    kind: Marked,
    id: String,
    metadata: Metadata,
    description: Option<String>,
}

impl MarkWish {
    /// Carries it out.
    pub(super) fn execute(&self, book: &mut Book) -> Answer {
        let live = book.live;
        let shown = match self.kind {
            Marked::Account => book.accounts.get_mut(&self.id).map(|account| {
                self.metadata.write(&mut account.metadata);
                StoredAccount::show(account)
            }),
            Marked::Payout => book.payouts.get_mut(&self.id).map(|payout| {
                self.metadata.write(&mut payout.terms.metadata);
                StoredPayout::show(payout, live)
            }),
            Marked::Transfer => book.transfers.get_mut(&self.id).map(|stored| {
                self.metadata.write(&mut stored.transfer.metadata);
                if let Some(description) = &self.description {
                    stored.description = Some(description.clone());
                }
                StoredTransfer::show(stored, live)
            }),
        };
        shown.map_or_else(|| Refusal::failure(500).into_answer(), |shown| ok(&shown))
    }
}

impl State {
    /// Of an account only the metadata can be written here; at Stripe more.
    pub(super) fn begin_mark(
        &self,
        call: &Incoming,
        form: &Form,
        caller: &Caller,
        (kind, id): (Marked, &str),
    ) -> Result<MarkWish, Refusal> {
        match kind {
            Marked::Account | Marked::Payout => form.allow(&["expand", "metadata"])?,
            Marked::Transfer => form.allow(&["description", "expand", "metadata"])?,
        }
        form.expand(&[])?;
        let wish = MarkWish {
            kind,
            id: id.to_owned(),
            metadata: Metadata::read(form)?,
            description: form.text("description")?.map(str::to_owned),
        };
        let acting = caller.account.as_deref();
        let book = self.book(caller.live);
        match kind {
            Marked::Account => match book.accounts.get(id).filter(|_| acting.is_none()) {
                Some(_) => Ok(wish),
                None => Err(no_access(call, id)),
            },
            Marked::Payout => match book.payout_of(id, acting) {
                Some(_) => Ok(wish),
                None => Err(self.not_found("payout", id, caller)),
            },
            Marked::Transfer => {
                let stored = book.transfers.get(id);
                match stored.filter(|stored| stored.owner == caller.account) {
                    Some(_) => Ok(wish),
                    None => Err(self.not_found("transfer", id, caller)),
                }
            }
        }
    }
}
