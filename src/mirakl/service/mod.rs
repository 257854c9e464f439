//! Service orders, their debits and their refunds: SOR11, `GET /api/mms/orders`, SPA11 and SPA01,
//! `GET|PUT /api/mms/debits`, SPA12 and SPA02, `GET|PUT /api/mms/refunds`. Lists are paged by tokens.

mod debit;
mod order;
mod price;
mod refund;

pub use debit::ToldService;
pub use order::{ReadService, Services, ServicesQuery, UnreadService};

use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::page::{NextPage, Page};
use super::wire::describe;
use super::{Mirakl, MiraklError};

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    next_page_token: Option<String>,
}

impl Mirakl {
    /// One page of a list: a token leads to the next page, and carries all other parameters.
    async fn seek<T>(
        &self,
        path: &'static str,
        url: Url,
        read: impl Fn(&RawValue) -> T,
    ) -> Result<Page<T>, MiraklError> {
        let malformed = |cause: String| MiraklError::Malformed { path, cause };
        let answer = self.get(path, url.clone()).await?;
        let page: WirePage<'_> =
            serde_json::from_slice(&answer.body).map_err(|error| malformed(describe(&error)))?;
        let items: Vec<T> = page.data.iter().map(|raw| read(raw)).collect();
        let token = page.next_page_token.filter(|token| !token.is_empty());
        let next = match token {
            None => None,
            Some(token) => {
                let mut next = self.address(path);
                next.query_pairs_mut().append_pair("page_token", &token);
                if next == url || items.is_empty() {
                    return Err(MiraklError::same_page(path));
                }
                Some(NextPage(next))
            }
        };
        Ok(Page {
            items,
            next,
            total: None,
            date: answer.date(),
        })
    }

    /// All pages of a list, from `first` on.
    async fn seek_all<T: PartialEq>(
        &self,
        path: &'static str,
        first: Url,
        read: impl Fn(&RawValue) -> T,
    ) -> Result<Vec<T>, MiraklError> {
        let first = self.seek(path, first, &read).await?;
        let at = async |next: NextPage| self.seek(path, next.0, &read).await;
        first.with_all_further(path, at).await
    }
}
