//! Payouts of connected accounts: `POST|GET /v1/payouts`, `POST|GET /v1/payouts/{id}`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::known;
use super::wire::{Metadata, unix};
use super::{List, Stripe, StripeError};
use crate::domain::ids::{AccountId, InvoiceId, PayoutId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::{Currency, Money};
use crate::domain::payout::Life;

const PATH: &str = "/v1/payouts";

/// What the metadata calls every payout.
pub(crate) const TYPE: &str = "INVOICE";

/// A payout to be made: what its request says, before it is encoded and stored.
#[derive(Debug, Clone)]
pub struct NewPayout<'a> {
    /// What goes to the bank, above zero.
    pub amount: Money,
    /// The invoice it pays.
    pub invoice: &'a InvoiceId,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop.
    pub shop_id: ShopId,
}

impl NewPayout<'_> {
    /// The request's body, the same bytes for the same facts, without anything that changes with a
    /// version of this program.
    pub fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("amount", &self.amount.minor().to_string())
            .append_pair("currency", &self.amount.currency().stripe_code());
        let mark = PayoutMark {
            invoice: self.invoice,
            mirakl_host: self.mirakl_host,
            shop_id: Some(self.shop_id),
        };
        mark.append_to(&mut body);
        body.finish()
    }
}

/// Which invoice a payout pays, as its metadata says it.
#[derive(Debug, Clone, Copy)]
pub struct PayoutMark<'a> {
    /// The invoice it pays.
    pub invoice: &'a InvoiceId,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// The shop, where it is known.
    pub shop_id: Option<ShopId>,
}

impl PayoutMark<'_> {
    fn append_to(&self, body: &mut form_urlencoded::Serializer<'_, String>) {
        body.append_pair("metadata[miraklId]", self.invoice.as_str())
            .append_pair("metadata[miraklType]", TYPE)
            .append_pair("metadata[miraklHost]", self.mirakl_host);
        if let Some(shop) = self.shop_id {
            body.append_pair("metadata[miraklShopId]", &shop.to_string());
        }
        body.append_pair("metadata[invoiceId]", self.invoice.as_str())
            .append_pair("metadata[pluginName]", "mirakl-stripe");
    }
}

/// Which invoice a payout pays, by what its maker wrote in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutOrigin {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The marketplace; none where the old connector made it, which did not say.
    pub host: Option<String>,
    /// The shop, where it says.
    pub shop_id: Option<ShopId>,
}

impl PayoutOrigin {
    /// Whether it belongs to the marketplace at `host`.
    pub fn is_of(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|origin| origin == host)
    }
}

/// A payout that Stripe has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Its amount; `None` in a currency that this program never sends.
    pub amount: Option<Money>,
    /// What became of it.
    pub life: Life,
    /// When it reaches the bank, as Stripe expects.
    pub arrival: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Which invoice it pays; none for somebody else's.
    pub origin: Option<PayoutOrigin>,
}

/// Which payouts of an account are listed, newest first.
#[derive(Debug, Clone)]
pub struct PayoutsQuery<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The oldest, inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Continue after this payout.
    pub starting_after: Option<String>,
}

