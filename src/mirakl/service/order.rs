//! SOR11: service orders, `GET /api/mms/orders`.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::price::{WireOption, WirePrice, WireTax, sum};
use crate::domain::ids::{CommercialOrderId, OrderId, ShopId};
use crate::domain::service::{ServiceOrder, ServiceRefund, ServiceState};
use crate::mirakl::order::PAGE_SIZE;
use crate::mirakl::page::{NextPage, Page};
use crate::mirakl::wire::{Amount, date, is_storable, nullable, optional_date, without_position};
use crate::mirakl::{Mirakl, MiraklError};

const PATH: &str = "/api/mms/orders";

/// Which service orders are asked for.
#[derive(Debug, Clone)]
pub enum ServicesQuery<'a> {
    /// All that changed since this time.
    UpdatedSince(DateTime<Utc>),
    /// These, at most 100.
    Ids(&'a [OrderId]),
    /// All orders of these baskets, at most 100.
    Baskets(&'a [CommercialOrderId]),
}

/// A service order, or what could be read of it.
pub type ReadService = Result<ServiceOrder, UnreadService>;

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
    /// The first page of service orders, 100 at most (SOR11).
    pub async fn services_page(
        &self,
        query: &ServicesQuery<'_>,
    ) -> Result<Page<ReadService>, MiraklError> {
        let mut url = self.address(PATH);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("limit", &PAGE_SIZE.to_string());
            match query {
                ServicesQuery::UpdatedSince(since) => {
                    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                    pairs.append_pair("date_updated_start", &since);
                }
                ServicesQuery::Ids(ids) => {
                    for id in *ids {
                        pairs.append_pair("order_id", id.as_str());
                    }
                }
                ServicesQuery::Baskets(ids) => {
                    for id in *ids {
                        pairs.append_pair("commercial_order_id", id.as_str());
                    }
                }
            }
        }
        self.services_at(NextPage(url)).await
    }

    /// A further page of service orders.
    pub async fn services_at(&self, page: NextPage) -> Result<Page<ReadService>, MiraklError> {
        self.seek(PATH, page.0, read_order).await
    }

    /// Service orders, all pages (SOR11).
    pub async fn services(&self, query: &ServicesQuery<'_>) -> Result<Services, MiraklError> {
        let first = self.services_page(query).await?;
        let date = first.date;
        let at = async |next| self.services_at(next).await;
        let mut services = Services {
            date,
            ..Services::default()
        };
        for item in first.with_all_further(PATH, at).await? {
            match item {
                Ok(order) => services.read.push(order),
                Err(unread) => services.unread.push(unread),
            }
        }
        Ok(services)
    }
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
    #[serde(default)]
    commission: Option<WireCommission>,
    #[serde(default, deserialize_with = "nullable")]
    refunds: Vec<WireRefund>,
    #[serde(deserialize_with = "date")]
    date_created: DateTime<Utc>,
    #[serde(default, deserialize_with = "optional_date")]
    date_updated: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct WireShop {
    id: i64,
}

#[derive(Deserialize)]
struct WireCommission {
    #[serde(default)]
    amount_including_taxes: Option<Amount>,
}

impl WireCommission {
    fn with_taxes(self) -> Option<Decimal> {
        self.amount_including_taxes.map(|amount| amount.0)
    }
}

#[derive(Deserialize)]
struct WireRefund {
    id: String,
    amount: Amount,
    #[serde(default, deserialize_with = "nullable")]
    taxes: Vec<WireTax>,
    #[serde(default, deserialize_with = "nullable")]
    options: Vec<WireOption>,
    #[serde(default)]
    commission: Option<WireCommission>,
    state: String,
}

impl From<WireRefund> for ServiceRefund {
    fn from(wire: WireRefund) -> Self {
        let options = || wire.options.iter();
        Self {
            amount: wire.amount.0,
            taxes: sum(&wire.taxes) + options().map(WireOption::taxes).sum::<Decimal>(),
            options: options().map(WireOption::amount).sum(),
            commission: wire.commission.and_then(WireCommission::with_taxes),
            confirmed: wire.state == "OK",
            id: wire.id,
        }
    }
}

