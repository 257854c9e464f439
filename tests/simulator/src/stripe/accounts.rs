//! Accounts: the platform's own and those connected to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::shelf::Item;

/// A connected account: Express, transfers active, payouts enabled and paid out by hand, in euro
/// unless told otherwise.
#[derive(Clone, Debug)]
pub struct AccountSeed {
    pub(super) id: Option<String>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) account: Account,
}

impl Default for AccountSeed {
    fn default() -> Self {
        Self::new()
    }
}

impl AccountSeed {
    /// An account that is ready to receive transfers and payouts.
    pub fn new() -> Self {
        Self {
            id: None,
            created: None,
            account: Account::new("express", "manual"),
        }
    }

    /// The id, `acct_…`; by default a new one.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// `express`, `custom` or `standard`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.account.kind);
        self
    }

    /// Status of the capability `transfers`: `active`, `inactive` or `pending`.
    #[must_use]
    pub fn transfers(self, status: &str) -> Self {
        self.capability("transfers", status)
    }

    /// Status of any capability.
    #[must_use]
    pub fn capability(mut self, capability: &str, status: &str) -> Self {
        let capabilities = &mut self.account.capabilities;
        capabilities.insert(capability.to_owned(), status.to_owned());
        self
    }

    /// No capability requested.
    #[must_use]
    pub fn no_capabilities(mut self) -> Self {
        self.account.capabilities.clear();
        self
    }

    /// Whether payouts are enabled.
    #[must_use]
    pub fn payouts_enabled(mut self, enabled: bool) -> Self {
        self.account.payouts_enabled = enabled;
        self
    }

    /// Interval of the payout schedule: `manual`, `daily`, `weekly` or `monthly`.
    #[must_use]
    pub fn payouts_schedule(mut self, interval: &str) -> Self {
        interval.clone_into(&mut self.account.schedule);
        self
    }

    /// `country`, two letters.
    #[must_use]
    pub fn country(mut self, country: &str) -> Self {
        country.clone_into(&mut self.account.country);
        self
    }

    /// `default_currency`.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.account.currency);
        self
    }

    /// One more entry of `metadata`.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        let metadata = &mut self.account.metadata;
        metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// One more entry of `requirements.currently_due`.
    #[must_use]
    pub fn currently_due(mut self, requirement: &str) -> Self {
        self.account.currently_due.push(requirement.to_owned());
        self
    }

    /// `requirements.disabled_reason`.
    #[must_use]
    pub fn disabled(mut self, reason: &str) -> Self {
        self.account.disabled_reason = Some(reason.to_owned());
        self
    }

    /// Time of creation; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) created: i64,
    kind: String,
    country: String,
    currency: String,
    pub(super) capabilities: BTreeMap<String, String>,
    payouts_enabled: bool,
    schedule: String,
    metadata: BTreeMap<String, String>,
    currently_due: Vec<String>,
    disabled_reason: Option<String>,
}

impl Item for Account {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Account {
    pub(super) fn new(kind: &str, schedule: &str) -> Self {
        Self {
            id: String::new(),
            created: 0,
            kind: kind.to_owned(),
            country: "FR".to_owned(),
            currency: "eur".to_owned(),
            capabilities: BTreeMap::from([("transfers".to_owned(), "active".to_owned())]),
            payouts_enabled: true,
            schedule: schedule.to_owned(),
            metadata: BTreeMap::new(),
            currently_due: Vec::new(),
            disabled_reason: None,
        }
    }

    pub(super) fn receives_transfers(&self) -> bool {
        let transfers = self.capabilities.get("transfers");
        transfers.is_some_and(|status| status == "active")
    }

    pub(super) fn show(&self) -> Value {
        let done = self.currently_due.is_empty() && self.disabled_reason.is_none();
        let requirements = json!({
            "alternatives": [],
            "current_deadline": null,
            "currently_due": self.currently_due,
            "disabled_reason": self.disabled_reason,
            "errors": [],
            "eventually_due": self.currently_due,
            "past_due": [],
            "pending_verification": [],
        });
        json!({
            "id": self.id,
            "object": "account",
            "business_profile": { "mcc": null, "name": null, "url": null },
            "business_type": null,
            "capabilities": self.capabilities,
            "charges_enabled": done,
            "controller": { "type": "application", "is_controller": true },
            "country": self.country,
            "created": self.created,
            "default_currency": self.currency,
            "details_submitted": done,
            "email": null,
            "external_accounts": {
                "object": "list",
                "data": [],
                "has_more": false,
                "url": format!("/v1/accounts/{}/external_accounts", self.id),
            },
            "future_requirements": {
                "alternatives": [],
                "current_deadline": null,
                "currently_due": [],
                "disabled_reason": null,
                "errors": [],
                "eventually_due": [],
                "past_due": [],
                "pending_verification": [],
            },
            "metadata": self.metadata,
            "payouts_enabled": self.payouts_enabled,
            "requirements": requirements,
            "settings": {
                "payouts": {
                    "debit_negative_balances": false,
                    "schedule": { "delay_days": 2, "interval": self.schedule },
                    "statement_descriptor": null,
                },
            },
            "tos_acceptance": { "date": null, "ip": null, "user_agent": null },
            "type": self.kind,
        })
    }
}
