//! OAuth tokens by client credentials.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{MIRAKL_CLIENT_ID, MIRAKL_CLIENT_SECRET};
use crate::api::Answer;

const LIFE_SECONDS: i64 = 3599;

/// The tokens that are good, with their ends.
#[derive(Default)]
pub(super) struct Tokens {
    issued: u64,
    good: HashMap<String, DateTime<Utc>>,
}

impl Tokens {
    pub(super) fn is_good(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.good.get(token).is_some_and(|end| now < *end)
    }

    pub(super) fn revoke(&mut self) {
        self.good.clear();
    }

    /// Answers a token request.
    pub(super) fn issue(&mut self, form: &str, now: DateTime<Utc>) -> Answer {
        let fields: HashMap<_, _> = form_urlencoded::parse(form.as_bytes()).collect();
        let field = |name: &str| fields.get(name).map(AsRef::as_ref);
        if field("grant_type") != Some("client_credentials") {
            return refusal(400, "unsupported_grant_type");
        }
        let known = field("client_id") == Some(MIRAKL_CLIENT_ID)
            && field("client_secret") == Some(MIRAKL_CLIENT_SECRET);
        if !known {
            return refusal(401, "invalid_client");
        }
        self.issued += 1;
        let token = format!("mirakl-token-{}", self.issued);
        self.good
            .insert(token.clone(), now + TimeDelta::seconds(LIFE_SECONDS));
        let body = json!({
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": LIFE_SECONDS,
            "target_app": "mmp",
            "resource_owner": MIRAKL_CLIENT_ID,
        });
        Answer::new(200, body.to_string())
    }
}

fn refusal(status: u16, error: &str) -> Answer {
    Answer::new(status, json!({ "error": error }).to_string())
}
