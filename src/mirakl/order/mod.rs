//! OR11: product orders, `GET /api/orders`.

mod line;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::line::WireLine;
use super::page::{NextPage, Page, WireList};
use super::wire::{Amount, is_storable, nullable, optional_date, without_position};
use super::{Mirakl, MiraklError};
use crate::domain::ids::{CommercialOrderId, OrderId, ShopId};
use crate::domain::order::{OrderLine, OrderState, ProductOrder, TaxMode};

const PATH: &str = "/api/orders";
/// Mirakl's largest page, and the most ids it takes in one call.
pub(crate) const PAGE_SIZE: usize = 100;

/// Which orders are asked for.
#[derive(Debug, Clone)]
pub enum OrdersQuery<'a> {
    /// All that changed since this time.
    UpdatedSince(DateTime<Utc>),
    /// These, at most 100.
    Ids(&'a [OrderId]),
    /// All orders of these baskets, at most 100.
    Baskets(&'a [CommercialOrderId]),
}

/// An order, or what could be read of it.
pub type ReadOrder = Result<ProductOrder, UnreadOrder>;

/// An element of the list that is not an order as the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadOrder {
    /// Its id, if that much could be read.
    pub id: Option<OrderId>,
    /// Its basket, if that much could be read.
    pub basket: Option<CommercialOrderId>,
    /// What is wrong with it.
    pub cause: String,
}

impl Mirakl {
    /// The first page of orders, 100 at most (OR11).
    pub async fn orders(&self, query: &OrdersQuery<'_>) -> Result<Page<ReadOrder>, MiraklError> {
        let mut url = self.address(PATH);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("max", &PAGE_SIZE.to_string());
            pairs.append_pair("offset", "0");
            match query {
                OrdersQuery::UpdatedSince(since) => {
                    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                    pairs.append_pair("start_update_date", &since);
                }
                OrdersQuery::Ids(ids) => {
                    let ids: Vec<&str> = ids.iter().map(OrderId::as_str).collect();
                    pairs.append_pair("order_ids", &ids.join(","));
                }
                OrdersQuery::Baskets(ids) => {
                    let ids: Vec<&str> = ids.iter().map(CommercialOrderId::as_str).collect();
                    pairs.append_pair("commercial_ids", &ids.join(","));
                }
            }
        }
        self.orders_at(NextPage(url)).await
    }

    /// All orders of these baskets, at most 100 (OR11).
    pub async fn orders_of(
        &self,
        baskets: &[CommercialOrderId],
    ) -> Result<Vec<ReadOrder>, MiraklError> {
        let first = self.orders(&OrdersQuery::Baskets(baskets)).await?;
        let at = async |next| self.orders_at(next).await;
        first.with_all_further(PATH, at).await
    }

    /// A further page of orders.
    pub async fn orders_at(&self, page: NextPage) -> Result<Page<ReadOrder>, MiraklError> {
        self.page(PATH, page, list, read_order).await
    }
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    #[serde(default)]
    total_count: Option<u64>,
}

fn list(body: &[u8]) -> serde_json::Result<WireList<'_>> {
    let page: WirePage<'_> = serde_json::from_slice(body)?;
    Ok(WireList {
        items: page.orders,
        total: page.total_count,
    })
}

#[derive(Deserialize)]
struct WireOrder {
    order_id: String,
    commercial_id: String,
    shop_id: i64,
    order_state: String,
    #[serde(default)]
    payment_workflow: Option<String>,
    #[serde(default, deserialize_with = "optional_date")]
    customer_debited_date: Option<DateTime<Utc>>,
    #[serde(default)]
    transaction_number: Option<String>,
    currency_iso_code: String,
    order_tax_mode: String,
    total_price: Amount,
    total_commission: Amount,
    #[serde(default)]
    customer_directly_pays_seller: Option<bool>,
    created_date: DateTime<Utc>,
    last_updated_date: DateTime<Utc>,
    order_lines: Vec<WireLine>,
    #[serde(default, deserialize_with = "nullable")]
    order_taxes: Vec<serde::de::IgnoredAny>,
}

fn read_order(raw: &RawValue) -> ReadOrder {
    #[derive(Deserialize)]
    struct OnlyId {
        order_id: String,
    }
    #[derive(Deserialize)]
    struct OnlyBasket {
        commercial_id: String,
    }
    let id = serde_json::from_str::<OnlyId>(raw.get()).ok();
    let id = id.map(|id| id.order_id).filter(|id| is_storable(id));
    let unread = |cause| UnreadOrder {
        id: id.clone().map(OrderId),
        basket: serde_json::from_str::<OnlyBasket>(raw.get())
            .ok()
            .map(|basket| CommercialOrderId(basket.commercial_id)),
        cause,
    };
    let order: WireOrder =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    if !is_storable(&order.order_id) {
        return Err(unread("its order_id is empty or holds a NUL".to_owned()));
    }
    let number = order.transaction_number.as_deref().unwrap_or_default();
    if [&order.commercial_id, &order.currency_iso_code, number]
        .iter()
        .any(|text| text.contains('\0'))
    {
        return Err(unread("one of its texts holds a NUL".to_owned()));
    }
    Ok(order.into())
}

