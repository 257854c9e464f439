//! How far a pass over one of Mirakl's lists has read.

use chrono::{DateTime, Utc};

use crate::store::checkpoints::Checkpoint;

/// The greatest update seen, but never later than the pass's beginning.
#[derive(Debug)]
pub(super) struct Reached {
    began_at: DateTime<Utc>,
    newest: Option<DateTime<Utc>>,
    complete: bool,
}

/// What a pass sees of one element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    /// It was read, and last changed then.
    Read(DateTime<Utc>),
    /// Its id was read, no more.
    Named,
    /// Not even its id was read.
    Nameless,
}

impl Reached {
    /// A pass that began at `date` by Mirakl's own clock, so that one that is off here loses nothing.
    pub fn new(date: Option<DateTime<Utc>>, started_at: DateTime<Utc>) -> Self {
        Self {
            began_at: date.unwrap_or(started_at),
            newest: None,
            complete: true,
        }
    }

    /// Sees a page.
    pub fn see(&mut self, elements: impl Iterator<Item = Element>) {
        for element in elements {
            match element {
                Element::Read(updated_at) => self.newest = self.newest.max(Some(updated_at)),
                Element::Named => {}
                Element::Nameless => self.complete = false,
            }
        }
    }

    /// None when nothing was seen, or when an element could not even be identified.
    pub fn checkpoint(&self, begun_at: DateTime<Utc>) -> Option<Checkpoint> {
        let reached = self.newest?.min(self.began_at);
        self.complete.then_some(Checkpoint { reached, begun_at })
    }
}
