//! The shops of the marketplace, as `sync-onboarding` finds them.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::json;
use simulator::{AccountSeed, Mirakl, ShopSeed, Simulator};

use crate::common::account_of;

/// The shops that will be paid.
pub const READY: Range<i64> = 2000..2008;
/// One of them, whose account was made elsewhere long ago.
pub const LINKED: i64 = 2007;
/// The shop whose account loses its capability when it has orders.
pub const BLOCKED: i64 = 2008;
/// The shop with a text of its own in the field for the link: its seller never sees the form.
pub const OWN_TEXT: i64 = 2009;
/// The shop that sells services; Stripe takes its time to verify it.
pub const SERVICE: i64 = 2010;
/// The shop that the operator has excluded.
pub const EXCLUDED: i64 = 2011;
/// The shop that has ended.
pub const TERMINATED: i64 = 2012;

/// The custom field that holds the link.
pub const FIELD: &str = "stripe-url";
/// What shop [`OWN_TEXT`] has in it.
pub const TEXT: &str = "call us before you start";

/// Opens them all.
pub fn open(simulator: &Simulator) {
    let mirakl = simulator.mirakl();
    for shop in READY.chain([BLOCKED]) {
        mirakl.put_shop(new(shop));
    }
    mirakl.put_shop(new(OWN_TEXT).field(FIELD, TEXT));
    mirakl.put_shop(new(SERVICE).service());
    mirakl.put_shop(new(EXCLUDED).field("stripe-ignored", "true"));
    mirakl.put_shop(new(TERMINATED).state("TERMINATED"));
    let account = AccountSeed::new().id(&account_of(LINKED));
    simulator.stripe().add_account(account);
}

fn new(shop: i64) -> ShopSeed {
    ShopSeed::new(shop).kyc("PENDING_SUBMISSION")
}

/// All shops.
pub fn all() -> impl Iterator<Item = i64> {
    READY.start..=TERMINATED
}

/// The shops that are to have an account.
pub fn with_account() -> BTreeSet<i64> {
    all()
        .filter(|shop| ![EXCLUDED, TERMINATED].contains(shop))
        .collect()
}

/// The shops whose sellers find a link and go through Stripe's form.
pub fn with_link() -> BTreeSet<i64> {
    let all = with_account().into_iter();
    all.filter(|shop| ![LINKED, OWN_TEXT].contains(shop))
        .collect()
}

/// What the field for the link holds: `link`, `dashboard`, `own text` or nothing.
pub fn field(mirakl: &Mirakl, shop: i64) -> &'static str {
    match mirakl.shop_field(shop, FIELD).as_deref() {
        None => "",
        Some(TEXT) => "own text",
        Some("https://connect.stripe.com/express_login") => "dashboard",
        Some(text) if text.starts_with("https://connect.stripe.com/setup/") => "link",
        Some(_) => "UNEXPECTED",
    }
}

/// The KYC status as Mirakl shows it.
pub fn kyc(mirakl: &Mirakl, shop: i64) -> String {
    let shop = mirakl.shop(shop).unwrap_or(json!({}));
    shop["kyc"]["status"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
