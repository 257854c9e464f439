//! Offset paging: `Link` headers lead to the next page.

use reqwest::Url;

use serde_json::Error;
use serde_json::value::RawValue;

use super::wire::describe;
use super::{Mirakl, MiraklError};
use crate::http::Answer;

/// One page of a list, with the way to the next.
#[derive(Debug)]
pub struct Page<T> {
    /// Its elements.
    pub items: Vec<T>,
    /// The next page; none on the last.
    pub next: Option<NextPage>,
    /// How many elements all pages hold, as Mirakl counts.
    pub total: Option<u64>,
    /// Mirakl's time when it answered.
    pub date: Option<chrono::DateTime<chrono::Utc>>,
}

impl<T: PartialEq> Page<T> {
    /// Its elements, then those of all further pages, each read by `at`.
    ///
    /// Errors also when a page comes again and again, which would never end.
    pub async fn with_all_further(
        self,
        path: &'static str,
        at: impl AsyncFn(NextPage) -> Result<Self, MiraklError>,
    ) -> Result<Vec<T>, MiraklError> {
        let mut all = self.items;
        let mut next = self.next;
        let mut last = 0;
        while let Some(page) = next {
            let page = at(page).await?;
            if !page.items.is_empty() && page.items == all[last..] {
                return Err(MiraklError::same_page(path));
            }
            last = all.len();
            all.extend(page.items);
            next = page.next;
        }
        Ok(all)
    }
}

/// The elements of a page as they were sent, and how many all pages hold.
pub(super) struct WireList<'a> {
    pub items: Vec<&'a RawValue>,
    pub total: Option<u64>,
}

impl Mirakl {
    /// One page of a list: `list` finds its elements in the answer, `read` reads one of them.
    pub(super) async fn page<T>(
        &self,
        path: &'static str,
        page: NextPage,
        list: impl for<'a> Fn(&'a [u8]) -> Result<WireList<'a>, Error>,
        read: impl Fn(&RawValue) -> T,
    ) -> Result<Page<T>, MiraklError> {
        let malformed = |cause: String| MiraklError::Malformed { path, cause };
        let from = offset_of(&page.0).unwrap_or(0);
        let answer = self.get(path, page.0).await?;
        let WireList { items, total } =
            list(&answer.body).map_err(|error| malformed(describe(&error)))?;
        let items: Vec<T> = items.into_iter().map(read).collect();
        let next = match items.is_empty() {
            true => None,
            false => next_page(&answer, &self.address(path), from).map_err(malformed)?,
        };
        Ok(Page {
            items,
            next,
            total,
            date: answer.date(),
        })
    }
}

/// The address of a next page: always the endpoint and host that the first page was asked from,
/// so that a credential never follows a link elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(pub(super) Url);

/// The `rel="next"` link, moved onto `base`, if it leads further than offset `from`.
fn next_page(answer: &Answer, base: &Url, from: u64) -> Result<Option<NextPage>, String> {
    let links = answer.headers.get_all("link");
    let next = links
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(split_links)
        .find_map(|link| target_of_next(link));
    let Some(target) = next else {
        return Ok(None);
    };
    let linked = base.join(target).map_err(|error| error.to_string())?;
    let mut url = base.clone();
    url.set_query(linked.query());
    let offset = offset_of(&url);
    if offset.is_none_or(|offset| offset <= from) {
        return Err("the link to the next page does not lead further".to_owned());
    }
    Ok(Some(NextPage(url)))
}

/// The `offset` parameter of an address.
fn offset_of(url: &Url) -> Option<u64> {
    let mut pairs = url.query_pairs();
    let (_, offset) = pairs.find(|(name, _)| name == "offset")?;
    offset.parse().ok()
}

/// Splits a `Link` header at the commas between links; commas inside `<…>` are part of an address.
fn split_links(value: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (index, byte) in value.bytes().enumerate() {
        match byte {
            b'<' => inside = true,
            b'>' => inside = false,
            b',' if !inside => {
                links.push(&value[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    links.push(&value[start..]);
    links
}

fn target_of_next(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .any(|(name, value)| name.trim() == "rel" && value.trim().trim_matches('"') == "next");
    is_next.then_some(target)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn next(link: &str, from: u64) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_str(link).expect("a header"));
        let answer = Answer {
            status: StatusCode::OK,
            headers,
            body: Vec::new(),
        };
        let base = Url::parse("https://m.example/api/orders").expect("an address");
        next_page(&answer, &base, from).map(|page| page.map(|page| page.0.to_string()))
    }

    #[test]
    fn the_next_link_is_followed_only_on_the_host_that_was_asked() {
        let here = "https://m.example/api/orders?max=100&offset=100".to_owned();
        for link in [
            r#"<https://m.example/api/orders?max=100&offset=100>; rel="next""#,
            r#"<https://m.example/api/orders?max=1&offset=0>; rel="previous", <https://m.example/api/orders?max=100&offset=100>; rel="next""#,
            "<http://evil.example/x?max=100&offset=100>; rel=next",
        ] {
            assert_eq!(next(link, 0), Ok(Some(here.clone())), "{link}");
        }
        let with_commas = r#"<https://m.example/api/orders?order_ids=a,b&offset=100>;rel="next""#;
        assert!(matches!(next(with_commas, 0), Ok(Some(url)) if url.contains("order_ids=a,b")));
    }

    #[test]
    fn a_last_page_has_no_next_and_a_link_in_a_circle_is_an_error() {
        assert_eq!(
            next(r#"<https://m.example/x?offset=0>; rel="previous""#, 100),
            Ok(None)
        );
        assert_eq!(next("nonsense", 0), Ok(None));
        for circle in [
            r#"<https://m.example/x?offset=100>; rel="next""#,
            r#"<https://m.example/x>; rel="next""#,
        ] {
            assert!(next(circle, 100).is_err(), "{circle}");
        }
    }
}