#[derive(Deserialize)]
struct WirePayout {
    id: PayoutId,
    amount: i64,
    currency: String,
    status: String,
    #[serde(default)]
    failure_code: Option<String>,
    #[serde(default)]
    arrival_date: Option<i64>,
    #[serde(deserialize_with = "unix")]
    created: DateTime<Utc>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl From<WirePayout> for Payout {
    fn from(wire: WirePayout) -> Self {
        let currency = Currency::parse(&wire.currency).ok();
        let arrival = wire.arrival_date;
        Self {
            amount: currency.map(|currency| Money::from_minor(wire.amount, currency)),
            life: Life::read(&wire.status, wire.failure_code),
            arrival: arrival.and_then(|at| DateTime::from_timestamp(at, 0)),
            created_at: wire.created,
            origin: origin(&wire.metadata.unwrap_or_default()),
            id: wire.id,
        }
    }
}

fn origin(metadata: &Metadata) -> Option<PayoutOrigin> {
    let field = |name: &str| metadata.get(name).filter(|text| !text.is_empty());
    let shop_id = field("miraklShopId").and_then(|id| id.parse().ok());
    let (invoice, host) = match field("pluginName").map(String::as_str) {
        Some("mirakl-stripe") if field("miraklType").is_some_and(|kind| kind == TYPE) => {
            (field("miraklId")?, Some(field("miraklHost")?.clone()))
        }
        Some("MiraklConnector") => (field("invoiceId").or_else(|| field("miraklId"))?, None),
        _ => return None,
    };
    Some(PayoutOrigin {
        invoice: InvoiceId(invoice.clone()),
        host,
        shop_id: shop_id.map(ShopId),
    })
}

impl Stripe {
    /// Makes a payout of an account by a body that is stored. Returns the request's id too.
    pub async fn create_payout(
        &self,
        account: &AccountId,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(Payout, Option<String>), StripeError> {
        let (payout, request_id) = self
            .post_for::<WirePayout>(PATH, body, key, Some(account))
            .await?;
        Ok((payout.into(), request_id))
    }

    /// Writes which invoice a payout of an account pays into its metadata, so that it is known by that
    /// from then on: `POST /v1/payouts/{id}`. Returns the payout as it is then.
    pub async fn mark_payout(
        &self,
        account: &AccountId,
        id: &PayoutId,
        mark: &PayoutMark<'_>,
    ) -> Result<Payout, StripeError> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        mark.append_to(&mut body);
        let path = format!("{PATH}/{id}");
        let marked: WirePayout = self
            .mark("/v1/payouts/{id}", &path, &body.finish(), Some(account))
            .await?;
        Ok(marked.into())
    }

    /// A page of an account's payouts.
    pub async fn payouts(&self, query: &PayoutsQuery<'_>) -> Result<List<Payout>, StripeError> {
        let after = query.starting_after.as_deref();
        let account = Some(query.account);
        self.page::<WirePayout, _>(PATH, &[], query.from, after, account, |payout| {
            payout.id.as_str()
        })
        .await
    }

    /// One payout of an account; `None` when Stripe does not know it.
    pub async fn payout(
        &self,
        account: &AccountId,
        id: &PayoutId,
    ) -> Result<Option<Payout>, StripeError> {
        let path = format!("{PATH}/{id}");
        let read = self
            .get_for::<WirePayout>("/v1/payouts/{id}", &path, &[], Some(account))
            .await;
        Ok(known(read)?.map(|(payout, _)| payout.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_bytes_for_the_same_facts() {
        let new = NewPayout {
            amount: Money::from_minor(3400, Currency::parse("EUR").expect("known")),
            invoice: &"12".into(),
            mirakl_host: "m.example",
            shop_id: ShopId(2000),
        };
        assert_eq!(
            new.encode(),
            "amount=3400&currency=eur&metadata%5BmiraklId%5D=12&metadata%5BmiraklType%5D=INVOICE\
             &metadata%5BmiraklHost%5D=m.example&metadata%5BmiraklShopId%5D=2000\
             &metadata%5BinvoiceId%5D=12&metadata%5BpluginName%5D=mirakl-stripe"
        );
    }

    #[test]
    fn a_payout_is_ours_by_host_type_and_id_and_the_old_connectors_by_id() {
        let of = |fields: &[(&str, &str)]| {
            let fields = fields.iter();
            let metadata = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            origin(&metadata.collect())
        };
        let ours = [
            ("pluginName", "mirakl-stripe"),
            ("miraklId", "12"),
            ("miraklType", "INVOICE"),
            ("miraklHost", "m.example"),
            ("miraklShopId", "2000"),
        ];
        let found = of(&ours).expect("ours");
        assert!(found.is_of("m.example") && !found.is_of("other.example"));
        assert_eq!(found.shop_id, Some(ShopId(2000)));
        let old = of(&[("pluginName", "MiraklConnector"), ("invoiceId", "12")]);
        assert!(old.is_some_and(|old| old.is_of("m.example") && old.invoice.as_str() == "12"));
        for fields in [&ours[1..], &ours[..3], &ours[..2], &[]] {
            assert_eq!(of(fields), None, "{fields:?}");
        }
    }
}
