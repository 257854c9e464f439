//! The fake Stripe: its accounts, links, payments, transfers, what is given back of them, payouts,
//! and what the test says about all that.

mod account_seed;
mod account_view;
mod account_wish;
mod accounts;
mod auth;
mod authorised;
mod backend;
mod balances;
mod book;
mod charge_view;
mod checks;
mod errors;
mod events;
mod form;
mod giving_back;
mod histories;
mod holding;
mod idempotency;
mod ids;
mod intent_view;
mod ledger;
mod links;
mod marking;
mod metadata;
mod paying;
mod paying_out;
mod payments;
mod payout_book;
mod payouts;
mod rate;
mod reads;
mod record;
mod refund_book;
mod refunds;
mod releases;
mod reversals;
mod search;
mod seeds;
mod sellers;
mod shelf;
mod tasks;
mod transferring;
mod transfers;
mod views;
mod wish;
mod writes;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use account_seed::AccountSeed;
pub use account_view::Account;
pub use auth::{STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY};
pub use giving_back::{Refund, Reversal};
pub use links::{AccountLink, Visit};
pub use paying_out::{Payout, SellerTransfer};
pub use record::{Cancellation, Capture, PaymentView};
pub use refunds::RefundBalanceRule;
pub use releases::Releases;
pub use seeds::{Payment, PaymentSeed, TransferSeed};
pub use transfers::Transfer;

use crate::background::Background;
use crate::server::Shared;
use book::{Book, PLATFORM};
use ids::Ids;
use rate::Rate;

/// Handle on Stripe. What it does, it does in test mode.
#[derive(Clone)]
pub struct Stripe {
    state: Arc<State>,
    _background: Arc<Background>,
}

/// What the server works on.
struct State {
    shared: Arc<Shared>,
    host: String,
    test: Mutex<Book>,
    live: Mutex<Book>,
    rate: Mutex<Rate>,
    requests: Mutex<Ids>,
}

impl State {
    /// The books of a mode. Live before test, where both are needed.
    fn book(&self, live: bool) -> MutexGuard<'_, Book> {
        let book = if live { &self.live } else { &self.test };
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.shared.clock.now();
        book.expire(now);
        book.carry_payouts(now);
        book
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request_id(&self) -> String {
        let mut ids = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        ids.make("req", 14)
    }
}

impl Stripe {
    pub(crate) async fn open(
        background: &Arc<Background>,
        shared: &Arc<Shared>,
        port: u16,
    ) -> io::Result<Self> {
        let (listener, address) = background.listen(port).await?;
        let created = shared.clock.now().timestamp();
        let state = Arc::new(State {
            shared: shared.clone(),
            host: address.to_string(),
            test: Mutex::new(Book::new(false, created)),
            live: Mutex::new(Book::new(true, created)),
            rate: Mutex::default(),
            requests: Mutex::new(Ids::new(2)),
        });
        background.serve(listener, state.clone(), shared.clone());
        Ok(Self {
            state,
            _background: background.clone(),
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.state.book(false)
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.state.host)
    }

    /// The platform's own account, the same in both modes.
    pub fn platform_id(&self) -> String {
        PLATFORM.to_owned()
    }

    /// A customer pays.
    pub fn pay(&self, seed: PaymentSeed) -> Payment {
        self.book().pay(seed, self.state.shared.clock.now())
    }

    /// The customer tries again, with success, after the intent's charge failed; the new charge.
    pub fn pay_again(&self, intent: &str) -> String {
        self.book().pay_again(intent, self.state.shared.clock.now())
    }

    /// Captures an authorised payment, by default whole; the rest is released.
    pub fn capture(&self, charge_or_intent: &str, amount: Option<i64>) {
        let now = self.state.shared.clock.now();
        self.book().capture(charge_or_intent, amount, now);
    }

    /// Cancels a payment that is not captured.
    pub fn cancel(&self, charge_or_intent: &str) {
        let now = self.state.shared.clock.now();
        self.book().cancel(charge_or_intent, now);
    }

    /// A processing payment succeeds.
    pub fn succeed(&self, charge_or_intent: &str) {
        let now = self.state.shared.clock.now();
        self.book().settle(charge_or_intent, true, now);
    }

    /// A processing payment fails.
    pub fn fail(&self, charge_or_intent: &str) {
        let now = self.state.shared.clock.now();
        self.book().settle(charge_or_intent, false, now);
    }

    /// Adds a transfer made elsewhere and returns its id.
    pub fn add_transfer(&self, seed: TransferSeed) -> String {
        let now = self.state.shared.clock.now();
        self.book().add_transfer(seed, None, now)
    }

    /// All transfers, also those that connected accounts made, in the order they were made.
    pub fn transfers(&self) -> Vec<Transfer> {
        let book = self.book();
        let stored = book.transfers.iter();
        stored.map(|stored| stored.transfer.clone()).collect()
    }

    /// The transfers whose metadata `miraklId` is this.
    pub fn transfers_for(&self, mirakl_id: &str) -> Vec<Transfer> {
        let book = self.book();
        let transfers = book.transfers.iter().map(|stored| &stored.transfer);
        transfers
            .filter(|transfer| {
                transfer
                    .metadata
                    .get("miraklId")
                    .is_some_and(|id| id == mirakl_id)
            })
            .cloned()
            .collect()
    }

    /// An account's balance in minor units, available and pending together.
    pub fn balance(&self, account: &str, currency: &str) -> i64 {
        self.book().ledger.total(account, currency)
    }

    /// What of an account's balance can be spent now.
    pub fn available(&self, account: &str, currency: &str) -> i64 {
        let now = self.state.shared.clock.now().timestamp();
        self.book().ledger.available(account, currency, now)
    }

    /// Adds money, available at once, to an account or the platform.
    pub fn add_funds(&self, account: &str, currency: &str, amount: i64) {
        let now = self.state.shared.clock.now().timestamp();
        self.book().ledger.book(account, currency, amount, now);
    }

    /// Refuses more than this many requests per endpoint and second with 429.
    pub fn limit_rate(&self, per_second: Option<u32>) {
        self.state.rate().limit(per_second);
    }

    /// Forgets every idempotency key in both modes, as Stripe may after a day.
    pub fn forget_keys(&self) {
        for live in [true, false] {
            self.state.book(live).keys.forget();
        }
    }
}
