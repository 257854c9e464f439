//! Builders for payments and for transfers that somebody else made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// Metadata under which a basket's id is kept.
const BASKET: &str = "mirakl_commercial_order_id";

/// What a payment made: its intent, if it has one, and its charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// `pi_…`
    pub intent: Option<String>,
    /// `ch_…` or `py_…`
    pub charge: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Captured,
    Authorized,
    Processing,
    Failed,
    Canceled,
}

/// When an authorisation ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// After its usual time.
    Usual,
    At(DateTime<Utc>),
    /// After its usual time, but the charge does not say so.
    Hidden,
}

/// A customer's payment: an intent that succeeded, with one captured charge, unless told otherwise.
#[derive(Clone, Debug)]
pub struct PaymentSeed {
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) stage: Stage,
    pub(super) bare: bool,
    pub(super) py: bool,
    pub(super) disputed: bool,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) charge_metadata: BTreeMap<String, String>,
    pub(super) settlement: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) end: End,
}

impl PaymentSeed {
    /// A payment of an amount in minor units.
    pub fn new(amount_minor: i64, currency: &str) -> Self {
        Self {
            amount: amount_minor,
            currency: currency.to_owned(),
            stage: Stage::Captured,
            bare: false,
            py: false,
            disputed: false,
            metadata: BTreeMap::new(),
            charge_metadata: BTreeMap::new(),
            settlement: None,
            customer: None,
            transfer_group: None,
            created: None,
            end: End::Usual,
        }
    }

    /// The basket, in the metadata of the intent (of the charge, if it is bare).
    #[must_use]
    pub fn basket(self, commercial_id: &str) -> Self {
        self.metadata(BASKET, commercial_id)
    }

    /// The basket, in the metadata of the charge.
    #[must_use]
    pub fn basket_on_charge(mut self, commercial_id: &str) -> Self {
        let metadata = &mut self.charge_metadata;
        metadata.insert(BASKET.to_owned(), commercial_id.to_owned());
        self
    }

    /// Any metadata of the intent (of the charge, if it is bare).
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Authorised, not captured; for seven days from its creation, unless told otherwise.
    #[must_use]
    pub fn authorized(mut self) -> Self {
        self.stage = Stage::Authorized;
        self
    }

    /// On its way, as a bank debit is for days.
    #[must_use]
    pub fn processing(mut self) -> Self {
        self.stage = Stage::Processing;
        self
    }

    /// The charge failed; the intent waits for another payment method.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.stage = Stage::Failed;
        self
    }

    /// Authorised, then cancelled.
    #[must_use]
    pub fn canceled(mut self) -> Self {
        self.stage = Stage::Canceled;
        self
    }

    /// A charge without an intent.
    #[must_use]
    pub fn bare_charge(mut self) -> Self {
        self.bare = true;
        self
    }

    /// A charge whose id begins `py_`, as that of a bank debit.
    #[must_use]
    pub fn py(mut self) -> Self {
        self.py = true;
        self
    }

    /// Settles in another currency, at 5 units of it for 4 of the payment's.
    #[must_use]
    pub fn settlement(mut self, currency: &str) -> Self {
        self.settlement = Some(currency.to_owned());
        self
    }

    /// `customer`, `cus_…`.
    #[must_use]
    pub fn customer(mut self, customer: &str) -> Self {
        self.customer = Some(customer.to_owned());
        self
    }

    /// `transfer_group` of intent and charge.
    #[must_use]
    pub fn transfer_group(mut self, group: &str) -> Self {
        self.transfer_group = Some(group.to_owned());
        self
    }

    /// The customer disputes the charge.
    #[must_use]
    pub fn disputed(mut self) -> Self {
        self.disputed = true;
        self
    }

    /// Time of creation; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }

    /// When the authorisation ends, if it is not captured.
    #[must_use]
    pub fn capture_before(mut self, at: DateTime<Utc>) -> Self {
        self.end = End::At(at);
        self
    }

    /// The charge does not say when its authorisation ends, though it ends after seven days.
    #[must_use]
    pub fn hide_capture_before(mut self) -> Self {
        self.end = End::Hidden;
        self
    }
}

/// A transfer made elsewhere. Nothing is checked, and the ledger counts it.
#[derive(Clone, Debug)]
pub struct TransferSeed {
    pub(super) destination: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) source_transaction: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created: Option<DateTime<Utc>>,
}

impl TransferSeed {
    /// A transfer to an account.
    pub fn new(destination: &str, amount_minor: i64, currency: &str) -> Self {
        Self {
            destination: destination.to_owned(),
            amount: amount_minor,
            currency: currency.to_owned(),
            source_transaction: None,
            transfer_group: None,
            metadata: BTreeMap::new(),
            created: None,
        }
    }

    /// The charge it is paid from.
    #[must_use]
    pub fn source_transaction(mut self, charge: &str) -> Self {
        self.source_transaction = Some(charge.to_owned());
        self
    }

    /// `transfer_group`; by default the charge's.
    #[must_use]
    pub fn transfer_group(mut self, group: &str) -> Self {
        self.transfer_group = Some(group.to_owned());
        self
    }

    /// One more entry of `metadata`.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Time of creation; by default now.
    #[must_use]
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created = Some(at);
        self
    }
}
