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
    /// A page of refunds that Stripe found since `from` that it could not carry out (`refund.failed`), newest
    /// first. Stripe keeps events for 30 days.
    pub async fn failed_refunds(
        &self,
        from: DateTime<Utc>,
        starting_after: Option<&str>,
    ) -> Result<List<Refund>, StripeError> {
        let from = from.timestamp().to_string();
        let mut parameters = vec![
            ("type", "refund.failed"),
            ("created[gte]", from.as_str()),
            ("limit", PAGE_SIZE),
        ];
        if let Some(after) = starting_after {
            parameters.push(("starting_after", after));
        }
        let (page, date): (WireList<WireEvent>, _) =
            self.get_dated(PATH, PATH, &parameters).await?;
        let last = page.data.last().map(|last| last.id.clone());
        let failed = page.data.into_iter().map(|event| event.data.object.into());
        Ok(List {
            next: last.filter(|_| page.has_more),
            date,
            data: failed.collect(),
        })
    }
}
