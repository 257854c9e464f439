//! A charge or a payment intent, read as one payment.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::ids::{ChargeId, CommercialOrderId, PaymentIntentId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::stripe::Stripe;
use crate::stripe::wire::{Expandable, Metadata, null_is_false, unix};

/// Why a payment failed whose authorisation was not used in time.
const LAPSED: &str = "the authorisation ended before it was captured";

#[derive(Deserialize)]
pub(super) struct WireCharge {
    id: ChargeId,
    status: String,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    amount: i64,
    currency: String,
    captured: bool,
    #[serde(default)]
    amount_captured: Option<i64>,
    #[serde(default)]
    amount_refunded: Option<i64>,
    #[serde(default, deserialize_with = "null_is_false")]
    refunded: bool,
    #[serde(default)]
    payment_intent: Option<Expandable<WireIntent>>,
    #[serde(default)]
    balance_transaction: Option<Expandable<WireBalanceTransaction>>,
    #[serde(default)]
    transfer_data: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    failure_code: Option<String>,
    #[serde(default)]
    payment_method_details: Option<WireMethod>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct WireMethod {
    #[serde(default)]
    card: Option<WireCard>,
}

#[derive(Deserialize)]
struct WireCard {
    #[serde(default)]
    capture_before: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct WireIntent {
    pub id: PaymentIntentId,
    status: String,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    amount: i64,
    currency: String,
    #[serde(default)]
    cancellation_reason: Option<String>,
    #[serde(default)]
    latest_charge: Option<Expandable<WireCharge>>,
    #[serde(default)]
    transfer_data: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct WireBalanceTransaction {
    amount: i64,
    currency: String,
}

impl Stripe {
    /// A listed charge speaks for its intent only if it is the intent's latest.
    pub(super) fn listed(
        &self,
        charge: &WireCharge,
        now: Option<DateTime<Utc>>,
    ) -> Option<Payment> {
        let intent = charge.payment_intent.as_ref().and_then(Expandable::object);
        let superseded = intent
            .and_then(|intent| intent.latest_charge.as_ref())
            .is_some_and(|latest| latest_id(latest) != charge.id.as_str());
        if superseded {
            None
        } else {
            self.of_charge(charge, now)
        }
    }

    pub(super) fn of_charge(
        &self,
        charge: &WireCharge,
        now: Option<DateTime<Utc>>,
    ) -> Option<Payment> {
        let intent = charge.payment_intent.as_ref();
        let whole = intent.and_then(Expandable::object);
        self.combine(charge, whole, intent, now)
    }

    pub(super) fn of_intent(&self, intent: &WireIntent) -> Option<Payment> {
        let charge = intent.latest_charge.as_ref().and_then(Expandable::object);
        match charge {
            Some(charge) => {
                let named = Expandable::Id(intent.id.to_string());
                self.combine(charge, Some(intent), Some(&named), None)
            }
            None => self.without_charge(intent),
        }
    }

    /// An intent that has no charge yet.
    fn without_charge(&self, intent: &WireIntent) -> Option<Payment> {
        let currency = Currency::parse(&intent.currency).ok()?;
        let (status, pending) = of_intent_status(&intent.status)?;
        Some(Payment {
            intent: Some(intent.id.clone()),
            charge: None,
            commercial_id: self.basket(intent.metadata.as_ref(), None),
            amount: Money::from_minor(intent.amount, currency),
            captured: 0,
            refunded: 0,
            settlement: None,
            // Without a charge no money was taken, whatever else the intent says.
            pending: pending || status == PaymentStatus::Captured,
            status: match status {
                PaymentStatus::Captured => PaymentStatus::ToCapture,
                other => other,
            },
            awaits_customer: awaits_customer(&intent.status),
            destination_charge: intent.transfer_data.is_some(),
            authorized_until: None,
            failure: None,
            created_at: intent.created,
        })
    }

    /// `now` tells whether the authorisation of a charge without an intent has ended.
    fn combine(
        &self,
        charge: &WireCharge,
        intent: Option<&WireIntent>,
        intent_id: Option<&Expandable<WireIntent>>,
        now: Option<DateTime<Utc>>,
    ) -> Option<Payment> {
        let currency = Currency::parse(&charge.currency).ok()?;
        let settled = charge
            .balance_transaction
            .as_ref()
            .and_then(Expandable::object);
        let settlement = settled.and_then(|s| Currency::parse(&s.currency).ok());
        let (status, pending) = match intent {
            Some(intent) => of_intent_status(&intent.status)?,
            None => of_charge_status(charge, now)?,
        };
        // An intent may be ahead of its charge; money counts once the charge has taken it.
        let taken = charge.status == "succeeded" && charge.captured;
        let (status, pending) = match (status, taken) {
            (PaymentStatus::Captured, false) => (PaymentStatus::ToCapture, true),
            other => (other.0, pending),
        };
        let captured = if taken {
            charge.amount_captured.unwrap_or(charge.amount)
        } else {
            0
        };
        let refunded = given_back(charge, captured);
        let expired = intent.is_some_and(|intent| {
            let reason = intent.cancellation_reason.as_deref();
            matches!(reason, Some("automatic" | "expired"))
        });
        let (status, failure) = match status {
            PaymentStatus::Canceled if expired => (PaymentStatus::Failed, Some(LAPSED.to_owned())),
            PaymentStatus::Failed => {
                let lapsed = (charge.status == "succeeded").then(|| LAPSED.to_owned());
                (status, lapsed.or_else(|| charge.failure_code.clone()))
            }
            other => (other, None),
        };
        Some(Payment {
            intent: intent_id.map(|intent| match intent {
                Expandable::Id(id) => PaymentIntentId(id.clone()),
                Expandable::Object(intent) => intent.id.clone(),
            }),
            charge: Some(charge.id.clone()),
            commercial_id: self.basket(
                intent.and_then(|intent| intent.metadata.as_ref()),
                charge.metadata.as_ref(),
            ),
            amount: Money::from_minor(charge.amount, currency),
            captured,
            refunded,
            settlement: settlement.filter(|_| taken),
            status,
            pending,
            awaits_customer: intent.is_some_and(|intent| awaits_customer(&intent.status)),
            destination_charge: charge.transfer_data.is_some()
                || intent.is_some_and(|intent| intent.transfer_data.is_some()),
            authorized_until: capture_before(charge).filter(|_| !taken),
            failure,
            created_at: intent.map_or(charge.created, |intent| intent.created),
        })
    }

    /// The basket that the checkout wrote on the intent, else on the charge.
    pub(super) fn basket(
        &self,
        intent: Option<&Metadata>,
        charge: Option<&Metadata>,
    ) -> Option<CommercialOrderId> {
        let named = |metadata: Option<&Metadata>| {
            let value = metadata?.get(&self.metadata_key)?.trim();
            (!value.is_empty()).then(|| CommercialOrderId(value.to_owned()))
        };
        named(intent).or_else(|| named(charge))
    }
}

fn latest_id(latest: &Expandable<WireCharge>) -> &str {
    match latest {
        Expandable::Id(id) => id,
        Expandable::Object(charge) => charge.id.as_str(),
    }
}

/// The status, and whether somebody has yet to act; `None` for a word that is not known here.
fn of_intent_status(status: &str) -> Option<(PaymentStatus, bool)> {
    Some(match status {
        "succeeded" => (PaymentStatus::Captured, false),
        "requires_capture" => (PaymentStatus::ToCapture, false),
        "canceled" => (PaymentStatus::Canceled, false),
        // A declined card leaves the intent open: another card may follow.
        "processing" | "requires_payment_method" | "requires_confirmation" | "requires_action" => {
            (PaymentStatus::ToCapture, true)
        }
        _ => return None,
    })
}

/// Nothing was authorised, or it was declined.
fn awaits_customer(intent_status: &str) -> bool {
    matches!(
        intent_status,
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    )
}

/// What of a captured charge was given back. Before version 2025-03-31 of the API a capture counted
/// what it released as refunded, and the charge's balance transaction booked all that was authorised.
fn given_back(charge: &WireCharge, captured: i64) -> i64 {
    if charge.refunded {
        return captured;
    }
    let refunded = charge.amount_refunded.unwrap_or(0);
    let released = charge.amount - captured;
    let booked = charge.balance_transaction.as_ref();
    let booked = booked.and_then(Expandable::object);
    let whole = booked
        .is_some_and(|booked| booked.amount == charge.amount && booked.currency == charge.currency);
    let refunded = match whole && refunded >= released {
        true => refunded - released,
        false => refunded,
    };
    refunded.min(captured)
}

fn capture_before(charge: &WireCharge) -> Option<DateTime<Utc>> {
    let method = charge.payment_method_details.as_ref()?;
    DateTime::from_timestamp(method.card.as_ref()?.capture_before?, 0)
}

fn of_charge_status(
    charge: &WireCharge,
    now: Option<DateTime<Utc>>,
) -> Option<(PaymentStatus, bool)> {
    let given_back = charge.refunded || charge.amount_refunded.is_some_and(|refunded| refunded > 0);
    let lapsed = capture_before(charge).is_some_and(|end| now.is_some_and(|now| end <= now));
    Some(match charge.status.as_str() {
        "failed" => (PaymentStatus::Failed, false),
        "pending" => (PaymentStatus::ToCapture, true),
        "succeeded" if charge.captured => (PaymentStatus::Captured, false),
        // An authorisation that was released by a refund.
        "succeeded" if given_back => (PaymentStatus::Canceled, false),
        // One that has ended leaves no other trace on a charge without an intent.
        "succeeded" if lapsed => (PaymentStatus::Failed, false),
        "succeeded" => (PaymentStatus::ToCapture, false),
        _ => return None,
    })
}
