//! What tests of sellers need: shops, their links, their accounts.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::{Account, ShopSeed, Simulator};

use super::{Database, Finished, World};

/// Pages that begin so are Stripe's own.
pub const STRIPE: &str = "https://connect.stripe.com/";
/// What the field holds once details are submitted.
pub const DASHBOARD: &str = "https://connect.stripe.com/express_login";

impl World {
    /// A marketplace without a shop, nothing to do.
    pub async fn without_shops() -> Self {
        let sim = Simulator::start().await.unwrap();
        let mirakl = sim.mirakl().clone();
        Self::of(sim, mirakl, Database::migrated().await)
    }

    /// Runs `sync-onboarding`.
    pub async fn sync(&self) -> Finished {
        self.run(&["sync-onboarding"]).await
    }

    /// New shops on Mirakl, each with KYC.
    pub fn new_shops(&self, shops: impl IntoIterator<Item = i64>) {
        for shop in shops {
            self.mirakl
                .put_shop(ShopSeed::new(shop).kyc("PENDING_SUBMISSION"));
        }
    }

    /// Moves the checkpoint of orders beyond all that there are: they are read again only when due.
    pub async fn move_on(&mut self) {
        self.pass(chrono::TimeDelta::minutes(3));
        let newest = super::eur("ZZ-A", 2999, "1.00", "0").state("WAITING_ACCEPTANCE");
        self.mirakl.put(newest.unpaid());
        self.transfer().await.exits(0);
    }

    /// What the shop's field for the link holds.
    pub fn field(&self, shop: i64) -> Option<String> {
        self.mirakl.shop_field(shop, "stripe-url")
    }

    /// The link in a shop's field.
    #[track_caller]
    pub fn link(&self, shop: i64) -> String {
        let field = self.field(shop);
        field
            .filter(|link| link.starts_with("https://connect.stripe.com/setup/"))
            .unwrap_or_else(|| panic!("shop {shop} has no link: {:?}", self.field(shop)))
    }

    /// Mirakl's KYC status of a shop.
    pub fn kyc(&self, shop: i64) -> String {
        let shop = self.mirakl.shop(shop).unwrap();
        shop["kyc"]["status"].as_str().unwrap().to_owned()
    }

    /// The only account that Stripe has for a shop.
    #[track_caller]
    pub fn account(&self, shop: i64) -> Account {
        let mut accounts = self.sim.stripe().accounts_for(shop);
        assert_eq!(accounts.len(), 1, "accounts of shop {shop}: {accounts:?}");
        accounts.remove(0)
    }

    /// Every shop has exactly one account at Stripe, and the store says the same.
    pub async fn each_has_one_account(&self, shops: impl IntoIterator<Item = i64>) {
        let listed = self.accounts().await;
        for shop in shops {
            let account = self.account(shop);
            let row = &listed[&shop];
            assert_eq!(row["stripeAccountId"], account.id, "shop {shop}: {row}");
            assert_eq!(row["status"], "ACCOUNT_CREATED", "shop {shop}: {row}");
        }
    }

    /// `list accounts` by shop.
    pub async fn accounts(&self) -> BTreeMap<i64, Value> {
        let arguments = ["list", "accounts", "--output", "json", "--limit", "100000"];
        let listed = self.run(&arguments).await.exits(0).json();
        let rows = listed.as_array().unwrap().iter();
        rows.map(|row| (row["miraklShopId"].as_i64().unwrap(), row.clone()))
            .collect()
    }

    /// Asserts where a shop's account stands, and what the reason says.
    pub async fn shop_stands(&self, shop: i64, status: &str, reason: &str) -> Value {
        let mut rows = self.accounts().await;
        let row = rows
            .remove(&shop)
            .unwrap_or_else(|| panic!("shop {shop} is not in {rows:#?}"));
        assert_eq!(row["status"], status, "{row}");
        let said = row["statusReason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "{reason:?} is not in {row}");
        row
    }

    /// `list notifications`, oldest first.
    pub async fn notifications(&self) -> Vec<Value> {
        let arguments = [
            "list",
            "notifications",
            "--output",
            "json",
            "--limit",
            "100000",
        ];
        let listed = self.run(&arguments).await.exits(0).json();
        let mut rows = listed.as_array().unwrap().clone();
        rows.reverse();
        rows
    }

    /// The calls to an endpoint since the last time they were cleared.
    pub fn count(&self, endpoint: &str) -> usize {
        self.sim.count(endpoint)
    }
}
