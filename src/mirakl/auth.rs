//! How this program proves who it is to Mirakl: an API key, or OAuth 2 client credentials.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::{MiraklError, TOKEN_MARGIN, wire};
use crate::http::{Api, Request};

const TOKEN_PATH: &str = "/oauth/token";

/// The credentials.
#[derive(Debug)]
pub enum Auth {
    /// An operator's API key, sent as it is.
    ApiKey(SecretString),
    /// OAuth 2 client credentials.
    OAuth(Box<OAuth>),
}

/// OAuth 2 client credentials and the token they last bought.
#[derive(Debug)]
pub struct OAuth {
    token_url: Url,
    client_id: String,
    client_secret: SecretString,
    token: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
}

/// `POST …/oauth/token`
#[derive(Deserialize)]
struct WireToken {
    access_token: String,
    expires_in: u64,
}

impl OAuth {
    /// Credentials that buy tokens at `token_url`.
    pub fn new(token_url: Url, client_id: String, client_secret: SecretString) -> Self {
        Self {
            token_url,
            client_id,
            client_secret,
            token: Mutex::new(None),
        }
    }

    async fn header(&self, api: &Api, renew: bool) -> Result<HeaderValue, MiraklError> {
        let mut token = self.token.lock().await;
        match &*token {
            Some(token) if !renew && token.renew_at > Instant::now() => Ok(token.header.clone()),
            _ => {
                let bought = self.buy(api).await?;
                let header = bought.header.clone();
                *token = Some(bought);
                Ok(header)
            }
        }
    }

    async fn buy(&self, api: &Api) -> Result<Token, MiraklError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose_secret())
            .finish();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let request = Request {
            method: Method::POST,
            url: self.token_url.clone(),
            template: TOKEN_PATH,
            headers,
            body: Some(&form),
        };
        let answer = api.send(&request).await?;
        // 400 is how a token endpoint refuses a client (invalid_client, invalid_grant).
        if matches!(answer.status.as_u16(), 400 | 401 | 403) {
            return Err(MiraklError::Unauthorized(format!(
                "{} from the token endpoint",
                answer.status
            )));
        }
        if !answer.status.is_success() {
            return Err(MiraklError::Status {
                path: TOKEN_PATH,
                status: answer.status.as_u16(),
                message: wire::error_message(&answer.body),
            });
        }
        // The parser's message could quote the token, so it is not passed on.
        let malformed = || MiraklError::Malformed {
            path: TOKEN_PATH,
            cause: "no access_token and expires_in".to_owned(),
        };
        let token: WireToken = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
        let life = Duration::from_secs(token.expires_in);
        Ok(Token {
            header: secret_header(&format!("Bearer {}", token.access_token))
                .ok_or_else(malformed)?,
            renew_at: Instant::now() + life.saturating_sub(TOKEN_MARGIN),
        })
    }
}

impl Auth {
    /// Whether a 401 may be mended by asking for a new token.
    pub(super) fn can_renew(&self) -> bool {
        match self {
            Self::ApiKey(_) => false,
            Self::OAuth(_) => true,
        }
    }

    pub(super) async fn header(&self, api: &Api, renew: bool) -> Result<HeaderValue, MiraklError> {
        match self {
            Self::ApiKey(key) => secret_header(key.expose_secret()).ok_or_else(|| {
                MiraklError::Unauthorized("the key holds characters that no header can".to_owned())
            }),
            Self::OAuth(oauth) => oauth.header(api, renew).await,
        }
    }
}

/// A header whose value no `Debug` shows.
fn secret_header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
