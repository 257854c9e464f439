//! PA11 and PA01: debits of product orders that await confirmation, `GET|PUT /api/payment/debit`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::{Amount, exact_number, is_storable, without_position};
use super::{Mirakl, MiraklError};
use crate::domain::ids::{CommercialOrderId, CustomerId, OrderId};

const PATH: &str = "/api/payment/debit";

/// What is debited: a whole order, or one of its shipments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DebitEntity {
    /// `ORDER` or `SHIPMENT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// A debit that Mirakl asks to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductDebit {
    /// The order.
    pub order_id: OrderId,
    /// Its basket.
    pub commercial_id: CommercialOrderId,
    /// In major units.
    pub amount: Decimal,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// What is debited; to be sent back as it came.
    pub entity: Option<DebitEntity>,
}

impl ProductDebit {
    /// What names it: the order, and the shipment if it is one's.
    pub fn name(&self) -> String {
        match &self.entity {
            Some(DebitEntity { kind, id }) if kind == "SHIPMENT" => {
                format!("{}/{id}", self.order_id)
            }
            _ => self.order_id.to_string(),
        }
    }
}

/// An element that is not a debit as the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadDebit {
    /// Its order, if that much could be read.
    pub order_id: Option<OrderId>,
    /// What is wrong with it.
    pub cause: String,
}

/// What Mirakl is told about a debit.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// The debit.
    pub debit: &'a ProductDebit,
    /// The payment; none to refuse the debit.
    pub transaction: Option<&'a str>,
}

impl Mirakl {
    /// All debits that await confirmation (PA11): the list shrinks as they are confirmed, so it is
    /// read whole before any of them is.
    pub async fn debits(&self) -> Result<Vec<Result<ProductDebit, UnreadDebit>>, MiraklError> {
        self.awaiting(PATH, read_debit).await
    }

    /// Tells Mirakl what became of at most 100 debits (PA01). Success says nothing about single
    /// ones; after a refusal of the call it must be read which were taken.
    pub async fn confirm_debits(&self, told: &[Told<'_>]) -> Result<(), MiraklError> {
        let orders = told.iter().map(|told| WireTold {
            order_id: &told.debit.order_id,
            customer_id: &told.debit.customer_id,
            payment_status: match told.transaction {
                Some(_) => "OK",
                None => "REFUSED",
            },
            amount: told.transaction.map(|_| exact_number(told.debit.amount)),
            currency_iso_code: &told.debit.currency,
            transaction_number: told.transaction,
            debit_entity: told.debit.entity.as_ref(),
        });
        let body = WireConfirmation {
            orders: orders.collect(),
        };
        // Texts and numbers always encode.
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.put(PATH, &body).await.map(|_| ())
    }
}

#[derive(Deserialize)]
struct WireDebit {
    order_id: String,
    order_commercial_id: String,
    amount: Amount,
    currency_iso_code: String,
    customer_id: String,
    #[serde(default)]
    debit_entity: Option<DebitEntity>,
}

#[derive(Serialize)]
struct WireConfirmation<'a> {
    orders: Vec<WireTold<'a>>,
}

#[derive(Serialize)]
struct WireTold<'a> {
    order_id: &'a OrderId,
    customer_id: &'a CustomerId,
    payment_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<serde_json::Number>,
    currency_iso_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    debit_entity: Option<&'a DebitEntity>,
}

fn read_debit(raw: &RawValue) -> Result<ProductDebit, UnreadDebit> {
    #[derive(Deserialize)]
    struct OnlyId {
        order_id: String,
    }
    let id = serde_json::from_str::<OnlyId>(raw.get()).ok();
    let order_id = id.map(|id| id.order_id).filter(|id| is_storable(id));
    let unread = |cause| UnreadDebit {
        order_id: order_id.clone().map(OrderId),
        cause,
    };
    let debit: WireDebit =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    let storable = [
        &debit.order_id,
        &debit.order_commercial_id,
        &debit.customer_id,
    ];
    let entity = debit.debit_entity.as_ref();
    if !storable.into_iter().all(|text| is_storable(text))
        || entity.is_some_and(|entity| entity.id.contains('\0'))
    {
        return Err(unread("one of its ids is empty or holds a NUL".to_owned()));
    }
    Ok(ProductDebit {
        order_id: OrderId(debit.order_id),
        commercial_id: CommercialOrderId(debit.order_commercial_id),
        amount: debit.amount.0,
        currency: debit.currency_iso_code,
        customer_id: CustomerId(debit.customer_id),
        entity: debit.debit_entity,
    })
}
