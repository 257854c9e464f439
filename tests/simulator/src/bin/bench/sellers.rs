//! Sellers: what `sync-onboarding` is to make, and whether it did.

use std::collections::{BTreeSet, HashMap};

use simulator::{Account, Simulator};

use super::market::Judged;
use super::shops::FIELD;
use super::track::Track;
use crate::common::Result;
use crate::common::sellers::{Row, compare, made_for};

/// As if cron had last come a minute ago: the sweep over all accounts goes on by a minute's share.
const A_MINUTE_LATER: &str = "update account_sweep set stepped_at = now() - interval '1 minute'";

/// A minute passes.
pub fn wait(track: &Track<'_>) -> Result<()> {
    track.database.execute(A_MINUTE_LATER)
}

/// Whether every shop has its one account, and its newest link.
pub async fn judge(track: &Track<'_>, due: &BTreeSet<i64>) -> Result<Judged> {
    let ledger = track.simulator.stripe().accounts();
    let rows: Vec<Row> = track.program.list("accounts").await?;
    let mut differences = compare(&made_for(&ledger), &rows, due);
    differences.extend(without_link(&track.simulator, &ledger));
    Ok(Judged {
        made: ledger.len(),
        differences,
    })
}

/// Shops under way whose field does not hold the newest link of their account.
fn without_link(simulator: &Simulator, ledger: &[Account]) -> Vec<String> {
    let links = simulator.stripe().links().into_iter();
    let newest: HashMap<String, String> = links.map(|link| (link.account, link.url)).collect();
    let under_way: Vec<Account> = ledger
        .iter()
        .filter(|account| !account.details_submitted)
        .cloned()
        .collect();
    let wrong = made_for(&under_way).into_iter().filter(|(shop, account)| {
        let field = simulator.mirakl().shop_field(*shop, FIELD);
        field.is_none() || field.as_ref() != newest.get(account)
    });
    wrong
        .map(|(shop, _)| format!("shop {shop} does not hold its newest link"))
        .collect()
}
