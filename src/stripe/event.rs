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
    /// Of a page of what happened to refunds since `from`, newest first, those that reach no customer: Stripe could
    /// not carry them out (`refund.failed`), or they were cancelled, which `refund.updated` alone tells. Stripe keeps
    /// events for 30 days.
    pub async fn ended_refunds(
        &self,
        from: DateTime<Utc>,
        starting_after: Option<&str>,
    ) -> Result<List<Refund>, StripeError> {
        let filter = [("types[]", "refund.failed"), ("types[]", "refund.updated")];
        let mut page = self
            .page::<WireEvent, Refund>(PATH, &filter, Some(from), starting_after, None, |event| {
                event.id.as_str()
            })
            .await?;
        page.data.retain(|refund| refund.ended.is_some());
        Ok(page)
    }
}
