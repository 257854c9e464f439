//! The shops of a scenario of sellers, and the accounts that they have.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{AccountSeed, ShopSeed, Simulator};

/// The custom field that holds the link.
pub const FIELD: &str = "stripe-url";
const DASHBOARD: &str = "https://connect.stripe.com/express_login";
const FIRST: i64 = 2000;

/// Shops whose sellers are under way.
const UNDER_WAY: i64 = 50;
/// Shops that are younger than those: two pages of accounts, so that the newest page, which every
/// run reads, shows none of the accounts under way.
const YOUNGER: i64 = 200;

/// New shops, or shops with accounts that the program once made; returns their ids.
pub fn fill(simulator: &Simulator, number: i64, is_new: bool) -> BTreeSet<i64> {
    let now = simulator.clock().now();
    let shops = (FIRST..).zip((0..number).rev());
    let seeds = shops.map(|(shop, younger)| match is_new {
        true => shop_of(shop, false),
        false => known(simulator, shop, younger, now),
    });
    seeds
        .map(|seed| simulator.mirakl().put_shop(seed))
        .collect()
}

/// A shop with its account, and so many younger ones. The sellers are verified, but for those under
/// way, who came within the last day.
fn known(simulator: &Simulator, shop: i64, younger: i64, now: DateTime<Utc>) -> ShopSeed {
    let verified = !(YOUNGER..YOUNGER + UNDER_WAY).contains(&younger);
    let at = created(now, younger);
    let account = account(simulator, shop, verified).created_at(at);
    simulator.stripe().add_account(account);
    shop_of(shop, verified).created_at(at).updated_at(at)
}

/// One every three minutes, from an hour ago; those who came before the last day, every five.
fn created(now: DateTime<Utc>, younger: i64) -> DateTime<Utc> {
    let recent = YOUNGER + UNDER_WAY;
    let before = (younger - recent).max(0);
    now - TimeDelta::minutes(60 + 3 * younger.min(recent) + 5 * before)
}

fn shop_of(shop: i64, verified: bool) -> ShopSeed {
    let seed = ShopSeed::new(shop);
    match verified {
        true => seed.kyc("APPROVED").field(FIELD, DASHBOARD),
        false => seed.kyc("PENDING_SUBMISSION"),
    }
}

fn account(simulator: &Simulator, shop: i64, verified: bool) -> AccountSeed {
    let shop = shop.to_string();
    let seed = AccountSeed::new()
        .metadata("miraklId", &shop)
        .metadata("miraklType", "SHOP")
        .metadata("miraklHost", &simulator.mirakl().host())
        .metadata("miraklShopId", &shop)
        .metadata("pluginName", "mirakl-stripe");
    if verified {
        return seed;
    }
    seed.transfers("inactive")
        .payouts_enabled(false)
        .currently_due("external_account")
        .disabled("requirements.past_due")
}
