//! SPA12 and SPA02: refunds of service orders, `GET|PUT /api/mms/refunds`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::ids::{OrderId, RefundId};
use crate::domain::refund::{AskedRefund, RefundType};
use crate::mirakl::order::PAGE_SIZE;
use crate::mirakl::wire::{
    Amount, describe, exact_number, is_storable, nullable, shown, text_or_number, without_position,
};
use crate::mirakl::{Mirakl, MiraklError, ToldRefund, UnreadRefund};

const PATH: &str = "/api/mms/refunds";

impl Mirakl {
    /// All refunds of service orders that wait for their payment (SPA12): read whole before any of
    /// them is confirmed.
    pub async fn service_refunds(
        &self,
    ) -> Result<Vec<Result<AskedRefund, UnreadRefund>>, MiraklError> {
        let mut url = self.address(PATH);
        url.query_pairs_mut()
            .append_pair("limit", &PAGE_SIZE.to_string())
            .append_pair("state", "WAITING");
        let read = match self.seek_all(PATH, url, read_refund).await {
            // A marketplace without services has no such list.
            Err(MiraklError::Status { status: 404, .. }) => Vec::new(),
            read => read?,
        };
        // The list may show paid ones too, whatever was asked for.
        Ok(read.into_iter().filter_map(Result::transpose).collect())
    }

    /// Tells Mirakl that refunds of service orders were paid (SPA02): by refund, that it was taken, or why
    /// not. Of one that the result does not name Mirakl said nothing.
    pub async fn confirm_service_refunds(
        &self,
        told: &[ToldRefund<'_>],
    ) -> Result<HashMap<RefundId, Result<(), String>>, MiraklError> {
        let items: Vec<WireTold<'_>> = told.iter().map(WireTold::from).collect();
        // Texts and numbers always encode.
        let body = serde_json::to_string(&items).unwrap_or_default();
        let answer = self.put(PATH, &body).await?;
        let wire: WireAnswer =
            serde_json::from_slice(&answer.body).map_err(|error| MiraklError::Malformed {
                path: PATH,
                cause: describe(&error),
            })?;
        let errors = wire.errors.into_iter().map(|error| {
            let messages = error.refund_errors.into_iter();
            let messages: Vec<String> = messages
                .filter_map(|error| error.message.or(error.code))
                .collect();
            (RefundId(error.refund_id), Err(shown(&messages.join("; "))))
        });
        let taken = wire.success.unwrap_or_default().refunds.into_iter();
        let taken = taken.map(|taken| (RefundId(taken.id), Ok(())));
        Ok(taken.chain(errors).collect())
    }
}

#[derive(Serialize)]
struct WireTold<'a> {
    id: &'a RefundId,
    order_id: &'a OrderId,
    amount: serde_json::Number,
    currency_code: &'a str,
    state: &'static str,
    transaction_number: &'a str,
}

impl<'a> From<&'a ToldRefund<'a>> for WireTold<'a> {
    fn from(told: &'a ToldRefund<'a>) -> Self {
        Self {
            id: told.id,
            order_id: told.order_id,
            amount: exact_number(told.amount),
            currency_code: told.currency.code(),
            state: "OK",
            transaction_number: told.transaction,
        }
    }
}

#[derive(Deserialize)]
struct WireAnswer {
    #[serde(default)]
    success: Option<WireTaken>,
    #[serde(default, deserialize_with = "nullable")]
    errors: Vec<WireErrors>,
}

#[derive(Deserialize, Default)]
struct WireTaken {
    #[serde(default, deserialize_with = "nullable")]
    refunds: Vec<WireTakenRefund>,
}

#[derive(Deserialize)]
struct WireTakenRefund {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
}

#[derive(Deserialize)]
struct WireErrors {
    #[serde(deserialize_with = "text_or_number")]
    refund_id: String,
    #[serde(default, deserialize_with = "nullable")]
    refund_errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
struct WireRefund {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    order_id: String,
    amount: Amount,
    currency_code: String,
    state: String,
}

/// A refund that waits; `None` for one that does not.
fn read_refund(raw: &RawValue) -> Result<Option<AskedRefund>, UnreadRefund> {
    #[derive(Deserialize)]
    struct OnlyOrder {
        order_id: String,
    }
    let order = serde_json::from_str::<OnlyOrder>(raw.get()).ok();
    let order_id = order
        .map(|order| order.order_id)
        .filter(|id| is_storable(id));
    let unread = |cause| UnreadRefund {
        order_id: order_id.clone().map(OrderId),
        cause,
    };
    let refund: WireRefund =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    if refund.state != "WAITING" {
        return Ok(None);
    }
    if !is_storable(&refund.id) || !is_storable(&refund.order_id) {
        return Err(unread("one of its ids is empty or holds a NUL".to_owned()));
    }
    Ok(Some(AskedRefund {
        kind: RefundType::ServiceRefund,
        id: RefundId(refund.id),
        order_id: OrderId(refund.order_id),
        commercial_id: None,
        amount: refund.amount.0,
        currency: refund.currency_code,
        shop_id: None,
    }))
}
