//! What a POST is to do: its parameters checked, then carried out.

use chrono::{DateTime, Utc};

use super::State;
use super::account_wish::AccountWish;
use super::auth::Caller;
use super::authorised::{ChargeCapture, IntentCancel, IntentCapture};
use super::backend::{no_access, ok, segments};
use super::book::Book;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::links::LinkWish;
use super::marking::{MarkWish, Marked};
use super::payouts::PayoutWish;
use super::reads::expand;
use super::refunds::RefundWish;
use super::reversals::ReversalWish;
use super::views::Expand;
use super::wish::Wish;
use crate::api::{Answer, Incoming};

/// What is to be written.
pub(super) enum Task {
    Transfer(Wish),
    Account(Box<AccountWish>),
    Link(LinkWish),
    Mark(MarkWish),
    Refund {
        charge: String,
        wish: RefundWish,
    },
    Reversal {
        transfer: String,
        wish: ReversalWish,
    },
    Payout(PayoutWish),
    CancelPayout(String),
    Charge {
        id: String,
        wish: ChargeCapture,
        expand: Expand,
    },
    Intent {
        id: String,
        charge: Option<String>,
        wish: IntentWish,
        expand: Expand,
    },
}

/// What is to become of an intent.
pub(super) enum IntentWish {
    Capture(IntentCapture),
    Cancel(IntentCancel),
}

impl Task {
    /// The charge, transfer or payout that no other request may work on meanwhile.
    pub(super) fn locks(&self) -> Option<&str> {
        match self {
            Self::Transfer(wish) => wish.source.as_deref(),
            Self::Refund { charge, .. } => Some(charge),
            Self::Reversal { transfer, .. } => Some(transfer),
            Self::Mark(wish) => wish.locks(),
            Self::Charge { id, .. } | Self::CancelPayout(id) => Some(id),
            Self::Intent { charge, .. } => charge.as_deref(),
            Self::Account(_) | Self::Link(_) | Self::Payout(_) => None,
        }
    }

    /// Carries it out.
    pub(super) fn execute(
        &self,
        book: &mut Book,
        caller: &Caller,
        cause: Cause<'_>,
        now: DateTime<Utc>,
    ) -> Answer {
        let key = cause.key;
        let done = match self {
            Self::Transfer(wish) => {
                let made = book.transfer(wish, caller, cause, now);
                made.map(|made| ok(&made))
            }
            Self::Account(wish) => Ok(ok(&book.create_account(wish, key, now))),
            Self::Link(wish) => Ok(ok(&book.create_link(wish, key, now))),
            Self::Mark(wish) => Ok(wish.execute(book, cause, now)),
            Self::Refund { charge, wish } => {
                let made = book.make_refund(charge, wish, cause, now);
                made.map(|made| ok(&made))
            }
            Self::Reversal { transfer, wish } => {
                let made = book.make_reversal(transfer, wish, cause, now);
                made.map(|made| ok(&made))
            }
            Self::Payout(wish) => {
                let made = book.make_payout(wish, caller, cause, now);
                made.map(|made| ok(&made))
            }
            Self::CancelPayout(id) => book.make_cancel(id, cause, now).map(|done| ok(&done)),
            Self::Charge { id, wish, expand } => {
                let done = book.capture_charge(id, wish, key, now);
                done.map(|()| show_charge(book, id, *expand, now))
            }
            Self::Intent {
                id, wish, expand, ..
            } => {
                let done = match wish {
                    IntentWish::Capture(wish) => book.capture_intent(id, wish, key, now),
                    IntentWish::Cancel(wish) => book.cancel_intent(id, wish, key, now),
                };
                done.map(|()| show_intent(book, id, *expand, now))
            }
        };
        done.unwrap_or_else(Refusal::into_answer)
    }
}

impl State {
    /// All that comes before execution: validation, existence and the lock on what is changed.
    pub(super) fn begin(
        &self,
        call: &Incoming,
        form: &Form,
        caller: &Caller,
    ) -> Result<Task, Refusal> {
        let mark = |marked| self.begin_mark(call, form, caller, marked).map(Task::Mark);
        let task = match segments(&call.path).as_slice() {
            [_, "accounts"] => {
                check_platform(caller)?;
                Task::Account(Box::new(AccountWish::read(form)?))
            }
            [_, "account_links"] => {
                check_platform(caller)?;
                let wish = LinkWish::read(form, caller.live)?;
                let book = self.book(caller.live);
                let account = book.accounts.get(&wish.account);
                let account = account.ok_or_else(|| no_access(call, &wish.account))?;
                wish.check_kind(&account.kind)?;
                Task::Link(wish)
            }
            [_, "accounts", id] => mark(Marked::Account((*id).to_owned()))?,
            [_, "payouts", id] => mark(Marked::Payout((*id).to_owned()))?,
            [_, "refunds", id] => mark(Marked::Refund((*id).to_owned()))?,
            [_, "transfers", id] => mark(Marked::Transfer((*id).to_owned()))?,
            [_, "transfers", id, "reversals"] => self.begin_reversal(id, form, caller)?,
            [_, "transfers", transfer, "reversals", id] => mark(Marked::Reversal {
                transfer: (*transfer).to_owned(),
                id: (*id).to_owned(),
            })?,
            [_, "payouts"] => Task::Payout(PayoutWish::read(form)?),
            [_, "payouts", id, _] => self.begin_cancel(id, form, caller)?,
            [_, "refunds"] => self.begin_refund(form, caller)?,
            [_, "charges", id, _] => self.begin_charge(id, form, caller)?,
            [_, "payment_intents", id, change] => self.begin_intent(id, change, form, caller)?,
            _ => {
                let wish = Wish::read(form)?;
                let book = self.book(caller.live);
                book.check_wish(&wish, caller, |id| self.hint(id, caller))?;
                Task::Transfer(wish)
            }
        };
        if let Some(id) = task.locks()
            && !self.book(caller.live).locked.insert(id.to_owned())
        {
            return Err(Refusal::locked());
        }
        Ok(task)
    }

