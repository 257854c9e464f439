//! The third step: decides what comes back from sellers and from the tax account, by what the store
//! knows of the orders' transfers, and sends it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Pass, unwind};
use crate::app::App;
use crate::domain::ids::OrderId;
use crate::domain::money::Money;
use crate::domain::refund::{
    NothingReason, Part, RefundStatus, RefundType, ReversalDecision, ReversalFacts, Transferred,
    decide_reversal,
};
use crate::domain::retry;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::jobs::Result;
use crate::store::refunds::{
    self, NewReversalRow, OrderTransfer, ReversalRow, ReverseDecision, ToReverse,
};
use crate::stripe::NewReversal;

/// Refunds that are decided at once.
const PAGE: i64 = 200;

/// Decides everything whose third step is due, and sends it.
pub(super) async fn all(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    let only = pass.options.only();
    let mut after = 0;
    loop {
        let now = app.clock.now();
        let rows = {
            let mut conn = app.db.acquire().await?;
            refunds::to_reverse(&mut conn, &pass.kinds, only.as_deref(), now, after, PAGE).await?
        };
        let Some(last) = rows.last() else {
            break;
        };
        after = last.id;
        page(pass, &rows, now).await?;
    }
    unwind::send_pending(pass).await
}

async fn page(pass: &Pass<'_>, rows: &[ToReverse], now: DateTime<Utc>) -> Result<()> {
    let app = pass.app;
    let ids: Vec<&str> = rows.iter().map(|row| row.order_id.as_str()).collect();
    let mut transfers = {
        let mut conn = app.db.acquire().await?;
        refunds::order_transfers(&mut conn, &ids).await?
    };
    let host = app.mirakl.host();
    let (mut decisions, mut reversals) = (Vec::new(), Vec::new());
    for row in rows {
        let decision = decide(app, row, &transfers);
        if let ReversalDecision::Reverse(parts) = &decision {
            allocate(row, parts, &mut transfers);
            reversals.extend(parts.iter().map(|part| new_row(row, part, &host)));
        }
        let mut decision = record(row, &decision, now);
        if decision.reason_code == Some("transfer_ended") {
            decision.difference = paid_by_others(row, &transfers);
        }
        count(pass, row, &decision);
        decisions.push(decision);
    }
    let mut tx = app.db.begin().await?;
    refunds::decided(&mut tx, &decisions, &reversals, now).await?;
    tx.commit().await?;
    Ok(())
}

/// What comes back for one refund, as its order's transfers stand.
pub(super) fn decide(
    app: &App,
    row: &ToReverse,
    transfers: &HashMap<(TransferType, OrderId), OrderTransfer>,
) -> ReversalDecision {
    let kind = row.kind.order_kind();
    let transfer = |kind: TransferType| {
        let found = transfers.get(&(kind, row.order_id.clone()));
        found.map(|found| transferred(found, own(row, kind)))
    };
    let (seller, tax) = (transfer(kind.to_seller()), transfer(kind.of_taxes()));
    let facts = ReversalFacts {
        seller: row.seller,
        taxes: row.taxes,
        withheld: row.withheld,
        explained: &row.explained,
        seller_transfer: seller.as_ref(),
        tax_transfer: tax.as_ref(),
        split: match row.kind {
            RefundType::ProductRefund => app.settings.product_payment_split,
            RefundType::ServiceRefund => app.settings.service_payment_split,
        },
    };
    match decide_reversal(&facts, kind) {
        ReversalDecision::Reverse(parts) => {
            let parts = parts.into_iter().map(|part| cut(row, part)).collect();
            ReversalDecision::Reverse(parts)
        }
        decision @ (ReversalDecision::Hold(_) | ReversalDecision::Nothing(_)) => decision,
    }
}

/// What a person should know of an order that somebody else paid to its seller.
fn paid_by_others(
    row: &ToReverse,
    transfers: &HashMap<(TransferType, OrderId), OrderTransfer>,
) -> Option<String> {
    let kind = row.kind.order_kind().to_seller();
    let transfer = transfers.get(&(kind, row.order_id.clone()))?;
    (transfer.reason_code.as_deref() == Some("before_start")).then(|| {
        format!(
            "the order was debited before this program's start: if somebody else paid its seller, take \
             {} back from that transfer by hand",
            row.seller
        )
    })
}

/// What was decided for this part before.
fn own(row: &ToReverse, kind: TransferType) -> Option<&ReversalRow> {
    row.reversals.iter().find(|own| own.kind == kind)
}

