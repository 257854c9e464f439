//! How Stripe tells what was authorised and is let go.

use super::Stripe;

/// The first version of the API in which it is no refund.
const CHANGED: &str = "2025-03-31";

/// What a capture of less, a cancellation and the end of an authorisation leave on a charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Releases {
    /// Nothing: only what was taken counts, and only a refund is refunded.
    #[default]
    Untold,
    /// Before 2025-03-31: the charge is refunded by what was let go.
    Refunded,
}

impl Releases {
    /// By the version of the request that does it.
    pub(super) fn of(version: &str) -> Self {
        match version < CHANGED {
            true => Self::Refunded,
            false => Self::Untold,
        }
    }
}

impl Stripe {
    /// How releases are told that the test or the time brings about, and requests without a version.
    pub fn releases(&self, releases: Releases) {
        self.book().releases = releases;
    }
}
