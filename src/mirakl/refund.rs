//! PA12 and PA02: refunds of product orders that wait for their payment, `GET|PUT
//! /api/payment/refund`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::{Amount, exact_number, is_storable, nullable, text_or_number, without_position};
use super::{Mirakl, MiraklError};
use crate::domain::ids::{CommercialOrderId, OrderId, RefundId, ShopId};
use crate::domain::money::Currency;
use crate::domain::refund::{AskedRefund, RefundType};

const PATH: &str = "/api/payment/refund";

/// An element that is no refund as the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadRefund {
    /// Its order, if that much could be read.
    pub order_id: Option<OrderId>,
    /// What is wrong with it.
    pub cause: String,
}

/// What Mirakl is told about a refund: it was paid.
#[derive(Debug, Clone)]
pub struct ToldRefund<'a> {
    /// The refund.
    pub id: &'a RefundId,
    /// Its order.
    pub order_id: &'a OrderId,
    /// In major units, as Mirakl asked for it.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
    /// The refund at Stripe.
    pub transaction: &'a str,
}

impl Mirakl {
    /// All refunds of product orders that wait for their payment (PA12): the list shrinks as they are
    /// confirmed, so it is read whole before any of them is.
    pub async fn refunds(&self) -> Result<Vec<Result<AskedRefund, UnreadRefund>>, MiraklError> {
        let orders = self.awaiting(PATH, read_order).await?;
        Ok(orders.into_iter().flatten().collect())
    }

    /// Tells Mirakl that at most 100 refunds were paid (PA02). Success says nothing about single ones;
    /// after a refusal of the call it must be read which were taken.
    pub async fn confirm_refunds(&self, told: &[ToldRefund<'_>]) -> Result<(), MiraklError> {
        let refunds = told.iter().map(|told| WireTold {
            refund_id: told.id,
            payment_status: "OK",
            amount: exact_number(told.amount),
            currency_iso_code: told.currency.code(),
            transaction_number: told.transaction,
        });
        let body = WireConfirmation {
            refunds: refunds.collect(),
        };
        // Texts and numbers always encode.
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.put(PATH, &body).await.map(|_| ())
    }
}

#[derive(Deserialize)]
struct WireOrder<'a> {
    order_id: String,
    order_commercial_id: String,
    currency_iso_code: String,
    /// A string here, a number elsewhere.
    shop_id: serde_json::Value,
    #[serde(borrow, default)]
    order_lines: WireLines<'a>,
}

#[derive(Deserialize, Default)]
struct WireLines<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    order_line: Vec<WireLine<'a>>,
}

#[derive(Deserialize)]
struct WireLine<'a> {
    #[serde(borrow, default)]
    refunds: Option<WireRefunds<'a>>,
}

#[derive(Deserialize)]
struct WireRefunds<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    refund: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireRefund {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    amount: Amount,
}

#[derive(Serialize)]
struct WireConfirmation<'a> {
    refunds: Vec<WireTold<'a>>,
}

#[derive(Serialize)]
struct WireTold<'a> {
    refund_id: &'a RefundId,
    payment_status: &'static str,
    amount: serde_json::Number,
    currency_iso_code: &'a str,
    transaction_number: &'a str,
}

/// The refunds of one order; each that cannot be read spoils no other.
fn read_order(raw: &RawValue) -> Vec<Result<AskedRefund, UnreadRefund>> {
    #[derive(Deserialize)]
    struct OnlyId {
        order_id: String,
    }
    let id = serde_json::from_str::<OnlyId>(raw.get()).ok();
    let order_id = id.map(|id| id.order_id).filter(|id| is_storable(id));
    let unread = |cause| UnreadRefund {
        order_id: order_id.clone().map(OrderId),
        cause,
    };
    let order: WireOrder<'_> = match serde_json::from_str(raw.get()) {
        Ok(order) => order,
        Err(error) => return vec![Err(unread(without_position(&error)))],
    };
    if !is_storable(&order.order_id) || !is_storable(&order.order_commercial_id) {
        return vec![Err(unread(
            "one of its ids is empty or holds a NUL".to_owned(),
        ))];
    }
    let refunds = order.order_lines.order_line.iter();
    let refunds = refunds.filter_map(|line| line.refunds.as_ref());
    let mut refunds = refunds.flat_map(|refunds| &refunds.refund).peekable();
    if refunds.peek().is_none() {
        return vec![Err(unread("it awaits refunds, and shows none".to_owned()))];
    }
    refunds
        .map(|raw| {
            let refund: WireRefund = serde_json::from_str(raw.get())
                .map_err(|error| unread(without_position(&error)))?;
            if !is_storable(&refund.id) {
                return Err(unread("a refund's id is empty or holds a NUL".to_owned()));
            }
            Ok(AskedRefund {
                kind: RefundType::ProductRefund,
                id: RefundId(refund.id),
                order_id: OrderId(order.order_id.clone()),
                commercial_id: Some(CommercialOrderId(order.order_commercial_id.clone())),
                amount: refund.amount.0,
                currency: order.currency_iso_code.clone(),
                shop_id: shop_id(&order.shop_id),
            })
        })
        .collect()
}

fn shop_id(value: &serde_json::Value) -> Option<ShopId> {
    let id = match value {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        number => number.as_i64(),
    };
    id.map(ShopId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<Result<AskedRefund, UnreadRefund>> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        read_order(raw)
    }

    const ORDER: &str = r#"{
        "order_id": "C1-A", "order_commercial_id": "C1", "amount": 22.2, "currency_iso_code": "EUR",
        "customer_id": "c", "shop_id": "2000", "order_lines": {"order_line": [
            {"order_line_id": "C1-A-1", "refunds": {"refund": [
                {"id": "1100", "amount": 10.10}, {"id": 1101, "amount": 12.1}]}},
            {"order_line_id": "C1-A-2", "refunds": null}]}}"#;

    #[test]
    fn an_orders_refunds_are_read_line_by_line_with_ids_as_text_or_number() {
        let refunds: Vec<AskedRefund> = read(ORDER)
            .into_iter()
            .map(|r| r.expect("a refund"))
            .collect();
        let shown: Vec<(&str, String)> = refunds
            .iter()
            .map(|refund| (refund.id.as_str(), refund.amount.to_string()))
            .collect();
        assert_eq!(shown, [("1100", "10.10".into()), ("1101", "12.1".into())]);
        assert_eq!(refunds[1].shop_id, Some(ShopId(2000)));
        assert_eq!(refunds[1].commercial_id, Some("C1".into()));
    }

    #[test]
    fn an_order_that_shows_no_refund_is_named() {
        for lines in ["null", "[]", r#"[{"refunds": null}]"#] {
            let json = format!(
                r#"{{"order_id": "C1-A", "order_commercial_id": "C1", "currency_iso_code": "EUR",
                    "shop_id": "1", "order_lines": {{"order_line": {lines}}}}}"#
            );
            let read = read(&json);
            let [Err(unread)] = &read[..] else {
                panic!("{lines}: {read:?}");
            };
            assert_eq!(unread.order_id, Some("C1-A".into()));
        }
    }

    #[test]
    fn a_refund_that_cannot_be_read_spoils_no_other_and_names_its_order() {
        let read = read(&ORDER.replace("10.10", "\"ten\""));
        let unread = read[0].as_ref().expect_err("ten is no amount");
        assert_eq!(unread.order_id, Some("C1-A".into()));
        assert!(read[1].is_ok());
    }
}
