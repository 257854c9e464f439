//! A notification as it arrived.

use std::fmt::Write;

use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// A request that reached the operator's server.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Header `Notification-Id`.
    pub id: Option<String>,
    /// Header `Notification-Signature`.
    pub signature: Option<String>,
    /// Header `Content-Type`.
    pub content_type: Option<String>,
    /// The raw body.
    pub body: String,
    /// The body, `null` if it is not JSON.
    pub json: Value,
    /// When it arrived, in real time.
    pub at: DateTime<Utc>,
    /// What was answered; `None` while in flight and if nothing was.
    pub status: Option<u16>,
}

impl Delivery {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
        let header = |name: &str| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
        let body = String::from_utf8_lossy(body).into_owned();
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            id: header("notification-id"),
            signature: header("notification-signature"),
            content_type: header("content-type"),
            json: serde_json::from_str(&body).unwrap_or_default(),
            body,
            at: Utc::now(),
            status: None,
        }
    }

    /// Whether it was answered with success.
    pub fn was_accepted(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether its signature, `t=<unix time>,v1=<hex>`, is that of this secret.
    pub fn signed_with(&self, secret: &str) -> bool {
        let signature = self.signature.as_deref().unwrap_or_default();
        let parts = || signature.split(',').filter_map(|part| part.split_once('='));
        let Some((_, time)) = parts().find(|(name, _)| *name == "t") else {
            return false;
        };
        if time.parse::<i64>().is_err() {
            return false;
        }
        let wanted = sign(secret, &format!("{time}.{}", self.body));
        parts().any(|(name, given)| name == "v1" && given == wanted)
    }
}

/// HMAC-SHA256 in lower case hex.
fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_text_has_its_known_signature() {
        // RFC 4231, test case 2.
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", "what do ya want for nothing?"), wanted);
    }
}
