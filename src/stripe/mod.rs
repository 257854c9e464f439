//! Stripe's API: typed endpoints, one file per resource; every POST takes an idempotency key.

mod account;
mod balance;
mod error;
mod event;
mod link;
mod payment;
mod payout;
mod refund;
mod reversal;
mod transfer;
mod wire;

pub use account::{AccountsQuery, ConnectedAccount, NewAccount};
pub use balance::Balance;
pub use error::{Class, Doubt, Refusal, StripeError};
pub use link::{NewLink, OnboardingLink};
pub use payment::{ChargesQuery, Finish};
pub use payout::{NewPayout, Payout, PayoutMark, PayoutsQuery};
pub use refund::{MadeForRefund, NewRefund, Refund, RefundsQuery};
pub use reversal::{NewReversal, Reversal};
pub use transfer::{NewTransfer, Transfer, TransferMark, TransfersQuery};

use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use self::wire::WireList;
use crate::domain::ids::AccountId;
use crate::domain::key::IdempotencyKey;
use crate::http::{Answer, Api, Failure, Request, Verdict};

/// The version of Stripe's API whose shapes this program reads.
pub const STRIPE_VERSION: &str = "2026-06-24.dahlia";

/// The largest page of a list.
const PAGE_SIZE: &str = "100";

/// A client of one Stripe platform.
#[derive(Debug)]
pub struct Stripe {
    api: Api,
    base: Url,
    key: SecretString,
    /// The metadata key in which the checkout puts the commercial order id.
    metadata_key: String,
}

/// One page of a list, newest first.
#[derive(Debug)]
pub struct List<T> {
    /// Its elements.
    pub data: Vec<T>,
    /// Where the next page starts; none on the last.
    pub next: Option<String>,
    /// Stripe's time when it answered.
    pub date: Option<DateTime<Utc>>,
}

/// How fast and how wide Stripe may be asked.
#[derive(Debug, Clone, Copy)]
pub struct StripeLimits {
    /// Requests at once.
    pub concurrency: usize,
    /// Requests a second.
    pub per_second: u32,
}

impl Stripe {
    /// A client of the platform that `key` belongs to.
    pub fn new(
        client: Client,
        base: Url,
        key: SecretString,
        metadata_key: String,
        limits: StripeLimits,
    ) -> Self {
        Self {
            api: Api::new(
                "Stripe",
                client,
                judge,
                limits.concurrency,
                Some(limits.per_second),
            ),
            base,
            key,
            metadata_key,
        }
    }

    /// Calls made so far, retries included.
    pub fn calls(&self) -> u64 {
        self.api.calls()
    }

    /// Fails when the clock here is known to differ too much from Stripe's.
    pub fn check_clock(&self) -> Result<(), Failure> {
        self.api.check_clock()
    }

    async fn get<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, StripeError> {
        let (object, _) = self.get_dated(template, path, query).await?;
        Ok(object)
    }

    /// The object, and Stripe's time when it answered.
    async fn get_dated<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<(T, Option<DateTime<Utc>>), StripeError> {
        self.get_for(template, path, query, None).await
    }

