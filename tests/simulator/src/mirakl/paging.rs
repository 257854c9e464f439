//! A page of a list with its links.

use std::sync::atomic::Ordering;

use form_urlencoded::Serializer;

use super::State;
use super::parameters::wrong;
use crate::api::{Answer, Incoming};

const LARGEST_PAGE: usize = 100;

/// The part of a list that is asked for.
#[derive(Debug)]
pub(super) struct Part {
    max: usize,
    offset: usize,
    /// All of it in one answer.
    whole: bool,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            max: 10,
            offset: 0,
            whole: false,
        }
    }
}

impl Part {
    /// Takes a parameter that says which part.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || wrong(name, value);
        match name {
            "max" => {
                let max = value.parse().map_err(|_| wrong())?;
                if !(1..=LARGEST_PAGE).contains(&max) {
                    return Err(wrong());
                }
                self.max = max;
            }
            "offset" => self.offset = value.parse().map_err(|_| wrong())?,
            "paginate" => self.whole = !value.parse::<bool>().map_err(|_| wrong())?,
            _ => {}
        }
        Ok(())
    }

    /// Whether it begins the list.
    pub(super) fn is_first(&self) -> bool {
        self.offset == 0
    }
}

/// The elements of a part, and the headers that lead to others.
pub(super) struct Page {
    pub(super) elements: Vec<String>,
    pub(super) total_count: usize,
    links: Vec<String>,
}

impl Page {
    pub(super) fn answer(&self, body: String) -> Answer {
        let answer = Answer::new(200, body);
        match self.links.as_slice() {
            [] => answer,
            links => answer.with("Link", &links.join(", ")),
        }
    }

    /// Answers orders one level deeper than other lists. One that is empty, the `empty`th of its
    /// kind, may lack the lower level or both.
    pub(super) fn nested(&self, empty: usize) -> Answer {
        let (elements, total) = (self.elements.join(","), self.total_count);
        self.answer(match (self.elements.as_slice(), empty % 2) {
            ([], 1) => format!(r#"{{"orders":{{}},"total_count":{total}}}"#),
            ([], _) => format!(r#"{{"total_count":{total}}}"#),
            _ => format!(r#"{{"orders":{{"order":[{elements}]}},"total_count":{total}}}"#),
        })
    }
}

/// Answers a part of `list`; what could not be sorted in is shown in every part.
pub(super) fn page<T>(
    state: &State,
    call: &Incoming,
    part: &Part,
    list: &str,
    items: impl ExactSizeIterator<Item = T>,
    strays: Vec<String>,
    show: impl Fn(T) -> String,
) -> Answer {
    let page = cut(state, call, part, items, strays, show);
    let (elements, total_count) = (page.elements.join(","), page.total_count);
    page.answer(format!(
        r#"{{"{list}":[{elements}],"total_count":{total_count}}}"#
    ))
}

/// Cuts a part out of a list.
pub(super) fn cut<T>(
    state: &State,
    call: &Incoming,
    part: &Part,
    items: impl ExactSizeIterator<Item = T>,
    strays: Vec<String>,
    show: impl Fn(T) -> String,
) -> Page {
    let total = items.len();
    let forever = state.forever.load(Ordering::SeqCst) && !part.whole;
    let (from, max) = match part.whole {
        true => (0, total),
        // The links go on, as if there were always more.
        false if forever => (0, state.limited(part.max)),
        false => (part.offset, state.limited(part.max)),
    };
    let mut elements: Vec<String> = items.skip(from).take(max).map(show).collect();
    let total_count = total + strays.len();
    elements.extend(strays);

    let end = part.offset.saturating_add(max);
    let mut links = Vec::new();
    if part.offset > 0 && !part.whole {
        let previous = part.offset.saturating_sub(max);
        links.push(link(&state.host, call, previous, "previous"));
    }
    if forever || (end < total && !part.whole) {
        links.push(link(&state.host, call, end, "next"));
    }
    if state.unlinked.load(Ordering::SeqCst) {
        links.clear();
    }
    Page {
        elements,
        total_count,
        links,
    }
}

/// A link to another offset that keeps every other parameter.
fn link(host: &str, call: &Incoming, offset: usize, rel: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
        if name != "offset" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("offset", &offset.to_string());
    format!(
        r#"<http://{host}{}?{}>; rel="{rel}""#,
        call.path,
        query.finish()
    )
}
