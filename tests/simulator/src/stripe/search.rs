//! The search for intents.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::book::Book;
use super::errors::Refusal;
use super::form::Form;
use super::intent_view::IntentView;
use super::payments::Intent;
use super::views::Expand;

/// What a page token begins with.
const PAGE: &str = "search_";

/// One condition of a query.
#[derive(Debug, PartialEq, Eq)]
enum Clause {
    Metadata(String, String),
    Status(String),
}

impl Clause {
    fn holds(&self, intent: &Intent) -> bool {
        let same = |own: &str, wanted: &str| own.to_lowercase() == wanted.to_lowercase();
        match self {
            Self::Metadata(key, value) => {
                let own = intent.metadata.get(key);
                own.is_some_and(|own| same(own, value))
            }
            Self::Status(status) => same(intent.status, status),
        }
    }
}

#[derive(Serialize)]
pub(super) struct SearchResult<'a> {
    object: &'static str,
    data: Vec<IntentView<'a>>,
    has_more: bool,
    next_page: Option<String>,
    url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_count: Option<usize>,
}

impl Book {
    /// A page of the intents that a query finds, newest first.
    pub(super) fn search_intents(
        &self,
        form: &Form,
        visible: bool,
        now: DateTime<Utc>,
    ) -> Result<SearchResult<'_>, Refusal> {
        form.allow(&["expand", "limit", "page", "query"])?;
        let expand = form.expand(&["data.latest_charge", "total_count"])?;
        let clauses = read(form.required("query")?)?;
        let limit = form.integer("limit", 1, 100)?.unwrap_or(10);
        let limit = usize::try_from(limit).unwrap_or(10);
        let from = match form.text("page")? {
            None => 0,
            Some(page) => {
                let from = page.strip_prefix(PAGE).and_then(|from| from.parse().ok());
                from.ok_or_else(|| Refusal::new(format!("Invalid page: {page}")).param("page"))?
            }
        };
        let indexed = (now - self.search_delay).timestamp();
        let found = self.intents.iter().filter(|intent| {
            visible
                && intent.created <= indexed
                && clauses.iter().all(|clause| clause.holds(intent))
        });
        let mut found: Vec<&Intent> = found.collect();
        found.reverse();
        found.sort_by_key(|intent| Reverse(intent.created));
        let whole = |name: &str| expand.iter().any(|path| path == name);
        let expansion = Expand {
            charge: whole("data.latest_charge"),
            ..Expand::default()
        };
        let page = found.iter().skip(from).take(limit);
        let data: Vec<_> = page
            .map(|intent| self.show_intent(intent, expansion, now.timestamp()))
            .collect();
        let end = from.saturating_add(data.len());
        let has_more = end < found.len();
        Ok(SearchResult {
            object: "search_result",
            data,
            has_more,
            next_page: has_more.then(|| format!("{PAGE}{end}")),
            url: "/v1/payment_intents/search",
            total_count: whole("total_count").then_some(found.len()),
        })
    }
}

/// Reads a query: conditions joined by `AND`.
fn read(query: &str) -> Result<Vec<Clause>, Refusal> {
    let wrong = || {
        let message = format!("The search query '{query}' could not be understood.");
        Refusal::new(message).param("query")
    };
    let mut clauses = Vec::new();
    let mut rest = query.trim();
    loop {
        let (clause, after) = clause(rest).ok_or_else(wrong)?;
        clauses.push(clause);
        if after.trim().is_empty() {
            return Ok(clauses);
        }
        let next = after.trim_start().strip_prefix("AND ");
        rest = next.filter(|_| after.starts_with(' ')).ok_or_else(wrong)?;
        rest = rest.trim_start();
    }
}

/// The first condition, and what comes after it.
fn clause(text: &str) -> Option<(Clause, &str)> {
    if let Some(rest) = text.strip_prefix("metadata[") {
        let (key, rest) = quoted(rest)?;
        let (value, rest) = quoted(rest.strip_prefix("]:")?)?;
        return Some((Clause::Metadata(key, value), rest));
    }
    let (status, rest) = quoted(text.strip_prefix("status:")?)?;
    Some((Clause::Status(status), rest))
}

/// A text in double quotes, in which a backslash takes the next character as it is.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.strip_prefix('"')?.char_indices();
    let mut value = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_quotes_and_words_of_the_language() {
        let clauses = read(r#"metadata["k"]:"a \"b\" AND c" AND status:"succeeded""#);
        let expected = vec![
            Clause::Metadata("k".to_owned(), r#"a "b" AND c"#.to_owned()),
            Clause::Status("succeeded".to_owned()),
        ];
        assert_eq!(clauses.ok(), Some(expected));
    }

    #[test]
    fn other_queries_are_not_understood() {
        for query in [
            "",
            "metadata[k]:\"v\"",
            "metadata[\"k\"]:v",
            "metadata[\"k\"]:\"v",
            "metadata[\"k\"]:null",
            "metadata[\"k\"]~\"val\"",
            "-status:\"canceled\"",
            "status:\"canceled\" OR status:\"succeeded\"",
            "status:\"canceled\"AND status:\"succeeded\"",
            "created>1",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