fn read_order(raw: &RawValue) -> ReadService {
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
            .map(|basket| basket.commercial_order_id)
            .filter(|basket| is_storable(basket))
            .map(CommercialOrderId),
        cause,
    };
    let order: WireOrder =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    let mut refunds = order.refunds.iter();
    let storable = is_storable(&order.id)
        && is_storable(&order.commercial_order_id)
        && refunds.all(|refund| is_storable(&refund.id));
    if !storable {
        return Err(unread("one of its ids is empty or holds a NUL".to_owned()));
    }
    let sums = order.price.as_ref().and_then(WirePrice::sums);
    Ok(ServiceOrder {
        id: OrderId(order.id),
        commercial_id: CommercialOrderId(order.commercial_order_id),
        shop_id: ShopId(order.shop.id),
        state: ServiceState::parse(&order.state),
        currency: order.currency_code,
        price: sums.map(|sums| sums.total),
        taxes: sums.map(|sums| sums.taxes),
        commission: order.commission.and_then(WireCommission::with_taxes),
        refunds: order.refunds.into_iter().map(ServiceRefund::from).collect(),
        created_at: order.date_created,
        updated_at: order.date_updated.unwrap_or(order.date_created),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ReadService {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        read_order(raw)
    }

    const ORDER: &str = r#"{
        "id": "S1", "commercial_order_id": "C1", "state": "ORDER_ACCEPTED", "currency_code": "EUR",
        "shop": {"id": 2001}, "something_new": {},
        "price": {"amount": 30.00, "taxes": [{"amount": 6}], "options": [
            {"amount": 5, "taxes": [{"amount": 1}]}]},
        "commission": {"amount_excluding_taxes": 3.00, "amount_including_taxes": 3.60},
        "refunds": [
            {"id": "R1", "amount": 10.00, "taxes": [{"amount": 2}], "state": "OK",
             "options": [{"amount": 5, "taxes": [{"amount": 1}]}],
             "commission": {"amount_including_taxes": 1.20}},
            {"id": "R2", "amount": 4, "state": "WAITING"}],
        "date_created": "2026-05-04T09:12:30Z", "date_updated": "2026-05-05T07:00:00.250Z"
    }"#;

    #[test]
    fn a_service_order_is_read_with_its_taxes_commission_and_refunds() {
        let order = read(ORDER).expect("an order");
        let text = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string());
        assert_eq!(order.shop_id, ShopId(2001));
        assert_eq!(text(order.price).as_deref(), Some("42"));
        assert_eq!(text(order.taxes).as_deref(), Some("7"));
        assert_eq!(text(order.commission).as_deref(), Some("3.6"));
        let [first, second] = &order.refunds[..] else {
            panic!("two refunds: {order:?}");
        };
        let sums = [first.amount, first.taxes, first.options];
        let sums = sums.map(|amount| amount.normalize().to_string());
        assert_eq!(sums, ["10", "3", "5"]);
        assert_eq!(text(first.commission).as_deref(), Some("1.2"));
        assert!(first.confirmed && !second.confirmed);
        assert_eq!(second.commission, None);
    }

    #[test]
    fn a_commission_that_is_not_shown_is_no_commission_of_zero() {
        for (from, to) in [
            (
                r#""amount_including_taxes": 3.60"#,
                r#""amount_including_taxes": null"#,
            ),
            (r#", "amount_including_taxes": 3.60"#, ""),
            (
                r#"{"amount_excluding_taxes": 3.00, "amount_including_taxes": 3.60}"#,
                "null",
            ),
        ] {
            let order = read(&ORDER.replacen(from, to, 1)).expect(to);
            assert_eq!(order.commission, None, "{to}");
        }
        let zero = read(&ORDER.replacen("3.60", "0", 1)).expect("an order");
        assert_eq!(zero.commission, Some(Decimal::ZERO));
    }

    #[test]
    fn taxes_of_a_price_that_is_not_known_are_not_known() {
        let order = read(&ORDER.replacen(r#""amount": 30.00, "#, "", 1)).expect("an order");
        assert_eq!((order.price, order.taxes), (None, None));
    }

    #[test]
    fn an_order_with_a_refund_that_cannot_be_read_is_named_and_not_read() {
        for (from, to) in [
            (r#""amount": 10.00"#, r#""amount": "ten""#),
            (r#""id": "R1", "#, ""),
            (r#""id": "R1""#, r#""id": """#),
            (r#""state": "WAITING""#, r#""status": "WAITING""#),
            (r#""shop": {"id": 2001}, "#, ""),
        ] {
            let unread = read(&ORDER.replacen(from, to, 1)).expect_err(to);
            assert_eq!(unread.order_id, Some("S1".into()), "{to}");
            assert_eq!(unread.basket, Some("C1".into()), "{to}");
        }
        assert_eq!(read("{}").expect_err("nothing").order_id, None);
    }
}
