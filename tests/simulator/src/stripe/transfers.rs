//! Transfers and their form.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::reversals::StoredReversal;
use super::shelf::{Item, Shelf};

/// Reversals shown inside a transfer.
const REVERSALS_SHOWN: usize = 10;

/// A transfer, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// `tr_…`
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// `acct_…`
    pub destination: String,
    /// The charge it is paid from.
    pub source_transaction: Option<String>,
    /// The charge's group, if it has a charge.
    pub transfer_group: Option<String>,
    /// As sent.
    pub metadata: BTreeMap<String, String>,
    /// In whole seconds.
    pub created: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
    /// How much of it was taken back.
    pub amount_reversed: i64,
}

#[derive(Debug)]
pub(super) struct StoredTransfer {
    pub(super) transfer: Transfer,
    /// The connected account that made it; `None` for the platform.
    pub(super) owner: Option<String>,
    pub(super) created: i64,
    pub(super) description: Option<String>,
    pub(super) source_type: String,
    pub(super) balance_transaction: String,
    pub(super) destination_payment: String,
    /// When its money can be spent.
    pub(super) arrives: i64,
    pub(super) reversals: Shelf<StoredReversal>,
}

impl Item for StoredTransfer {
    fn id(&self) -> &str {
        &self.transfer.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl StoredTransfer {
    pub(super) fn show(&self, live: bool) -> Value {
        let transfer = &self.transfer;
        let reversals = self.reversals.newest(REVERSALS_SHOWN);
        let reversals: Vec<Value> = reversals.map(StoredReversal::show).collect();
        json!({
            "id": transfer.id,
            "object": "transfer",
            "amount": transfer.amount,
            "amount_reversed": transfer.amount_reversed,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": transfer.currency,
            "description": self.description,
            "destination": transfer.destination,
            "destination_payment": self.destination_payment,
            "livemode": live,
            "metadata": transfer.metadata,
            "reversals": {
                "object": "list",
                "has_more": self.reversals.len() > reversals.len(),
                "data": reversals,
                "url": format!("/v1/transfers/{}/reversals", transfer.id),
            },
            "reversed": transfer.amount_reversed == transfer.amount,
            "source_transaction": transfer.source_transaction,
            "source_type": self.source_type,
            "transfer_group": transfer.transfer_group,
        })
    }
}
