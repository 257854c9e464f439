//! The shops of a marketplace, and the accounts that they have.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{AccountSeed, ShopSeed, Simulator};

use super::cases::{Case, Work};
use super::track::Track;
use crate::common::{Result, account_of};

/// The ids of those who sell.
pub const SHOPS: Range<i64> = 2000..2100;
/// The custom field that holds the link.
pub const FIELD: &str = "stripe-url";
const DASHBOARD: &str = "https://connect.stripe.com/express_login";

/// Shops whose sellers are under way.
const UNDER_WAY: i64 = 50;
/// Shops that are younger than those: two pages of accounts, so that the newest page, which every
/// run reads, shows none of the accounts under way.
const YOUNGER: i64 = 200;

/// Old shops are taken over by the program, accounts and all, rather than written.
pub fn fills_itself(case: &Case) -> bool {
    case.work == Work::Shops
}

/// Shops with accounts, which the program takes over.
pub async fn open(track: &Track<'_>) -> Result<()> {
    let simulator = &track.simulator;
    let at = simulator.clock().now() - TimeDelta::days(30);
    for shop in SHOPS {
        let seed = account(simulator, shop, true).id(&account_of(shop));
        simulator.stripe().add_account(seed.created_at(at));
        let shop = shop_of(shop, true).created_at(at).updated_at(at);
        simulator.mirakl().put_shop(shop);
    }
    track.program.tell(&["sync-onboarding"]).await.map(drop)
}

/// New shops; returns their ids.
pub fn new(simulator: &Simulator, number: i64) -> BTreeSet<i64> {
    let shops = (SHOPS.start..)
        .zip(0..number)
        .map(|(shop, _)| shop_of(shop, false));
    shops
        .map(|seed| simulator.mirakl().put_shop(seed))
        .collect()
}

/// Shops that have their accounts; returns their ids. The program itself takes them all over, makes
/// links for those under way, and warms up.
pub async fn known(track: &Track<'_>, number: i64) -> Result<BTreeSet<i64>> {
    let simulator = &track.simulator;
    let now = simulator.clock().now();
    let shops = (SHOPS.start..).zip((0..number).rev());
    let shops = shops.map(|(shop, younger)| {
        let seed = one_known(simulator, shop, younger, now);
        simulator.mirakl().put_shop(seed)
    });
    let shops = shops.collect();
    track.program.tell(&["sync-onboarding"]).await?;
    track.program.tell(&["sync-onboarding"]).await?;
    Ok(shops)
}

/// A shop with its account, and so many younger ones. The sellers are verified, but for those under
/// way, who came within the last day.
fn one_known(simulator: &Simulator, shop: i64, younger: i64, now: DateTime<Utc>) -> ShopSeed {
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
