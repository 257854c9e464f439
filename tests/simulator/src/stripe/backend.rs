//! The way of a request: key, account acted for, rate, endpoint.

use std::time::Instant;

use chrono::NaiveDate;
use serde::Serialize;
use tokio::time::sleep;

use super::State;
use super::auth::{Caller, masked_key};
use super::errors::Refusal;
use crate::api::{Answer, Backend, Incoming, Manner, Outcome, Words, http_date};
use crate::calls::Api;

/// The version answered to a request that names none.
pub(super) const DEFAULT_VERSION: &str = "2026-06-24.dahlia";

/// What is read by id.
const COLLECTIONS: [&str; 7] = [
    "accounts",
    "charges",
    "events",
    "payment_intents",
    "payouts",
    "refunds",
    "transfers",
];

impl Backend for State {
    fn api(&self) -> Api {
        Api::Stripe
    }

    fn host(&self) -> String {
        self.host.clone()
    }

    fn template(&self, path: &str) -> String {
        match segments(path).as_slice() {
            ["v1", "payment_intents", "search"] => path.to_owned(),
            ["v1", kind, _, rest @ ..] if COLLECTIONS.contains(kind) => {
                let mut template = format!("/v1/{kind}/{{id}}");
                for pair in rest.chunks(2) {
                    template = match pair {
                        [name, _] => format!("{template}/{name}/{{id}}"),
                        other => format!("{template}/{}", other.concat()),
                    };
                }
                template
            }
            _ => path.to_owned(),
        }
    }

    async fn handle(&self, call: &Incoming, manner: Manner) -> Answer {
        let request = self.request_id();
        let answer = match self.route(call, &request, manner).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.into_answer(),
        };
        answer.with("Request-Id", &request)
    }

    fn failure(&self, status: u16) -> Answer {
        Refusal::failure(status).into_answer()
    }

    fn refusal(&self, words: Words<'_>) -> Answer {
        Refusal::worded(words).into_answer()
    }

    fn too_many_requests(&self, retry_after: Option<u64>) -> Answer {
        Refusal::too_many(retry_after).into_answer()
    }

    fn lock_timeout(&self) -> Answer {
        Refusal::locked().into_answer()
    }

    fn dress(&self, call: &Incoming, answer: Answer) -> Answer {
        let version = call.header("stripe-version").unwrap_or(DEFAULT_VERSION);
        let mut answer = answer
            .with("Date", &http_date(self.shared.clock.now()))
            .with("Content-Type", "application/json")
            .with("Stripe-Version", version);
        if !answer.headers.iter().any(|(name, _)| name == "Request-Id") {
            answer = answer.with("Request-Id", &self.request_id());
        }
        for name in ["Idempotency-Key", "Stripe-Account"] {
            let echoed = call.method == "POST" || name != "Idempotency-Key";
            if let Some(value) = call.header(name).filter(|_| echoed) {
                answer = answer.with(name, value);
            }
        }
        answer
    }
}

impl State {
    async fn route(
        &self,
        call: &Incoming,
        request: &str,
        manner: Manner,
    ) -> Result<Answer, Refusal> {
        let path = segments(&call.path);
        let caller = Caller::read(call)?;
        if !is_known(&call.method, &path) {
            let message = format!("Unrecognized request URL ({}: {}).", call.method, call.path);
            return Err(Refusal::new(message).status(404));
        }
        let endpoint = format!("{} {}", call.method, self.template(&call.path));
        if !self.rate().admits(&endpoint, Instant::now()) {
            return Err(Refusal::too_many(None));
        }
        check_version(call)?;
        self.check_account(call, &caller)?;
        if call.method == "POST" {
            return self.post(call, &caller, request, manner).await;
        }
        if !manner.takes.is_zero() {
            sleep(manner.takes).await;
        }
        match manner.outcome {
            Outcome::Faithful => self.get(call, &caller, &path[1..]),
            Outcome::Fails(failure) | Outcome::FailsAfter(failure) => Ok(failure),
        }
    }

    /// `Stripe-Account` must name an account of this platform.
    fn check_account(&self, call: &Incoming, caller: &Caller) -> Result<(), Refusal> {
        match &caller.account {
            Some(id) if self.book(caller.live).account(id).is_none() => Err(no_access(call, id)),
            _ => Ok(()),
        }
    }

    /// 404 for an id in the path.
    pub(super) fn not_found(&self, object: &str, id: &str, caller: &Caller) -> Refusal {
        let hint = self.hint(id, caller);
        Refusal::missing(object, id, hint).status(404).param("id")
    }

    /// What to add to a message about a missing object that is only in the other mode.
    pub(super) fn hint(&self, id: &str, caller: &Caller) -> &'static str {
        if caller.live && self.exists_in_test(id) {
            HINT
        } else {
            ""
        }
    }

    fn exists_in_test(&self, id: &str) -> bool {
        let book = self.book(false);
        book.accounts.get(id).is_some()
            || book.charges.get(id).is_some()
            || book.intents.get(id).is_some()
            || book.transfers.get(id).is_some()
            || book.payouts.get(id).is_some()
            || book.refunds.get(id).is_some()
    }
}

const HINT: &str = "; a similar object exists in test mode, but a live mode key was used to make \
                    this request.";

/// 403 for an account that is not connected to the platform.
pub(super) fn no_access(call: &Incoming, id: &str) -> Refusal {
    let message = format!(
        "The provided key '{}' does not have access to account '{id}' (or that account does not \
         exist). Application access may have been revoked.",
        masked_key(call)
    );
    Refusal::new(message).status(403).code("account_invalid")
}

/// 200 with an object.
pub(super) fn ok(object: &impl Serialize) -> Answer {
    match serde_json::to_string(object) {
        Ok(body) => Answer::new(200, body),
        Err(_) => Refusal::failure(500).into_answer(),
    }
}

fn is_known(method: &str, path: &[&str]) -> bool {
    let ["v1", path @ ..] = path else {
        return false;
    };
    match method {
        "GET" => match path {
            ["account" | "balance"]
            | ["transfers", _, "reversals"]
            | ["transfers", _, "reversals", _] => true,
            [kind] | [kind, _] => COLLECTIONS.contains(kind),
            _ => false,
        },
        "POST" => matches!(
            path,
            ["accounts" | "account_links" | "payouts" | "refunds" | "transfers"]
                | ["accounts" | "payouts" | "refunds" | "transfers", _]
                | ["payment_intents", _, "cancel" | "capture"]
                | ["charges", _, "capture"]
                | ["payouts", _, "cancel"]
                | ["transfers", _, "reversals"]
                | ["transfers", _, "reversals", _]
        ),
        _ => false,
    }
}

pub(super) fn segments(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// A version is a date, of late with a name.
fn check_version(call: &Incoming) -> Result<(), Refusal> {
    let Some(version) = call.header("stripe-version") else {
        return Ok(());
    };
    let date = version.split('.').next().unwrap_or_default();
    match NaiveDate::parse_from_str(date, "%Y-%m-%d") {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::new(format!(
            "Invalid Stripe API version: {version}"
        ))),
    }
}
