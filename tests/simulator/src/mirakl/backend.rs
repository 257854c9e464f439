//! The way of a request: authorisation, then the endpoint.

use serde_json::json;
use tokio::time::sleep;

use super::{MIRAKL_KEY, State, listing};
use crate::api::{Answer, Backend, Incoming, Manner, Outcome, Words, http_date};
use crate::calls::Api;

/// Seconds that a 429 names when the fault does not.
const RETRY_AFTER: u64 = 1;

impl Backend for State {
    fn api(&self) -> Api {
        Api::Mirakl
    }

    fn host(&self) -> String {
        self.host.clone()
    }

    fn template(&self, path: &str) -> String {
        path.to_owned()
    }

    async fn handle(&self, call: &Incoming, manner: Manner) -> Answer {
        if !manner.takes.is_zero() {
            sleep(manner.takes).await;
        }
        match manner.outcome {
            Outcome::Faithful => self.route(call),
            Outcome::Fails(failure) => failure,
            Outcome::FailsAfter(failure) => {
                self.route(call);
                failure
            }
        }
    }

    fn failure(&self, status: u16) -> Answer {
        match status {
            429 => self.too_many_requests(None),
            _ => error(status, "The call failed."),
        }
    }

    fn refusal(&self, words: Words<'_>) -> Answer {
        error(words.status, words.message)
    }

    fn too_many_requests(&self, retry_after: Option<u64>) -> Answer {
        error(429, "Too many requests.").with(
            "Retry-After",
            &retry_after.unwrap_or(RETRY_AFTER).to_string(),
        )
    }

    fn lock_timeout(&self) -> Answer {
        self.too_many_requests(None)
    }

    fn dress(&self, _: &Incoming, answer: Answer) -> Answer {
        answer
            .with("Date", &http_date(self.shared.clock.now()))
            .with("Content-Type", "application/json")
    }
}

impl State {
    fn route(&self, call: &Incoming) -> Answer {
        if call.path == "/oauth/token" {
            return match call.method.as_str() {
                "POST" => self.tokens().issue(&call.body, self.shared.clock.now()),
                _ => error(405, "Method Not Allowed"),
            };
        }
        if !self.is_allowed(call) {
            return error(401, "Unauthorized");
        }
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/api/orders") => answer(listing::page(self, call)),
            ("GET", "/api/version") => Answer::new(200, json!({ "version": "3.210" }).to_string()),
            ("GET", "/api/shops") => answer(self.list_shops(call)),
            ("GET", "/api/payment/debit") => answer(self.list_debits(call)),
            ("GET", "/api/payment/refund") => answer(self.list_refunds(call)),
            ("GET", "/api/invoices") => answer(self.list_invoices(call)),
            ("GET", "/api/mms/orders") => answer(self.list_services(call)),
            ("GET", "/api/mms/debits") => answer(self.list_service_debits(call)),
            ("GET", "/api/mms/refunds") => answer(self.list_service_refunds(call)),
            ("PUT", path) if is_written(path) && !is_json(call) => {
                error(415, "Unsupported Media Type")
            }
            ("PUT", "/api/shops") => answer(self.update_shops(call)),
            ("PUT", "/api/payment/debit") => answer(self.confirm_debits(call)),
            ("PUT", "/api/payment/refund") => answer(self.confirm_refunds(call)),
            ("PUT", "/api/mms/debits") => answer(self.confirm_service_debits(call)),
            ("PUT", "/api/mms/refunds") => answer(self.confirm_service_refunds(call)),
            (_, path) if is_known(path) => error(405, "Method Not Allowed"),
            _ => error(404, "Not Found"),
        }
    }

    fn is_allowed(&self, call: &Incoming) -> bool {
        let Some(given) = call.header("authorization") else {
            return false;
        };
        match given.split_once(' ') {
            Some((scheme, token)) => {
                scheme.eq_ignore_ascii_case("bearer")
                    && self.tokens().is_good(token, self.shared.clock.now())
            }
            None => given == MIRAKL_KEY,
        }
    }
}

fn is_known(path: &str) -> bool {
    let read = [
        "/api/invoices",
        "/api/mms/orders",
        "/api/orders",
        "/api/version",
    ];
    read.contains(&path) || is_written(path)
}

fn is_written(path: &str) -> bool {
    let written = [
        "/api/mms/debits",
        "/api/mms/refunds",
        "/api/payment/debit",
        "/api/payment/refund",
        "/api/shops",
    ];
    written.contains(&path)
}

fn is_json(call: &Incoming) -> bool {
    let kind = call.header("content-type").unwrap_or_default();
    kind.starts_with("application/json")
}

/// 400 with what is wrong.
fn answer(answer: Result<Answer, String>) -> Answer {
    answer.unwrap_or_else(|message| error(400, &message))
}

fn error(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message, "status": status });
    Answer::new(status, body.to_string())
}
