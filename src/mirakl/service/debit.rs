//! SPA11 and SPA01: the debits of service orders, `GET|PUT /api/mms/debits`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::order::UnreadService;
use crate::domain::ids::{DebitId, OrderId};
use crate::domain::service::{DebitState, ServiceDebit};
use crate::mirakl::order::PAGE_SIZE;
use crate::mirakl::wire::{
    Amount, describe, exact_number, is_storable, lenient_date, nullable, shown, without_position,
};
use crate::mirakl::{Mirakl, MiraklError};

const DEBITS: &str = "/api/mms/debits";

impl Mirakl {
    /// The debits of at most 100 service orders, paid ones too (SPA11); an error when one of them
    /// cannot be read.
    pub async fn service_debits(
        &self,
        orders: &[OrderId],
    ) -> Result<Vec<ServiceDebit>, MiraklError> {
        let read = self.each_service_debit(orders).await?;
        // Without one of them it could not be told what an order comes to.
        let debits: Result<Vec<ServiceDebit>, UnreadService> = read.into_iter().collect();
        debits.map_err(|unread| MiraklError::Malformed {
            path: DEBITS,
            cause: unread.cause,
        })
    }

    /// The debits of at most 100 service orders, paid ones too, each by itself (SPA11).
    pub async fn each_service_debit(
        &self,
        orders: &[OrderId],
    ) -> Result<Vec<Result<ServiceDebit, UnreadService>>, MiraklError> {
        let mut url = self.address(DEBITS);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("limit", &PAGE_SIZE.to_string());
            for id in orders {
                pairs.append_pair("order_id", id.as_str());
            }
        }
        self.seek_all(DEBITS, url, read_debit).await
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
}

/// What Mirakl is told about a service debit.
#[derive(Debug, Clone)]
pub struct ToldService<'a> {
    /// The debit.
    pub debit: &'a ServiceDebit,
    /// The payment; none to refuse the debit.
    pub transaction: Option<&'a str>,
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
struct WireDebit {
    id: String,
    order_id: String,
    amount: Amount,
    currency_code: String,
    state: String,
    #[serde(default)]
    transaction_number: Option<String>,
    #[serde(default, deserialize_with = "lenient_date")]
    transaction_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient_date")]
    date_updated: Option<DateTime<Utc>>,
}

fn read_debit(raw: &RawValue) -> Result<ServiceDebit, UnreadService> {
    #[derive(Deserialize)]
    struct OnlyOrder {
        order_id: String,
    }
    let order = serde_json::from_str::<OnlyOrder>(raw.get()).ok();
    let order = order.map(|order| order.order_id);
    let order = order.filter(|id| is_storable(id)).map(OrderId);
    let unread = |cause: String| UnreadService {
        order_id: order.clone(),
        basket: None,
        cause,
    };
    let debit: WireDebit =
        serde_json::from_str(raw.get()).map_err(|error| unread(without_position(&error)))?;
    if !is_storable(&debit.id) || !is_storable(&debit.order_id) {
        return Err(unread("one of its ids is empty or holds a NUL".to_owned()));
    }
    let number = debit.transaction_number.unwrap_or_default();
    if number.contains('\0') {
        return Err(unread("its transaction_number holds a NUL".to_owned()));
    }
    let state = DebitState::parse(&debit.state);
    let changed_at = debit.transaction_date.or(debit.date_updated);
    Ok(ServiceDebit {
        id: DebitId(debit.id),
        order_id: OrderId(debit.order_id),
        amount: debit.amount.0,
        currency: debit.currency_code,
        debited_at: changed_at.filter(|_| state == DebitState::Ok),
        state,
        transaction_number: Some(number).filter(|number| !number.trim().is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(state: &str, more: &str) -> ServiceDebit {
        let json = format!(
            r#"{{"id":"D1","order_id":"S1","amount":20.00,"currency_code":"EUR","state":"{state}"{more}}}"#
        );
        let raw: &RawValue = serde_json::from_str(&json).expect("JSON");
        read_debit(raw).expect("a debit")
    }

    #[test]
    fn a_debit_says_when_the_customer_was_debited_only_once_they_were() {
        let dates =
            r#","date_updated":"2026-05-04T09:00:00Z","transaction_date":"2026-05-03T09:00:00Z""#;
        let updated = r#","date_updated":"2026-05-04T09:00:00Z","transaction_date":null"#;
        for (state, more, at) in [
            ("OK", dates, Some("2026-05-03T09:00:00+00:00")),
            ("OK", updated, Some("2026-05-04T09:00:00+00:00")),
            ("OK", "", None),
            ("OK", r#","transaction_date":"yesterday""#, None),
            ("WAITING", dates, None),
            ("REFUSED", updated, None),
        ] {
            let debited_at = read(state, more).debited_at.map(|at| at.to_rfc3339());
            assert_eq!(debited_at.as_deref(), at, "{state}{more}");
        }
    }

    #[test]
    fn a_blank_transaction_number_is_none() {
        for (more, number) in [
            (r#","transaction_number":"pi_1""#, Some("pi_1")),
            (r#","transaction_number":" ""#, None),
            (r#","transaction_number":null"#, None),
            ("", None),
        ] {
            assert_eq!(
                read("OK", more).transaction_number.as_deref(),
                number,
                "{more}"
            );
        }
    }
}
