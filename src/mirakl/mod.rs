//! Mirakl's operator API: typed endpoints, one file per resource.

mod auth;
mod awaiting;
mod debit;
mod invoice;
mod order;
mod page;
mod refund;
mod service;
mod shop;
mod shop_update;
mod wire;

pub use auth::{Auth, OAuth};
pub use debit::{ProductDebit, Told};
pub use invoice::{InvoicesQuery, ReadInvoice, UnreadInvoice};
pub(crate) use order::PAGE_SIZE as MOST_IDS;
pub use order::{OrdersQuery, ReadOrder};
pub use page::{NextPage, Page};
pub use refund::{ToldRefund, UnreadRefund};
pub use service::{ReadService, Services, ServicesQuery, ToldService, UnreadService};
pub use shop::{ReadShop, ShopsQuery, UnreadShop};
pub use shop_update::{ShopUpdate, Updated};

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};

use crate::http::{Answer, Api, Failure, Request, Verdict};

/// Why Mirakl did not give what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MiraklError {
    /// 401, 403, or no token: nothing will work until an operator acts.
    #[error(
        "Mirakl refused the credentials ({0}): check MIRAKL_API_KEY, or MIRAKL_CLIENT_ID and MIRAKL_CLIENT_SECRET"
    )]
    Unauthorized(String),
    /// No complete answer.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// A status that is an error.
    #[error("Mirakl answered {path} with {status}: {message}")]
    Status {
        /// The path without its query.
        path: &'static str,
        /// The status.
        status: u16,
        /// Mirakl's own message, if it sent one.
        message: String,
    },
    /// An answer that is not what the API promises.
    #[error("Mirakl answered {path} with something that cannot be read: {cause}")]
    Malformed {
        /// The path without its query.
        path: &'static str,
        /// What is wrong with it.
        cause: String,
    },
}

impl MiraklError {
    /// A list that shows one page again and again would never end.
    pub fn same_page(path: &'static str) -> Self {
        Self::Malformed {
            path,
            cause: "the same page again and again".to_owned(),
        }
    }
}

/// A client of one marketplace.
#[derive(Debug)]
pub struct Mirakl {
    api: Api,
    base: Url,
    auth: Auth,
    fields: ShopFields,
    /// The form of SPA01's body that Mirakl took last.
    service_root_is_object: AtomicBool,
}

/// The codes of the shops' custom fields that this program reads and writes.
#[derive(Debug, Clone)]
pub struct ShopFields {
    /// Holds the onboarding link, later the dashboard's address.
    pub link: String,
    /// `true` in it excludes the shop.
    pub ignored: String,
}

impl Mirakl {
    /// A client of the marketplace at `base`, with at most `concurrency` requests at once.
    pub fn new(
        client: Client,
        base: Url,
        auth: Auth,
        concurrency: usize,
        fields: ShopFields,
    ) -> Self {
        Self {
            api: Api::new("Mirakl", client, judge, concurrency, None),
            base,
            auth,
            fields,
            service_root_is_object: AtomicBool::new(false),
        }
    }

    /// Calls made so far, retries and tokens included.
    pub fn calls(&self) -> u64 {
        self.api.calls()
    }

    /// Fails when the clock here is known to differ too much from Mirakl's.
    pub fn check_clock(&self) -> Result<(), Failure> {
        self.api.check_clock()
    }

    /// The host (and port, if unusual) of the marketplace: its name in keys and metadata.
    pub fn host(&self) -> String {
        host_of(&self.base)
    }

    async fn get(&self, path: &'static str, url: Url) -> Result<Answer, MiraklError> {
        self.call(Method::GET, path, url, None).await
    }

    /// Sends a write, once: when its answer is lost, reading again tells what became of it.
    async fn put(&self, path: &'static str, body: &str) -> Result<Answer, MiraklError> {
        let url = self.address(path);
        self.call(Method::PUT, path, url, Some(body)).await
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    async fn call(
        &self,
        method: Method,
        path: &'static str,
        url: Url,
        body: Option<&str>,
    ) -> Result<Answer, MiraklError> {
        let mut request = Request {
            method,
            url,
            template: path,
            headers: HeaderMap::new(),
            body,
        };
        let answer = self.authorized(&mut request, false).await?;
        let answer = match answer.status {
            // A token may have been revoked before its time; a fresh one decides.
            StatusCode::UNAUTHORIZED if self.auth.can_renew() => {
                self.authorized(&mut request, true).await?
            }
            _ => answer,
        };
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(MiraklError::Unauthorized(answer.status.to_string()))
            }
            status => Err(MiraklError::Status {
                path,
                status: status.as_u16(),
                message: wire::error_message(&answer.body),
            }),
        }
    }

    async fn authorized(
        &self,
        request: &mut Request<'_>,
        renew: bool,
    ) -> Result<Answer, MiraklError> {
        let json = HeaderValue::from_static("application/json");
        let authorization = self.auth.header(&self.api, renew).await?;
        request.headers.insert(ACCEPT, json.clone());
        request.headers.insert(AUTHORIZATION, authorization);
        if request.body.is_none() {
            return Ok(self.api.send(request).await?);
        }
        request.headers.insert(CONTENT_TYPE, json);
        Ok(self.api.send_once(request).await?)
    }
}

/// `host` or `host:port` of an address.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Reads are tried again when Mirakl is busy or broken; anything else is final.
fn judge(answer: &Answer) -> Verdict {
    match answer.status.as_u16() {
        429 => Verdict::SlowDown,
        500 | 502..=504 => Verdict::Retry,
        _ => Verdict::Final,
    }
}

/// A token is renewed this long before it ends.
const TOKEN_MARGIN: Duration = Duration::from_mins(1);
