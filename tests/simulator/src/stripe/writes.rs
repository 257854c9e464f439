//! What is written: transfers, each under its key.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::State;
use super::auth::Caller;
use super::backend::ok;
use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::idempotency::Scope;
use super::wish::Wish;
use crate::api::{Answer, Backend, Incoming, Manner, Outcome};

const FORM: &str = "application/x-www-form-urlencoded";

impl State {
    /// `POST /v1/transfers`.
    pub(super) async fn post_transfer(
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
        let wish = match self.begin(&form, caller) {
            Ok(wish) => wish,
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
            Outcome::Fails(status) => self.failure(status),
            Outcome::Faithful => execute(&mut book, &wish, caller, key, now),
            Outcome::FailsAfter(status) => {
                execute(&mut book, &wish, caller, key, now);
                self.failure(status)
            }
        };
        if let Some(source) = &wish.source {
            book.locked.remove(source);
        }
        if let Some(scope) = &scope {
            book.keys.finish(scope, &answer);
        }
        Ok(answer)
    }

    /// All that comes before execution: validation, existence and the lock on the charge.
    fn begin(&self, form: &Form, caller: &Caller) -> Result<Wish, Refusal> {
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

fn execute(
    book: &mut Book,
    wish: &Wish,
    caller: &Caller,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> Answer {
    match book.transfer(wish, caller, key, now) {
        Ok(transfer) => ok(&transfer),
        Err(refusal) => refusal.into_answer(),
    }
}
