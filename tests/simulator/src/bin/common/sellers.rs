//! Whether each shop has exactly one account, by Stripe's ledger and by the store.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use simulator::Account;

/// One row of `list accounts`, as far as it is looked at here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The shop.
    pub mirakl_shop_id: i64,
    /// Its account, if it has one.
    pub stripe_account_id: Option<String>,
}

/// The shops for which accounts were made, by the accounts' metadata.
pub fn made_for(ledger: &[Account]) -> Vec<(i64, String)> {
    let pairs = ledger.iter().filter_map(|account| {
        let shop = account.metadata.get("miraklShopId")?.parse().ok()?;
        Some((shop, account.id.clone()))
    });
    pairs.collect()
}

/// Compares the accounts at Stripe, the store, and the shops that are to have one each.
pub fn compare(at_stripe: &[(i64, String)], rows: &[Row], due: &BTreeSet<i64>) -> Vec<String> {
    let mut differences = Vec::new();
    let mut ledger: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for (shop, account) in at_stripe {
        ledger.entry(*shop).or_default().push(account);
    }
    for (shop, accounts) in &ledger {
        if !due.contains(shop) || accounts.len() != 1 {
            differences.push(format!("shop {shop}: Stripe has {}", accounts.join(", ")));
        }
    }
    let stored = rows.iter().filter_map(|row| {
        let account = row.stripe_account_id.as_deref()?;
        Some((row.mirakl_shop_id, account))
    });
    let stored: BTreeMap<i64, &str> = stored.collect();
    let shops: BTreeSet<i64> = ledger.keys().chain(due).copied().collect();
    for shop in &shops {
        let accounts = ledger.get(shop).map_or(&[][..], Vec::as_slice);
        let known = stored.get(shop).copied();
        if known.is_none_or(|known| accounts != [known]) {
            differences.push(format!(
                "shop {shop}: Stripe has {accounts:?}, the store {known:?}"
            ));
        }
    }
    for (shop, account) in stored.iter().filter(|(shop, _)| !shops.contains(shop)) {
        differences.push(format!("shop {shop}: Stripe has nothing of {account}"));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(shop: i64, account: Option<&str>) -> Row {
        Row {
            mirakl_shop_id: shop,
            stripe_account_id: account.map(str::to_owned),
        }
    }

    #[test]
    fn every_way_to_differ_is_told() {
        let due = BTreeSet::from([7]);
        let pair = |shop, account: &str| (shop, account.to_owned());
        let good = compare(
            &[pair(7, "acct_1")],
            &[row(7, Some("acct_1")), row(8, None)],
            &due,
        );
        assert_eq!(good, Vec::<String>::new());
        for (at_stripe, rows) in [
            (vec![], vec![]),
            (vec![pair(7, "acct_1")], vec![]),
            (vec![pair(7, "acct_1")], vec![row(7, None)]),
            (vec![pair(7, "acct_1")], vec![row(7, Some("acct_2"))]),
            (vec![], vec![row(7, Some("acct_1"))]),
            (
                vec![pair(7, "acct_1"), pair(7, "acct_2")],
                vec![row(7, Some("acct_1"))],
            ),
            (
                vec![pair(7, "acct_1"), pair(8, "acct_2")],
                vec![row(7, Some("acct_1")), row(8, Some("acct_2"))],
            ),
            (
                vec![pair(7, "acct_1")],
                vec![row(7, Some("acct_1")), row(8, Some("acct_2"))],
            ),
        ] {
            let differences = compare(&at_stripe, &rows, &due);
            assert!(!differences.is_empty(), "{at_stripe:?} {rows:?}");
        }
    }
}
