//! Reversals: `POST|GET /v1/transfers/{id}/reversals`, and what is left of a transfer.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::refund::{MadeForRefund, append_origin};
use super::wire::{Metadata, WireList, unix};
use super::{PAGE_SIZE, Stripe, StripeError};
use crate::domain::ids::{OrderId, RefundId, ReversalId, ShopId, TransferId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Money;
use crate::domain::refund::{RefundType, reversal_is_for, reversal_is_nobodys};

const TEMPLATE: &str = "/v1/transfers/{id}/reversals";

/// A reversal to be made: what its request says, before it is encoded and stored.
#[derive(Debug, Clone)]
pub struct NewReversal<'a> {
    /// What comes back, above zero.
    pub amount: Money,
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

impl NewReversal<'_> {
    /// The request's body, the same bytes for the same facts.
    pub fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("amount", &self.amount.minor().to_string());
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

/// A reversal that Stripe has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// Its id.
    pub id: ReversalId,
    /// Minor units, in the currency of the transfer.
    pub minor: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    metadata: Metadata,
}

impl Reversal {
    /// Whether it was made for this refund of the marketplace at `host`.
    pub fn is_for(&self, host: &str, kind: RefundType, id: &RefundId) -> bool {
        let field = |name: &str| self.metadata.get(name).map(String::as_str);
        reversal_is_for(field, host, kind, id)
    }

    /// Whether a person or another program made it.
    pub fn is_nobodys(&self) -> bool {
        reversal_is_nobodys(|name| self.metadata.get(name).map(String::as_str))
    }
}

#[derive(Deserialize)]
struct WireReversal {
    id: ReversalId,
    amount: i64,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl From<WireReversal> for Reversal {
    fn from(wire: WireReversal) -> Self {
        Self {
            id: wire.id,
            minor: wire.amount,
            created_at: wire.created,
            metadata: wire.metadata.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
struct WireLeft {
    amount: i64,
    #[serde(default)]
    amount_reversed: i64,
}

impl Stripe {
    /// Takes back a part of a transfer by a body that is stored. Returns the request's id too.
    pub async fn reverse_transfer(
        &self,
        transfer: &TransferId,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(Reversal, Option<String>), StripeError> {
        let path = path(transfer);
        let (reversal, request_id) = self
            .post_at::<WireReversal>(TEMPLATE, &path, body, key)
            .await?;
        Ok((reversal.into(), request_id))
    }

    /// Writes on a reversal what it was made for: `POST /v1/transfers/{id}/reversals/{id}`.
    pub async fn name_reversal(
        &self,
        transfer: &TransferId,
        id: &ReversalId,
        made_for: &MadeForRefund<'_>,
        at: DateTime<Utc>,
    ) -> Result<(), StripeError> {
        let template = "/v1/transfers/{id}/reversals/{id}";
        let path = format!("{}/{id}", path(transfer));
        let key = made_for.key(id.as_str(), at);
        self.post_at::<WireReversal>(template, &path, &made_for.encode(), &key)
            .await?;
        Ok(())
    }

    /// All reversals of one transfer.
    pub async fn reversals_of(&self, transfer: &TransferId) -> Result<Vec<Reversal>, StripeError> {
        let path = path(transfer);
        let mut all: Vec<Reversal> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut parameters = vec![("limit", PAGE_SIZE)];
            if let Some(after) = &after {
                parameters.push(("starting_after", after));
            }
            let page: WireList<WireReversal> = self.get(TEMPLATE, &path, &parameters).await?;
            after = page.data.last().map(|last| last.id.to_string());
            all.extend(page.data.into_iter().map(Reversal::from));
            if after.is_none() || !page.has_more {
                return Ok(all);
            }
        }
    }

    /// Minor units of a transfer that nobody has taken back.
    pub async fn left_of_transfer(&self, transfer: &TransferId) -> Result<i64, StripeError> {
        let path = format!("/v1/transfers/{transfer}");
        let left: WireLeft = self.get("/v1/transfers/{id}", &path, &[]).await?;
        Ok((left.amount - left.amount_reversed).max(0))
    }
}

fn path(transfer: &TransferId) -> String {
    format!("/v1/transfers/{transfer}/reversals")
}
