//! A small marketplace with a seller, on Mirakl, at Stripe and in the store.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use simulator::{
    AccountSeed, LineSeed, MIRAKL_KEY, Mirakl, OrderSeed, PaymentSeed, STRIPE_KEY, Simulator,
};

use super::{Database, Finished, Program};

/// One row of `list transfers`, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub kind: (String, String),
    pub status: String,
    pub code: String,
    pub reason: String,
    pub transfer: Option<String>,
    pub amount: Option<i64>,
    pub attempt: i64,
    pub difference: Option<String>,
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Everything that a test needs.
pub struct World {
    pub sim: Simulator,
    pub mirakl: Mirakl,
    pub db: Database,
    environment: Vec<(String, String)>,
}

/// The account of shop 2000 + n is made by this name.
fn account_of(shop: i64) -> String {
    format!("acct_shop{shop}")
}

/// An order of one line: `price` with a commission of `commission`, both in euros.
pub fn eur(id: &str, shop: i64, price: &str, commission: &str) -> OrderSeed {
    let basket = id.rsplit_once('-').map_or(id, |(basket, _)| basket);
    OrderSeed::new(id, basket, shop).line(LineSeed::new(price).commission(commission))
}

impl World {
    /// Shop 2000 with an account that can receive, the job switched on, nothing to do.
    pub async fn new() -> Self {
        let sim = Simulator::start().await.unwrap();
        let mirakl = sim.mirakl().clone();
        let world = Self::of(sim, mirakl, Database::migrated().await);
        world.shop(2000).await;
        world
    }

    /// The marketplace `mirakl` of a simulator that runs already, with this database.
    pub fn of(sim: Simulator, mirakl: Mirakl, db: Database) -> Self {
        let mut world = Self {
            environment: Vec::new(),
            sim,
            mirakl,
            db,
        };
        for (name, value) in [
            ("DATABASE_URL", world.db.url()),
            ("STRIPE_CLIENT_SECRET", STRIPE_KEY.to_owned()),
            ("STRIPE_API_BASE", world.sim.stripe().url()),
            ("MIRAKL_HOST_NAME", world.mirakl.url()),
            ("MIRAKL_API_KEY", MIRAKL_KEY.to_owned()),
            ("ENABLE_PRODUCT_PAYMENT_SPLIT", "true".to_owned()),
            ("STRIPE_MAX_REQUESTS_PER_SECOND", "2000".to_owned()),
            ("START_DATE", day(-30)),
        ] {
            world.set(name, &value);
        }
        world
    }

