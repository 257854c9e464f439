//! Stripe's errors, sorted by what they mean for the request and for the run.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::domain::retry;
use crate::http::{Answer, Failure};

/// Why a call to Stripe has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StripeError {
    /// Stripe refused this request: it had no effect and will have none under its key.
    #[error("{0}")]
    Refused(Refusal),
    /// What became of the request is not known: the same key and bytes decide.
    #[error("{0}")]
    Unknown(Doubt),
    /// Nothing will work until an operator acts: the run stops.
    #[error("{0}")]
    Stop(String),
}

impl StripeError {
    /// Stripe does not take the key.
    pub(super) fn wrong_key(why: &str) -> Self {
        Self::Stop(format!(
            "Stripe refused the key: {why}; check STRIPE_CLIENT_SECRET and its permissions"
        ))
    }
}

/// Why it is not known what became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    said: String,
    /// Stripe is there, and repeats what it once answered under this key: asking again in this run
    /// changes nothing.
    pub replayed: bool,
}

impl From<String> for Doubt {
    fn from(said: String) -> Self {
        Self {
            said,
            replayed: false,
        }
    }
}

impl std::ops::Deref for Doubt {
    type Target = str;

    fn deref(&self) -> &str {
        &self.said
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

/// A definite refusal of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it means for the item.
    pub class: Class,
    /// The HTTP status.
    pub status: u16,
    /// Stripe's code, when it sent one.
    pub code: Option<String>,
    /// The parameter that Stripe names as the cause.
    pub param: Option<String>,
    /// Stripe's message, shortened.
    pub message: String,
    /// The id under which Stripe knows the request.
    pub request_id: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stripe refused: {}", self.message)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

impl Refusal {
    /// The code, or the status where Stripe gave none.
    pub fn reason_code(&self) -> String {
        let code = self.code.clone();
        code.unwrap_or_else(|| format!("http_{}", self.status))
    }

    /// Whether the destination lacks the capability to receive transfers.
    pub fn cannot_receive(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("insufficient_capabilities_for_transfer" | "transfers_not_allowed")
        )
    }
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// May work in a later run.
    Later,
    /// The operator must act; then a later run.
    Operator,
    /// Will not work for this item by waiting.
    Final,
    /// It may have been done already: look before anything else.
    MaybeDone,
}

impl Class {
    /// The wait before the next try, after so many refusals in a row before this one.
    pub fn delay(self, refusals: u32) -> TimeDelta {
        match self {
            Self::Later | Self::Operator => retry::failure_delay(refusals),
            Self::Final | Self::MaybeDone => retry::final_failure_delay(),
        }
    }
}

impl From<Failure> for StripeError {
    fn from(failure: Failure) -> Self {
        let said = failure.to_string();
        match failure {
            Failure::WrongClock { .. } => Self::Stop(said),
            Failure::NotSent { .. } | Failure::Lost { .. } => Self::Unknown(said.into()),
        }
    }
}

/// What was read by its id; `None` when Stripe does not know it.
pub(super) fn known<T>(read: Result<T, StripeError>) -> Result<Option<T>, StripeError> {
    match read {
        Ok(object) => Ok(Some(object)),
        Err(StripeError::Refused(Refusal {
            class: Class::Final,
            status: 404,
            ..
        })) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct WireBody {
    error: WireError,
}

#[derive(Deserialize, Default)]
struct WireError {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Sorts an answer that is not a success.
pub(super) fn from_answer(answer: &Answer, request_id: Option<String>) -> StripeError {
    let body: Option<WireBody> = serde_json::from_slice(&answer.body).ok();
    let known_shape = body.is_some();
    let WireError {
        kind,
        code,
        param,
        message,
    } = body.map(|body| body.error).unwrap_or_default();
    let status = answer.status;
    let shown = |message: &Option<String>| plain(message.as_deref().unwrap_or("no message"));
    let sorted = match &message {
        // A seller without a bank account, which Stripe says in words alone.
        Some(text) if code.is_none() && text.contains("any external accounts") => {
            Sorted::Refused(Class::Later)
        }
        _ => sort(status, kind.as_deref(), code.as_deref(), known_shape),
    };
    match sorted {
        Sorted::Unknown => StripeError::Unknown(Doubt {
            said: format!("Stripe answered {}", status.as_u16()),
            replayed: is_replayed(answer),
        }),
        // Stripe's message repeats a part of the key, so it is not passed on.
        Sorted::Stop => {
            let code = code
                .map(|code| format!(", {}", plain(&code)))
                .unwrap_or_default();
            StripeError::wrong_key(&format!("{}{code}", status.as_u16()))
        }
        Sorted::Refused(class) => StripeError::Refused(Refusal {
            class,
            status: status.as_u16(),
            message: shown(&message),
            code: code.as_deref().map(plain),
            param: param.as_deref().map(plain),
            request_id,
        }),
    }
}

/// Whether Stripe repeats the answer that it has stored under the request's key.
pub(super) fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

/// Stripe's message without what it repeats of a key: mode and last characters are told nobody.
fn without_keys(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '.' | '…');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word);
        match word.starts_with("sk_") || word.starts_with("rk_") {
            true => shown.push_str("(hidden)"),
            false => shown.push_str(word),
        }
        let gap = after.find(is_part).unwrap_or(after.len());
        let (gap, after) = after.split_at(gap);
        shown.push_str(gap);
        rest = after;
    }
    shown
}

/// Stripe's words as they may be stored and shown: they may quote what somebody else has typed.
fn plain(text: &str) -> String {
    let shown = without_keys(text);
    shown
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Sorted {
    Unknown,
    Stop,
    Refused(Class),
}

fn sort(status: StatusCode, kind: Option<&str>, code: Option<&str>, known_shape: bool) -> Sorted {
    match status.as_u16() {
        401 => return Sorted::Stop,
        409 | 424 | 429 => return Sorted::Unknown,
        // Whatever else it is, it is no refusal.
        other if !(400..500).contains(&other) => return Sorted::Unknown,
        // A proxy's page instead of Stripe's JSON says nothing about the effect.
        _ if !known_shape => return Sorted::Unknown,
        _ => {}
    }
    if kind == Some("idempotency_error") {
        return Sorted::Refused(Class::MaybeDone);
    }
    if kind == Some("api_error") {
        return Sorted::Unknown;
    }
    match code {
        Some(
            "api_key_expired"
            | "platform_api_key_expired"
            | "secret_key_required"
            | "testmode_charges_only"
            | "platform_account_required"
            | "tls_version_unsupported",
        ) => Sorted::Stop,
        Some("processing_error" | "rate_limit" | "lock_timeout") => Sorted::Unknown,
        Some(
            "balance_insufficient"
            | "insufficient_funds"
            | "insufficient_capabilities_for_transfer"
            | "transfers_not_allowed"
            | "payouts_not_allowed"
            | "payouts_limit_exceeded"
            | "payment_intent_rate_limit_exceeded",
        ) => Sorted::Refused(Class::Later),
        Some(
            "anomalous_money_movement_request"
            | "approval_required"
            | "request_blocked"
            | "action_blocked"
            | "charge_disputed"
            | "refund_disputed_payment"
            | "bank_account_restricted"
            | "bank_account_unusable"
            | "bank_account_unverified"
            | "debit_not_authorized"
            | "country_unsupported",
        ) => Sorted::Refused(Class::Operator),
        Some(
            "charge_already_refunded"
            | "charge_already_captured"
            | "payment_intent_unexpected_state"
            | "intent_invalid_state"
            | "resource_already_exists",
        ) => Sorted::Refused(Class::MaybeDone),
        Some("account_invalid" | "account_closed") => Sorted::Refused(Class::Final),
        // A restricted key that lacks a permission: every item would meet it.
        _ if status == StatusCode::FORBIDDEN => Sorted::Stop,
        _ => Sorted::Refused(Class::Final),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_nothing_of_a_key() {
        for (said, shown) in [
            (
                "The provided key 'sk_live_51H****abcd' does not have access to account 'acct_1'",
                "The provided key '(hidden)' does not have access to account 'acct_1'",
            ),
            ("rk_test_...wxyz is expired", "(hidden) is expired"),
            ("Key: sk_test_4eC39H", "Key: (hidden)"),
            ("ask_me: risk_1, task_2.", "ask_me: risk_1, task_2."),
            ("", ""),
        ] {
            assert_eq!(without_keys(said), shown);
        }
    }

    #[test]
    fn errors_are_sorted_by_what_is_known_of_the_effect() {
        use Class::{Final, Later, MaybeDone, Operator};
        let invalid = Some("invalid_request_error");
        for (status, kind, code, sorted) in [
            (401, invalid, None, Sorted::Stop),
            (403, invalid, None, Sorted::Stop),
            (400, invalid, Some("api_key_expired"), Sorted::Stop),
            (500, Some("api_error"), None, Sorted::Unknown),
            (503, None, None, Sorted::Unknown),
            (
                409,
                invalid,
                Some("idempotency_key_in_use"),
                Sorted::Unknown,
            ),
            (429, invalid, Some("lock_timeout"), Sorted::Unknown),
            (424, invalid, None, Sorted::Unknown),
            (140, invalid, None, Sorted::Unknown),
            (302, invalid, None, Sorted::Unknown),
            (600, invalid, None, Sorted::Unknown),
            (400, Some("api_error"), None, Sorted::Unknown),
            (
                400,
                Some("idempotency_error"),
                None,
                Sorted::Refused(MaybeDone),
            ),
            (
                400,
                invalid,
                Some("balance_insufficient"),
                Sorted::Refused(Later),
            ),
            (
                400,
                invalid,
                Some("insufficient_capabilities_for_transfer"),
                Sorted::Refused(Later),
            ),
            (
                400,
                invalid,
                Some("charge_disputed"),
                Sorted::Refused(Operator),
            ),
            (
                404,
                invalid,
                Some("resource_missing"),
                Sorted::Refused(Final),
            ),
            (
                403,
                invalid,
                Some("account_invalid"),
                Sorted::Refused(Final),
            ),
            (
                400,
                invalid,
                Some("parameter_unknown"),
                Sorted::Refused(Final),
            ),
            (
                400,
                invalid,
                Some("a_code_of_the_future"),
                Sorted::Refused(Final),
            ),
            (400, invalid, None, Sorted::Refused(Final)),
            (402, Some("card_error"), None, Sorted::Refused(Final)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(sort(status, kind, code, true), sorted, "{status} {code:?}");
        }
        let html = sort(StatusCode::BAD_REQUEST, None, None, false);
        assert_eq!(html, Sorted::Unknown);
    }
}
