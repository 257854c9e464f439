//! The fake Mirakl: its orders, its shops, its invoices, its tokens and what the test says about them.

mod backend;
mod book;
mod breakdown;
mod canceled;
mod dates;
mod debits;
mod filter;
mod invoices;
mod line;
mod listing;
mod paging;
mod parameters;
mod refund_seed;
mod refunds;
mod seed;
mod services;
mod shops;
mod tax_mode;
mod tokens;
mod values;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub use debits::{BatchRule, Confirmation};
pub use invoices::InvoiceSeed;
pub use line::LineSeed;
pub use refund_seed::RefundSeed;
pub use refunds::RefundConfirmation;
pub use seed::OrderSeed;
pub use services::{
    DebitSeed, ServiceConfirmation, ServiceRefundConfirmation, ServiceRefundSeed, ServiceRoot,
    ServiceSeed,
};
pub use shops::ShopSeed;

use crate::background::Background;
use crate::server::Shared;
use book::Book;
use debits::Debits;
use invoices::Invoices;
use refunds::Refunds;
use services::Services;
use shops::Shops;
use tokens::Tokens;

/// The operator's API key, sent raw in `Authorization`.
pub const MIRAKL_KEY: &str = "mirakl-operator-key";
/// The OAuth client of the token endpoint.
pub const MIRAKL_CLIENT_ID: &str = "mirakl-client";
/// Its secret.
pub const MIRAKL_CLIENT_SECRET: &str = "mirakl-client-secret";

/// Handle on one marketplace.
#[derive(Clone)]
pub struct Mirakl {
    state: Arc<State>,
    _background: Arc<Background>,
}

/// What the server works on.
struct State {
    shared: Arc<Shared>,
    host: String,
    book: Mutex<Book>,
    debits: Mutex<Debits>,
    refunds: Mutex<Refunds>,
    invoices: Mutex<Invoices>,
    shops: Mutex<Shops>,
    services: Mutex<Services>,
    tokens: Mutex<Tokens>,
    forever: AtomicBool,
    /// Whether pages come without links.
    unlinked: AtomicBool,
    /// Most elements on a page, whatever is asked for.
    page_limit: AtomicUsize,
}

impl State {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the book, where both are needed.
    fn debits(&self) -> MutexGuard<'_, Debits> {
        self.debits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the book and after the debits, where they are needed too.
    fn refunds(&self) -> MutexGuard<'_, Refunds> {
        self.refunds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn invoices(&self) -> MutexGuard<'_, Invoices> {
        self.invoices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shops(&self) -> MutexGuard<'_, Shops> {
        self.shops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limited(&self, max: usize) -> usize {
        max.min(self.page_limit.load(Ordering::SeqCst))
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirakl {
    pub(crate) async fn open(
        background: &Arc<Background>,
        shared: &Arc<Shared>,
        port: u16,
    ) -> io::Result<Self> {
        let (listener, address) = background.listen(port).await?;
        let state = Arc::new(State {
            shared: shared.clone(),
            host: address.to_string(),
            book: Mutex::default(),
            debits: Mutex::default(),
            refunds: Mutex::default(),
            invoices: Mutex::default(),
            shops: Mutex::default(),
            services: Mutex::default(),
            tokens: Mutex::default(),
            forever: AtomicBool::new(false),
            unlinked: AtomicBool::new(false),
            page_limit: AtomicUsize::new(usize::MAX),
        });
        background.serve(listener, state.clone(), shared.clone());
        Ok(Self {
            state,
            _background: background.clone(),
        })
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.state.host)
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.state.host.clone()
    }

    /// Where tokens are issued for [`MIRAKL_CLIENT_ID`] and [`MIRAKL_CLIENT_SECRET`].
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.url())
    }

    /// Inserts or replaces an order and returns its id.
    pub fn put(&self, order: OrderSeed) -> String {
        let (id, order, ask) = order.build(self.state.shared.clock.now());
        self.state.debits().ask(&id, ask);
        self.put_json(order);
        id
    }

    /// Inserts or replaces anything as an order. One without a usable `order_id` is returned on
    /// every page that does not ask for certain orders.
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!(…)")]
    pub fn put_json(&self, order: Value) {
        self.state.book().put(&order, self.state.shared.clock.now());
    }

    /// Changes an order; its `last_updated_date` becomes now.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn update(&self, order_id: &str, change: impl FnOnce(&mut Value)) {
        let now = self.state.shared.clock.now();
        let mut order = self
            .order(order_id)
            .unwrap_or_else(|| panic!("there is no order {order_id}"));
        change(&mut order);
        if let Some(fields) = order.as_object_mut() {
            fields.insert("last_updated_date".to_owned(), dates::show(now).into());
        }
        let mut book = self.state.book();
        book.remove(order_id);
        book.put(&order, now);
    }

    /// Removes an order.
    pub fn remove(&self, order_id: &str) {
        self.state.book().remove(order_id);
    }

    /// Removes everything put without a usable `order_id`.
    pub fn remove_unusable(&self) {
        self.state.book().remove_strays();
    }

    /// An order as OR11 shows it.
    pub fn order(&self, order_id: &str) -> Option<Value> {
        self.state.book().get(order_id).map(|entry| entry.value())
    }

    /// All orders, oldest first.
    pub fn orders(&self) -> Vec<Value> {
        let book = self.state.book();
        book.all().iter().map(|entry| entry.value()).collect()
    }

    /// Whether every page repeats the first one and names a next.
    pub fn forever_paging(&self, on: bool) {
        self.state.forever.store(on, Ordering::SeqCst);
    }

    /// Whether pages come without the links to others, as behind a proxy that drops them.
    pub fn unlinked_paging(&self, on: bool) {
        self.state.unlinked.store(on, Ordering::SeqCst);
    }

    /// Gives at most this many elements on a page, whatever `max` asks for.
    pub fn page_limit(&self, most: Option<usize>) {
        let most = most.map_or(usize::MAX, |most| most.max(1));
        self.state.page_limit.store(most, Ordering::SeqCst);
    }

    /// Tokens issued so far answer 401.
    pub fn revoke_tokens(&self) {
        self.state.tokens().revoke();
    }
}
