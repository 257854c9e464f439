//! Metadata written over what there is: `POST /v1/accounts|payouts|refunds|transfers/{id}` and a transfer's
//! reversals. Stripe can change more of an account.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::State;
use super::accounts::StoredAccount;
use super::auth::Caller;
use super::backend::{no_access, ok};
use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::metadata::Metadata;
use super::payout_book::StoredPayout;
use super::transfers::StoredTransfer;
use crate::api::{Answer, Incoming};

/// What is written over.
#[derive(Debug)]
pub(super) enum Marked {
    Account(String),
    Payout(String),
    Refund(String),
    Transfer(String),
    Reversal { transfer: String, id: String },
}

/// What is to be written, where.
#[derive(Debug)]
pub(super) struct MarkWish {
    marked: Marked,
    metadata: Metadata,
    description: Option<String>,
}

impl MarkWish {
    /// The transfer that no other request may work on meanwhile.
    pub(super) fn locks(&self) -> Option<&str> {
        match &self.marked {
            Marked::Reversal { transfer, .. } => Some(transfer),
            Marked::Account(_) | Marked::Payout(_) | Marked::Refund(_) | Marked::Transfer(_) => {
                None
            }
        }
    }

    /// Carries it out.
    pub(super) fn execute(&self, book: &mut Book, cause: Cause<'_>, now: DateTime<Utc>) -> Answer {
        let shown = self.write(book);
        if let (Marked::Refund(_), Some(shown)) = (&self.marked, &shown) {
            book.happened("refund.updated", None, shown, cause, now);
        }
        shown.map_or_else(|| Refusal::failure(500).into_answer(), |shown| ok(&shown))
    }

    fn write(&self, book: &mut Book) -> Option<Value> {
        let live = book.live;
        match &self.marked {
            Marked::Account(id) => book.accounts.get_mut(id).map(|account| {
                self.metadata.write(&mut account.metadata);
                StoredAccount::show(account)
            }),
            Marked::Payout(id) => book.payouts.get_mut(id).map(|payout| {
                self.metadata.write(&mut payout.terms.metadata);
                StoredPayout::show(payout, live)
            }),
            Marked::Refund(id) => book.refunds.get_mut(id).map(|refund| {
                self.metadata.write(&mut refund.metadata);
                refund.show()
            }),
            Marked::Transfer(id) => book.transfers.get_mut(id).map(|stored| {
                self.metadata.write(&mut stored.transfer.metadata);
                if let Some(description) = &self.description {
                    stored.description = Some(description.clone());
                }
                StoredTransfer::show(stored, live)
            }),
            Marked::Reversal { transfer, id } => {
                let stored = book.transfers.get_mut(transfer)?;
                stored.reversals.get_mut(id).map(|reversal| {
                    self.metadata.write(&mut reversal.metadata);
                    reversal.show()
                })
            }
        }
    }
}

impl State {
    /// Checks what is to be written, and that the caller has what it is written on.
    pub(super) fn begin_mark(
        &self,
        call: &Incoming,
        form: &Form,
        caller: &Caller,
        marked: Marked,
    ) -> Result<MarkWish, Refusal> {
        match marked {
            Marked::Transfer(_) => form.allow(&["description", "expand", "metadata"])?,
            Marked::Account(_)
            | Marked::Payout(_)
            | Marked::Refund(_)
            | Marked::Reversal { .. } => {
                form.allow(&["expand", "metadata"])?;
            }
        }
        form.expand(&[])?;
        let metadata = Metadata::read(form)?;
        let description = form.text("description")?.map(str::to_owned);
        self.check_marked(call, caller, &marked)?;
        Ok(MarkWish {
            marked,
            metadata,
            description,
        })
    }

    fn check_marked(
        &self,
        call: &Incoming,
        caller: &Caller,
        marked: &Marked,
    ) -> Result<(), Refusal> {
        let acting = caller.account.as_deref();
        let book = self.book(caller.live);
        let not_found = |kind, id: &str| Err(self.not_found(kind, id, caller));
        match marked {
            Marked::Account(id) => {
                let account = book.accounts.get(id).filter(|_| acting.is_none());
                account.map_or_else(|| Err(no_access(call, id)), |_| Ok(()))
            }
            Marked::Payout(id) => {
                let payout = book.payout_of(id, acting);
                payout.map_or_else(|| not_found("payout", id), |_| Ok(()))
            }
            Marked::Refund(id) => {
                let refund = book.refunds.get(id).filter(|_| acting.is_none());
                refund.map_or_else(|| not_found("refund", id), |_| Ok(()))
            }
            Marked::Transfer(transfer) | Marked::Reversal { transfer, .. } => {
                let stored = book.transfers.get(transfer);
                let Some(stored) = stored.filter(|stored| stored.owner == caller.account) else {
                    return not_found("transfer", transfer);
                };
                match marked {
                    Marked::Reversal { id, .. } if stored.reversals.get(id).is_none() => {
                        not_found("transfer_reversal", id)
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}
