//! How processes ended, and what they said.

use crate::{MIRAKL_KEY, STRIPE_KEY};

use super::{Invariant, Violation};
use crate::prove::run::Ended;
use crate::prove::story::NOTIFICATION_SECRET;

/// What nobody may read anywhere.
const SECRETS: [&str; 4] = [
    STRIPE_KEY,
    MIRAKL_KEY,
    NOTIFICATION_SECRET,
    "https://connect.stripe.com/setup",
];

/// Judges one process; in calm weather nothing can keep it from running.
pub fn process(ended: &Ended, calm: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let orderly = match ended.code {
        None => ended.killed,
        Some(0 | 3) => true,
        Some(1) => !calm,
        Some(_) => false,
    };
    if !orderly || ended.said.contains("panicked") {
        found.push(Invariant::EndsOrderly.broken(format!("{ended:?}")));
    }
    for secret in SECRETS {
        if ended.said.contains(secret) {
            found.push(Invariant::NothingLeaks.broken(format!("{secret} in {ended:?}")));
        }
    }
    found
}
