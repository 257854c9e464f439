//! Refunds: `POST /v1/refunds`, `GET /v1/refunds`, `GET /v1/refunds/{id}`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::known;
use super::wire::{Metadata, unix};
use super::{List, Stripe, StripeError};
use crate::domain::ids::{ChargeId, OrderId, RefundId, ShopId, StripeRefundId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{RefundOrigin, RefundType, refund_origin};

const PATH: &str = "/v1/refunds";

/// A refund to be made: what its request says, before it is encoded and stored.
#[derive(Debug, Clone)]
pub struct NewRefund<'a> {
    /// What the customer gets back, above zero, in the currency of the charge.
    pub amount: Money,
    /// The charge.
    pub charge: &'a ChargeId,
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund at Mirakl.
    pub refund_id: &'a RefundId,
    /// Its order.
    pub order_id: &'a OrderId,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
}

impl NewRefund<'_> {
    /// The request's body, the same bytes for the same facts, without anything that changes with a
    /// version of this program.
    pub fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("charge", self.charge.as_str())
            .append_pair("amount", &self.amount.minor().to_string());
        append_origin(
            &mut body,
            self.kind,
            self.refund_id,
            self.order_id,
            self.mirakl_host,
            self.shop_id,
        );
        body.finish()
    }
}

/// What a refund or a reversal that somebody else made was made for, to be written on it.
#[derive(Debug, Clone, Copy)]
pub struct MadeForRefund<'a> {
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund at Mirakl.
    pub refund_id: &'a RefundId,
    /// Its order.
    pub order_id: &'a OrderId,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
}

impl MadeForRefund<'_> {
    /// The request's body: the metadata that this program's own request would have carried.
    pub(super) fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        append_origin(
            &mut body,
            self.kind,
            self.refund_id,
            self.order_id,
            self.mirakl_host,
            self.shop_id,
        );
        body.finish()
    }

    /// The key of writing it on an object of Stripe at that time: each try is one of its own, because the same words
    /// written twice do no harm.
    pub(super) fn key(&self, object: &str, at: DateTime<Utc>) -> IdempotencyKey {
        let try_of = format!("{object}@{}", at.timestamp_millis());
        IdempotencyKey::new(self.mirakl_host, "name", self.kind.as_str(), &try_of, 1)
    }
}

/// What a refund and its reversals say about where they come from.
pub(super) fn append_origin(
    body: &mut form_urlencoded::Serializer<'_, String>,
    kind: RefundType,
    refund_id: &RefundId,
    order_id: &OrderId,
    host: &str,
    shop_id: Option<ShopId>,
) {
    body.append_pair("metadata[miraklId]", refund_id.as_str())
        .append_pair("metadata[miraklType]", kind.as_str())
        .append_pair("metadata[miraklHost]", host)
        .append_pair("metadata[miraklRefundId]", refund_id.as_str())
        .append_pair("metadata[miraklOrderId]", order_id.as_str());
    if let Some(shop) = shop_id {
        body.append_pair("metadata[miraklShopId]", &shop.to_string());
    }
    body.append_pair("metadata[pluginName]", "mirakl-stripe");
}

/// Which refunds are listed, newest first.
#[derive(Debug, Clone, Default)]
pub struct RefundsQuery<'a> {
    /// Only those of this charge.
    pub charge: Option<&'a ChargeId>,
    /// The oldest, inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Continue after this refund.
    pub starting_after: Option<String>,
}

/// A refund that Stripe has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: StripeRefundId,
    /// Minor units.
    pub minor: i64,
    /// Its amount; `None` in a currency that this program never sends.
    pub amount: Option<Money>,
    /// The charge; none of what was not refunded on a card or account.
    pub charge: Option<ChargeId>,
    /// Stripe could not carry it out, or it was cancelled: the customer has nothing.
    pub ended: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it, and for what.
    pub origin: RefundOrigin,
}

