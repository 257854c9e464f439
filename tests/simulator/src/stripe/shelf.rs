//! Objects by id and by time of creation.

use std::collections::HashMap;

use super::errors::Refusal;
use super::form::{Form, unknown, whole};

/// What a list is sorted by.
pub(super) trait Item {
    fn id(&self) -> &str;
    /// Unix seconds.
    fn created(&self) -> i64;
}

/// A growing collection, listed newest first without being sorted again.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    items: Vec<T>,
    by_id: HashMap<String, usize>,
    /// Creation time and place in `items`, oldest first.
    by_time: Vec<(i64, usize)>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            by_id: HashMap::new(),
            by_time: Vec::new(),
        }
    }
}

impl<T: Item> Shelf<T> {
    /// Adds an object, or replaces the one with its id.
    pub(super) fn put(&mut self, item: T) {
        if let Some(at) = self.by_id.get(item.id()) {
            let at = *at;
            let old = (self.items[at].created(), at);
            let new = (item.created(), at);
            self.items[at] = item;
            if let Ok(place) = self.by_time.binary_search(&old) {
                self.by_time.remove(place);
            }
            self.place(new);
            return;
        }
        let at = self.items.len();
        self.by_id.insert(item.id().to_owned(), at);
        self.place((item.created(), at));
        self.items.push(item);
    }

    fn place(&mut self, key: (i64, usize)) {
        let place = self.by_time.partition_point(|other| *other < key);
        self.by_time.insert(place, key);
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.by_id.get(id).map(|at| &self.items[*at])
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let at = *self.by_id.get(id)?;
        Some(&mut self.items[at])
    }

    /// Takes an object off the lists and out of reach of its id.
    pub(super) fn withdraw(&mut self, id: &str) -> Option<&mut T> {
        let at = self.by_id.remove(id)?;
        self.by_time.retain(|(_, place)| *place != at);
        Some(&mut self.items[at])
    }

    /// All objects, in the order they were added, those withdrawn included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }

    /// The newest objects, newest first.
    pub(super) fn newest(&self, most: usize) -> impl Iterator<Item = &T> {
        let newest = self.by_time.iter().rev().take(most);
        newest.map(|(_, at)| &self.items[*at])
    }

    /// A page of the objects that pass the filter, newest first, and whether there are more.
    pub(super) fn page(
        &self,
        range: &Range,
        object: &str,
        passes: impl Fn(&T) -> bool,
    ) -> Result<(Vec<&T>, bool), Refusal> {
        let mut from = self
            .by_time
            .partition_point(|key| key.0 < range.created.since);
        let mut to = self
            .by_time
            .partition_point(|key| key.0 <= range.created.until);
        if let Some((id, param)) = &range.cursor {
            let place = self
                .find(id)
                .ok_or_else(|| Refusal::missing(object, id, "").param(*param))?;
            if *param == "starting_after" {
                to = to.min(place);
            } else {
                from = from.max(place + 1);
            }
        }
        let window = self.by_time.get(from..to).unwrap_or_default().iter();
        let items = window
            .map(|(_, at)| &self.items[*at])
            .filter(|item| passes(item));
        let more = range.limit + 1;
        // Before a cursor the page is the part next to it, so the search runs the other way.
        let backwards = matches!(range.cursor, Some((_, "ending_before")));
        let mut page: Vec<&T> = if backwards {
            items.take(more).collect()
        } else {
            items.rev().take(more).collect()
        };
        let has_more = page.len() > range.limit;
        page.truncate(range.limit);
        if backwards {
            page.reverse();
        }
        Ok((page, has_more))
    }

    fn find(&self, id: &str) -> Option<usize> {
        let at = *self.by_id.get(id)?;
        let key = (self.items[at].created(), at);
        self.by_time.binary_search(&key).ok()
    }
}

/// The part of a list that a request asks for.
#[derive(Debug)]
pub(super) struct Range {
    limit: usize,
    created: Span,
    /// An id, and the parameter it came in.
    cursor: Option<(String, &'static str)>,
}

/// The parameters that every list has.
pub(super) const RANGE: [&str; 4] = ["limit", "starting_after", "ending_before", "created"];

impl Range {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        let limit = form.integer("limit", 1, 100)?.unwrap_or(10);
        let after = form.text("starting_after")?;
        let before = form.text("ending_before")?;
        if after.is_some() && before.is_some() {
            let message = "You may only specify one of ending_before and starting_after.";
            return Err(Refusal::new(message)
                .code("parameters_exclusive")
                .param("ending_before"));
        }
        let after = after.map(|id| (id.to_owned(), "starting_after"));
        let before = before.map(|id| (id.to_owned(), "ending_before"));
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(10),
            created: Span::read(form, "created")?,
            cursor: after.or(before),
        })
    }
}

/// From and to, both inclusive, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    since: i64,
    until: i64,
}

impl Span {
    /// Reads `name` as an exact time, or as bounds: `name[gte]` and the like.
    pub(super) fn read(form: &Form, name: &str) -> Result<Self, Refusal> {
        let mut span = Self {
            since: i64::MIN,
            until: i64::MAX,
        };
        let mut bounded = false;
        for (bound, value) in form.below(name) {
            bounded = true;
            let name = format!("{name}[{bound}]");
            let at = whole(value, &name)?;
            match bound {
                "gt" => span.since = span.since.max(at.saturating_add(1)),
                "gte" => span.since = span.since.max(at),
                "lt" => span.until = span.until.min(at.saturating_sub(1)),
                "lte" => span.until = span.until.min(at),
                _ => return Err(unknown(&name)),
            }
        }
        if !bounded && let Some(at) = form.text(name)? {
            span.since = whole(at, name)?;
            span.until = span.since;
        }
        Ok(span)
    }

    pub(super) fn holds(self, at: i64) -> bool {
        (self.since..=self.until).contains(&at)
    }
}
