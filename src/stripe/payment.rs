//! Payments: charges (list, get) and payment intents (get), read into one shape.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{Expandable, Metadata, WireList, null_is_false, unix, usable};
use super::{Class, List, PAGE_SIZE, Refusal, Stripe, StripeError};
use crate::domain::ids::{ChargeId, CommercialOrderId, PaymentIntentId, PaymentRef};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentStatus};

/// Which charges are listed: those made in a span, newest first.
#[derive(Debug, Clone)]
pub struct ChargesQuery {
    /// The oldest, inclusive.
    pub from: DateTime<Utc>,
    /// The newest, inclusive.
    pub until: DateTime<Utc>,
    /// Continue after this charge.
    pub starting_after: Option<String>,
}

/// One element of the list of charges.
#[derive(Debug, Clone)]
pub struct ListedCharge {
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The payment it stands for; none if it is an earlier try of an intent, or not readable.
    pub payment: Option<Payment>,
}

/// How an authorised payment is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Take money; the rest is released.
    Capture,
    /// Release all of it.
    Cancel,
}

impl Finish {
    /// The request's body.
    pub fn encode(self, payment: &PaymentRef, amount: Money) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        let minor = amount.minor().to_string();
        match (self, payment) {
            (Self::Capture, PaymentRef::Intent(_)) => body
                .append_pair("amount_to_capture", &minor)
                .append_pair("expand[]", "latest_charge.balance_transaction"),
            (Self::Capture, PaymentRef::Charge(_)) => body.append_pair("amount", &minor),
            (Self::Cancel, PaymentRef::Intent(_)) => body
                .append_pair("cancellation_reason", "abandoned")
                .append_pair("expand[]", "latest_charge.balance_transaction"),
            (Self::Cancel, PaymentRef::Charge(id)) => body.append_pair("charge", id.as_str()),
        };
        body.finish()
    }
}

#[derive(Deserialize)]
struct WireCharge {
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
struct WireIntent {
    id: PaymentIntentId,
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
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct WireBalanceTransaction {
    currency: String,
}

impl Stripe {
    /// A page of charges with their intents and balance transactions (`GET /v1/charges`).
    pub async fn charges(&self, query: &ChargesQuery) -> Result<List<ListedCharge>, StripeError> {
        #[derive(Deserialize)]
        struct OnlyIds {
            id: String,
            #[serde(deserialize_with = "unix")]
            created: DateTime<Utc>,
        }
        let (from, until) = (
            query.from.timestamp().to_string(),
            query.until.timestamp().to_string(),
        );
        let mut parameters = vec![
            ("limit", PAGE_SIZE),
            ("created[gte]", from.as_str()),
            ("created[lte]", until.as_str()),
            ("expand[]", "data.payment_intent"),
            ("expand[]", "data.balance_transaction"),
        ];
        if let Some(after) = &query.starting_after {
            parameters.push(("starting_after", after));
        }
        let (page, answered_at): (WireList<Box<RawValue>>, _) = self
            .get_dated("/v1/charges", "/v1/charges", &parameters)
            .await?;
        let mut data = Vec::with_capacity(page.data.len());
        let mut last = None;
        for raw in &page.data {
            // Passed over, it would never be missed: the list is taken as read up to its newest charge.
            let ids: OnlyIds = serde_json::from_str(raw.get()).map_err(|_| {
                StripeError::Unknown("Stripe listed a charge without id or date".to_owned())
            })?;
            last = Some(ids.id);
            let charge: Option<WireCharge> = serde_json::from_str(raw.get()).ok();
            data.push(ListedCharge {
                created_at: ids.created,
                payment: charge.and_then(|charge| self.listed(&charge)),
            });
        }
        Ok(List {
            data,
            next: last.filter(|_| page.has_more),
            date: answered_at,
        })
    }

