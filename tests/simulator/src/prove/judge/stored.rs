//! What the program lists in the end: nothing that waits, and exactly what Stripe holds.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::drive::Result;

use super::moved::{INVOICE_ID, MIRAKL_ID, REFUND_ID};
use super::{Invariant, Violation};
use crate::prove::market::Market;
use crate::prove::story::{NOTIFICATION_SECRET, Story};

/// No row waits or fails, and every movement is listed with Stripe's id.
pub async fn rows(story: &Story<'_>) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    let stripe = story.simulator.stripe();
    let mut listed = BTreeSet::new();
    for subject in ["transfers", "refunds", "payouts", "accounts", "payments"] {
        let rows: Vec<Value> = story.program.list(subject).await?;
        for row in rows {
            if !is_ended(&row, subject, &story.market) {
                found.push(Invariant::NothingStuck.broken(format!("{subject}: {row}")));
            }
            for id in ["transferId", "stripeRefundId", "stripePayoutId"] {
                listed.extend(row[id].as_str().map(str::to_owned));
            }
            let parts = row["reversals"].as_array().into_iter().flatten();
            let parts = parts.filter_map(|part| part["stripeReversalId"].as_str());
            listed.extend(parts.map(str::to_owned));
        }
    }
    let transfers = stripe.transfers().into_iter();
    let transfers = transfers.filter(|one| one.metadata.contains_key(MIRAKL_ID));
    let refunds = stripe.refunds().into_iter();
    let refunds =
        refunds.filter(|one| one.metadata.contains_key(REFUND_ID) && one.status != "failed");
    let reversals = stripe.reversals().into_iter();
    let reversals = reversals.filter(|one| one.metadata.contains_key(REFUND_ID));
    let payouts = stripe.payouts().into_iter();
    let payouts = payouts.filter(|one| {
        let gone = !matches!(one.status.as_str(), "failed" | "canceled");
        gone && one.metadata.contains_key(INVOICE_ID)
    });
    let made = transfers
        .map(|one| one.id)
        .chain(refunds.map(|one| one.id))
        .chain(reversals.map(|one| one.id))
        .chain(payouts.map(|one| one.id));
    for id in made.filter(|id| !listed.contains(id)) {
        found.push(Invariant::StoreAgrees.broken(format!("{id} is not listed")));
    }
    Ok(found)
}

/// Whether a row has come to an end; what belongs to a payment that somebody cancelled waits for ever.
fn is_ended(row: &Value, subject: &str, market: &Market) -> bool {
    let status = row["status"].as_str().unwrap_or_default();
    let ended = match subject {
        "payments" => matches!(status, "CAPTURED" | "CANCELED"),
        _ => ["_CREATED", "_ABORTED", "_IGNORED"]
            .iter()
            .any(|end| status.ends_with(end)),
    };
    let dead = |id: &Value| {
        let basket = |basket: &str| {
            let mut baskets = market.baskets.iter();
            baskets.any(|one| one.dead && one.id == basket)
        };
        let order = |order: &str| {
            let order = market.order(order);
            order.is_some_and(|order| market.basket_of(order).dead)
        };
        id.as_str().is_some_and(|id| basket(id) || order(id))
    };
    ended || dead(&row["miraklId"]) || dead(&row["commercialOrderId"])
}

/// Every refusal that is listed now was put down to be told, or has been told.
pub async fn failures(story: &Story<'_>) -> Result<Vec<Violation>> {
    let mut told: BTreeSet<(String, i64, String)> = BTreeSet::new();
    let mut add = |kind: &str, payload: &Value| {
        let id = payload["internalId"].as_i64().unwrap_or_default();
        let reason = payload["failedReason"].as_str().unwrap_or_default();
        told.insert((kind.to_owned(), id, reason.to_owned()));
    };
    for delivery in story.receiver.received() {
        let kind = delivery.json["type"].as_str().unwrap_or_default();
        add(kind, &delivery.json["payload"]);
    }
    let rows: Vec<Value> = story.program.list("notifications").await?;
    for row in rows {
        let body: Value = serde_json::from_str(row["body"].as_str().unwrap_or_default())?;
        add(row["type"].as_str().unwrap_or_default(), &body["payload"]);
    }
    let mut found = Vec::new();
    for (subject, kind) in [
        ("transfers", "transfer.failed"),
        ("refunds", "refund.failed"),
        ("payouts", "payout.failed"),
    ] {
        let rows: Vec<Value> = story.program.list(subject).await?;
        for row in rows {
            let failed = row["status"]
                .as_str()
                .is_some_and(|status| status.ends_with("_FAILED"));
            let id = row["internalId"].as_i64().unwrap_or_default();
            let reason = row["statusReason"].as_str().unwrap_or_default();
            if failed && !told.contains(&(kind.to_owned(), id, reason.to_owned())) {
                found.push(Invariant::Told.broken(format!("nobody is told of {row}")));
            }
        }
    }
    Ok(found)
}

/// Nothing waits to be told; what the list says was told has arrived, and was signed.
pub async fn notifications(story: &Story<'_>) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    let accepted = story.receiver.accepted();
    let arrived: BTreeSet<&str> = accepted
        .iter()
        .filter_map(|one| one.id.as_deref())
        .collect();
    let rows: Vec<Value> = story.program.list("notifications").await?;
    for row in rows {
        let id = row["notificationId"].as_str().unwrap_or_default();
        let right = match row["status"].as_str() {
            Some("DELIVERED") => arrived.contains(id),
            Some("GIVEN_UP") => true,
            _ => false,
        };
        if !right {
            found.push(Invariant::Told.broken(format!("{row}")));
        }
    }
    for delivery in &accepted {
        if !delivery.signed_with(NOTIFICATION_SECRET) {
            found.push(Invariant::Told.broken(format!("not signed: {delivery:?}")));
        }
    }
    Ok(found)
}
