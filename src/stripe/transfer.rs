//! Transfers: `POST|GET /v1/transfers`, `POST|GET /v1/transfers/{id}`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::known;
use super::wire::{Metadata, unix};
use super::{List, Stripe, StripeError};
use crate::domain::ids::{AccountId, ChargeId, InvoiceId, ShopId, TransferId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::{Currency, Money};
use crate::domain::transfer::{Origin, TransferType, origin};

const PATH: &str = "/v1/transfers";

/// A transfer to be made: what its request says, before it is encoded and stored.
#[derive(Debug, Clone)]
pub struct NewTransfer<'a> {
    /// The amount, above zero.
    pub amount: Money,
    /// The account that receives it.
    pub destination: &'a AccountId,
    /// The charge that the money comes from; none for a movement of an invoice.
    pub source: Option<&'a ChargeId>,
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: &'a str,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop it pays.
    pub shop_id: ShopId,
}

impl NewTransfer<'_> {
    /// The request's body, the same bytes for the same facts.
    ///
    /// Without `transfer_group`, which Stripe refuses for a charge that already has one; without
    /// anything that changes with a version of this program.
    pub fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("amount", &self.amount.minor().to_string())
            .append_pair("currency", &self.amount.currency().stripe_code())
            .append_pair("destination", self.destination.as_str());
        if let Some(source) = self.source {
            body.append_pair("source_transaction", source.as_str());
        }
        let mark = TransferMark {
            kind: self.kind,
            mirakl_id: self.mirakl_id,
            mirakl_host: self.mirakl_host,
            shop_id: Some(self.shop_id),
        };
        mark.append_to(&mut body);
        body.finish()
    }
}

/// What a transfer pays, as its metadata says it.
#[derive(Debug, Clone, Copy)]
pub struct TransferMark<'a> {
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: &'a str,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop it pays, where it is known.
    pub shop_id: Option<ShopId>,
}

impl TransferMark<'_> {
    fn append_to(&self, body: &mut form_urlencoded::Serializer<'_, String>) {
        body.append_pair("metadata[miraklId]", self.mirakl_id)
            .append_pair("metadata[miraklType]", self.kind.as_str())
            .append_pair("metadata[miraklHost]", self.mirakl_host);
        if let Some(shop) = self.shop_id {
            body.append_pair("metadata[miraklShopId]", &shop.to_string());
        }
        if self.kind.order_kind().is_none() {
            body.append_pair("metadata[invoiceId]", self.mirakl_id);
        }
        body.append_pair("metadata[pluginName]", "mirakl-stripe");
    }
}

/// Which transfers are listed, newest first.
#[derive(Debug, Clone, Default)]
pub struct TransfersQuery<'a> {
    /// Those that this account made; none for the platform's.
    pub payer: Option<&'a AccountId>,
    /// Only those to this account.
    pub destination: Option<&'a AccountId>,
    /// The oldest, inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Only those made before this.
    pub before: Option<DateTime<Utc>>,
    /// Continue after this transfer.
    pub starting_after: Option<String>,
}

/// A transfer that Stripe has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// Its amount; `None` in a currency that this program never sends.
    pub amount: Option<Money>,
    /// The account that received it.
    pub destination: Option<AccountId>,
    /// The charge that the money came from.
    pub source: Option<ChargeId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What it pays at which marketplace, by its metadata; `None` if it is not of this kind.
    pub origin: Option<Origin>,
    /// The invoice for which the old connector made it: that names one, and has no source charge.
    pub old_invoice: Option<InvoiceId>,
}

#[derive(Deserialize)]
struct WireTransfer {
    id: TransferId,
    amount: i64,
    currency: String,
    #[serde(default)]
    destination: Option<AccountId>,
    #[serde(default)]
    source_transaction: Option<ChargeId>,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl Stripe {
    /// Makes a transfer by a body that is stored, out of the balance of `payer` or of the platform.
    /// Returns the request's id too.
    pub async fn create_transfer(
        &self,
        body: &str,
        key: &IdempotencyKey,
        payer: Option<&AccountId>,
    ) -> Result<(Transfer, Option<String>), StripeError> {
        let (transfer, request_id) = self
            .post_for::<WireTransfer>(PATH, body, key, payer)
            .await?;
        Ok((transfer.into(), request_id))
    }

    /// Writes what a transfer pays into its metadata, so that it is known by that from then on:
    /// `POST /v1/transfers/{id}`. Returns the transfer as it is then.
    pub async fn mark_transfer(
        &self,
        id: &TransferId,
        mark: &TransferMark<'_>,
        payer: Option<&AccountId>,
    ) -> Result<Transfer, StripeError> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        mark.append_to(&mut body);
        let path = format!("{PATH}/{id}");
        let marked: WireTransfer = self
            .mark("/v1/transfers/{id}", &path, &body.finish(), payer)
            .await?;
        Ok(marked.into())
    }

    /// A page of transfers.
    pub async fn transfers(
        &self,
        query: &TransfersQuery<'_>,
    ) -> Result<List<Transfer>, StripeError> {
        let before = query.before.map(|before| before.timestamp().to_string());
        let mut filter = Vec::new();
        filter.extend(query.destination.map(|to| ("destination", to.as_str())));
        filter.extend(before.as_deref().map(|before| ("created[lt]", before)));
        let after = query.starting_after.as_deref();
        self.page::<WireTransfer, _>(PATH, &filter, query.from, after, query.payer, |transfer| {
            transfer.id.as_str()
        })
        .await
    }

    /// One transfer; `None` when Stripe does not know it.
    pub async fn transfer(
        &self,
        id: &TransferId,
        payer: Option<&AccountId>,
    ) -> Result<Option<Transfer>, StripeError> {
        let path = format!("/v1/transfers/{id}");
        let read = self
            .get_for::<WireTransfer>("/v1/transfers/{id}", &path, &[], payer)
            .await;
        Ok(known(read)?.map(|(transfer, _)| transfer.into()))
    }
}

impl From<WireTransfer> for Transfer {
    fn from(wire: WireTransfer) -> Self {
        let currency = Currency::parse(&wire.currency).ok();
        let metadata = wire.metadata.unwrap_or_default();
        let field = |name: &str| metadata.get(name).map(String::as_str);
        let is_old =
            field("pluginName") == Some("MiraklConnector") && wire.source_transaction.is_none();
        let old_invoice = field("invoiceId").or_else(|| field("miraklId"));
        Self {
            old_invoice: old_invoice
                .filter(|id| is_old && !id.is_empty())
                .map(InvoiceId::from),
            amount: currency.map(|currency| Money::from_minor(wire.amount, currency)),
            origin: origin(field, wire.source_transaction.is_some()),
            id: wire.id,
            destination: wire.destination,
            source: wire.source_transaction,
            created_at: wire.created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_bytes_for_the_same_facts() {
        let new = NewTransfer {
            amount: Money::from_minor(3400, Currency::parse("EUR").expect("known")),
            destination: &"acct_1".into(),
            source: Some(&"ch_1".into()),
            kind: TransferType::ProductOrder,
            mirakl_id: "Ä&=1-A",
            mirakl_host: "m.example",
            shop_id: ShopId(2000),
        };
        assert_eq!(
            new.encode(),
            "amount=3400&currency=eur&destination=acct_1&source_transaction=ch_1\
             &metadata%5BmiraklId%5D=%C3%84%26%3D1-A&metadata%5BmiraklType%5D=PRODUCT_ORDER\
             &metadata%5BmiraklHost%5D=m.example&metadata%5BmiraklShopId%5D=2000\
             &metadata%5BpluginName%5D=mirakl-stripe"
        );
    }
}
