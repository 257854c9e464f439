//! What awaits a confirmation of payment, debits (PA11) and refunds (PA12): `{"orders": {"order": […]}}`, paged
//! by offset.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::PAGE_SIZE;
use super::page::{NextPage, Page, next_page};
use super::wire::describe;
use super::{Mirakl, MiraklError};

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow, default)]
    orders: Option<WireOrders<'a>>,
    #[serde(default)]
    total_count: Option<u64>,
}

#[derive(Deserialize)]
struct WireOrders<'a> {
    #[serde(borrow, default)]
    order: Option<Vec<&'a RawValue>>,
}

impl Mirakl {
    /// All pages of a list that shrinks as its elements are confirmed: read whole before any of them is.
    pub(super) async fn awaiting<T: PartialEq>(
        &self,
        path: &'static str,
        read: impl Fn(&RawValue) -> T,
    ) -> Result<Vec<T>, MiraklError> {
        let mut url = self.address(path);
        url.query_pairs_mut()
            .append_pair("max", &PAGE_SIZE.to_string())
            .append_pair("offset", "0");
        let first = self.awaiting_at(path, NextPage(url), &read).await?;
        let at = async |next| self.awaiting_at(path, next, &read).await;
        first.with_all_further(path, at).await
    }

    async fn awaiting_at<T>(
        &self,
        path: &'static str,
        page: NextPage,
        read: &impl Fn(&RawValue) -> T,
    ) -> Result<Page<T>, MiraklError> {
        let malformed = |cause: String| MiraklError::Malformed { path, cause };
        let answer = self.get(path, page.0.clone()).await?;
        let wire: WirePage<'_> =
            serde_json::from_slice(&answer.body).map_err(|error| malformed(describe(&error)))?;
        let orders = wire.orders.and_then(|orders| orders.order);
        let items: Vec<T> = orders.unwrap_or_default().into_iter().map(read).collect();
        let next = next_page(&answer, &page.0, items.len(), wire.total_count).map_err(malformed)?;
        Ok(Page {
            items,
            next,
            total: wire.total_count,
            date: answer.date(),
        })
    }
}
