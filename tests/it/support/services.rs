//! What tests of services and taxes need: service orders that are paid, and an account for taxes.

use simulator::{AccountSeed, DebitSeed, PaymentSeed, ServiceSeed, Transfer, TransferSeed};

use super::World;

/// Where taxes go.
pub const TAX_ACCOUNT: &str = "acct_tax";

/// An accepted service order at `price` with a commission of `commission`, both in euros.
pub fn service(id: &str, shop: i64, price: &str, commission: &str) -> ServiceSeed {
    let basket = id.rsplit_once('-').map_or(id, |(basket, _)| basket);
    ServiceSeed::new(id, basket, shop)
        .price(price)
        .commission(commission, commission)
}

impl World {
    /// Shops 2000 and 2001 with their accounts, and services switched on.
    pub async fn with_services() -> Self {
        let mut world = Self::new().await;
        world.shop(2001).await;
        world.set("ENABLE_SERVICE_PAYMENT_SPLIT", "true");
        world
    }

    /// The same, and taxes go to an account of their own.
    pub async fn with_taxes() -> Self {
        let mut world = Self::with_services().await;
        world.split_taxes();
        world
    }

    /// Switches the split of taxes on.
    pub fn split_taxes(&mut self) {
        self.sim
            .stripe()
            .add_account(AccountSeed::new().id(TAX_ACCOUNT));
        self.set("ENABLE_PAYMENT_TAX_SPLIT", "true");
        self.set("STRIPE_TAX_ACCOUNT", TAX_ACCOUNT);
    }

    /// A captured payment of `cents` that names a basket; its intent.
    pub fn captured(&self, basket: &str, cents: i64) -> String {
        let seed = PaymentSeed::new(cents, "eur").basket(basket);
        self.sim.stripe().pay(seed).intent.unwrap()
    }

    /// A service order whose only debit, named after it, is confirmed with a payment of its own; the
    /// charge.
    pub fn paid_service(&self, order: ServiceSeed, debited: &str, cents: i64) -> String {
        let id = self.mirakl.put_service(order);
        let basket = self.mirakl.service(&id).unwrap()["commercial_order_id"].clone();
        let seed = PaymentSeed::new(cents, "eur").basket(basket.as_str().unwrap());
        let payment = self.sim.stripe().pay(seed);
        self.debit(&id, debited, payment.intent.as_deref().unwrap());
        payment.charge
    }

    /// A confirmed debit of a service order, `D-` and the order's id, by this payment.
    pub fn debit(&self, order: &str, amount: &str, intent: &str) {
        let debit = DebitSeed::new(&format!("D-{order}"), order, amount);
        self.mirakl.put_debit(debit.state("OK").transaction(intent));
    }

    /// The transfers of one order, by the ledger: account and amount of each, sorted.
    pub fn ledger(&self, id: &str) -> Vec<(String, i64)> {
        let transfers: Vec<Transfer> = self.sim.stripe().transfers_for(id);
        let moved = transfers.into_iter().map(|t| (t.destination, t.amount));
        let mut moved: Vec<(String, i64)> = moved.collect();
        moved.sort();
        moved
    }

    /// Each of these orders was moved in exactly these parts, the store says the same, and nothing
    /// else was moved.
    pub async fn moved_in_parts(&self, orders: &[(&str, &[(&str, i64)])]) {
        let (sellers, taxes) = (self.rows().await, self.tax_rows().await);
        let mut number = 0;
        for (id, parts) in orders {
            let mut expected: Vec<(String, i64)> = parts
                .iter()
                .map(|(account, amount)| ((*account).to_owned(), *amount))
                .collect();
            expected.sort();
            assert_eq!(self.ledger(id), expected, "the ledger for {id}");
            for (account, amount) in *parts {
                let rows = match *account == TAX_ACCOUNT {
                    true => &taxes,
                    false => &sellers,
                };
                let row = rows.get(*id).unwrap_or_else(|| panic!("no row for {id}"));
                assert_eq!(row.status, "TRANSFER_CREATED", "{id}: {row:?}");
                assert_eq!(row.amount, Some(*amount), "{id}: {row:?}");
                assert_eq!(row.difference, None, "{id}");
            }
            number += parts.len();
        }
        assert_eq!(self.sim.stripe().transfers().len(), number);
    }
}

impl World {
    /// A transfer that the old connector made out of a charge for a Mirakl id.
    pub fn old_transfer(&self, id: &str, charge: &str, account: &str, cents: i64) -> String {
        let seed = TransferSeed::new(account, cents, "eur")
            .source_transaction(charge)
            .metadata("miraklId", id)
            .metadata("pluginName", "MiraklConnector")
            .metadata("pluginVersion", "4.1.1");
        self.sim.stripe().add_transfer(seed)
    }

    /// The rows of services that are held by this kind of reason: their numbers, and why.
    pub async fn services_held(&self, code: &str) -> Vec<(i64, String)> {
        let arguments = ["list", "transfers", "--output", "json", "--limit", "100000"];
        let listed = self.run(&arguments).await.exits(0).json();
        let rows = listed.as_array().unwrap().iter();
        let held = rows.filter(|row| row["orderType"] == "SERVICE" && row["reasonCode"] == code);
        held.map(|row| {
            let reason = row["statusReason"].as_str().unwrap().to_owned();
            (row["internalId"].as_i64().unwrap(), reason)
        })
        .collect()
    }
}
