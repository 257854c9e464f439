//! Decides and records how much of each authorised payment is taken, once for each basket.
//! [`finish`](super::finish) asks Stripe.

use chrono::{DateTime, TimeDelta, Utc};

use super::baskets::Baskets;
use super::{Pass, finish};
use crate::app::App;
use crate::domain::basket::{Basket, CaptureDecision, HoldReason, capture};
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::retry::{self, DECISION_LIFE};
use crate::jobs::{Result, Run};
use crate::store::captures::{self, CaptureAction, CaptureStatus, KnownCapture, NewCapture};
use crate::store::payments;
use crate::stripe::Finish;

/// An authorisation that ends within this, while confirmed orders wait for it, is worth a person's eye.
const SOON: TimeDelta = TimeDelta::hours(48);

/// Decides about the payments of some baskets, records that, and sends what is pending.
pub(super) async fn baskets(pass: &mut Pass<'_>, baskets: &mut Baskets) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let authorised: Vec<(&CommercialOrderId, &Basket, &Payment)> = baskets
        .iter()
        .flat_map(|(id, basket)| {
            let payments = basket.payments.iter().map(|known| &known.payment);
            payments
                .filter(|payment| payment.status == PaymentStatus::ToCapture && !payment.pending)
                .map(move |payment| (id, basket, payment))
        })
        .collect();
    let names: Vec<String> = authorised
        .iter()
        .filter_map(|(_, _, payment)| payment.reference())
        .map(|reference| reference.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let known = {
        let mut conn = app.db.acquire().await?;
        captures::known(&mut conn, &names).await?
    };
    let mut rows = Vec::new();
    for (id, basket, payment) in authorised {
        let Some(reference) = payment.reference() else {
            continue;
        };
        let known = known.get(reference.as_str());
        if !may_decide(known, now) {
            continue;
        }
        let decision = capture(basket, payment, pass.policy);
        let row = row(id, basket, payment, &reference, &decision, known, now);
        count(pass.run, &row, known);
        rows.push(row);
    }
    {
        let mut tx = app.db.begin().await?;
        captures::record(&mut tx, &rows, now).await?;
        // What the baskets' payments turned out to be when they were read again.
        captures::ended_elsewhere(&mut tx, now).await?;
        tx.commit().await?;
    }
    finish::send_pending(pass).await?;
    // What was just captured may now be told to Mirakl.
    if pass.policy.after_capture {
        refresh(app, baskets).await?;
    }
    Ok(())
}

/// The payments of these baskets as they are after capturing.
async fn refresh(app: &App, baskets: &mut Baskets) -> Result<()> {
    let names: Vec<&str> = baskets.keys().map(CommercialOrderId::as_str).collect();
    let stored = {
        let mut conn = app.db.acquire().await?;
        payments::find(&mut conn, &[], &names).await?
    };
    for seen in stored {
        let basket = seen.payment.commercial_id.clone();
        let basket = basket.and_then(|id| baskets.get_mut(&id));
        let payments = basket.into_iter().flat_map(|basket| &mut basket.payments);
        for known in payments {
            if known.payment.reference() == seen.payment.reference() {
                known.payment = seen.payment.clone();
            }
        }
    }
    Ok(())
}

/// Whether a payment's end may be decided anew: never once its request has left.
fn may_decide(known: Option<&KnownCapture>, now: DateTime<Utc>) -> bool {
    known.is_none_or(|known| match known.status {
        CaptureStatus::CaptureOnHold => true,
        CaptureStatus::CaptureFailed => known.next_look_at.is_some_and(|at| at <= now),
        CaptureStatus::CapturePending => {
            known.sent_at.is_none() && now - known.updated_at > DECISION_LIFE
        }
        // It is authorised again although it was ended here: another person's doing.
        CaptureStatus::CaptureCreated => false,
    })
}

fn row(
    id: &CommercialOrderId,
    basket: &Basket,
    payment: &Payment,
    reference: &PaymentRef,
    decision: &CaptureDecision,
    known: Option<&KnownCapture>,
    now: DateTime<Utc>,
) -> NewCapture {
    let currency = payment.amount.currency();
    let mut row = NewCapture {
        payment_id: reference.to_string(),
        commercial_order_id: id.clone(),
        status: CaptureStatus::CapturePending,
        status_reason: None,
        reason_code: None,
        action: None,
        amount: None,
        currency: None,
        amount_explained: None,
        request_body: None,
        difference: None,
        looks: refusals(known),
        next_look_at: None,
    };
    let mut finish = |action, finish: Finish, amount: Money, explained: &str| {
        row.action = Some(action);
        row.amount = Some(amount.minor());
        row.currency = Some(currency);
        row.amount_explained = Some(explained.to_owned());
        row.request_body = Some(finish.encode(reference, amount));
    };
    match decision {
        CaptureDecision::Capture { amount, explained } => {
            finish(CaptureAction::Capture, Finish::Capture, *amount, explained);
        }
        CaptureDecision::Cancel { explained } => {
            let nothing = Money::from_minor(0, currency);
            finish(CaptureAction::Cancel, Finish::Cancel, nothing, explained);
        }
        CaptureDecision::Hold(reason) => {
            row.status = CaptureStatus::CaptureOnHold;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            (row.looks, row.next_look_at) = next_look(known, reason.code(), now);
            row.difference = ends_soon(basket, payment, reason, now);
            if row.difference.is_some() {
                row.next_look_at = row.next_look_at.map(|at| at.min(now + TimeDelta::hours(1)));
            }
        }
    }
    row
}

/// An authorisation that is about to end while confirmed orders wait for their money.
fn ends_soon(
    basket: &Basket,
    payment: &Payment,
    reason: &HoldReason,
    now: DateTime<Utc>,
) -> Option<String> {
    let until = payment
        .authorized_until
        .filter(|until| *until - now <= SOON)?;
    let confirmed = basket.has_confirmed();
    confirmed.then(|| {
        format!(
            "the authorisation ends at {} and confirmed orders have not been captured: {reason}",
            until.format("%Y-%m-%d %H:%M UTC")
        )
    })
}

fn count(run: &Run, row: &NewCapture, known: Option<&KnownCapture>) {
    if row.status != CaptureStatus::CaptureOnHold {
        return;
    }
    let same = known.is_some_and(|known| {
        known.status == row.status
            && known.reason_code.as_deref() == row.reason_code
            && known.difference.is_some() == row.difference.is_some()
    });
    if let (Some(difference), false) = (&row.difference, same) {
        tracing::warn!(
            payment = row.payment_id,
            difference,
            "an authorisation is about to end"
        );
    }
    run.count(|counts| {
        counts.waiting += 1;
        counts.news += u64::from(!same);
    });
}

fn refusals(known: Option<&KnownCapture>) -> u32 {
    known
        .filter(|known| match known.status {
            CaptureStatus::CaptureFailed | CaptureStatus::CapturePending => true,
            CaptureStatus::CaptureOnHold | CaptureStatus::CaptureCreated => false,
        })
        .map_or(0, |known| known.looks)
}

/// When a held payment is looked at again: later and later as long as the reason stays the same.
fn next_look(
    known: Option<&KnownCapture>,
    code: &str,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let same = known.filter(|known| {
        known.status == CaptureStatus::CaptureOnHold && known.reason_code.as_deref() == Some(code)
    });
    retry::next_look(same.map(|known| (known.looks, known.next_look_at)), now)
}
