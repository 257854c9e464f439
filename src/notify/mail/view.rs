//! What is shown of what failed, for the mail's two parts and for the terminal: which rows, which totals,
//! and texts from outside made harmless.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::domain::money::{Currency, Money};
use crate::store::alerts::{FailedPayout, FailedRefund, FailedTransfer};

/// So many rows of a table are shown: half of them the oldest, half the largest of the rest.
pub const MOST_ROWS: usize = 50;
const LONGEST_REASON: usize = 300;
const LONGEST_NAME: usize = 80;

/// A transfer, a refund or a payout that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `transfer`, `refund` or `payout`.
    pub what: &'static str,
    /// Its number.
    pub id: i64,
    /// The Mirakl id.
    pub mirakl_id: String,
    /// The order of a refund.
    pub order: Option<String>,
    /// What exactly: the notified type of a transfer, the step of a refund.
    pub kind: &'static str,
    /// The shop.
    pub shop: Option<i64>,
    /// The amount, where it is known.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// The kind of reason.
    pub reason_code: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub tries: i32,
    /// When it is tried again; none when it waits for `resolve`.
    pub next: Option<DateTime<Utc>>,
}

impl Failure {
    /// What it is about, in one line.
    pub fn name(&self) -> String {
        let name = shortened(&self.mirakl_id, LONGEST_NAME);
        match &self.order {
            Some(order) => format!("{name} of {}", shortened(order, LONGEST_NAME)),
            None => name,
        }
    }

    /// The amount with its currency.
    pub fn amount(&self) -> String {
        self.amount
            .map(|amount| amount.to_string())
            .unwrap_or_default()
    }

    /// The shop's number.
    pub fn shop(&self) -> String {
        self.shop.map(|shop| shop.to_string()).unwrap_or_default()
    }

    /// The reason, short enough for a table.
    pub fn reason(&self) -> String {
        shortened(&self.reason, LONGEST_REASON)
    }

    /// Since when.
    pub fn since(&self) -> String {
        shown(self.since)
    }

    /// When it is tried again, or what it waits for.
    pub fn next(&self) -> String {
        match self.next {
            Some(next) => format!("next try {}", shown(next)),
            None => format!("waits for resolve {} {}", self.what, self.id),
        }
    }

    /// How often it was tried.
    pub fn tried(&self) -> String {
        match self.tries {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        }
    }
}

/// An amount, where it is known and its currency is.
pub(super) fn money(minor: Option<i64>, currency: Option<&str>) -> Option<Money> {
    let currency = Currency::parse(currency?).ok()?;
    Some(Money::from_minor(minor?, currency))
}

impl From<&FailedTransfer> for Failure {
    fn from(row: &FailedTransfer) -> Self {
        Self {
            what: "transfer",
            id: row.internal_id,
            mirakl_id: row.mirakl_id.clone(),
            order: None,
            kind: row.r#type,
            shop: row.mirakl_shop_id,
            amount: money(row.amount, row.currency.as_deref()),
            reason: row.failed_reason.clone(),
            reason_code: row.reason_code.clone(),
            since: row.failed_since,
            tries: row.tries,
            next: row.next_look_at,
        }
    }
}

impl From<&FailedRefund> for Failure {
    fn from(row: &FailedRefund) -> Self {
        Self {
            what: "refund",
            id: row.internal_id,
            mirakl_id: row.mirakl_refund_id.clone(),
            order: Some(row.mirakl_order_id.clone()),
            kind: row.step.as_str(),
            shop: row.mirakl_shop_id,
            amount: money(row.amount, row.currency.as_deref()),
            reason: row.failed_reason.clone(),
            reason_code: row.reason_code.clone(),
            since: row.failed_since,
            tries: row.tries,
            next: row.next_look_at,
        }
    }
}

impl From<&FailedPayout> for Failure {
    fn from(row: &FailedPayout) -> Self {
        let invoice = row.mirakl_invoice_id.as_str().map(str::to_owned);
        Self {
            what: "payout",
            id: row.internal_id,
            mirakl_id: invoice.unwrap_or_else(|| row.mirakl_invoice_id.to_string()),
            order: None,
            kind: "PAYOUT",
            shop: row.mirakl_shop_id,
            amount: money(row.amount, row.currency.as_deref()),
            reason: row.failed_reason.clone(),
            reason_code: row.reason_code.clone(),
            since: row.failed_since,
            tries: row.tries,
            next: row.next_look_at,
        }
    }
}

