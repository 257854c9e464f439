//! Stripe's answers: payments, accounts, and what moves money.

mod accounts;
mod movements;
mod payments;

pub(super) use accounts::{account, accounts, balance, link};
pub(super) use movements::{events, made, payouts, refunds, reversals, transfers};
pub(super) use payments::{captured, charges, payment, searched};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use super::canned::{self, Asked};
use super::check;
use crate::domain::money::Money;
use crate::http::Answer;
use crate::stripe::{List, Stripe, StripeError, StripeLimits};

/// What no message and no address may show.
const KEY: &str = "sk_test_S3cretPlatformKey";
const BASE: &str = "https://api.stripe.example/";
const METADATA_KEY: &str = "mirakl_commercial_order_id";

/// Asks twice with the same answers: the same comes out, every request goes to Stripe with its key, and no
/// error shows it.
fn ask<T: std::fmt::Debug>(
    answers: &[Answer],
    call: impl AsyncFn(&Stripe) -> Result<T, StripeError>,
) -> (Result<T, StripeError>, Vec<Asked>) {
    let (end, asked) = ask_once(answers, &call);
    let (again, _) = ask_once(answers, &call);
    assert_eq!(
        format!("{:?}", end.as_ref().map_err(ToString::to_string)),
        format!("{:?}", again.as_ref().map_err(ToString::to_string)),
        "the same answer was read in two ways"
    );
    if let Err(error) = &end {
        check::hides(&format!("{error} {error:?}"), KEY, answers);
        kept(error);
    }
    let headers: Vec<_> = asked.iter().map(|request| &request.headers).collect();
    check::hides(&format!("{headers:?}"), KEY, answers);
    for request in &asked {
        assert!(
            request.url.as_str().starts_with(BASE),
            "asked {}",
            request.url
        );
        let key = request
            .headers
            .get(AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        assert_eq!(key, Some(format!("Bearer {KEY}").as_bytes()));
    }
    (end, asked)
}

/// What an error says is stored, printed and mailed.
fn kept(error: &StripeError) {
    check::message(&error.to_string(), "an error");
    if let StripeError::Refused(refusal) = error {
        check::message(&refusal.reason_code(), "the code of an error");
        let texts = [&refusal.code, &refusal.param, &refusal.request_id];
        for text in texts.into_iter().flatten() {
            check::message(text, "a part of an error");
        }
    }
}

fn ask_once<T>(
    answers: &[Answer],
    call: impl AsyncFn(&Stripe) -> Result<T, StripeError>,
) -> (Result<T, StripeError>, Vec<Asked>) {
    let stripe = Stripe::new(
        canned::client(),
        BASE.parse().expect("an address"),
        KEY.into(),
        METADATA_KEY.to_owned(),
        StripeLimits {
            concurrency: 1,
            per_second: 100,
        },
    );
    canned::answered(answers, call(&stripe))
}

/// The one answer, by a reading of its own; `None` when there are several.
fn object(answers: &[Answer]) -> Option<Value> {
    match answers {
        [answer] => serde_json::from_slice(&answer.body).ok(),
        _ => None,
    }
}

/// A page that says there is more leads on.
fn leads_on<T>(list: &List<T>, answers: &[Answer]) {
    let more = object(answers).is_some_and(|page| page.get("has_more") == Some(&Value::Bool(true)));
    assert_eq!(list.next.is_some(), more, "the list ends early, or never");
}

/// The elements of the one page; `None` when one of them is no object.
fn elements(answers: &[Answer]) -> Option<Vec<Value>> {
    let list = object(answers)?.get("data")?.as_array().cloned();
    list.filter(|list| list.iter().all(Value::is_object))
}

fn text<'a>(element: &'a Value, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Value::as_str)
}

/// An amount is that of its element, in its currency, or unknown in one that is not ours.
fn same_amount(amount: Option<Money>, element: &Value) {
    let minor = element.get("amount").and_then(Value::as_i64);
    let currency = text(element, "currency").unwrap_or_default();
    match amount {
        Some(amount) => {
            assert_eq!(Some(amount.minor()), minor);
            assert!(amount.currency().code().eq_ignore_ascii_case(currency));
        }
        None => assert!(crate::domain::money::Currency::parse(currency).is_err()),
    }
}
