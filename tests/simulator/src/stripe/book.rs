//! All that Stripe knows in one mode.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;

use super::accounts::StoredAccount;
use super::events::StoredEvent;
use super::idempotency::Keys;
use super::ids::Ids;
use super::ledger::Ledger;
use super::links::AccountLink;
use super::payments::{Charge, Intent};
use super::payout_book::StoredPayout;
use super::record::{Cancellation, Capture};
use super::refund_book::StoredRefund;
use super::refunds::RefundBalanceRule;
use super::releases::Releases;
use super::shelf::Shelf;
use super::transfers::StoredTransfer;

/// The platform's account, the same in both modes.
pub(super) const PLATFORM: &str = "acct_platform1Simulator";

/// One mode's objects, balances and keys.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) live: bool,
    pub(super) ids: Ids,
    pub(super) platform: StoredAccount,
    pub(super) accounts: Shelf<StoredAccount>,
    pub(super) links: Vec<AccountLink>,
    pub(super) charges: Shelf<Charge>,
    pub(super) intents: Shelf<Intent>,
    /// The ends of authorisations, and their charges.
    pub(super) authorised: BTreeSet<(i64, String)>,
    pub(super) captures: Vec<Capture>,
    pub(super) cancellations: Vec<Cancellation>,
    /// The age at which a search finds an object.
    pub(super) search_delay: TimeDelta,
    /// How releases are told that no request with a version makes.
    pub(super) releases: Releases,
    pub(super) refunds: Shelf<StoredRefund>,
    pub(super) refunds_stay_pending: bool,
    pub(super) refund_balance_rule: RefundBalanceRule,
    pub(super) transfers: Shelf<StoredTransfer>,
    /// The ids of transfers and their reversals, in the order these were made.
    pub(super) reversals: Vec<(String, String)>,
    /// Whether money that is still on its way to a seller cannot be taken back.
    pub(super) reverses_available_only: bool,
    pub(super) payouts: Shelf<StoredPayout>,
    /// When payouts go on, and their ids.
    pub(super) payouts_due: BTreeSet<(i64, String)>,
    /// Ids by account and currency, `None` where there is no external account. One that is not
    /// here was never asked for.
    pub(super) bank_accounts: HashMap<(String, String), Option<String>>,
    pub(super) events: Shelf<StoredEvent>,
    pub(super) ledger: Ledger,
    pub(super) keys: Keys,
    /// Charges, transfers and payouts that a request is working on.
    pub(super) locked: HashSet<String>,
}

impl Book {
    pub(super) fn new(live: bool, created: i64) -> Self {
        let mut platform = StoredAccount::new("standard", "daily");
        PLATFORM.clone_into(&mut platform.id);
        platform.created = created;
        Self {
            live,
            ids: Ids::new(u64::from(live)),
            platform,
            accounts: Shelf::default(),
            links: Vec::new(),
            charges: Shelf::default(),
            intents: Shelf::default(),
            authorised: BTreeSet::new(),
            captures: Vec::new(),
            cancellations: Vec::new(),
            search_delay: TimeDelta::zero(),
            releases: Releases::default(),
            refunds: Shelf::default(),
            refunds_stay_pending: false,
            refund_balance_rule: RefundBalanceRule::default(),
            transfers: Shelf::default(),
            reversals: Vec::new(),
            reverses_available_only: false,
            payouts: Shelf::default(),
            payouts_due: BTreeSet::new(),
            bank_accounts: HashMap::new(),
            events: Shelf::default(),
            ledger: Ledger::default(),
            keys: Keys::default(),
            locked: HashSet::new(),
        }
    }

    /// An account by id, the platform's own included.
    pub(super) fn account(&self, id: &str) -> Option<&StoredAccount> {
        if id == self.platform.id {
            return Some(&self.platform);
        }
        self.accounts.get(id)
    }
}
