//! Payouts of connected accounts: `POST|GET /v1/payouts`, `GET /v1/payouts/{id}`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::wire::{Metadata, WireList, unix, usable};
use super::{Class, List, PAGE_SIZE, Refusal, Stripe, StripeError};
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
        form_urlencoded::Serializer::new(String::new())
            .append_pair("amount", &self.amount.minor().to_string())
            .append_pair("currency", &self.amount.currency().stripe_code())
            .append_pair("metadata[miraklId]", self.invoice.as_str())
            .append_pair("metadata[miraklType]", TYPE)
            .append_pair("metadata[miraklHost]", self.mirakl_host)
            .append_pair("metadata[miraklShopId]", &self.shop_id.to_string())
            .append_pair("metadata[invoiceId]", self.invoice.as_str())
            .append_pair("metadata[pluginName]", "mirakl-stripe")
            .finish()
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
            arrival: arrival.and_then(usable),
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

    /// A page of an account's payouts.
    pub async fn payouts(&self, query: &PayoutsQuery<'_>) -> Result<List<Payout>, StripeError> {
        let from = query.from.map(|from| from.timestamp().to_string());
        let mut parameters = vec![("limit", PAGE_SIZE)];
        if let Some(from) = &from {
            parameters.push(("created[gte]", from));
        }
        if let Some(after) = &query.starting_after {
            parameters.push(("starting_after", after));
        }
        let (page, date): (WireList<WirePayout>, _) = self
            .get_for(PATH, PATH, &parameters, Some(query.account))
            .await?;
        let last = page.data.last().map(|last| last.id.to_string());
        Ok(List {
            next: last.filter(|_| page.has_more),
            date,
            data: page.data.into_iter().map(Payout::from).collect(),
        })
    }

    /// One payout of an account; `None` when Stripe does not know it.
    pub async fn payout(
        &self,
        account: &AccountId,
        id: &PayoutId,
    ) -> Result<Option<Payout>, StripeError> {
        let path = format!("{PATH}/{id}");
        let found = self
            .get_for::<WirePayout>("/v1/payouts/{id}", &path, &[], Some(account))
            .await;
        match found {
            Ok((payout, _)) => Ok(Some(payout.into())),
            Err(StripeError::Refused(Refusal {
                class: Class::Final,
                status: 404,
                ..
            })) => Ok(None),
            Err(error) => Err(error),
        }
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
