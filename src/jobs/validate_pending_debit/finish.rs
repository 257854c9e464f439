//! Asks Stripe to take or to release the money of authorised payments, several at a time, and settles
//! each by what the payment then is. New rows and rows left by a crash take the same way.

use anyhow::anyhow;

use super::Pass;
use crate::app::App;
use crate::domain::ids::PaymentRef;
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::sending::{Doubts, in_chains};
use crate::jobs::{Result, Run};
use crate::store::captures::{self, CaptureAction, FailedCapture, PendingCapture};
use crate::store::{StoreError, payments, transfers};
use crate::stripe::{Finish, Refusal, StripeError};

const BATCH: i64 = 200;

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
        self.run.count_created();
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
        self.run.count_failed();
        Ok(())
    }

    fn doubt(&self, row: &PendingCapture) {
        self.doubts.add(row.id);
        self.run.count_in_doubt();
    }
}
