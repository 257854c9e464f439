//! What the operator's server was told of sellers, transfers, refunds and payouts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::shops;
use super::story::Story;
use crate::common::Result;
use crate::common::agreement::Row;

/// The secret that the operator's server checks signatures with.
pub const SECRET: &str = "shared-with-the-operators-server";

/// One row of `list notifications`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    notification_id: String,
    status: String,
}

/// What the operator's server was told.
#[derive(Default)]
pub struct Told {
    /// By `account.updated`: shops, and how often.
    pub updated: BTreeMap<i64, usize>,
    /// By `transfer.failed`: orders, and how often.
    pub failed: BTreeMap<String, usize>,
    /// By `refund.failed`: refunds, and how often.
    pub refunds: BTreeMap<String, usize>,
    /// By `payout.failed`: invoices, and how often.
    pub payouts: BTreeMap<i64, usize>,
}

impl Told {
    /// By what arrived.
    pub fn by(story: &Story<'_>) -> Self {
        let mut told = Self::default();
        for delivery in story.receiver.accepted() {
            let payload = &delivery.json["payload"];
            match delivery.json["type"].as_str() {
                Some("account.updated") => {
                    let shop = payload["miraklShopId"].as_i64().unwrap_or_default();
                    *told.updated.entry(shop).or_default() += 1;
                }
                Some("transfer.failed") => {
                    let order = payload["miraklId"].as_str().unwrap_or_default();
                    *told.failed.entry(order.to_owned()).or_default() += 1;
                }
                Some("refund.failed") => {
                    let refund = payload["miraklRefundId"].as_str().unwrap_or_default();
                    *told.refunds.entry(refund.to_owned()).or_default() += 1;
                }
                Some("payout.failed") => {
                    let invoice = payload["miraklInvoiceId"].as_i64().unwrap_or_default();
                    *told.payouts.entry(invoice).or_default() += 1;
                }
                _ => {}
            }
        }
        told
    }
}

/// What the operator's server was told too little, too often or unsigned.
pub async fn differences(story: &Story<'_>, rows: &[Row]) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for delivery in story.receiver.received() {
        let id = delivery.id.clone().unwrap_or_default();
        if !delivery.signed_with(SECRET) {
            differences.push(format!("notification {id} is not signed"));
        }
        *arrived.entry(id).or_default() += 1;
    }
    let stored: Vec<Notification> = story.program.list("notifications").await?;
    for Notification {
        notification_id,
        status,
    } in &stored
    {
        let times = arrived.remove(notification_id).unwrap_or_default();
        if times != 1 || status != "DELIVERED" {
            differences.push(format!(
                "notification {notification_id} is {status}, and arrived {times} times"
            ));
        }
    }
    for id in arrived.keys() {
        differences.push(format!("the store does not know notification {id}"));
    }
    let told = Told::by(story);
    let updated: BTreeSet<i64> = told.updated.keys().copied().collect();
    if updated != shops::with_link() {
        differences.push(format!("changed accounts were told of {updated:?}"));
    }
    let failed = rows.iter().filter(|row| row.status == "TRANSFER_FAILED");
    let failed: BTreeMap<String, usize> = failed.map(|row| (row.mirakl_id.clone(), 1)).collect();
    if told.failed != failed {
        differences.push(format!("refused transfers were told of {:?}", told.failed));
    }
    Ok(differences)
}
