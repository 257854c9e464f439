//! SOR11, SPA11 and SPA01: service orders and their debits, `GET /api/mms/orders` and
//! `GET|PUT /api/mms/debits`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Url;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::order::PAGE_SIZE;
use super::wire::{Amount, describe, exact_number, is_storable, nullable, shown, without_position};
use super::{Mirakl, MiraklError};
use crate::domain::ids::{CommercialOrderId, DebitId, OrderId, ShopId};
use crate::domain::service::{DebitState, ServiceDebit, ServiceOrder, ServiceState};

const ORDERS: &str = "/api/mms/orders";
const DEBITS: &str = "/api/mms/debits";

/// Which service orders are asked for.
#[derive(Debug, Clone)]
pub enum ServicesQuery<'a> {
    /// All that changed since this time.
    UpdatedSince(DateTime<Utc>),
    /// All orders of these baskets, at most 100.
    Baskets(&'a [CommercialOrderId]),
}

/// An element that is not what the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadService {
    /// Its order, if that much could be read.
    pub order_id: Option<OrderId>,
    /// Its basket, if that much could be read.
    pub basket: Option<CommercialOrderId>,
    /// What is wrong with it.
    pub cause: String,
}

/// A whole list of service orders, and Mirakl's time when it was begun.
#[derive(Debug, Default)]
pub struct Services {
    /// The orders.
    pub read: Vec<ServiceOrder>,
    /// What could not be read.
    pub unread: Vec<UnreadService>,
    /// Mirakl's time.
    pub date: Option<DateTime<Utc>>,
}

impl Mirakl {
    /// Service orders, all pages (SOR11).
    pub async fn services(&self, query: &ServicesQuery<'_>) -> Result<Services, MiraklError> {
        let mut url = self.address(ORDERS);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("limit", &PAGE_SIZE.to_string());
            match query {
                ServicesQuery::UpdatedSince(since) => {
                    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                    pairs.append_pair("date_updated_start", &since);
                }
                ServicesQuery::Baskets(ids) => {
                    for id in *ids {
                        pairs.append_pair("commercial_order_id", id.as_str());
                    }
                }
            }
        }
        let mut services = Services::default();
        let date = self
            .each_page(ORDERS, url, |raw| match read_order(raw) {
                Ok(order) => services.read.push(order),
                Err(unread) => services.unread.push(unread),
            })
            .await?;
        services.date = date;
        Ok(services)
    }

    /// The debits of at most 100 service orders, paid ones too (SPA11).
    pub async fn service_debits(
        &self,
        orders: &[OrderId],
    ) -> Result<Vec<ServiceDebit>, MiraklError> {
        let mut url = self.address(DEBITS);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("limit", &PAGE_SIZE.to_string());
            for id in orders {
                pairs.append_pair("order_id", id.as_str());
            }
        }
        let mut debits = Vec::new();
        let mut broken = None;
        self.each_page(DEBITS, url, |raw| match read_debit(raw) {
            Ok(debit) => debits.push(debit),
            Err(cause) => broken = Some(cause),
        })
        .await?;
        // Without one of them it could not be told what an order comes to.
        match broken {
            Some(cause) => Err(MiraklError::Malformed {
                path: DEBITS,
                cause,
            }),
            None => Ok(debits),
        }
    }

    /// Tells Mirakl what became of service debits (SPA01): by debit, why it was not taken. One that
    /// the result does not name was taken, as far as Mirakl says.
    pub async fn confirm_service_debits(
        &self,
        told: &[ToldService<'_>],
    ) -> Result<HashMap<DebitId, String>, MiraklError> {
        let items: Vec<WireTold<'_>> = told.iter().map(WireTold::from).collect();
        let in_orders = || serde_json::to_string(&WireOrders { orders: &items });
        let array = || serde_json::to_string(&items);
        // It is not certain which of the two forms Mirakl takes: the one that it took last.
        let orders_first = self.service_root_is_object.load(Ordering::Relaxed);
        let forms = match orders_first {
            false => [array(), in_orders()],
            true => [in_orders(), array()],
        };
        let [first, second] = forms.map(Result::unwrap_or_default);
        let answer = match self.put(DEBITS, &first).await {
            Err(MiraklError::Status { status: 400, .. }) => {
                let answer = self.put(DEBITS, &second).await?;
                self.service_root_is_object
                    .store(!orders_first, Ordering::Relaxed);
                answer
            }
            answer => answer?,
        };
        let wire: WireAnswer =
            serde_json::from_slice(&answer.body).map_err(|error| MiraklError::Malformed {
                path: DEBITS,
                cause: describe(&error),
            })?;
        let errors = wire.errors.into_iter().map(|error| {
            let messages = error.debit_errors.into_iter();
            let messages: Vec<String> = messages
                .filter_map(|error| error.message.or(error.code))
                .collect();
            (DebitId(error.debit_id), shown(&messages.join("; ")))
        });
        Ok(errors.collect())
    }

    /// Seek paging: a token leads to the next page, and carries all other parameters.
    async fn each_page(
        &self,
        path: &'static str,
        mut url: Url,
        mut each: impl FnMut(&RawValue),
    ) -> Result<Option<DateTime<Utc>>, MiraklError> {
        let mut date = None;
        loop {
            let answer = self.get(path, url.clone()).await?;
            date = date.or(answer.date());
            let page: WirePage<'_> = read(path, &answer.body)?;
            for raw in &page.data {
                each(raw);
            }
            let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else {
                return Ok(date);
            };
            let mut next = self.address(path);
            next.query_pairs_mut().append_pair("page_token", &token);
            if next == url || page.data.is_empty() {
                return Err(MiraklError::Malformed {
                    path,
                    cause: "the same page again and again".to_owned(),
                });
            }
            url = next;
        }
    }
}

