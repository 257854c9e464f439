//! Builder for a connected account.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::accounts::StoredAccount;
use crate::fields::Change;

/// A connected account: Express, transfers active, payouts enabled and paid out by hand, in euro
/// unless told otherwise.
#[derive(Clone, Debug)]
pub struct AccountSeed {
    id: Option<String>,
    created: Option<DateTime<Utc>>,
    charges_enabled: Option<bool>,
    details_submitted: Option<bool>,
    account: StoredAccount,
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
            charges_enabled: None,
            details_submitted: None,
            account: StoredAccount::new("express", "manual"),
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

    /// Whether charges are enabled; by default if nothing is due and the account is not disabled.
    #[must_use]
    pub fn charges_enabled(mut self, enabled: bool) -> Self {
        self.charges_enabled = Some(enabled);
        self
    }

    /// `details_submitted`; by default if nothing is due and the account is not disabled.
    #[must_use]
    pub fn details_submitted(mut self, submitted: bool) -> Self {
        self.details_submitted = Some(submitted);
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

    /// One more entry of `requirements.pending_verification`.
    #[must_use]
    pub fn pending_verification(mut self, requirement: &str) -> Self {
        let pending = &mut self.account.pending_verification;
        pending.push(requirement.to_owned());
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

    /// Sets any field of what is shown, by name or JSON pointer.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        let changes = &mut self.account.changes;
        changes.push(Change::Set(field.to_owned(), value));
        self
    }

    /// Leaves a field out of what is shown, by name or JSON pointer.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        let changes = &mut self.account.changes;
        changes.push(Change::Without(field.to_owned()));
        self
    }

    pub(super) fn build(
        self,
        make_id: impl FnOnce() -> String,
        now: DateTime<Utc>,
    ) -> StoredAccount {
        let mut account = self.account;
        let done = account.currently_due.is_empty() && account.disabled_reason.is_none();
        account.id = self.id.unwrap_or_else(make_id);
        account.created = self.created.unwrap_or(now).timestamp();
        account.charges_enabled = self.charges_enabled.unwrap_or(done);
        account.details_submitted = self.details_submitted.unwrap_or(done);
        account
    }
}
