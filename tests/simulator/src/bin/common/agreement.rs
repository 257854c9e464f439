//! Whether the store says the same as Stripe's ledger, row by row.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use simulator::Transfer;

/// One row of `list transfers`, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The order.
    pub mirakl_id: String,
    /// Where it stands.
    pub status: String,
    /// The kind of reason it stands there for.
    pub reason_code: Option<String>,
    /// The reason in words.
    pub status_reason: Option<String>,
    /// The transfer at Stripe.
    pub transfer_id: Option<String>,
    /// In minor units.
    pub amount: Option<i64>,
    /// Upper case.
    pub currency: Option<String>,
    /// Who receives it.
    pub stripe_account_id: Option<String>,
}

impl Row {
    /// Whether the store holds the transfer to be made.
    pub fn is_created(&self) -> bool {
        self.status == "TRANSFER_CREATED"
    }

    /// Where it stands, and why.
    fn stands(&self) -> String {
        let code = self.reason_code.as_deref().unwrap_or("no reason");
        let reason = self.status_reason.as_deref().unwrap_or_default();
        format!("{} ({code}) {reason}", self.status)
    }
}

/// What came of comparing.
#[derive(Debug, Default)]
pub struct Agreement {
    /// Transfers that both sides know with the same id, amount, currency and destination.
    pub agreeing: usize,
    /// Everything else, in words.
    pub differences: Vec<String>,
}

/// Compares the ledger, the store, and what each order comes to by itself.
///
/// `due` is every order that was to be transferred, with its amount in minor units.
pub fn compare(ledger: &[Transfer], rows: &[Row], due: &HashMap<String, i64>) -> Agreement {
    let mut agreement = Agreement::default();
    let mut differ = |what: String| agreement.differences.push(what);
    let created = rows.iter().filter(|row| row.is_created());
    let mut stored: HashMap<&str, &Row> = HashMap::new();
    for row in created {
        match row.transfer_id.as_deref() {
            Some(id) => drop(stored.insert(id, row)),
            None => differ(format!("{}: created without a transfer", row.mirakl_id)),
        }
    }
    let mut moved = HashSet::new();
    let mut agreeing = 0;
    for transfer in ledger {
        let id = &transfer.id;
        let order = transfer.metadata.get("miraklId").map_or("", String::as_str);
        if !moved.insert(order) {
            differ(format!(
                "{order}: {id} is a second transfer of the same order"
            ));
        }
        match due.get(order) {
            None => differ(format!("{order}: {id} was not to be made")),
            Some(amount) if *amount != transfer.amount => {
                let made = transfer.amount;
                differ(format!("{order}: {id} moved {made} instead of {amount}"));
            }
            Some(_) => {}
        }
        match stored.remove(id.as_str()) {
            None => differ(format!("{order}: the store does not know {id}")),
            Some(row) if is_same(row, transfer, order) => agreeing += 1,
            Some(row) => differ(format!(
                "{order}: Stripe has {transfer:?}, the store {row:?}"
            )),
        }
    }
    for (id, row) in stored {
        differ(format!("{}: Stripe does not know {id}", row.mirakl_id));
    }
    for order in due.keys().filter(|order| !moved.contains(order.as_str())) {
        let row = rows.iter().find(|row| row.mirakl_id == *order);
        let stands = row.map_or("unknown to the store".to_owned(), Row::stands);
        differ(format!("{order}: was to be transferred, and is {stands}"));
    }
    agreement.agreeing = agreeing;
    agreement
}

fn is_same(row: &Row, transfer: &Transfer, order: &str) -> bool {
    let currency = row.currency.as_deref().map(str::to_lowercase);
    row.mirakl_id == order
        && row.amount == Some(transfer.amount)
        && currency.as_ref() == Some(&transfer.currency)
        && row.stripe_account_id.as_ref() == Some(&transfer.destination)
}