/// The rows to show, oldest first: all of them, or the oldest and the largest.
pub fn chosen(failures: &[Failure]) -> Vec<&Failure> {
    if failures.len() <= MOST_ROWS {
        return failures.iter().collect();
    }
    let mut oldest: Vec<&Failure> = failures.iter().collect();
    oldest.sort_by_key(|failure| (failure.since, failure.id));
    let mut rest = oldest.split_off(MOST_ROWS / 2);
    // Of several currencies the numbers are compared: it only decides what is shown first.
    rest.sort_by_key(|failure| std::cmp::Reverse(failure.amount.map(Money::to_major)));
    let largest: HashSet<i64> = rest
        .iter()
        .take(MOST_ROWS - oldest.len())
        .map(|failure| failure.id)
        .collect();
    let mut chosen: Vec<&Failure> = rest
        .into_iter()
        .filter(|failure| largest.contains(&failure.id))
        .chain(oldest)
        .collect();
    chosen.sort_by_key(|failure| (failure.since, failure.id));
    chosen
}

/// Amounts added up, one sum for each currency: `12.30 EUR, 500 JPY`, and how many have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    totals: BTreeMap<String, Option<Money>>,
    unknown: usize,
    /// How many were added.
    pub count: usize,
}

impl Sums {
    /// Adds one.
    pub fn add(&mut self, amount: Option<Money>) {
        self.count += 1;
        let Some(amount) = amount else {
            self.unknown += 1;
            return;
        };
        let nothing = Some(Money::from_minor(0, amount.currency()));
        let sum = self
            .totals
            .entry(amount.currency().to_string())
            .or_insert(nothing);
        *sum = sum.and_then(|sum| sum.checked_add(amount).ok());
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = self
            .totals
            .iter()
            .map(|(currency, sum)| match sum {
                Some(sum) => sum.to_string(),
                None => format!("too much {currency} to add up"),
            })
            .collect();
        if self.unknown > 0 {
            parts.push(format!("{} without an amount", self.unknown));
        }
        f.write_str(&parts.join(", "))
    }
}

/// The total of some failures.
pub fn total<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> Sums {
    let mut sums = Sums::default();
    for failure in failures {
        sums.add(failure.amount);
    }
    sums
}

/// The totals of each kind of reason, the most frequent first.
pub fn by_reason(failures: &[Failure]) -> Vec<(String, Sums)> {
    let mut reasons: BTreeMap<&str, Sums> = BTreeMap::new();
    for failure in failures {
        let sums = reasons.entry(&failure.reason_code).or_default();
        sums.add(failure.amount);
    }
    let mut reasons: Vec<(String, Sums)> = reasons
        .into_iter()
        .map(|(code, sums)| (shortened(code, LONGEST_NAME), sums))
        .collect();
    reasons.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.count));
    reasons
}

/// A time, to the minute, in UTC.
pub fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A text from outside in one line: no control character, and none that turns the line around.
pub fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}'
            )
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain = |c| if steers(c) { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// [`clean`], and at most so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    let text = clean(text);
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    let _ = short.write_char('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(id: i64, hours: i64, cents: i64) -> Failure {
        let since = DateTime::from_timestamp(hours * 3600, 0).expect("a date");
        Failure {
            what: "transfer",
            id,
            mirakl_id: format!("C{id}-A"),
            order: None,
            kind: "TRANSFER_ORDER",
            shop: Some(2000),
            amount: money(Some(cents), Some("EUR")),
            reason: "no".to_owned(),
            reason_code: if id % 3 == 0 { "a" } else { "b" }.to_owned(),
            since,
            tries: 1,
            next: None,
        }
    }

    #[test]
    fn of_very_many_the_oldest_and_the_largest_are_shown_oldest_first() {
        let many: Vec<Failure> = (0..5000).map(|n| failure(n, n, 100 + n)).collect();
        let ids: Vec<i64> = chosen(&many).iter().map(|failure| failure.id).collect();
        assert_eq!(ids, (0..25).chain(4975..5000).collect::<Vec<i64>>());
        assert_eq!(chosen(&many[..50]).len(), 50);
    }

    #[test]
    fn totals_are_exact_and_keep_currencies_apart() {
        let mut all = vec![failure(1, 1, 10), failure(2, 1, 20), failure(3, 1, 5)];
        all.push(Failure {
            amount: money(Some(500), Some("JPY")),
            ..failure(4, 1, 0)
        });
        all.push(Failure {
            amount: None,
            ..failure(5, 1, 0)
        });
        assert_eq!(
            total(&all).to_string(),
            "0.35 EUR, 500 JPY, 1 without an amount"
        );
        let reasons = by_reason(&all);
        let reasons: Vec<(&str, String)> = reasons
            .iter()
            .map(|(code, sums)| (code.as_str(), sums.to_string()))
            .collect();
        assert_eq!(
            reasons,
            [
                ("b", "0.30 EUR, 500 JPY, 1 without an amount".to_owned()),
                ("a", "0.05 EUR".to_owned())
            ]
        );
    }

    #[test]
    fn a_text_from_outside_is_one_short_line() {
        assert_eq!(clean("a\r\nBcc: x\u{202e}\u{2028}b\u{7}"), "a  Bcc: x  b ");
        assert_eq!(shortened("ééééé", 3), "éé…");
    }
}