impl From<WireOrder> for ProductOrder {
    fn from(wire: WireOrder) -> Self {
        Self {
            id: OrderId(wire.order_id),
            commercial_id: CommercialOrderId(wire.commercial_id),
            shop_id: ShopId(wire.shop_id),
            state: OrderState::parse(&wire.order_state),
            pays_on_shipment: wire.payment_workflow.as_deref() == Some("PAY_ON_SHIPMENT"),
            never_confirmed: wire.payment_workflow.as_deref()
                == Some("NO_CUSTOMER_PAYMENT_CONFIRMATION"),
            debited_at: wire.customer_debited_date,
            transaction_number: wire.transaction_number.filter(|n| !n.trim().is_empty()),
            currency: wire.currency_iso_code,
            tax_mode: TaxMode::parse(&wire.order_tax_mode),
            total_price: wire.total_price.0,
            total_commission: wire.total_commission.0,
            customer_pays_seller: wire.customer_directly_pays_seller.unwrap_or(false),
            has_order_taxes: !wire.order_taxes.is_empty(),
            lines: wire.order_lines.into_iter().map(OrderLine::from).collect(),
            created_at: wire.created_date,
            updated_at: wire.last_updated_date,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ReadOrder {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        read_order(raw)
    }

    const ORDER: &str = r#"{
        "order_id": "C1-A", "commercial_id": "C1", "shop_id": 2001, "order_state": "SHIPPING",
        "payment_workflow": "PAY_ON_SHIPMENT", "customer_debited_date": "2026-05-04T11:05:02.113Z",
        "transaction_number": "pi_1", "currency_iso_code": "EUR", "order_tax_mode": "TAX_EXCLUDED",
        "total_price": 55.10, "total_commission": 6.6, "something_new": [1],
        "created_date": "2026-05-04T09:12:30Z", "last_updated_date": "2026-05-05T07:00:00.250Z",
        "order_lines": [{
            "order_line_id": "C1-A-1", "order_line_state": "SHIPPING",
            "total_price": 55.10, "total_commission": 6.6, "debited_date": "2026-05-04T11:05:02Z",
            "taxes": [{"code": "VAT", "amount": 6.05, "amount_breakdown": {"parts": [
                {"amount": 6, "payable_to_shop": false}, {"amount": 0.05}]}}],
            "shipping_taxes": [{"code": "VAT", "amount": 1}],
            "price_amount_breakdown": {"parts": [
                {"amount": 2.5, "payable_to_shop": false}, {"amount": 47.6, "payable_to_shop": true}]},
            "shipping_price_amount_breakdown": {"parts": [{"amount": 0.5, "payable_to_shop": false}]},
            "refunds": [{"id": 9001, "refund_state": "REFUNDED", "amount": 10.10, "shipping_amount": 1,
                "taxes": [{"amount": 2.02, "amount_breakdown": {"parts": [
                    {"amount": 0.2, "payable_to_shop": false}, {"amount": 1.82}]}}],
                "shipping_taxes": [{"amount": 0.2}], "commission_total_amount": 1.11,
                "amount_breakdown": {"parts": [{"amount": 0.5, "payable_to_shop": false}]}}],
            "cancelations": null
        }]
    }"#;

    #[test]
    fn an_order_is_read_with_its_sums() {
        let order = read(ORDER).expect("an order");
        assert_eq!(order.id.as_str(), "C1-A");
        assert_eq!(order.shop_id, ShopId(2001));
        assert!(order.pays_on_shipment && order.debited_at.is_some());
        assert_eq!(order.total_price.to_string(), "55.10");
        let line = &order.lines[0];
        assert_eq!(line.taxes.to_string(), "7.05");
        assert_eq!(line.prices_not_payable.to_string(), "3.0");
        assert_eq!(line.taxes_not_payable.to_string(), "6");
        assert!(line.debited_at.is_some());
        let refund = &line.refunds[0];
        assert_eq!((refund.id.as_str(), refund.confirmed), ("9001", true));
        assert_eq!(refund.amount.to_string(), "11.10");
        assert_eq!(refund.taxes.to_string(), "2.22");
        assert_eq!(
            refund.commission.map(|c| c.to_string()),
            Some("1.11".into())
        );
        assert_eq!(refund.prices_not_payable.to_string(), "0.5");
        assert_eq!(refund.taxes_not_payable.to_string(), "0.2");
        assert!(!order.has_order_taxes);
    }

    #[test]
    fn null_and_missing_mean_the_same_where_mirakl_may_leave_a_field_out() {
        let sparse = ORDER
            .replace(r#""2026-05-04T11:05:02.113Z""#, "null")
            .replace(r#""pi_1""#, r#""""#)
            .replace(r#""payment_workflow": "PAY_ON_SHIPMENT","#, "")
            .replace(r#"[{"code": "VAT", "amount": 1}]"#, "null");
        let order = read(&sparse).expect("an order");
        assert_eq!((order.debited_at, order.transaction_number), (None, None));
        assert!(!order.pays_on_shipment);
        for (taxes, has) in [
            ("null", false),
            ("[]", false),
            (r#"[{"total_amount": 1}]"#, true),
        ] {
            let named = format!(r#"{{ "order_taxes": {taxes},"#);
            let order = read(&ORDER.replacen('{', &named, 1)).expect("an order");
            assert_eq!(order.has_order_taxes, has, "{taxes}");
        }
    }

    #[test]
    fn an_order_that_lacks_something_is_named_and_says_what_it_lacks() {
        for (from, to, cause) in [
            (r#""shop_id": 2001,"#, "", "missing field `shop_id`"),
            ("55.10", "1e40", "is no exact amount"),
            ("55.10", "null", "invalid type: null"),
            ("2026-05-04T09:12:30Z", "yesterday", "invalid characters"),
        ] {
            let unread = read(&ORDER.replacen(from, to, 1)).expect_err(cause);
            assert_eq!(unread.id, Some("C1-A".into()), "{cause}");
            assert!(unread.cause.contains(cause), "{}", unread.cause);
        }
        for json in [
            "7",
            "{}",
            r#"{"order_id": 5}"#,
            r#"{"order_id": ""}"#,
            "null",
        ] {
            assert_eq!(read(json).expect_err(json).id, None, "{json}");
        }
    }
}
