//! What can be read: objects and lists.

use super::State;
use super::accounts::StoredAccount;
use super::auth::Caller;
use super::backend::{no_access, ok};
use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::shelf::{RANGE, Range};
use super::views::{Expand, List};
use crate::api::{Answer, Incoming};

impl State {
    /// Answers a GET whose path, without the version, is known.
    pub(super) fn get(
        &self,
        call: &Incoming,
        caller: &Caller,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        let form = Form::read(&call.query)?;
        let at = self.shared.clock.now();
        let now = at.timestamp();
        let book = self.book(caller.live);
        let acting = caller.account.as_deref();
        match *path {
            ["account"] => {
                form.allow(&["expand"])?;
                let id = acting.unwrap_or(&book.platform.id);
                let account = book.account(id).ok_or_else(|| no_access(call, id))?;
                Ok(ok(&account.show()))
            }
            ["accounts", id] => {
                form.allow(&["expand"])?;
                let visible = acting.is_none_or(|own| own == id);
                let account = book.account(id).filter(|_| visible);
                let account = account.ok_or_else(|| no_access(call, id))?;
                Ok(ok(&account.show()))
            }
            ["accounts"] => {
                allow(&form, &[])?;
                let range = Range::read(&form)?;
                let (page, more) = book
                    .accounts
                    .page(&range, "account", |_| acting.is_none())?;
                let data = page.into_iter().map(StoredAccount::show).collect();
                Ok(ok(&List::new(data, more, "/v1/accounts")))
            }
            ["balance"] => {
                form.allow(&["expand"])?;
                let id = acting.unwrap_or(&book.platform.id);
                let account = book.account(id).ok_or_else(|| no_access(call, id))?;
                Ok(ok(&book.show_balance(account, now)))
            }
            ["refunds" | "events" | "payouts", ..] | ["transfers", _, "reversals", ..] => {
                self.get_history(&book, &form, caller, path)
            }
            ["charges"] => list_charges(&book, &form, acting, now),
            ["charges", id] => {
                form.allow(&["expand"])?;
                let paths = form.expand(&["payment_intent", "balance_transaction"])?;
                let charge = book.charges.get(id).filter(|_| acting.is_none());
                let charge = charge.ok_or_else(|| self.not_found("charge", id, caller))?;
                Ok(ok(&book.show_charge(charge, expand(&paths), now)))
            }
            ["payment_intents"] => list_intents(&book, &form, acting, now),
            ["payment_intents", "search"] => {
                Ok(ok(&book.search_intents(&form, acting.is_none(), at)?))
            }
            ["payment_intents", id] => {
                form.allow(&["expand", "client_secret"])?;
                let paths = form.expand(&["latest_charge", "latest_charge.balance_transaction"])?;
                let intent = book.intents.get(id).filter(|_| acting.is_none());
                let intent = intent.ok_or_else(|| self.not_found("payment_intent", id, caller))?;
                Ok(ok(&book.show_intent(intent, expand(&paths), now)))
            }
            ["transfers"] => {
                allow(&form, &["destination", "transfer_group"])?;
                let range = Range::read(&form)?;
                let destination = form.text("destination")?;
                let group = form.text("transfer_group")?;
                let (page, more) = book.transfers.page(&range, "transfer", |stored| {
                    stored.owner.as_deref() == acting
                        && destination.is_none_or(|to| to == stored.transfer.destination)
                        && group
                            .is_none_or(|g| Some(g) == stored.transfer.transfer_group.as_deref())
                })?;
                let data = page
                    .into_iter()
                    .map(|stored| stored.show(book.live))
                    .collect();
                Ok(ok(&List::new(data, more, "/v1/transfers")))
            }
            ["transfers", id] => {
                form.allow(&["expand"])?;
                let stored = book.transfers.get(id);
                let stored = stored.filter(|stored| stored.owner.as_deref() == acting);
                let stored = stored.ok_or_else(|| self.not_found("transfer", id, caller))?;
                Ok(ok(&stored.show(book.live)))
            }
            _ => Err(Refusal::new("Unrecognized request URL.").status(404)),
        }
    }
}

fn list_charges(
    book: &Book,
    form: &Form,
    acting: Option<&str>,
    now: i64,
) -> Result<Answer, Refusal> {
    allow(form, &["payment_intent", "transfer_group", "customer"])?;
    let range = Range::read(form)?;
    let paths = form.expand(&["data.payment_intent", "data.balance_transaction"])?;
    let intent = form.text("payment_intent")?;
    let group = form.text("transfer_group")?;
    let customer = form.text("customer")?;
    let (page, more) = book.charges.page(&range, "charge", |charge| {
        acting.is_none()
            && (intent.is_none() || intent == charge.intent.as_deref())
            && (group.is_none() || group == charge.transfer_group.as_deref())
            && (customer.is_none() || customer == charge.customer.as_deref())
    })?;
    let expand = expand(&paths);
    let data = page
        .into_iter()
        .map(|charge| book.show_charge(charge, expand, now))
        .collect();
    Ok(ok(&List::new(data, more, "/v1/charges")))
}

fn list_intents(
    book: &Book,
    form: &Form,
    acting: Option<&str>,
    now: i64,
) -> Result<Answer, Refusal> {
    allow(form, &["customer"])?;
    let range = Range::read(form)?;
    let paths = form.expand(&[
        "data.latest_charge",
        "data.latest_charge.balance_transaction",
    ])?;
    let customer = form.text("customer")?;
    let (page, more) = book.intents.page(&range, "payment_intent", |intent| {
        acting.is_none() && (customer.is_none() || customer == intent.customer.as_deref())
    })?;
    let expand = expand(&paths);
    let data = page
        .into_iter()
        .map(|intent| book.show_intent(intent, expand, now))
        .collect();
    Ok(ok(&List::new(data, more, "/v1/payment_intents")))
}

/// Parameters of a list: the common ones and its own.
pub(super) fn allow(form: &Form, own: &[&str]) -> Result<(), Refusal> {
    form.allow(&[&RANGE, &["expand"][..], own].concat())
}

pub(super) fn expand(paths: &[String]) -> Expand {
    let any = |end: &str| {
        paths
            .iter()
            .any(|path| path.rsplit('.').next() == Some(end))
    };
    let nested = any("balance_transaction") && paths.iter().any(|p| p.contains("latest_charge"));
    Expand {
        intent: any("payment_intent"),
        balance: any("balance_transaction"),
        charge: any("latest_charge") || nested,
    }
}