fn transferred(found: &OrderTransfer, own: Option<&ReversalRow>) -> Transferred {
    let word = found.status.as_str();
    match (found.status, &found.made) {
        (TransferStatus::TransferCreated, Some((id, amount))) => {
            let taken = found.taken - own.map_or(0, |own| own.amount);
            Transferred::Made {
                id: id.clone(),
                left: Money::from_minor(amount.minor() - taken, amount.currency()),
            }
        }
        (TransferStatus::TransferAborted | TransferStatus::TransferIgnored, _) => {
            let reason = found.reason.as_deref().unwrap_or(word);
            Transferred::Ended(reason.to_owned())
        }
        (
            TransferStatus::TransferCreated
            | TransferStatus::TransferOnHold
            | TransferStatus::TransferPending
            | TransferStatus::TransferFailed,
            _,
        ) => Transferred::Waits(word),
    }
}

/// Never more than what Stripe said is left; and what was made is as it is.
fn cut(row: &ToReverse, part: Part) -> Part {
    let amount = match own(row, part.kind) {
        Some(own) if own.made => own.amount,
        Some(own) => part.amount.minor().min(own.most.unwrap_or(i64::MAX)),
        None => part.amount.minor(),
    };
    Part {
        amount: Money::from_minor(amount, part.amount.currency()),
        ..part
    }
}

/// What one refund of a page takes is no longer left for the next.
pub(super) fn allocate(
    row: &ToReverse,
    parts: &[Part],
    transfers: &mut HashMap<(TransferType, OrderId), OrderTransfer>,
) {
    for part in parts {
        let own = own(row, part.kind).map_or(0, |own| own.amount);
        if let Some(transfer) = transfers.get_mut(&(part.kind, row.order_id.clone())) {
            transfer.taken += part.amount.minor() - own;
        }
    }
}

fn new_row(row: &ToReverse, part: &Part, host: &str) -> NewReversalRow {
    let new = NewReversal {
        amount: part.amount,
        kind: row.kind,
        refund_id: &row.refund_id,
        order_id: &row.order_id,
        mirakl_host: host,
        shop_id: row.shop_id,
    };
    NewReversalRow {
        refund_id: row.id,
        transfer_type: part.kind,
        transfer_id: part.transfer.clone(),
        currency: part.wanted.currency(),
        wanted: part.wanted.minor(),
        amount: part.amount.minor(),
        request_body: part.amount.is_positive().then(|| new.encode()),
    }
}

fn record(row: &ToReverse, decision: &ReversalDecision, now: DateTime<Utc>) -> ReverseDecision {
    let mut decided = ReverseDecision {
        id: row.id,
        status: RefundStatus::RefundPending,
        status_reason: None,
        reason_code: None,
        looks: match row.status {
            RefundStatus::RefundFailed | RefundStatus::RefundPending => row.looks,
            RefundStatus::RefundOnHold
            | RefundStatus::RefundCreated
            | RefundStatus::RefundAborted
            | RefundStatus::RefundIgnored => 0,
        },
        next_look_at: None,
        difference: None,
    };
    let nothing = |decided: &mut ReverseDecision, reason: &NothingReason| {
        decided.status = RefundStatus::RefundCreated;
        decided.status_reason = Some(reason.to_string());
        decided.reason_code = Some(reason.code());
        decided.looks = 0;
    };
    match decision {
        ReversalDecision::Reverse(parts) => {
            let is_done = |part: &Part| {
                !part.amount.is_positive() || own(row, part.kind).is_some_and(|own| own.made)
            };
            if parts.iter().all(is_done) {
                decided.status = RefundStatus::RefundCreated;
                decided.looks = 0;
            }
            let empty = parts.iter().filter(|part| !part.amount.is_positive());
            let empty: Vec<&str> = empty.map(|part| part.transfer.as_str()).collect();
            if decided.status == RefundStatus::RefundCreated && !empty.is_empty() {
                nothing(&mut decided, &NothingReason::NothingLeft(empty.join(", ")));
            }
        }
        ReversalDecision::Nothing(reason) => nothing(&mut decided, reason),
        ReversalDecision::Hold(reason) => {
            let same = row.status == RefundStatus::RefundOnHold
                && row.reason_code.as_deref() == Some(reason.code());
            let same = same.then_some((row.looks, row.next_look_at));
            (decided.looks, decided.next_look_at) = retry::next_look(same, now);
            decided.status = RefundStatus::RefundOnHold;
            decided.status_reason = Some(reason.to_string());
            decided.reason_code = Some(reason.code());
        }
    }
    decided
}

fn count(pass: &Pass<'_>, row: &ToReverse, decided: &ReverseDecision) {
    let same = row.status == decided.status && row.reason_code.as_deref() == decided.reason_code;
    pass.run.count(|counts| {
        match decided.status {
            RefundStatus::RefundCreated => counts.created += 1,
            RefundStatus::RefundOnHold => counts.waiting += 1,
            // Counted when Stripe has answered.
            RefundStatus::RefundPending => return,
            RefundStatus::RefundFailed
            | RefundStatus::RefundAborted
            | RefundStatus::RefundIgnored => {}
        }
        counts.news += u64::from(!same);
    });
}
