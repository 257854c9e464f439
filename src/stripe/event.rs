//! Events: `GET /v1/events`, for what happens to a refund after it was made.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::refund::{Refund, WireRefund};
use super::{List, Stripe, StripeError};

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

impl From<WireEvent> for Refund {
    fn from(event: WireEvent) -> Self {
        event.data.object.into()
    }
}

impl Stripe {
    /// A page of refunds that Stripe found since `from` that it could not carry out (`refund.failed`), newest
    /// first. Stripe keeps events for 30 days.
    pub async fn failed_refunds(
        &self,
        from: DateTime<Utc>,
        starting_after: Option<&str>,
    ) -> Result<List<Refund>, StripeError> {
        let filter = [("type", "refund.failed")];
        self.page::<WireEvent, _>(PATH, &filter, Some(from), starting_after, None, |event| {
            event.id.as_str()
        })
        .await
    }
}
