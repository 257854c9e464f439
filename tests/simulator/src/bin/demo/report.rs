//! The tables of the demo, and its last word.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::money::shown;
use super::page::{WIDTH, fitted, say, table};
use super::story::Story;
use crate::common::Result;
use crate::common::agreement::{Agreement, Row, compare};

/// One line of the dry run's plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    mirakl_id: Option<String>,
    mirakl_shop_id: Option<i64>,
    action: String,
    amount: Option<i64>,
    currency: Option<String>,
    reason: String,
}

/// Number and sum by currency.
#[derive(Default)]
struct Sums(BTreeMap<String, (usize, i64)>);

impl Sums {
    fn add(&mut self, currency: &str, amount: i64) {
        let sum = self.0.entry(currency.to_uppercase()).or_default();
        *sum = (sum.0 + 1, sum.1 + amount);
    }

    fn get(&self, currency: &str) -> (usize, i64) {
        self.0.get(currency).copied().unwrap_or_default()
    }
}

/// The plan by action, and how some amounts come about.
pub fn plan(json: &str) -> Result<()> {
    let planned: Vec<Planned> = serde_json::from_str(json)?;
    let mut actions: BTreeMap<&str, (usize, Sums)> = BTreeMap::new();
    for one in &planned {
        let (number, sums) = actions.entry(&one.action).or_default();
        *number += 1;
        if let (Some(amount), Some(currency)) = (one.amount, &one.currency) {
            sums.add(currency, amount);
        }
    }
    let rows: Vec<Vec<String>> = actions
        .iter()
        .rev()
        .map(|(action, (number, sums))| {
            let sums = sums
                .0
                .iter()
                .map(|(currency, (_, sum))| shown(*sum, currency));
            let sums: Vec<String> = sums.collect();
            vec![(*action).to_owned(), number.to_string(), sums.join(" · ")]
        })
        .collect();
    table(&["action", "orders", "in all"], &[1], &rows);
    say(
        "Nothing was written and nothing was sent. Four of the amounts, exactly as they come about:",
    );
    let telling = |word: &str| {
        let mut sends = planned.iter().filter(|one| one.action == "send");
        sends.find(|one| one.reason.contains(word))
    };
    let examples = ["taxes", "not payable", "JPY", "KWD"];
    let rows: Vec<Vec<String>> = examples
        .into_iter()
        .filter_map(telling)
        .map(|one| {
            let shop = one.mirakl_shop_id.unwrap_or_default();
            vec![
                one.mirakl_id.clone().unwrap_or_default(),
                format!("shop {shop}"),
                one.reason.clone(),
            ]
        })
        .collect();
    table(&[], &[], &rows);
    Ok(())
}

/// What moved, by Stripe's ledger and by the store.
pub fn transferred(story: &Story<'_>, rows: &[Row]) -> Agreement {
    let ledger = story.simulator.stripe().transfers();
    let mut at_stripe = Sums::default();
    for transfer in &ledger {
        at_stripe.add(&transfer.currency, transfer.amount);
    }
    let mut in_store = Sums::default();
    for row in rows.iter().filter(|row| row.is_created()) {
        let currency = row.currency.as_deref().unwrap_or_default();
        in_store.add(currency, row.amount.unwrap_or_default());
    }
    let mut currencies: Vec<&String> = at_stripe.0.keys().chain(in_store.0.keys()).collect();
    currencies.sort();
    currencies.dedup();
    let lines: Vec<Vec<String>> = currencies
        .into_iter()
        .map(|currency| {
            let (ours, theirs) = (at_stripe.get(currency), in_store.get(currency));
            let agree = if ours == theirs { "agree" } else { "DIFFER" };
            vec![
                currency.clone(),
                ours.0.to_string(),
                shown(ours.1, currency),
                theirs.0.to_string(),
                shown(theirs.1, currency),
                agree.to_owned(),
            ]
        })
        .collect();
    table(
        &[
            "currency",
            "transfers",
            "Stripe's ledger",
            "transfers",
            "list transfers",
            "",
        ],
        &[1, 2, 3, 4],
        &lines,
    );
    let agreement = compare(&ledger, rows, &story.market.due);
    say(&format!(
        "Row by row, {} of {} transfers agree in id, order, amount, currency and destination.",
        agreement.agreeing,
        ledger.len()
    ));
    agreement
}

/// What waits, failed, ended or is not ours, by reason.
pub fn not_transferred(rows: &[Row]) {
    for (status, meaning) in [
        ("TRANSFER_ON_HOLD", "wait, and are looked at again"),
        ("TRANSFER_FAILED", "were refused, and are tried again"),
        ("TRANSFER_ABORTED", "have ended without a transfer"),
        ("TRANSFER_IGNORED", "are not this program's to pay"),
        ("TRANSFER_PENDING", "are still in doubt"),
    ] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.status == status).collect();
        if !rows.is_empty() {
            say(&format!("{status}: {} orders {meaning}", rows.len()));
            by_reason(&rows);
        }
    }
}

/// The kinds of reason: how many orders, and one of them.
fn by_reason(rows: &[&Row]) {
    let mut reasons: BTreeMap<&str, (usize, &Row)> = BTreeMap::new();
    for row in rows {
        let code = row.reason_code.as_deref().unwrap_or_default();
        reasons.entry(code).or_insert((0, row)).0 += 1;
    }
    let longest = reasons.keys().map(|code| code.len()).max().unwrap_or(0);
    let lines: Vec<Vec<String>> = reasons
        .into_iter()
        .map(|(code, (number, example))| {
            let reason = example.status_reason.as_deref().unwrap_or_default();
            vec![
                number.to_string(),
                code.to_owned(),
                example.mirakl_id.clone(),
                fitted(reason, WIDTH.saturating_sub(longest + 21)),
            ]
        })
        .collect();
    table(&[], &[0], &lines);
}
