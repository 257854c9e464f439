//! A decision about a refund's first step as a row of the store.

use chrono::{DateTime, Utc};

use super::facts;
use super::page::{Decided, Item, Verdict};
use crate::domain::ids::ChargeId;
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{Decision, PersonReason, RefundAmounts, RefundStatus, RefundStep};
use crate::domain::retry;
use crate::store::refunds::{KnownRefund, NewDecision};
use crate::stripe::NewRefund;

/// A decision as a row.
pub(super) fn row(
    decided: &Decided,
    known: Option<&KnownRefund>,
    host: &str,
    now: DateTime<Utc>,
) -> NewDecision {
    let item = &decided.item;
    let order = decided.order.as_ref();
    let (listed_basket, listed_shop) = match item {
        Item::Asked(asked) | Item::Again(asked) => (asked.commercial_id.clone(), asked.shop_id),
        Item::NotAsked(_) => (None, None),
    };
    let mut row = NewDecision {
        kind: item.kind(),
        mirakl_id: item.id().clone(),
        order_id: item.order_id().clone(),
        commercial_order_id: order
            .map(|order| facts::basket(order).clone())
            .or(listed_basket),
        shop_id: order.map(facts::shop).or(listed_shop),
        step: RefundStep::Refund,
        status: RefundStatus::RefundOnHold,
        status_reason: None,
        reason_code: None,
        amount: None,
        currency: None,
        seller_part: None,
        taxes: None,
        withheld: None,
        amount_explained: None,
        payment_id: None,
        charge_id: None,
        request_body: None,
        stripe_refund_id: None,
        stripe_created_at: None,
        looks: 0,
        next_look_at: None,
    };
    match &decided.verdict {
        Verdict::Rules(Decision::Refund {
            amounts,
            charge,
            payment,
        }) => {
            with_amounts(&mut row, amounts, charge, payment.as_deref());
            let new = NewRefund {
                amount: amounts.refund,
                charge,
                kind: row.kind,
                refund_id: &row.mirakl_id,
                order_id: &row.order_id,
                mirakl_host: host,
                shop_id: row.shop_id,
            };
            row.request_body = Some(new.encode());
            row.status = RefundStatus::RefundPending;
            row.looks = refusals(known);
        }
        Verdict::Rules(Decision::TakeOver {
            amounts,
            charge,
            payment,
            refund,
        }) => {
            with_amounts(&mut row, amounts, charge, payment.as_deref());
            row.step = RefundStep::Confirm;
            row.status = RefundStatus::RefundPending;
            row.status_reason = Some("refunded by the former connector".to_owned());
            row.reason_code = Some("adopted");
            row.stripe_refund_id = Some(refund.clone());
            row.stripe_created_at = decided.old.as_ref().map(|old| old.stripe_created_at);
        }
        Verdict::Rules(Decision::Hold(reason)) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            (row.looks, row.next_look_at) = next_look(known, reason.code(), now);
        }
        Verdict::Rules(Decision::Person(reason)) => {
            row.status = RefundStatus::RefundFailed;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            if let PersonReason::RefundedByOthers { charge, .. } = reason {
                row.charge_id = Some(charge.clone());
            }
        }
        Verdict::Abort(reason) => {
            row.status = RefundStatus::RefundAborted;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
    }
    if row.amount.is_none()
        && let Item::Asked(asked) | Item::Again(asked) = item
    {
        // What is asked for is shown also while it waits.
        let currency = Currency::parse(&asked.currency).ok();
        let amount = currency.and_then(|currency| Money::from_major(asked.amount, currency).ok());
        if let Some(amount) = amount.filter(|amount| amount.is_positive()) {
            row.amount = Some(amount.minor());
            row.currency = Some(amount.currency());
        }
    }
    row
}

fn with_amounts(
    row: &mut NewDecision,
    amounts: &RefundAmounts,
    charge: &ChargeId,
    payment: Option<&str>,
) {
    row.amount = Some(amounts.refund.minor());
    row.currency = Some(amounts.refund.currency());
    row.seller_part = Some(amounts.seller.minor());
    row.taxes = amounts.taxes.map(Money::minor);
    row.withheld = amounts.withheld.map(Money::minor);
    row.amount_explained = Some(amounts.explained.clone());
    row.charge_id = Some(charge.clone());
    row.payment_id = payment.map(str::to_owned);
}

/// Refusals in a row so far: a try after them keeps the count for its own delay.
fn refusals(known: Option<&KnownRefund>) -> u32 {
    let failed = known.filter(|row| match row.known.status {
        RefundStatus::RefundFailed | RefundStatus::RefundPending => true,
        RefundStatus::RefundOnHold
        | RefundStatus::RefundCreated
        | RefundStatus::RefundAborted
        | RefundStatus::RefundIgnored => false,
    });
    failed.map_or(0, |row| row.known.looks)
}

fn next_look(
    known: Option<&KnownRefund>,
    code: &str,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let same = known.filter(|row| {
        row.known.status == RefundStatus::RefundOnHold
            && row.known.reason_code.as_deref() == Some(code)
    });
    retry::next_look(
        same.map(|row| (row.known.looks, row.known.next_look_at)),
        now,
    )
}
