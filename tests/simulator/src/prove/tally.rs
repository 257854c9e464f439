//! What happened, counted.

use std::collections::BTreeMap;
use std::fmt;

/// Counts over one seed or many.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Things by their names.
    counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// One more.
    pub fn add(&mut self, what: &'static str) {
        self.many(what, 1);
    }

    /// So many more.
    pub fn many(&mut self, what: &'static str, number: usize) {
        *self.counts.entry(what).or_default() += number as u64;
    }

    /// Those of another seed too.
    pub fn merge(&mut self, other: &Self) {
        for (what, number) in &other.counts {
            *self.counts.entry(what).or_default() += number;
        }
    }

    /// How many.
    pub fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, number) in &self.counts {
            writeln!(f, "  {number:>8}  {what}")?;
        }
        Ok(())
    }
}