fn read<'a, T: Deserialize<'a>>(path: &'static str, body: &'a [u8]) -> Result<T, MiraklError> {
    serde_json::from_slice(body).map_err(|error| MiraklError::Malformed {
        path,
        cause: describe(&error),
    })
}

/// What Mirakl is told about a service debit.
#[derive(Debug, Clone)]
pub struct ToldService<'a> {
    /// The debit.
    pub debit: &'a ServiceDebit,
    /// The payment; none to refuse the debit.
    pub transaction: Option<&'a str>,
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Serialize)]
struct WireOrders<'a> {
    orders: &'a [WireTold<'a>],
}

#[derive(Serialize)]
struct WireTold<'a> {
    id: &'a DebitId,
    order_id: &'a OrderId,
    amount: serde_json::Number,
    currency_code: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_number: Option<&'a str>,
}

impl<'a> From<&'a ToldService<'a>> for WireTold<'a> {
    fn from(told: &'a ToldService<'a>) -> Self {
        Self {
            id: &told.debit.id,
            order_id: &told.debit.order_id,
            amount: exact_number(told.debit.amount),
            currency_code: &told.debit.currency,
            state: match told.transaction {
                Some(_) => "OK",
                None => "REFUSED",
            },
            transaction_number: told.transaction,
        }
    }
}

#[derive(Deserialize)]
struct WireAnswer {
    #[serde(default, deserialize_with = "nullable")]
    errors: Vec<WireErrors>,
}

#[derive(Deserialize)]
struct WireErrors {
    debit_id: String,
    #[serde(default, deserialize_with = "nullable")]
    debit_errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
struct WireOrder {
    id: String,
    commercial_order_id: String,
    state: String,
    currency_code: String,
    shop: WireShop,
    #[serde(default)]
    price: Option<WirePrice>,
    date_created: DateTime<Utc>,
    #[serde(default)]
    date_updated: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct WireShop {
    id: i64,
}

#[derive(Deserialize)]
struct WirePrice {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    quantity: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    options: Vec<WireOption>,
    #[serde(default, deserialize_with = "nullable")]
    ordered_service_units: Vec<WireUnit>,
}

#[derive(Deserialize)]
struct WireTax {
    amount: Amount,
}

#[derive(Deserialize)]
struct WireOption {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "values")]
    values: Vec<WireValue>,
}

