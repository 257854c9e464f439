//! Events: `GET /v1/events`, for what happens to a refund after it was made.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::refund::{Refund, WireRefund};
use super::wire::WireList;
use super::{List, PAGE_SIZE, Stripe, StripeError};

const PATH: &str = "/v1/events";

#[derive(Deserialize)]
struct WireEvent {
    id: String,
    data: WireData,
}

#[derive(Deserialize)]
struct WireData {
    object: WireRefund,
}

impl Stripe {
    /// Of a page of what happened to refunds since `from`, newest first, those that reach no customer: Stripe could
    /// not carry them out (`refund.failed`), or they were cancelled, which `refund.updated` alone tells. Stripe keeps
    /// events for 30 days.
    pub async fn ended_refunds(
        &self,
        from: DateTime<Utc>,
        starting_after: Option<&str>,
    ) -> Result<List<Refund>, StripeError> {
        let from = from.timestamp().to_string();
        let mut parameters = vec![
            ("types[]", "refund.failed"),
            ("types[]", "refund.updated"),
            ("created[gte]", from.as_str()),
            ("limit", PAGE_SIZE),
        ];
        if let Some(after) = starting_after {
            parameters.push(("starting_after", after));
        }
        let (page, date): (WireList<WireEvent>, _) =
            self.get_dated(PATH, PATH, &parameters).await?;
        let last = page.data.last().map(|last| last.id.clone());
        let refunds = page
            .data
            .into_iter()
            .map(|event| Refund::from(event.data.object));
        Ok(List {
            next: last.filter(|_| page.has_more),
            date,
            data: refunds.filter(|refund| refund.ended.is_some()).collect(),
        })
    }
}
