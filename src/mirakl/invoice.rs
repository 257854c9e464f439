//! IV01: accounting documents, `GET /api/invoices`.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::PAGE_SIZE;
use super::page::{NextPage, Page, WireList};
use super::wire::{Amount, date, read_date, shown, without_position};
use super::{Mirakl, MiraklError};
use crate::domain::ids::{InvoiceId, ShopId};
use crate::domain::payout::{Invoice, leftovers};

const PATH: &str = "/api/invoices";

/// Which invoices are asked for.
#[derive(Debug, Clone)]
pub enum InvoicesQuery<'a> {
    /// All that were made since this time; of one shop, or of all.
    CreatedSince(DateTime<Utc>, Option<ShopId>),
    /// These, at most 100.
    Ids(&'a [InvoiceId]),
}

/// An invoice, or what could be read of it.
pub type ReadInvoice = Result<Invoice, UnreadInvoice>;

/// An element of the list that is not an invoice as the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadInvoice {
    /// Its id, if that much could be read.
    pub id: Option<InvoiceId>,
    /// Its shop, if that much could be read.
    pub shop_id: Option<ShopId>,
    /// When it was made, if that much could be read.
    pub created_at: Option<DateTime<Utc>>,
    /// What is wrong with it.
    pub cause: String,
}

impl Mirakl {
    /// The path of the list, for errors.
    pub(crate) const INVOICES: &'static str = PATH;

    /// The first page of the automatic invoices, 100 at most (IV01).
    pub async fn invoices(
        &self,
        query: &InvoicesQuery<'_>,
    ) -> Result<Page<ReadInvoice>, MiraklError> {
        let mut url = self.address(PATH);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("type", "AUTO_INVOICE");
            pairs.append_pair("max", &PAGE_SIZE.to_string());
            pairs.append_pair("offset", "0");
            // A seller's older invoices come first.
            pairs.append_pair("sort", "dateCreated");
            pairs.append_pair("order", "asc");
            match query {
                InvoicesQuery::CreatedSince(since, shop) => {
                    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                    pairs.append_pair("start_date", &since);
                    if let Some(shop) = shop {
                        pairs.append_pair("shop", &shop.to_string());
                    }
                }
                InvoicesQuery::Ids(ids) => {
                    let ids: Vec<&str> = ids.iter().map(InvoiceId::as_str).collect();
                    pairs.append_pair("invoice_id", &ids.join(","));
                }
            }
        }
        self.invoices_at(NextPage(url)).await
    }

    /// A further page of invoices.
    pub async fn invoices_at(&self, page: NextPage) -> Result<Page<ReadInvoice>, MiraklError> {
        self.page(PATH, page, list, read).await
    }
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    invoices: Vec<&'a RawValue>,
    #[serde(default)]
    total_count: Option<u64>,
}

fn list(body: &[u8]) -> serde_json::Result<WireList<'_>> {
    let page: WirePage<'_> = serde_json::from_slice(body)?;
    Ok(WireList {
        items: page.invoices,
        total: page.total_count,
    })
}

#[derive(Deserialize)]
struct WireInvoice {
    invoice_id: i64,
    shop_id: i64,
    r#type: String,
    state: String,
    currency_iso_code: String,
    #[serde(deserialize_with = "date")]
    date_created: DateTime<Utc>,
    #[serde(default)]
    payment: Option<WirePayment>,
    /// All amounts are optional to Mirakl, but what the seller is to get must be there.
    summary: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct WirePayment {
    #[serde(default)]
    state: Option<String>,
}

/// As much of an invoice as tells which it is.
#[derive(Deserialize)]
struct WireName {
    #[serde(default)]
    invoice_id: Option<serde_json::Value>,
    #[serde(default)]
    shop_id: Option<serde_json::Value>,
    #[serde(default)]
    date_created: Option<serde_json::Value>,
}

fn read(raw: &RawValue) -> ReadInvoice {
    let parsed = serde_json::from_str::<WireInvoice>(raw.get());
    let read = parsed
        .map_err(|error| without_position(&error))
        .and_then(invoice);
    read.map_err(|cause| {
        let name: Option<WireName> = serde_json::from_str(raw.get()).ok();
        let number = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_i64);
        let name = name.as_ref();
        UnreadInvoice {
            id: number(name.and_then(|name| name.invoice_id.as_ref()))
                .filter(|id| *id > 0)
                .map(|id| InvoiceId(id.to_string())),
            shop_id: number(name.and_then(|name| name.shop_id.as_ref())).map(ShopId),
            created_at: name.and_then(|name| read_date(name.date_created.as_ref()?.as_str()?).ok()),
            cause,
        }
    })
}

fn invoice(wire: WireInvoice) -> Result<Invoice, String> {
    if wire.invoice_id <= 0 {
        return Err(format!("invoice_id is {}", wire.invoice_id));
    }
    let mut summary: Vec<(String, Decimal)> = Vec::new();
    for (name, value) in wire.summary {
        // What nothing moves is told by its name.
        if name.is_empty() || shown(&name) != name {
            return Err("a name of its summary is empty, very long or not printable".to_owned());
        }
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::Number(number) => {
                let amount: Amount = serde_json::from_str(number.as_str())
                    .map_err(|error| format!("{name}: {}", without_position(&error)))?;
                summary.push((name, amount.0));
            }
            // Lists and texts of the summary say nothing that is moved.
            serde_json::Value::Array(_)
            | serde_json::Value::Object(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Bool(_) => {
                if MOVED.contains(&name.as_str()) || name == TRANSFERRED {
                    return Err(format!("{name} is no number"));
                }
            }
        }
    }
    if !summary.iter().any(|(name, _)| name == TRANSFERRED) {
        return Err(format!("summary without {TRANSFERRED}"));
    }
    let of = |field: &str| {
        let found = summary.iter().find(|(name, _)| name == field);
        found.map_or(Decimal::ZERO, |(_, amount)| *amount)
    };
    let [credits, subscription, other_invoices] = MOVED.map(of);
    Ok(Invoice {
        id: InvoiceId(wire.invoice_id.to_string()),
        shop_id: ShopId(wire.shop_id),
        kind: wire.r#type,
        state: wire.state,
        payment_state: wire.payment.and_then(|payment| payment.state),
        currency: wire.currency_iso_code,
        created_at: wire.date_created,
        transferred: of(TRANSFERRED),
        credits,
        subscription,
        other_invoices,
        leftovers: leftovers(&summary),
    })
}

/// What the seller is to get.
const TRANSFERRED: &str = "amount_transferred";
/// The parts of the summary that are moved by transfers.
const MOVED: [&str; 3] = [
    "total_other_credits_incl_tax",
    "total_subscription_incl_tax",
    "total_other_invoices_incl_tax",
];
