//! Offset paging: `Link` headers lead to the next page, or the count of elements where they are lost.

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
        let answer = self.get(path, page.0.clone()).await?;
        let WireList { items, total } =
            list(&answer.body).map_err(|error| malformed(describe(&error)))?;
        let items: Vec<T> = items.into_iter().map(read).collect();
        let next = next_page(&answer, &page.0, items.len(), total).map_err(malformed)?;
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

/// The page after the one that was asked for at `asked` and showed `shown` of `total` elements: the
/// `rel="next"` link, moved onto the host and endpoint that were asked. A proxy may drop the links, so
/// that without one the count decides.
///
/// Errors when the link does not lead further.
fn next_page(
    answer: &Answer,
    asked: &Url,
    shown: usize,
    total: Option<u64>,
) -> Result<Option<NextPage>, String> {
    if shown == 0 {
        return Ok(None);
    }
    let from = offset_of(asked).unwrap_or(0);
    let links = answer.headers.get_all("link");
    let next = links
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(split_links)
        .find_map(|link| target_of_next(link));
    let Some(target) = next else {
        let reached = from.saturating_add(u64::try_from(shown).unwrap_or(u64::MAX));
        let more = total.is_some_and(|total| reached < total);
        return Ok(more.then(|| NextPage(at_offset(asked, reached))));
    };
    let linked = asked.join(target).map_err(|error| error.to_string())?;
    let mut url = asked.clone();
    url.set_query(linked.query());
    let offset = offset_of(&url);
    if offset.is_none_or(|offset| offset <= from) {
        return Err("the link to the next page does not lead further".to_owned());
    }
    Ok(Some(NextPage(url)))
}

/// The same address from another offset on.
fn at_offset(asked: &Url, offset: u64) -> Url {
    let mut url = asked.clone();
    let kept = asked.query_pairs().filter(|(name, _)| name != "offset");
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .append_pair("offset", &offset.to_string());
    url
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
        after(Some(link), from, 100, None)
    }

    fn after(
        link: Option<&str>,
        from: u64,
        shown: usize,
        total: Option<u64>,
    ) -> Result<Option<String>, String> {
        let link = link.map(|link| HeaderValue::from_str(link).expect("a header"));
        let link = link.map(|link| (reqwest::header::LINK, link));
        let answer = Answer {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(link),
            body: Vec::new(),
        };
        let asked = format!("https://m.example/api/orders?order_ids=a%2Cb&offset={from}&max=100");
        let asked = Url::parse(&asked).expect("an address");
        let page = next_page(&answer, &asked, shown, total)?;
        Ok(page.map(|page| page.0.to_string()))
    }

    #[test]
    fn without_a_link_the_count_leads_to_the_next_page() {
        let further = "https://m.example/api/orders?order_ids=a%2Cb&max=100&offset=200";
        assert_eq!(
            after(None, 100, 100, Some(201)),
            Ok(Some(further.to_owned()))
        );
        assert_eq!(after(None, 100, 100, Some(200)), Ok(None));
        assert_eq!(after(None, 100, 100, None), Ok(None));
        assert_eq!(
            after(None, 100, 0, Some(500)),
            Ok(None),
            "nothing more comes"
        );
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
