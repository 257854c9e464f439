//! Sending requests to Stripe, several at a time: what a run remembers of those without an answer, and
//! when it gives up.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};

use anyhow::anyhow;
use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};

use super::{JobError, Result};
use crate::stripe::Doubt;

/// After so many requests in a row without an answer, the rest is left to a later run.
const MOST_SILENT: u32 = 10;

/// A look-up begins so long before the request left: the clock here may be wrong, and what is
/// overlooked would be made again.
pub(super) const CLOCK_MARGIN: TimeDelta = TimeDelta::days(1);

/// Requests of this run without an answer: left to the next run.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    rows: RefCell<HashSet<i64>>,
    silent: Cell<u32>,
    gave_up: Cell<bool>,
}

impl Doubts {
    pub fn is_empty(&self) -> bool {
        self.rows.borrow().is_empty()
    }

    /// Whether this row is left to the next run.
    pub fn holds(&self, row: i64) -> bool {
        self.rows.borrow().contains(&row)
    }

    /// Leaves a row to the next run.
    pub fn add(&self, row: i64) {
        self.rows.borrow_mut().insert(row);
    }

    /// Stripe answered, whatever it said.
    pub fn answered(&self) {
        self.silent.set(0);
    }

    /// Stripe did not say what became of a row. That it repeats what it once said proves that it is
    /// there.
    pub fn unanswered(&self, row: i64, doubt: &Doubt) {
        self.add(row);
        if doubt.replayed {
            self.answered();
        } else {
            self.unheard();
        }
    }

    /// Stripe did not answer something that changes nothing.
    pub fn unheard(&self) {
        self.silent.set(self.silent.get() + 1);
    }

    fn gives_up(&self) -> bool {
        self.silent.get() >= MOST_SILENT
    }

    /// What is left of earlier runs was sent: that Stripe does not answer it does not keep a run from
    /// what is new. Returns the error that such a run ends with; any other ends it at once.
    pub fn after_leftovers(&self, sent: Result<()>) -> Result<Option<JobError>> {
        match sent {
            Ok(()) => Ok(None),
            Err(error) if self.gave_up.replace(false) => {
                self.answered();
                Ok(Some(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// Sends items: those of one key one after another, because Stripe locks what they work on; of
/// different keys up to `workers` at once.
///
/// After an error no further request leaves, and those that have left come to their end. `leave` is
/// told of what is not sent then, or because Stripe does not answer.
pub(super) async fn in_chains<K: Ord, T>(
    items: Vec<T>,
    key: impl Fn(&T) -> K,
    workers: usize,
    doubts: &Doubts,
    send: impl AsyncFn(&T) -> Result<()>,
    leave: impl Fn(&T),
) -> Result<()> {
    let mut chains: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for item in items {
        chains.entry(key(&item)).or_default().push(item);
    }
    let failed = RefCell::new(None);
    let (failed_of, send, leave) = (&failed, &send, &leave);
    let chains = chains.into_values().map(|chain| async move {
        for item in chain {
            if doubts.gives_up() || failed_of.borrow().is_some() {
                leave(&item);
                continue;
            }
            if let Err(error) = send(&item).await {
                failed_of.borrow_mut().get_or_insert(error);
            }
        }
    });
    stream::iter(chains)
        .buffer_unordered(workers)
        .collect::<()>()
        .await;
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    if doubts.gives_up() {
        doubts.gave_up.set(true);
        return Err(anyhow!(
            "Stripe did not answer {MOST_SILENT} requests in a row; stopped, the next run goes on with the same requests"
        )
        .into());
    }
    Ok(())
}
