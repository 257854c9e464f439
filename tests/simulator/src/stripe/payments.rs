//! Charges and payment intents.

use std::collections::BTreeMap;

use super::releases::Releases;
use super::shelf::Item;

#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) captured: bool,
    pub(super) amount_captured: i64,
    /// What was refunded of what was captured.
    pub(super) given_back: i64,
    /// What was authorised and let go, and how that is told.
    pub(super) released: i64,
    pub(super) releases: Releases,
    pub(super) disputed: bool,
    /// When its authorisation ends; only of what is captured by hand.
    pub(super) capture_before: Option<i64>,
    /// Whether the end can be read.
    pub(super) shows_end: bool,
    pub(super) intent: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// The currency it settles in.
    pub(super) settlement: String,
    pub(super) balance: Option<Settled>,
    /// Sum of its transfers less their reversals, in the settlement currency.
    pub(super) transferred: i64,
}

/// The charge's balance transaction.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) created: i64,
    pub(super) available_on: i64,
}

impl Item for Charge {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Charge {
    /// What can still be refunded or released.
    pub(super) fn left(&self) -> i64 {
        self.amount - self.released - self.given_back
    }

    /// Whether nothing of it is left.
    pub(super) fn is_refunded(&self) -> bool {
        self.amount > 0 && self.left() <= 0
    }

    /// What Stripe says was refunded.
    pub(super) fn amount_refunded(&self) -> i64 {
        match self.releases {
            Releases::Untold => self.given_back,
            Releases::Refunded => self.given_back + self.released,
        }
    }

    /// Whether it is authorised, and neither captured nor released.
    pub(super) fn is_open(&self) -> bool {
        self.status == "succeeded" && !self.captured && self.released == 0
    }

    pub(super) fn fail(&mut self) {
        self.status = "failed";
        self.captured = false;
        self.amount_captured = 0;
    }

    /// What one more refund takes, in the settlement currency.
    pub(super) fn worth(&self, amount: i64) -> i64 {
        self.settled(self.given_back + amount) - self.settled(self.given_back)
    }

    pub(super) fn is_exchanged(&self) -> bool {
        self.settlement != self.currency
    }

    /// An amount of the charge in its settlement currency.
    pub(super) fn settled(&self, amount: i64) -> i64 {
        if self.is_exchanged() {
            amount * 5 / 4
        } else {
            amount
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) amount: i64,
    pub(super) amount_capturable: i64,
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) capture_method: &'static str,
    pub(super) customer: Option<String>,
    pub(super) latest_charge: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) canceled_at: Option<i64>,
    pub(super) cancellation_reason: Option<String>,
}

impl Item for Intent {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}
