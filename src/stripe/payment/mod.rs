//! Payments: charges and payment intents (list, get, search, capture, cancel), read into one shape.

mod read;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::read::{WireCharge, WireIntent};
use super::error::known;
use super::wire::{WireList, unix};
use super::{List, PAGE_SIZE, Stripe, StripeError};
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::payment::Payment;

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
            let Ok(ids) = serde_json::from_str::<OnlyIds>(raw.get()) else {
                continue;
            };
            last = Some(ids.id);
            let charge: Option<WireCharge> = serde_json::from_str(raw.get()).ok();
            data.push(ListedCharge {
                created_at: ids.created,
                payment: charge.and_then(|charge| self.listed(&charge, answered_at)),
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
                self.get_dated("/v1/charges/{id}", &path, &expand)
                    .await
                    .map(|(charge, now): (WireCharge, _)| self.of_charge(&charge, now))
            }
        };
        match known(found)? {
            Some(Some(payment)) => Ok(Some(payment)),
            Some(None) => Err(StripeError::Unknown(
                format!("payment {reference} is in a currency or state that is not known here")
                    .into(),
            )),
            None => Ok(None),
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
}
