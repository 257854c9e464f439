//! Takes or releases the money of authorised payments, once for each basket. New rows and rows left
//! by a crash take the same way.

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};

use super::Pass;
use super::baskets::Baskets;
use crate::app::App;
use crate::domain::basket::{Basket, CaptureDecision, HoldReason, capture};
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::retry::{self, DECISION_LIFE};
use crate::jobs::sending::{Doubts, in_chains};
use crate::jobs::{Result, Run};
use crate::store::captures::{
    self, CaptureAction, CaptureStatus, FailedCapture, KnownCapture, NewCapture, PendingCapture,
};
use crate::store::{StoreError, payments, transfers};
use crate::stripe::{Finish, Refusal, StripeError};

const BATCH: i64 = 200;
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
    send_pending(pass).await?;
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

/// Sends everything that is pending, and settles it.
pub(super) async fn send_pending(pass: &mut Pass<'_>) -> Result<()> {
    let mut after = 0;
    loop {
        let fresh_since = pass.app.clock.now() - DECISION_LIFE;
        let mut batch = {
            let mut conn = pass.app.db.acquire().await?;
            captures::pending(&mut conn, fresh_since, after, BATCH).await?
        };
        let Some(last) = batch.last().map(|row| row.id) else {
            return Ok(());
        };
        after = last;
        batch.retain(|row| !pass.doubts.holds(row.id));
        pass.run.check_lock().await?;
        send_batch(pass, batch).await?;
    }
}

async fn send_batch(pass: &Pass<'_>, batch: Vec<PendingCapture>) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let ids: Vec<i64> = batch.iter().map(|row| row.id).collect();
    {
        let mut conn = pass.app.db.acquire().await?;
        captures::mark_sent(&mut conn, &ids, now).await?;
    }
    let sending = Sending {
        app: pass.app,
        run: pass.run,
        doubts: &pass.doubts,
    };
    in_chains(
        batch,
        |row| row.id,
        pass.app.settings.stripe.limits.concurrency,
        &pass.doubts,
        async |row: &PendingCapture| sending.send(row).await,
        |row| sending.doubt(row),
    )
    .await
}

/// One row's way to Stripe and back.
struct Sending<'a> {
    app: &'a App,
    run: &'a Run,
    doubts: &'a Doubts,
}

