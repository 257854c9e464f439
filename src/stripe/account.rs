//! Accounts: `GET /v1/account` and `GET /v1/accounts/{id}`.

use std::collections::HashMap;

use serde::Deserialize;

use super::wire::null_is_false;
use super::{Class, Refusal, Stripe, StripeError};
use crate::domain::ids::AccountId;

/// A connected account, as far as this program decides by it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct ConnectedAccount {
    /// Its id.
    pub id: AccountId,
    /// Can take payments.
    pub charges_enabled: bool,
    /// Can be paid out.
    pub payouts_enabled: bool,
    /// The seller has finished the form.
    pub details_submitted: bool,
    /// Can receive transfers.
    pub transfers_active: bool,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
    /// `manual`, or how often Stripe pays out by itself.
    pub payout_interval: Option<String>,
}

#[derive(Deserialize)]
struct WireAccount {
    id: AccountId,
    #[serde(default, deserialize_with = "null_is_false")]
    charges_enabled: bool,
    #[serde(default, deserialize_with = "null_is_false")]
    payouts_enabled: bool,
    #[serde(default, deserialize_with = "null_is_false")]
    details_submitted: bool,
    #[serde(default)]
    capabilities: Option<HashMap<String, String>>,
    #[serde(default)]
    requirements: Option<WireRequirements>,
    #[serde(default)]
    settings: Option<WireSettings>,
}

#[derive(Deserialize)]
struct WireRequirements {
    #[serde(default)]
    disabled_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireSettings {
    #[serde(default)]
    payouts: Option<WirePayouts>,
}

#[derive(Deserialize)]
struct WirePayouts {
    #[serde(default)]
    schedule: Option<WireSchedule>,
}

#[derive(Deserialize)]
struct WireSchedule {
    #[serde(default)]
    interval: Option<String>,
}

impl Stripe {
    /// The key's own account: the platform.
    pub async fn platform(&self) -> Result<AccountId, StripeError> {
        let account: WireAccount = self.get("/v1/account", "/v1/account", &[]).await?;
        Ok(account.id)
    }

    /// A connected account; `None` when this platform has no such account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<ConnectedAccount>, StripeError> {
        let path = format!("/v1/accounts/{id}");
        let result: Result<WireAccount, _> = self.get("/v1/accounts/{id}", &path, &[]).await;
        match result {
            Ok(account) => Ok(Some(account.into())),
            Err(StripeError::Refused(Refusal {
                class: Class::Final,
                status: 403 | 404,
                ..
            })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<WireAccount> for ConnectedAccount {
    fn from(wire: WireAccount) -> Self {
        let capabilities = wire.capabilities.unwrap_or_default();
        let payouts = wire.settings.and_then(|settings| settings.payouts);
        let schedule = payouts.and_then(|payouts| payouts.schedule);
        Self {
            id: wire.id,
            charges_enabled: wire.charges_enabled,
            payouts_enabled: wire.payouts_enabled,
            details_submitted: wire.details_submitted,
            transfers_active: capabilities.get("transfers").is_some_and(|s| s == "active"),
            disabled_reason: wire.requirements.and_then(|r| r.disabled_reason),
            payout_interval: schedule.and_then(|schedule| schedule.interval),
        }
    }
}