    /// Sets a variable for every program that is run from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(n, _)| n != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(n, _)| n != name);
    }

    /// Uses another database from now on; returns the one before.
    pub fn use_database(&mut self, db: Database) -> Database {
        self.set("DATABASE_URL", &db.url());
        std::mem::replace(&mut self.db, db)
    }

    /// Moves the clocks of Mirakl, Stripe and the program.
    pub fn pass(&mut self, time: TimeDelta) {
        self.sim.clock().advance(time);
        let offset = self.sim.clock().offset().num_seconds().to_string();
        self.set("MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS", &offset);
    }

    pub fn program(&self, arguments: &[&str]) -> Program {
        Program::new(arguments, &self.environment)
    }

    pub async fn run(&self, arguments: &[&str]) -> Finished {
        self.program(arguments).run().await
    }

    /// Runs `process-transfer`.
    pub async fn transfer(&self) -> Finished {
        self.run(&["process-transfer"]).await
    }

    /// A shop with an account that can receive transfers.
    pub async fn shop(&self, shop: i64) -> String {
        let account = account_of(shop);
        self.sim
            .stripe()
            .add_account(AccountSeed::new().id(&account));
        self.run(&[
            "link-account",
            "--shop",
            &shop.to_string(),
            "--account",
            &account,
        ])
        .await
        .exits(0);
        account
    }

    /// A captured payment of `amount` cents that names the basket of order `id`, and the order with
    /// the payment's number.
    pub fn paid(&self, order: OrderSeed, basket: &str, cents: i64) -> String {
        let payment = self
            .sim
            .stripe()
            .pay(PaymentSeed::new(cents, "eur").basket(basket));
        self.mirakl
            .put(order.transaction(payment.intent.as_deref().unwrap()));
        payment.charge
    }

    /// Paid orders `C1-A`, `C2-A`, … of shop 2000, 10.00 EUR each with a commission of 1.00.
    pub fn orders(&self, number: usize) -> Vec<String> {
        let ids = (1..=number).map(|n| {
            let id = format!("C{n}-A");
            self.paid(eur(&id, 2000, "10.00", "1.00"), &format!("C{n}"), 1000);
            id
        });
        ids.collect()
    }

    /// `list transfers` by Mirakl id: the sellers' parts.
    pub async fn rows(&self) -> BTreeMap<String, Row> {
        self.rows_of("TRANSFER_ORDER").await
    }

    /// `list transfers` by Mirakl id: the taxes.
    pub async fn tax_rows(&self) -> BTreeMap<String, Row> {
        self.rows_of("TRANSFER_TAX").await
    }

    async fn rows_of(&self, kind: &str) -> BTreeMap<String, Row> {
        let listed = self
            .run(&["list", "transfers", "--output", "json", "--limit", "100000"])
            .await
            .exits(0)
            .json();
        let rows = listed.as_array().unwrap().iter();
        let rows = rows.filter(|row| row["type"] == kind).map(|row| {
            let text = |name: &str| row[name].as_str().map(str::to_owned);
            let parsed = Row {
                id: row["internalId"].as_i64().unwrap(),
                kind: (text("type").unwrap(), text("orderType").unwrap()),
                status: text("status").unwrap(),
                code: text("reasonCode").unwrap_or_default(),
                reason: text("statusReason").unwrap_or_default(),
                transfer: text("transferId"),
                amount: row["amount"].as_i64(),
                attempt: row["attempt"].as_i64().unwrap(),
                difference: text("difference"),
                next_look_at: text("nextLookAt").map(|at| at.parse().unwrap()),
            };
            (text("miraklId").unwrap(), parsed)
        });
        rows.collect()
    }

    /// The row of one Mirakl id.
    pub async fn row(&self, id: &str) -> Row {
        let mut rows = self.rows().await;
        rows.remove(id)
            .unwrap_or_else(|| panic!("{id} is not in {rows:#?}"))
    }

    /// What Stripe has moved for one Mirakl id, by the ledger: the amounts of all its transfers.
    pub fn moved(&self, id: &str) -> Vec<i64> {
        let transfers = self.sim.stripe().transfers_for(id).into_iter();
        transfers.map(|transfer| transfer.amount).collect()
    }

    /// What Stripe has moved for one Mirakl id to one account, by the ledger.
    pub fn moved_to(&self, id: &str, account: &str) -> Vec<i64> {
        let transfers = self.sim.stripe().transfers_for(id).into_iter();
        let to = transfers.filter(|transfer| transfer.destination == account);
        to.map(|transfer| transfer.amount).collect()
    }

    /// Asserts where the taxes of an order stand, and by which kind of reason.
    pub async fn taxes_stand(&self, id: &str, status: &str, code: &str) -> Row {
        let mut rows = self.tax_rows().await;
        let row = rows
            .remove(id)
            .unwrap_or_else(|| panic!("the taxes of {id} are not in {rows:#?}"));
        assert_eq!(
            (row.status.as_str(), row.code.as_str()),
            (status, code),
            "{id}: {row:?}"
        );
        row
    }

    /// Every order was moved exactly once, with this amount, and the store says the same.
    pub async fn each_moved_once(&self, ids: &[String], cents: i64) {
        let rows = self.rows().await;
        for id in ids {
            assert_eq!(self.moved(id), [cents], "the ledger for {id}");
            let row = rows.get(id).unwrap_or_else(|| panic!("no row for {id}"));
            assert_eq!(row.status, "TRANSFER_CREATED", "{id}: {row:?}");
            assert_eq!(row.amount, Some(cents), "{id}");
            let ledger = self.sim.stripe().transfers_for(id);
            assert_eq!(row.transfer.as_ref(), Some(&ledger[0].id), "{id}");
        }
        assert_eq!(self.sim.stripe().transfers().len(), ids.len());
    }

    /// Asserts where an order stands, and by which kind of reason.
    pub async fn stands(&self, id: &str, status: &str, code: &str) -> Row {
        let row = self.row(id).await;
        assert_eq!(
            (row.status.as_str(), row.code.as_str()),
            (status, code),
            "{id}: {row:?}"
        );
        row
    }

    /// The value of one query with one column.
    pub async fn value(&self, sql: &'static str) -> Value {
        let mut conn = self.db.connect().await;
        let text: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
        text.map_or(Value::Null, Value::String)
    }
}

/// A day, so many days from today.
pub fn day(offset: i64) -> String {
    (Utc::now() + TimeDelta::days(offset))
        .format("%Y-%m-%d")
        .to_string()
}
