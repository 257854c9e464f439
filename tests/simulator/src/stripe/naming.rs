//! Metadata that is written on refunds and reversals after they were made; nothing else of them can be changed.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::State;
use super::auth::Caller;
use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::metadata::Metadata;

/// A refund or a reversal on which metadata is written.
pub(super) struct Naming {
    object: Object,
    metadata: Metadata,
}

enum Object {
    Refund(String),
    Reversal { transfer: String, id: String },
}

impl State {
    pub(super) fn begin_naming_refund(
        &self,
        id: &str,
        form: &Form,
        caller: &Caller,
    ) -> Result<Naming, Refusal> {
        let metadata = read(form)?;
        let book = self.book(caller.live);
        let found = book.refunds.get(id).filter(|_| caller.account.is_none());
        found.ok_or_else(|| self.not_found("refund", id, caller))?;
        Ok(Naming {
            object: Object::Refund(id.to_owned()),
            metadata,
        })
    }

    pub(super) fn begin_naming_reversal(
        &self,
        transfer: &str,
        id: &str,
        form: &Form,
        caller: &Caller,
    ) -> Result<Naming, Refusal> {
        let metadata = read(form)?;
        let book = self.book(caller.live);
        let stored = book.transfers.get(transfer);
        let stored = stored.filter(|stored| stored.owner == caller.account);
        let stored = stored.ok_or_else(|| self.not_found("transfer", transfer, caller))?;
        let found = stored.reversals.get(id);
        found.ok_or_else(|| self.not_found("transfer_reversal", id, caller))?;
        Ok(Naming {
            object: Object::Reversal {
                transfer: transfer.to_owned(),
                id: id.to_owned(),
            },
            metadata,
        })
    }
}

fn read(form: &Form) -> Result<Metadata, Refusal> {
    form.allow(&["expand", "metadata"])?;
    form.expand(&[])?;
    Metadata::read(form)
}

impl Naming {
    /// The transfer that no other request may work on meanwhile.
    pub(super) fn locks(&self) -> Option<&str> {
        match &self.object {
            Object::Refund(_) => None,
            Object::Reversal { transfer, .. } => Some(transfer),
        }
    }
}

impl Book {
    /// Writes it; the object as it is then.
    pub(super) fn name(&mut self, naming: &Naming, cause: Cause<'_>, now: DateTime<Utc>) -> Value {
        match &naming.object {
            Object::Refund(id) => {
                let refund = self.refunds.get_mut(id).expect("it was found before");
                naming.metadata.write(&mut refund.metadata);
                let shown = refund.show();
                self.happened("refund.updated", None, &shown, cause, now);
                shown
            }
            Object::Reversal { transfer, id } => {
                let transfer = self.transfers.get_mut(transfer);
                let reversal = transfer.and_then(|stored| stored.reversals.get_mut(id));
                let reversal = reversal.expect("it was found before");
                naming.metadata.write(&mut reversal.metadata);
                reversal.show()
            }
        }
    }
}
