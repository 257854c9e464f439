//! One notification's way to the operator's server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::Event;
use crate::domain::ids::ShopId;
use crate::hex::hex;

/// The `Notification-Id` of the sample.
pub const SAMPLE_ID: &str = "sample";
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The operator's server.
#[derive(Debug)]
pub struct Notifier {
    client: Client,
    url: Url,
    secret: Option<SecretString>,
}

impl Notifier {
    /// A server at `url`; with a secret each notification is signed.
    pub fn new(client: Client, url: Url, secret: Option<SecretString>) -> Self {
        Self {
            client,
            url,
            secret,
        }
    }

    /// Where it is, without what may be secret in it.
    pub fn endpoint(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}"));
        format!("{host}{}{}", port.unwrap_or_default(), self.url.path())
    }

    /// Each notification is signed.
    pub fn signs(&self) -> bool {
        self.secret.is_some()
    }

    /// Sends a notification about a shop that does not exist, to see whether the server takes it.
    pub async fn send_sample(&self, now: DateTime<Utc>) -> Result<(), String> {
        let sample = Event::AccountUpdated {
            shop_id: ShopId(0),
            account: "acct_sample".into(),
        };
        self.send(SAMPLE_ID, &sample.body(), now, SAMPLE_TIMEOUT)
            .await
    }

    /// Tries once. Any answer but a 2xx is an error, told without the address, which may hold a
    /// secret of the operator's.
    pub(super) async fn send(
        &self,
        id: &str,
        body: &str,
        now: DateTime<Utc>,
        timeout: Duration,
    ) -> Result<(), String> {
        let mut request = self
            .client
            .post(self.url.clone())
            .timeout(timeout)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(HeaderName::from_static("notification-id"), id);
        if let Some(secret) = &self.secret {
            let name = HeaderName::from_static("notification-signature");
            request = request.header(name, sign(secret, now.timestamp(), body));
        }
        // The status is all that counts: the answer's body is not waited for.
        match request.body(body.to_owned()).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err("it did not answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("no connection".to_owned()),
            Err(_) => Err("the connection broke before an answer".to_owned()),
        }
    }
}

/// `t=<unix seconds>,v1=<hexadecimal HMAC-SHA-256 of "t.body">`.
fn sign(secret: &SecretString, unix: i64, body: &str) -> String {
    // A key of any length will do.
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let signed = mac.map(|mut mac| {
        mac.update(format!("{unix}.{body}").as_bytes());
        hex(&mac.finalize().into_bytes())
    });
    format!("t={unix},v1={}", signed.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_of_time_and_body() {
        // echo -n '1770000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
        assert_eq!(
            sign(&"s3cret".into(), 1_770_000_000, r#"{"a":1}"#),
            "t=1770000000,v1=8ad96403f5cdc5af8fc8cc4ffdaf973e3eba68afca3f59e9831f5e4a23167fee"
        );
    }
}
