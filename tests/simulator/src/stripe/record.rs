//! What became of payments, for tests to read.

use chrono::{DateTime, TimeDelta, Utc};

use super::Stripe;

/// A capture, by a request or by [`Stripe::capture`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// `pi_…`, or the charge if it has no intent.
    pub payment: String,
    /// In minor units.
    pub amount: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

/// The end of a payment that was not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// `pi_…`, or the charge if it has no intent.
    pub payment: String,
    /// As asked for; `automatic` when the authorisation's time had come.
    pub reason: Option<String>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
}

/// A payment as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    /// `pi_…`, or the charge if it has no intent.
    pub id: String,
    /// The latest charge.
    pub charge: String,
    /// The intent's status; the charge's if it has no intent.
    pub status: String,
    /// What was authorised, in minor units.
    pub amount: i64,
    /// What was captured of it.
    pub captured: i64,
    /// What was refunded of what was captured; the rest that a capture releases is not in it.
    pub refunded: i64,
    /// Lower case.
    pub currency: String,
    /// Whether it ended without being captured.
    pub canceled: bool,
}

impl Stripe {
    /// All captures of authorised payments, in the order they were made. Payments that were
    /// captured at once are not among them.
    pub fn captures(&self) -> Vec<Capture> {
        self.book().captures.clone()
    }

    /// All payments that ended without being captured, in that order: cancelled or released by a
    /// request or by the test, or at the end of their time.
    pub fn cancellations(&self) -> Vec<Cancellation> {
        self.book().cancellations.clone()
    }

    /// A payment by its intent's or its charge's id.
    pub fn payment(&self, id: &str) -> Option<PaymentView> {
        let book = self.book();
        let named = book.charges.get(id);
        let intent = match named {
            Some(charge) => charge.intent.as_deref(),
            None => Some(id),
        };
        let intent = intent.and_then(|id| book.intents.get(id));
        let latest = intent.and_then(|intent| intent.latest_charge.as_deref());
        let charge = latest.and_then(|id| book.charges.get(id)).or(named)?;
        let released = !charge.captured && charge.is_refunded();
        Some(PaymentView {
            id: intent.map_or(&charge.id, |intent| &intent.id).clone(),
            charge: charge.id.clone(),
            status: intent.map_or(charge.status, |i| i.status).to_owned(),
            amount: charge.amount,
            captured: charge.amount_captured,
            refunded: charge.given_back,
            currency: charge.currency.clone(),
            canceled: intent.map_or(released, |intent| intent.status == "canceled"),
        })
    }

    /// A search finds nothing that is younger than this; by default it finds everything.
    pub fn search_delay(&self, delay: TimeDelta) {
        self.book().search_delay = delay;
    }
}