#[derive(Deserialize)]
struct WireUnit {
    #[serde(default, deserialize_with = "values")]
    values: Vec<WireValue>,
}

#[derive(Deserialize)]
struct WireValue {
    amount: Amount,
    #[serde(default)]
    ordered_quantity: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
}

/// A list that may be `null`, or of another shape altogether.
fn values<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    nullable(deserializer)
}

fn sum(taxes: &[WireTax]) -> Decimal {
    taxes.iter().map(|tax| tax.amount.0).sum()
}

impl WirePrice {
    /// Price, options and taxes; a unit price counts as often as it was ordered.
    fn total(&self) -> Option<Decimal> {
        let times = |amount: Decimal, quantity: &Option<Amount>| {
            amount.checked_mul(
                quantity
                    .as_ref()
                    .map_or(Decimal::ONE, |quantity| quantity.0),
            )
        };
        let mut total = sum(&self.taxes);
        match (&self.amount, self.ordered_service_units.is_empty()) {
            (Some(amount), true) => total = total.checked_add(times(amount.0, &self.quantity)?)?,
            (None, false) => {
                for value in self
                    .ordered_service_units
                    .iter()
                    .flat_map(|unit| &unit.values)
                {
                    let amount = times(value.amount.0, &value.ordered_quantity)?;
                    total = total.checked_add(amount)?.checked_add(sum(&value.taxes))?;
                }
            }
            _ => return None,
        }
        for option in &self.options {
            let amount = option
                .amount
                .as_ref()
                .map_or(Decimal::ZERO, |amount| amount.0);
            total = total.checked_add(amount)?.checked_add(sum(&option.taxes))?;
            for value in &option.values {
                total = total
                    .checked_add(value.amount.0)?
                    .checked_add(sum(&value.taxes))?;
            }
        }
        Some(total)
    }
}

fn read_order(raw: &RawValue) -> Result<ServiceOrder, UnreadService> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: String,
    }
    #[derive(Deserialize)]
    struct OnlyBasket {
        commercial_order_id: String,
    }
    let id = serde_json::from_str::<OnlyId>(raw.get()).ok();
    let order_id = id.map(|id| id.id).filter(|id| is_storable(id));
    let unread = |cause| UnreadService {
        order_id: order_id.clone().map(OrderId),
        basket: serde_json::from_str::<OnlyBasket>(raw.get())
            .ok()
            .map(|basket| CommercialOrderId(basket.commercial_order_id)),
        cause,
    };
    let order: WireOrder =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    if !is_storable(&order.id) || !is_storable(&order.commercial_order_id) {
        return Err(unread("one of its ids is empty or holds a NUL".to_owned()));
    }
    Ok(ServiceOrder {
        id: OrderId(order.id),
        commercial_id: CommercialOrderId(order.commercial_order_id),
        shop_id: ShopId(order.shop.id),
        state: ServiceState::parse(&order.state),
        currency: order.currency_code,
        price: order.price.as_ref().and_then(WirePrice::total),
        created_at: order.date_created,
        updated_at: order.date_updated.unwrap_or(order.date_created),
    })
}

#[derive(Deserialize)]
struct WireDebit {
    id: String,
    order_id: String,
    amount: Amount,
    currency_code: String,
    state: String,
}

fn read_debit(raw: &RawValue) -> Result<ServiceDebit, String> {
    let debit: WireDebit =
        serde_json::from_str(raw.get()).map_err(|error| without_position(&error))?;
    if !is_storable(&debit.id) || !is_storable(&debit.order_id) {
        return Err("one of its ids is empty or holds a NUL".to_owned());
    }
    Ok(ServiceDebit {
        id: DebitId(debit.id),
        order_id: OrderId(debit.order_id),
        amount: debit.amount.0,
        currency: debit.currency_code,
        state: DebitState::parse(&debit.state),
    })
}
