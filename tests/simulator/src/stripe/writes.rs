//! What is written: transfers, accounts and links, each under its key.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::sleep;

use super::State;
use super::account_wish::AccountWish;
use super::auth::Caller;
use super::backend::{no_access, ok};
use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::idempotency::Scope;
use super::links::LinkWish;
use super::wish::Wish;
use crate::api::{Answer, Incoming, Manner, Outcome};

const FORM: &str = "application/x-www-form-urlencoded";

/// What is to be written, its parameters checked.
enum Task {
    Transfer(Wish),
    Account(Box<AccountWish>),
    Link(LinkWish),
}

impl State {
    /// A POST whose path is known.
    pub(super) async fn post(
        &self,
        call: &Incoming,
        caller: &Caller,
        request: &str,
        manner: Manner,
    ) -> Result<Answer, Refusal> {
        let kind = call.header("content-type").unwrap_or_default();
        if !kind.starts_with(FORM) {
            return Err(Refusal::new(format!(
                "Invalid request (check that your POST content type is {FORM})."
            )));
        }
        let form = Form::read(&call.body)?;
        let key = call.header("idempotency-key").filter(|key| !key.is_empty());
        let scope: Option<Scope> = key.map(|key| (caller.account.clone(), key.to_owned()));
        if let Some(scope) = &scope {
            let mut fingerprint = form.fingerprint();
            let _ = write!(fingerprint, "{} {}", call.method, call.path);
            let now = self.shared.clock.now();
            let mut book = self.book(caller.live);
            if let Some(stored) = book.keys.begin(scope, &fingerprint, request, now)? {
                return Ok(stored);
            }
        }
        let task = match self.begin(call, &form, caller) {
            Ok(task) => task,
            Err(refusal) => {
                if let Some(scope) = &scope {
                    self.book(caller.live).keys.release(scope);
                }
                return Err(refusal);
            }
        };
        if !manner.takes.is_zero() {
            sleep(manner.takes).await;
        }
        let now = self.shared.clock.now();
        let mut book = self.book(caller.live);
        let answer = match manner.outcome {
            Outcome::Fails(failure) => failure,
            Outcome::Faithful => execute(&mut book, &task, caller, key, now),
            Outcome::FailsAfter(failure) => {
                execute(&mut book, &task, caller, key, now);
                failure
            }
        };
        if let Task::Transfer(Wish {
            source: Some(source),
            ..
        }) = &task
        {
            book.locked.remove(source);
        }
        if let Some(scope) = &scope {
            book.keys.finish(scope, &answer);
        }
        Ok(answer)
    }

    /// All that comes before execution: validation, existence and the lock on a charge.
    fn begin(&self, call: &Incoming, form: &Form, caller: &Caller) -> Result<Task, Refusal> {
        match call.path.rsplit('/').find(|segment| !segment.is_empty()) {
            Some("accounts") => {
                check_platform(caller)?;
                Ok(Task::Account(Box::new(AccountWish::read(form)?)))
            }
            Some("account_links") => {
                check_platform(caller)?;
                let wish = LinkWish::read(form, caller.live)?;
                let book = self.book(caller.live);
                let account = book.accounts.get(&wish.account);
                let account = account.ok_or_else(|| no_access(call, &wish.account))?;
                wish.check_kind(&account.kind)?;
                Ok(Task::Link(wish))
            }
            _ => Ok(Task::Transfer(self.begin_transfer(form, caller)?)),
        }
    }

    fn begin_transfer(&self, form: &Form, caller: &Caller) -> Result<Wish, Refusal> {
        let wish = Wish::read(form)?;
        let mut book = self.book(caller.live);
        book.check_wish(&wish, caller, |id| self.hint(id, caller))?;
        if let Some(source) = &wish.source
            && !book.locked.insert(source.clone())
        {
            return Err(Refusal::locked());
        }
        Ok(wish)
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

fn execute(
    book: &mut Book,
    task: &Task,
    caller: &Caller,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> Answer {
    let made: Result<Value, Refusal> = match task {
        Task::Transfer(wish) => book.transfer(wish, caller, key, now),
        Task::Account(wish) => Ok(book.create_account(wish, key, now)),
        Task::Link(wish) => Ok(book.create_link(wish, key, now)),
    };
    match made {
        Ok(object) => ok(&object),
        Err(refusal) => refusal.into_answer(),
    }
}