    /// The same, acting as a connected account.
    async fn get_for<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        query: &[(&str, &str)],
        account: Option<&AccountId>,
    ) -> Result<(T, Option<DateTime<Utc>>), StripeError> {
        let mut url = self.address(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = Request {
            method: Method::GET,
            url,
            template,
            headers: self.headers_for(account)?,
            body: None,
        };
        let answer = self.api.send(&request).await?;
        read(&answer, template).map(|(object, _)| (object, answer.date()))
    }

    /// One page of a list, newest first, back to `from`; after the element `after` of an earlier page.
    async fn page<W: DeserializeOwned + Into<T>, T>(
        &self,
        path: &'static str,
        filter: &[(&str, &str)],
        from: Option<DateTime<Utc>>,
        after: Option<&str>,
        account: Option<&AccountId>,
        id: fn(&W) -> &str,
    ) -> Result<List<T>, StripeError> {
        let from = from.map(|from| from.timestamp().to_string());
        let mut parameters = filter.to_vec();
        parameters.push(("limit", PAGE_SIZE));
        parameters.extend(from.as_deref().map(|from| ("created[gte]", from)));
        parameters.extend(after.map(|after| ("starting_after", after)));
        let (page, date): (WireList<W>, _) = self.get_for(path, path, &parameters, account).await?;
        let last = page.data.last().map(|last| id(last).to_owned());
        Ok(List {
            next: last.filter(|_| page.has_more),
            date,
            data: page.data.into_iter().map(Into::into).collect(),
        })
    }

    /// Sends a body that is stored, under a key that is stored. Returns the request's id too.
    async fn post<T: DeserializeOwned>(
        &self,
        template: &'static str,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(T, Option<String>), StripeError> {
        self.post_at(template, template, body, key).await
    }

    /// The same, acting as a connected account.
    async fn post_for<T: DeserializeOwned>(
        &self,
        template: &'static str,
        body: &str,
        key: &IdempotencyKey,
        account: Option<&AccountId>,
    ) -> Result<(T, Option<String>), StripeError> {
        let headers = self.headers_for(account)?;
        self.post_with(template, template, body, key, headers).await
    }

    async fn post_at<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(T, Option<String>), StripeError> {
        let headers = self.headers()?;
        self.post_with(template, path, body, key, headers).await
    }

    /// Writes over the metadata of an object that Stripe has. That does the same however often it is done,
    /// so its key is one of its own each time.
    async fn mark<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        body: &str,
        account: Option<&AccountId>,
    ) -> Result<T, StripeError> {
        let headers = self.headers_for(account)?;
        let nonce = fastrand::u32(..);
        let key = IdempotencyKey::new("", "mark", path, "", nonce);
        let (object, _) = self.post_with(template, path, body, &key, headers).await?;
        Ok(object)
    }

    async fn post_with<T: DeserializeOwned>(
        &self,
        template: &'static str,
        path: &str,
        body: &str,
        key: &IdempotencyKey,
        mut headers: HeaderMap,
    ) -> Result<(T, Option<String>), StripeError> {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(
            HeaderName::from_static("idempotency-key"),
            HeaderValue::from_str(key.as_str()).map_err(|_| {
                StripeError::Unknown("a key that no header can hold".to_owned().into())
            })?,
        );
        let request = Request {
            method: Method::POST,
            url: self.address(path),
            template,
            headers,
            body: Some(body),
        };
        read(&self.api.send(&request).await?, template)
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    fn headers_for(&self, account: Option<&AccountId>) -> Result<HeaderMap, StripeError> {
        let mut headers = self.headers()?;
        if let Some(account) = account {
            let account = HeaderValue::from_str(account.as_str()).map_err(|_| {
                StripeError::Unknown("an account that no header can hold".to_owned().into())
            })?;
            headers.insert(HeaderName::from_static("stripe-account"), account);
        }
        Ok(headers)
    }

    fn headers(&self) -> Result<HeaderMap, StripeError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret()))
            .map_err(|_| StripeError::wrong_key("it holds characters that no header can"))?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(
            HeaderName::from_static("stripe-version"),
            HeaderValue::from_static(STRIPE_VERSION),
        );
        Ok(headers)
    }
}

fn read<T: DeserializeOwned>(
    answer: &Answer,
    template: &'static str,
) -> Result<(T, Option<String>), StripeError> {
    let request_id = answer.header("request-id").map(str::to_owned);
    if !answer.status.is_success() {
        return Err(error::from_answer(answer, request_id));
    }
    match serde_json::from_slice(&answer.body) {
        Ok(object) => Ok((object, request_id)),
        // The parser's message could quote the body, so it is not passed on.
        Err(error) => Err(StripeError::Unknown(
            format!(
                "Stripe answered {template} with something that cannot be read (column {})",
                error.column()
            )
            .into(),
        )),
    }
}

/// Obeys `Stripe-Should-Retry`; without it, what Stripe could not work on now is tried again. An answer
/// that Stripe has stored under the key stays the same.
fn judge(answer: &Answer) -> Verdict {
    if error::is_replayed(answer) {
        return Verdict::Final;
    }
    let status = answer.status.as_u16();
    match (answer.header("stripe-should-retry"), status) {
        (Some("false"), _) => Verdict::Final,
        (_, 429) if answer.header("stripe-rate-limited-reason").is_some() => Verdict::SlowDown,
        (Some("true"), _) | (_, 409 | 424 | 429 | 500..=599) => Verdict::Retry,
        _ => Verdict::Final,
    }
}
