//! Accounts: the platform's own and those connected to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shelf::Item;
use crate::fields::Change;

/// What is kept of an account.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "Stripe has as many")]
pub(super) struct StoredAccount {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) idempotency_key: Option<String>,
    pub(super) connected: bool,
    pub(super) kind: String,
    pub(super) country: String,
    pub(super) currency: String,
    pub(super) email: Option<String>,
    pub(super) business_type: Option<String>,
    /// What is given of `business_profile`.
    pub(super) profile: BTreeMap<String, String>,
    pub(super) capabilities: BTreeMap<String, String>,
    pub(super) charges_enabled: bool,
    pub(super) payouts_enabled: bool,
    pub(super) details_submitted: bool,
    pub(super) schedule: String,
    pub(super) delay_days: i64,
    pub(super) debit_negative_balances: bool,
    pub(super) statement_descriptor: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) currently_due: Vec<String>,
    pub(super) past_due: Vec<String>,
    pub(super) pending_verification: Vec<String>,
    pub(super) disabled_reason: Option<String>,
    /// What a test wants shown otherwise.
    pub(super) changes: Vec<Change>,
}

impl Item for StoredAccount {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredAccount {
    /// An account that lacks nothing.
    pub(super) fn new(kind: &str, schedule: &str) -> Self {
        Self {
            id: String::new(),
            created: 0,
            idempotency_key: None,
            connected: true,
            kind: kind.to_owned(),
            country: "FR".to_owned(),
            currency: "eur".to_owned(),
            email: None,
            business_type: None,
            profile: BTreeMap::new(),
            capabilities: BTreeMap::from([("transfers".to_owned(), "active".to_owned())]),
            charges_enabled: true,
            payouts_enabled: true,
            details_submitted: true,
            schedule: schedule.to_owned(),
            delay_days: 2,
            debit_negative_balances: false,
            statement_descriptor: None,
            metadata: BTreeMap::new(),
            currently_due: Vec::new(),
            past_due: Vec::new(),
            pending_verification: Vec::new(),
            disabled_reason: None,
            changes: Vec::new(),
        }
    }

    pub(super) fn receives_transfers(&self) -> bool {
        let transfers = self.capabilities.get("transfers");
        transfers.is_some_and(|status| status == "active")
    }

    /// Sets every capability that was requested.
    pub(super) fn set_capabilities(&mut self, status: &str) {
        for own in self.capabilities.values_mut() {
            status.clone_into(own);
        }
    }

    /// Sets what is due, now and eventually.
    pub(super) fn set_due(&mut self, requirements: &[&str]) {
        self.currently_due = requirements.iter().map(|&name| name.to_owned()).collect();
        self.past_due.clone_from(&self.currently_due);
    }

    pub(super) fn show(&self) -> Value {
        let mut account = json!({
            "id": self.id,
            "object": "account",
            "business_profile": self.show_profile(),
            "business_type": self.business_type,
            "capabilities": self.capabilities,
            "charges_enabled": self.charges_enabled,
            "controller": { "type": "application", "is_controller": true },
            "country": self.country,
            "created": self.created,
            "default_currency": self.currency,
            "details_submitted": self.details_submitted,
            "email": self.email,
            "external_accounts": {
                "object": "list",
                "data": [],
                "has_more": false,
                "url": format!("/v1/accounts/{}/external_accounts", self.id),
            },
            "future_requirements": requirements(&[], &[], &[], None),
            "metadata": self.metadata,
            "payouts_enabled": self.payouts_enabled,
            "requirements": requirements(
                &self.currently_due,
                &self.past_due,
                &self.pending_verification,
                self.disabled_reason.as_deref(),
            ),
            "settings": {
                "payouts": {
                    "debit_negative_balances": self.debit_negative_balances,
                    "schedule": { "delay_days": self.delay_days, "interval": self.schedule },
                    "statement_descriptor": self.statement_descriptor,
                },
            },
            "tos_acceptance": { "date": null, "ip": null, "user_agent": null },
            "type": self.kind,
        });
        for change in &self.changes {
            change.apply(&mut account);
        }
        account
    }

    fn show_profile(&self) -> Value {
        let mut shown = json!({ "mcc": null, "name": null, "url": null });
        for name in [
            "product_description",
            "support_email",
            "support_phone",
            "support_url",
        ] {
            shown[name] = Value::Null;
        }
        for (name, value) in &self.profile {
            shown[name] = value.as_str().into();
        }
        shown
    }
}

fn requirements(
    due: &[String],
    past_due: &[String],
    pending: &[String],
    disabled_reason: Option<&str>,
) -> Value {
    json!({
        "alternatives": [],
        "current_deadline": null,
        "currently_due": due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": past_due,
        "pending_verification": pending,
    })
}
