//! What is written, under its key.

use std::fmt::Write;

use tokio::time::sleep;

use super::State;
use super::auth::Caller;
use super::errors::Refusal;
use super::events::Cause;
use super::form::Form;
use super::idempotency::Scope;
use super::releases::Releases;
use crate::api::{Answer, Incoming, Manner, Outcome};

const FORM: &str = "application/x-www-form-urlencoded";

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
        let cause = Cause {
            request: Some(request),
            key,
        };
        let mut book = self.book(caller.live);
        let by_hand = book.releases;
        if let Some(version) = call.header("stripe-version") {
            book.releases = Releases::of(version);
        }
        let answer = match manner.outcome {
            Outcome::Fails(failure) => failure,
            Outcome::Faithful => task.execute(&mut book, caller, cause, now),
            Outcome::FailsAfter(failure) => {
                task.execute(&mut book, caller, cause, now);
                failure
            }
        };
        book.releases = by_hand;
        if let Some(id) = task.locks() {
            book.locked.remove(id);
        }
        if let Some(scope) = &scope {
            book.keys.finish(scope, &answer);
        }
        Ok(answer)
    }
}
