//! What a test sees of an account.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::accounts::StoredAccount;
use super::views::time;

/// A connected account, as Stripe has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "Stripe has as many")]
pub struct Account {
    /// `acct_…`
    pub id: String,
    /// `express`, `custom` or `standard`.
    pub kind: String,
    /// In whole seconds.
    pub created: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one, or not by a request.
    pub idempotency_key: Option<String>,
    /// Whether it is still connected to the platform.
    pub connected: bool,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// Two letters.
    pub country: String,
    /// `default_currency`.
    pub currency: String,
    /// As sent.
    pub email: Option<String>,
    /// As sent.
    pub business_type: Option<String>,
    /// `business_profile.name`.
    pub business_name: Option<String>,
    /// `business_profile.url`.
    pub business_url: Option<String>,
    /// `business_profile.support_email`.
    pub support_email: Option<String>,
    /// `business_profile.support_phone`.
    pub support_phone: Option<String>,
    /// Status of the capability `transfers`, if it was requested.
    pub transfers: Option<String>,
    /// Whether charges are enabled.
    pub charges_enabled: bool,
    /// Whether payouts are enabled.
    pub payouts_enabled: bool,
    /// Whether the seller has finished the form.
    pub details_submitted: bool,
    /// Interval of the payout schedule.
    pub payout_interval: String,
    /// Whether Stripe may debit the seller's bank account.
    pub debit_negative_balances: bool,
    /// `requirements.currently_due`.
    pub currently_due: Vec<String>,
    /// `requirements.pending_verification`.
    pub pending_verification: Vec<String>,
    /// `requirements.disabled_reason`.
    pub disabled_reason: Option<String>,
}

impl StoredAccount {
    pub(super) fn view(&self) -> Account {
        let profile = |name: &str| self.profile.get(name).cloned();
        Account {
            id: self.id.clone(),
            kind: self.kind.clone(),
            created: time(self.created),
            idempotency_key: self.idempotency_key.clone(),
            connected: self.connected,
            metadata: self.metadata.clone(),
            country: self.country.clone(),
            currency: self.currency.clone(),
            email: self.email.clone(),
            business_type: self.business_type.clone(),
            business_name: profile("name"),
            business_url: profile("url"),
            support_email: profile("support_email"),
            support_phone: profile("support_phone"),
            transfers: self.capabilities.get("transfers").cloned(),
            charges_enabled: self.charges_enabled,
            payouts_enabled: self.payouts_enabled,
            details_submitted: self.details_submitted,
            payout_interval: self.schedule.clone(),
            debit_negative_balances: self.debit_negative_balances,
            currently_due: self.currently_due.clone(),
            pending_verification: self.pending_verification.clone(),
            disabled_reason: self.disabled_reason.clone(),
        }
    }
}
