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
    Unknown(String),
    /// Nothing will work until an operator acts: the run stops.
    #[error("Stripe refused the key: {0}; check STRIPE_CLIENT_SECRET")]
    Stop(String),
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
        Self::Unknown(failure.to_string())
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
        Sorted::Unknown => StripeError::Unknown(format!("Stripe answered {}", status.as_u16())),
        // Stripe's message repeats a part of the key, so it is not passed on.
        Sorted::Stop => StripeError::Stop(format!(
            "{}{}",
            status.as_u16(),
            code.map(|code| format!(", {}", plain(&code)))
                .unwrap_or_default()
        )),
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

/// Stripe's words as they may be stored and shown: they may quote what somebody else has typed.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
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
        409 | 424 | 429 | 500..=599 => return Sorted::Unknown,
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