    /// One payment by its id; `None` when Stripe does not know it.
    ///
    /// `Unknown` when its shape cannot be read.
    pub async fn payment(&self, reference: &PaymentRef) -> Result<Option<Payment>, StripeError> {
        let found = match reference {
            PaymentRef::Intent(id) => {
                let path = format!("/v1/payment_intents/{id}");
                let expand = [("expand[]", "latest_charge.balance_transaction")];
                self.get("/v1/payment_intents/{id}", &path, &expand)
                    .await
                    .map(|intent: WireIntent| self.of_intent(&intent))
            }
            PaymentRef::Charge(id) => {
                let path = format!("/v1/charges/{id}");
                let expand = [
                    ("expand[]", "payment_intent"),
                    ("expand[]", "balance_transaction"),
                ];
                self.get("/v1/charges/{id}", &path, &expand)
                    .await
                    .map(|charge: WireCharge| self.of_charge(&charge))
            }
        };
        match found {
            Ok(Some(payment)) => Ok(Some(payment)),
            Ok(None) => Err(StripeError::Unknown(format!(
                "payment {reference} is in a currency or state that is not known here"
            ))),
            Err(StripeError::Refused(Refusal {
                class: Class::Final,
                status: 404,
                ..
            })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The payment intents that name a basket, by search (`GET /v1/payment_intents/search`). What was
    /// made in the last minutes may not be found yet: absence proves nothing.
    pub async fn search_payments(
        &self,
        basket: &CommercialOrderId,
    ) -> Result<Vec<PaymentRef>, StripeError> {
        const PATH: &str = "/v1/payment_intents/search";
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let query = format!(
            "metadata[\"{}\"]:\"{}\"",
            quoted(&self.metadata_key),
            quoted(basket.as_str())
        );
        let parameters = [("query", query.as_str()), ("limit", PAGE_SIZE)];
        let page: WireList<WireIntent> = self.get(PATH, PATH, &parameters).await?;
        // The search does not care about upper and lower case; a basket does.
        let found = page.data.into_iter().filter(|intent| {
            let named = self.basket(intent.metadata.as_ref(), None);
            named.as_ref() == Some(basket)
        });
        Ok(found.map(|intent| PaymentRef::Intent(intent.id)).collect())
    }

    /// Captures or cancels a payment by a body that is stored. Returns the payment, where the answer
    /// tells enough of it, and the request's id.
    pub async fn finish_payment(
        &self,
        payment: &PaymentRef,
        finish: Finish,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(Option<Payment>, Option<String>), StripeError> {
        let (template, path) = match (payment, finish) {
            (PaymentRef::Intent(id), Finish::Capture) => (
                "/v1/payment_intents/{id}/capture",
                format!("/v1/payment_intents/{id}/capture"),
            ),
            (PaymentRef::Intent(id), Finish::Cancel) => (
                "/v1/payment_intents/{id}/cancel",
                format!("/v1/payment_intents/{id}/cancel"),
            ),
            (PaymentRef::Charge(id), Finish::Capture) => (
                "/v1/charges/{id}/capture",
                format!("/v1/charges/{id}/capture"),
            ),
            // A bare charge's authorisation is released by a refund.
            (PaymentRef::Charge(_), Finish::Cancel) => ("/v1/refunds", "/v1/refunds".to_owned()),
        };
        if matches!(
            (payment, finish),
            (PaymentRef::Intent(_), Finish::Capture | Finish::Cancel)
        ) {
            let (intent, request_id) = self
                .post_at::<WireIntent>(template, &path, body, key)
                .await?;
            return Ok((self.of_intent(&intent), request_id));
        }
        let (_, request_id) = self
            .post_at::<serde::de::IgnoredAny>(template, &path, body, key)
            .await?;
        Ok((None, request_id))
    }

    /// A listed charge speaks for its intent only if it is the intent's latest.
    fn listed(&self, charge: &WireCharge) -> Option<Payment> {
        let intent = charge.payment_intent.as_ref().and_then(Expandable::object);
        let superseded = intent
            .and_then(|intent| intent.latest_charge.as_ref())
            .is_some_and(|latest| latest_id(latest) != charge.id.as_str());
        if superseded {
            None
        } else {
            self.of_charge(charge)
        }
    }

    fn of_charge(&self, charge: &WireCharge) -> Option<Payment> {
        let intent = charge.payment_intent.as_ref();
        let whole = intent.and_then(Expandable::object);
        self.combine(charge, whole, intent)
    }

    fn of_intent(&self, intent: &WireIntent) -> Option<Payment> {
        let charge = intent.latest_charge.as_ref().and_then(Expandable::object);
        match charge {
            Some(charge) => {
                let named = Expandable::Id(intent.id.to_string());
                self.combine(charge, Some(intent), Some(&named))
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

    fn combine(
        &self,
        charge: &WireCharge,
        intent: Option<&WireIntent>,
        intent_id: Option<&Expandable<WireIntent>>,
    ) -> Option<Payment> {
        let currency = Currency::parse(&charge.currency).ok()?;
        let settled = charge
            .balance_transaction
            .as_ref()
            .and_then(Expandable::object);
        let settlement = settled.and_then(|s| Currency::parse(&s.currency).ok());
        let (status, pending) = match intent {
            Some(intent) => of_intent_status(&intent.status)?,
            None => of_charge_status(charge)?,
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
        // What a partial capture has released counts as refunded at Stripe, and was never taken.
        let released = if taken {
            charge.amount.saturating_sub(captured)
        } else {
            0
        };
        let refunded = match (charge.refunded, charge.amount_refunded) {
            (true, _) => captured,
            (false, refunded) => refunded.unwrap_or(0).saturating_sub(released).max(0),
        };
        let expired = intent.is_some_and(|intent| {
            let reason = intent.cancellation_reason.as_deref();
            matches!(reason, Some("automatic" | "expired"))
        });
        let (status, failure) = match status {
            PaymentStatus::Canceled if expired => (
                PaymentStatus::Failed,
                Some("the authorisation ended before it was captured".to_owned()),
            ),
            PaymentStatus::Failed => (status, charge.failure_code.clone()),
            other => (other, None),
        };
        let capture_before = charge
            .payment_method_details
            .as_ref()
            .and_then(|method| method.card.as_ref())
            .and_then(|card| card.capture_before);
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
            authorized_until: capture_before.filter(|_| !taken).and_then(usable),
            failure,
            created_at: intent.map_or(charge.created, |intent| intent.created),
        })
    }

    /// The basket that the checkout wrote on the intent, else on the charge.
    fn basket(
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

fn of_charge_status(charge: &WireCharge) -> Option<(PaymentStatus, bool)> {
    Some(match charge.status.as_str() {
        "failed" => (PaymentStatus::Failed, false),
        "pending" => (PaymentStatus::ToCapture, true),
        "succeeded" if charge.captured => (PaymentStatus::Captured, false),
        // An authorisation that was released shows as refunded.
        "succeeded" if charge.refunded => (PaymentStatus::Canceled, false),
        "succeeded" => (PaymentStatus::ToCapture, false),
        _ => return None,
    })
}