#[derive(Deserialize)]
pub(super) struct WireRefund {
    id: StripeRefundId,
    amount: i64,
    currency: String,
    #[serde(default)]
    charge: Option<ChargeId>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    failure_reason: Option<String>,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl From<WireRefund> for Refund {
    fn from(wire: WireRefund) -> Self {
        let currency = Currency::parse(&wire.currency).ok();
        let metadata = wire.metadata.unwrap_or_default();
        let ended = matches!(wire.status.as_deref(), Some("failed" | "canceled"));
        Self {
            amount: currency.map(|currency| Money::from_minor(wire.amount, currency)),
            origin: refund_origin(|name| metadata.get(name).map(String::as_str)),
            ended: ended.then(|| {
                let word = wire.failure_reason.or(wire.status);
                word.unwrap_or_default().chars().take(100).collect()
            }),
            id: wire.id,
            minor: wire.amount,
            charge: wire.charge,
            created_at: wire.created,
        }
    }
}

impl Stripe {
    /// Makes a refund by a body that is stored. Returns the request's id too.
    pub async fn create_refund(
        &self,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(Refund, Option<String>), StripeError> {
        let (refund, request_id) = self.post::<WireRefund>(PATH, body, key).await?;
        Ok((refund.into(), request_id))
    }

    /// Writes on a refund what it was made for: `POST /v1/refunds/{id}`.
    pub async fn name_refund(
        &self,
        id: &StripeRefundId,
        made_for: &MadeForRefund<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), StripeError> {
        let path = format!("/v1/refunds/{id}");
        let key = made_for.key(id.as_str(), at);
        self.post_at::<WireRefund>("/v1/refunds/{id}", &path, &made_for.encode(), &key)
            .await?;
        Ok(())
    }

    /// A page of refunds.
    pub async fn refunds(&self, query: &RefundsQuery<'_>) -> Result<List<Refund>, StripeError> {
        let of = query.charge.map(|charge| ("charge", charge.as_str()));
        let after = query.starting_after.as_deref();
        self.page::<WireRefund, _>(PATH, of.as_slice(), query.from, after, None, |refund| {
            refund.id.as_str()
        })
        .await
    }

    /// All refunds of one charge.
    pub async fn refunds_of(&self, charge: &ChargeId) -> Result<Vec<Refund>, StripeError> {
        let mut query = RefundsQuery {
            charge: Some(charge),
            ..RefundsQuery::default()
        };
        let mut all = Vec::new();
        loop {
            let page = self.refunds(&query).await?;
            all.extend(page.data);
            match page.next {
                Some(next) => query.starting_after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// One refund; `None` when Stripe does not know it.
    pub async fn refund(&self, id: &StripeRefundId) -> Result<Option<Refund>, StripeError> {
        let path = format!("/v1/refunds/{id}");
        let read: Result<WireRefund, _> = self.get("/v1/refunds/{id}", &path, &[]).await;
        Ok(known(read)?.map(Refund::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_bytes_for_the_same_facts() {
        let new = NewRefund {
            amount: Money::from_minor(3400, Currency::parse("EUR").expect("known")),
            charge: &"ch_1".into(),
            kind: RefundType::ProductRefund,
            refund_id: &"11&00".into(),
            order_id: &"C1-A".into(),
            mirakl_host: "m.example",
            shop_id: Some(ShopId(2000)),
        };
        assert_eq!(
            new.encode(),
            "charge=ch_1&amount=3400&metadata%5BmiraklId%5D=11%2600\
             &metadata%5BmiraklType%5D=PRODUCT_REFUND&metadata%5BmiraklHost%5D=m.example\
             &metadata%5BmiraklRefundId%5D=11%2600&metadata%5BmiraklOrderId%5D=C1-A\
             &metadata%5BmiraklShopId%5D=2000&metadata%5BpluginName%5D=mirakl-stripe"
        );
    }
}