impl Sending<'_> {
    async fn send(&self, row: &PendingCapture) -> Result<()> {
        let (finish, operation) = match row.action {
            CaptureAction::Capture => (Finish::Capture, "capture"),
            CaptureAction::Cancel => (Finish::Cancel, "cancel"),
        };
        let Some(reference) = PaymentRef::parse(&row.payment_id) else {
            return Err(anyhow!("{} is no payment", row.payment_id).into());
        };
        // Stripe may replay a stored failure for a request that it carried out: look first.
        if row.sent_at.is_some() && self.settled_before(row, &reference).await? {
            return Ok(());
        }
        let host = self.app.mirakl.host();
        let id = &row.payment_id;
        let key = IdempotencyKey::new(&host, operation, "PAYMENT", id, row.attempt);
        let stripe = &self.app.stripe;
        match stripe
            .finish_payment(&reference, finish, &row.body, &key)
            .await
        {
            Ok((payment, request_id)) => {
                self.doubts.answered();
                self.done(row, &reference, payment, request_id).await
            }
            Err(StripeError::Refused(refusal)) => {
                self.doubts.answered();
                self.refused(row, &reference, &refusal).await
            }
            Err(StripeError::Unknown(cause)) => {
                self.doubts.unanswered(row.id, &cause);
                tracing::warn!(
                    payment = row.payment_id,
                    %cause,
                    "no answer to a capture; the next run sends the same request again"
                );
                self.doubt(row);
                Ok(())
            }
            Err(StripeError::Stop(error)) => {
                self.doubt(row);
                Err(anyhow!(StripeError::Stop(error)).into())
            }
        }
    }

    /// Whether a request that left before has had its effect, or cannot be told.
    async fn settled_before(&self, row: &PendingCapture, reference: &PaymentRef) -> Result<bool> {
        match self.app.stripe.payment(reference).await {
            Ok(Some(payment)) if payment.status != PaymentStatus::ToCapture => {
                let reason = payment.failure.clone();
                let reason = reason.as_deref();
                self.settle(row, &payment, None, reason).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(StripeError::Stop(error)) => Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                tracing::warn!(payment = row.payment_id, %error, "the payment could not be read");
                self.doubt(row);
                Ok(true)
            }
        }
    }

    /// Settles by what Stripe's answer says of the payment, or by reading it where that says nothing.
    async fn done(
        &self,
        row: &PendingCapture,
        reference: &PaymentRef,
        answered: Option<Payment>,
        request_id: Option<String>,
    ) -> Result<()> {
        let ends = |payment: &Payment| payment.status != PaymentStatus::ToCapture;
        let payment = match answered.filter(ends) {
            Some(payment) => Some(payment),
            None => self.app.stripe.payment(reference).await.ok().flatten(),
        };
        if let Some(payment) = payment.filter(ends) {
            return self
                .settle(row, &payment, request_id.as_deref(), None)
                .await;
        }
        tracing::warn!(
            payment = row.payment_id,
            "Stripe took the request, but does not show its effect yet; the next run looks again"
        );
        self.doubt(row);
        Ok(())
    }

    async fn settle(
        &self,
        row: &PendingCapture,
        payment: &Payment,
        request_id: Option<&str>,
        reason: Option<&str>,
    ) -> Result<()> {
        let taken = match payment.status {
            PaymentStatus::Captured => payment.captured,
            PaymentStatus::ToCapture | PaymentStatus::Canceled | PaymentStatus::Failed => 0,
        };
        let taken = Money::from_minor(taken, payment.amount.currency());
        let difference = (taken != row.amount).then(|| match &payment.failure {
            Some(failure) => format!("{} were to be taken, but {failure}", row.amount),
            None => format!("Stripe has taken {taken}, {} were to be taken", row.amount),
        });
        if let Some(difference) = &difference {
            tracing::error!(payment = row.payment_id, difference, "a payment differs");
        }
        let now = self.app.clock.now();
        let mut tx = self.app.db.begin().await.map_err(StoreError::from)?;
        payments::observe(&mut tx, std::slice::from_ref(payment), now).await?;
        captures::created(
            &mut tx,
            row.id,
            request_id,
            reason,
            difference.as_deref(),
            now,
        )
        .await?;
        let basket = &row.commercial_id;
        transfers::basket_is_due(&mut tx, basket, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.run.count(|counts| {
            counts.created += 1;
            counts.news += 1;
        });
        Ok(())
    }

    async fn refused(
        &self,
        row: &PendingCapture,
        reference: &PaymentRef,
        refusal: &Refusal,
    ) -> Result<()> {
        // Captured, cancelled or expired elsewhere is recognised by what the payment is now.
        match self.app.stripe.payment(reference).await {
            Ok(Some(payment)) if payment.status != PaymentStatus::ToCapture => {
                let reason = match &payment.failure {
                    Some(failure) => failure.clone(),
                    None => format!("the payment was {} already", payment.status.as_str()),
                };
                return self.settle(row, &payment, None, Some(&reason)).await;
            }
            Ok(_) => {}
            Err(StripeError::Stop(error)) => return Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                tracing::warn!(payment = row.payment_id, %error, "the payment could not be read");
                self.doubt(row);
                return Ok(());
            }
        }
        let now = self.app.clock.now();
        let delay = refusal.class.delay(row.failures);
        let reason = refusal.to_string();
        tracing::warn!(
            payment = row.payment_id,
            amount = %row.amount,
            reason,
            request_id = refusal.request_id,
            "a capture was refused"
        );
        let failed = FailedCapture {
            id: row.id,
            reason: &reason,
            code: &refusal.reason_code(),
            request_id: refusal.request_id.as_deref(),
            next_look_at: now + delay,
        };
        let mut conn = self.app.db.acquire().await.map_err(StoreError::from)?;
        captures::failed(&mut conn, &failed, now).await?;
        self.run.count(|counts| {
            counts.failed += 1;
            counts.news += 1;
        });
        Ok(())
    }

    fn doubt(&self, row: &PendingCapture) {
        self.doubts.add(row.id);
        self.run.count(|counts| {
            counts.waiting += 1;
            counts.in_doubt += 1;
            counts.news += 1;
        });
    }
}