    fn begin_refund(&self, form: &Form, caller: &Caller) -> Result<Task, Refusal> {
        let wish = RefundWish::read(form)?;
        let (param, id) = wish.target();
        let book = self.book(caller.live);
        let charge = match param {
            "charge" => Some(id),
            _ => book
                .intents
                .get(id)
                .and_then(|i| i.latest_charge.as_deref()),
        };
        let charge = charge.filter(|id| book.charges.get(id).is_some());
        let charge = charge.filter(|_| caller.account.is_none());
        let missing = || Refusal::missing(param, id, self.hint(id, caller)).param(param);
        let charge = charge.ok_or_else(missing)?.to_owned();
        Ok(Task::Refund { charge, wish })
    }

    fn begin_reversal(&self, id: &str, form: &Form, caller: &Caller) -> Result<Task, Refusal> {
        let wish = ReversalWish::read(form)?;
        let book = self.book(caller.live);
        let stored = book.transfers.get(id);
        let stored = stored.filter(|stored| stored.owner == caller.account);
        let stored = stored.ok_or_else(|| self.not_found("transfer", id, caller))?;
        Ok(Task::Reversal {
            transfer: stored.transfer.id.clone(),
            wish,
        })
    }

    fn begin_cancel(&self, id: &str, form: &Form, caller: &Caller) -> Result<Task, Refusal> {
        form.allow(&["expand"])?;
        form.expand(&[])?;
        let book = self.book(caller.live);
        let payout = book.payout_of(id, caller.account.as_deref());
        let payout = payout.ok_or_else(|| self.not_found("payout", id, caller))?;
        Ok(Task::CancelPayout(payout.id.clone()))
    }

    fn begin_charge(&self, id: &str, form: &Form, caller: &Caller) -> Result<Task, Refusal> {
        let wish = ChargeCapture::read(form)?;
        let paths = form.expand(&["payment_intent", "balance_transaction"])?;
        let book = self.book(caller.live);
        let charge = book.charges.get(id).filter(|_| caller.account.is_none());
        let charge = charge.ok_or_else(|| self.not_found("charge", id, caller))?;
        wish.check(charge)?;
        Ok(Task::Charge {
            id: id.to_owned(),
            wish,
            expand: expand(&paths),
        })
    }

    fn begin_intent(
        &self,
        id: &str,
        change: &str,
        form: &Form,
        caller: &Caller,
    ) -> Result<Task, Refusal> {
        let wish = match change {
            "capture" => IntentWish::Capture(IntentCapture::read(form)?),
            _ => IntentWish::Cancel(IntentCancel::read(form)?),
        };
        let paths = form.expand(&["latest_charge", "latest_charge.balance_transaction"])?;
        let book = self.book(caller.live);
        let intent = book.intents.get(id).filter(|_| caller.account.is_none());
        let intent = intent.ok_or_else(|| self.not_found("payment_intent", id, caller))?;
        Ok(Task::Intent {
            id: id.to_owned(),
            charge: intent.latest_charge.clone(),
            wish,
            expand: expand(&paths),
        })
    }
}

/// Only a platform has sellers.
fn check_platform(caller: &Caller) -> Result<(), Refusal> {
    if caller.account.is_none() {
        return Ok(());
    }
    let message = "Only Stripe Connect platforms can work with other accounts.";
    Err(Refusal::new(message))
}

fn show_charge(book: &Book, id: &str, expand: Expand, now: DateTime<Utc>) -> Answer {
    match book.charges.get(id) {
        Some(charge) => ok(&book.show_charge(charge, expand, now.timestamp())),
        None => Refusal::failure(500).into_answer(),
    }
}

fn show_intent(book: &Book, id: &str, expand: Expand, now: DateTime<Utc>) -> Answer {
    match book.intents.get(id) {
        Some(intent) => ok(&book.show_intent(intent, expand, now.timestamp())),
        None => Refusal::failure(500).into_answer(),
    }
}
