//! Mirakl's pages: orders, debits, refunds, shops and invoices.

mod debits;
mod invoices;
mod orders;
mod refunds;
mod shops;

pub(super) use debits::{product_debits, service_answers, service_debits};
pub(super) use invoices::invoices;
pub(super) use orders::{product_orders, service_orders};
pub(super) use refunds::{product_refunds, service_refund_answers, service_refunds};
pub(super) use shops::{shop_answers, shops};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use super::canned::{self, Asked};
use super::check;
use crate::http::Answer;
use crate::mirakl::{Auth, Mirakl, MiraklError, ShopFields};

/// What no message and no address may show.
const KEY: &str = "S3cret-operator-key";
const BASE: &str = "https://m.example/";

/// Asks twice with the same answers: the same comes out, every request goes to the marketplace with its key,
/// and no error shows it.
fn ask<T: std::fmt::Debug>(
    answers: &[Answer],
    call: impl AsyncFn(&Mirakl) -> Result<T, MiraklError>,
) -> (Result<T, MiraklError>, Vec<Asked>) {
    let (end, asked) = ask_once(answers, &call);
    let (again, _) = ask_once(answers, &call);
    assert_eq!(
        format!("{:?}", end.as_ref().map_err(ToString::to_string)),
        format!("{:?}", again.as_ref().map_err(ToString::to_string)),
        "the same answer was read in two ways"
    );
    if let Err(error) = &end {
        check::message(&error.to_string(), "an error");
        check::hides(&format!("{error} {error:?}"), KEY, answers);
    }
    let headers: Vec<_> = asked.iter().map(|request| &request.headers).collect();
    check::hides(&format!("{headers:?}"), KEY, answers);
    for request in &asked {
        assert!(
            request.url.as_str().starts_with(BASE),
            "asked {}",
            request.url
        );
        assert_eq!(
            request
                .headers
                .get(AUTHORIZATION)
                .map(HeaderValue::as_bytes),
            Some(KEY.as_bytes())
        );
    }
    (end, asked)
}

fn ask_once<T>(
    answers: &[Answer],
    call: impl AsyncFn(&Mirakl) -> Result<T, MiraklError>,
) -> (Result<T, MiraklError>, Vec<Asked>) {
    let mirakl = Mirakl::new(
        canned::client(),
        BASE.parse().expect("an address"),
        Auth::ApiKey(KEY.into()),
        1,
        ShopFields {
            link: "stripe-url".to_owned(),
            ignored: "stripe-ignored".to_owned(),
        },
    );
    canned::answered(answers, call(&mirakl))
}

/// The elements of the one answer, by a reading of its own; `None` when there are several answers or the
/// answer is of another shape.
fn elements(answers: &[Answer], path: &[&str]) -> Option<Vec<Value>> {
    let [answer] = answers else {
        return None;
    };
    let page: Value = serde_json::from_slice(&answer.body).ok()?;
    let mut list = &page;
    for name in path {
        list = list.get(name)?;
    }
    list.as_array().cloned()
}

/// A text of an element.
fn text<'a>(element: &'a Value, name: &str) -> Option<&'a str> {
    element.get(name).and_then(Value::as_str)
}
