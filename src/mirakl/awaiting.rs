//! What awaits a confirmation of payment, debits (PA11) and refunds (PA12): `{"orders": {"order": […]}}`, paged
//! by offset.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::PAGE_SIZE;
use super::page::{NextPage, WireList};
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
        let first = self.page(path, NextPage(url), list, &read).await?;
        let at = async |next| self.page(path, next, list, &read).await;
        first.with_all_further(path, at).await
    }
}

fn list(body: &[u8]) -> serde_json::Result<WireList<'_>> {
    let page: WirePage<'_> = serde_json::from_slice(body)?;
    let orders = page.orders.and_then(|orders| orders.order);
    Ok(WireList {
        items: orders.unwrap_or_default(),
        total: page.total_count,
    })
}
