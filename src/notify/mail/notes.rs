//! The shorter lists: what needs a person or waits too long.

use super::view::{money, shortened, shown};
use crate::domain::payment::PaymentStatus;
use crate::store::alerts::{
    Alerts, Difference, GivenUp, Held, Shortfall, TroubledAccount, TroubledPayment,
};

/// So many entries of a list are shown; news that do not fit come with the next mail.
pub const MOST_NOTES: usize = 50;
const LONGEST_TEXT: usize = 400;
const LONGEST_NAME: usize = 80;

/// A list under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading, with the number of entries.
    pub title: String,
    /// How many there are to look at.
    pub count: usize,
    /// Its entries; at most so many as one reads.
    pub notes: Vec<Note>,
    /// What is left out.
    pub more: Option<String>,
    /// The command that shows all.
    pub command: &'static str,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub head: String,
    /// The money in it, or nothing.
    pub amount: String,
    /// What is wrong.
    pub text: String,
    /// Since when, or until when; or nothing.
    pub when: String,
}

/// The lists that have something to say.
pub fn sections(alerts: &Alerts, held_days: i64) -> Vec<Section> {
    let sections = [
        section(
            "Customers' payments that failed or are about to end",
            "mirakl-stripe list payments",
            &alerts.payments,
            |_| true,
            payment,
        ),
        section(
            &format!("Waiting for more than {held_days} days, by reason"),
            "mirakl-stripe list transfers --status on-hold (refunds, payouts, payments likewise)",
            &alerts.held,
            |_| true,
            held,
        ),
        section(
            "Differences: a person decides",
            "mirakl-stripe list transfers|refunds|payouts|payments --id ID",
            &alerts.differences,
            |row| row.mailed_at.is_none(),
            difference,
        ),
        section(
            "Refunds of which the seller's part could not be taken back in full",
            "mirakl-stripe list refunds --id ID",
            &alerts.shortfalls,
            |row| row.mailed_at.is_none(),
            shortfall,
        ),
        section(
            "Sellers' accounts that wait for somebody",
            "mirakl-stripe list accounts",
            &alerts.accounts,
            |_| true,
            account,
        ),
        section(
            "Notifications that your server never took",
            "mirakl-stripe list notifications --status given-up",
            &alerts.notifications,
            |row| row.mailed_at.is_none(),
            given_up,
        ),
    ];
    sections.into_iter().flatten().collect()
}

/// A list of what is new; `None` when nothing is.
fn section<T>(
    title: &str,
    command: &'static str,
    rows: &[T],
    is_new: impl Fn(&T) -> bool,
    note: impl Fn(&T) -> Note,
) -> Option<Section> {
    let new: Vec<&T> = rows.iter().filter(|row| is_new(row)).collect();
    if new.is_empty() {
        return None;
    }
    let left = new.len().saturating_sub(MOST_NOTES);
    let known = rows.len() - new.len();
    let more = [(left, "more"), (known, "that were mailed before")];
    let more: Vec<String> = more
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    Some(Section {
        title: format!("{title} ({})", new.len()),
        count: new.len(),
        notes: new.into_iter().take(MOST_NOTES).map(note).collect(),
        more: (!more.is_empty()).then(|| format!("and {}", more.join(", and "))),
        command,
    })
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> String {
    money(minor, currency)
        .map(|money| money.to_string())
        .unwrap_or_default()
}

fn name(text: &str) -> String {
    shortened(text, LONGEST_NAME)
}

fn of_shop(shop: Option<i64>) -> String {
    shop.map(|shop| format!(", shop {shop}"))
        .unwrap_or_default()
}

fn payment(row: &TroubledPayment) -> Note {
    let id = row
        .payment_intent_id
        .as_deref()
        .or(row.stripe_charge_id.as_deref());
    let head = match &row.commercial_order_id {
        Some(basket) => format!("basket {}, {}", name(basket), name(id.unwrap_or_default())),
        None => name(id.unwrap_or_default()),
    };
    Note {
        head: format!("{head} ({})", row.status.as_str()),
        amount: amount(Some(row.amount), Some(&row.currency)),
        text: shortened(&row.reason, LONGEST_TEXT),
        when: row
            .authorized_until
            .filter(|_| row.status == PaymentStatus::ToCapture)
            .map(|until| format!("authorised until {}", shown(until)))
            .unwrap_or_default(),
    }
}

fn held(row: &Held) -> Note {
    let mut parts: Vec<String> = row
        .sums
        .iter()
        .map(|sum| amount(Some(sum.amount), Some(&sum.currency)))
        .collect();
    if row.without_amount > 0 {
        parts.push(format!("{} without an amount", row.without_amount));
    }
    let noun = row.subject.to_lowercase();
    let plural = if row.count == 1 { "" } else { "s" };
    Note {
        head: format!("{} {noun}{plural}: {}", row.count, name(&row.reason_code)),
        amount: parts.join(", "),
        text: match row.count {
            1 => shortened(&row.example, LONGEST_TEXT),
            _ => format!("the oldest: {}", shortened(&row.example, LONGEST_TEXT)),
        },
        when: format!("oldest since {}", shown(row.oldest_since)),
    }
}

fn difference(row: &Difference) -> Note {
    let shop = of_shop(row.mirakl_shop_id);
    Note {
        head: format!(
            "{} {}, {}{shop}",
            row.subject,
            row.internal_id,
            name(&row.mirakl_id)
        ),
        amount: amount(row.amount, row.currency.as_deref()),
        text: shortened(&row.difference, LONGEST_TEXT),
        when: String::new(),
    }
}

fn shortfall(row: &Shortfall) -> Note {
    let of = |minor| amount(Some(minor), Some(&row.currency));
    let shop = of_shop(row.mirakl_shop_id);
    Note {
        head: format!(
            "refund {}, {} of {}{shop}",
            row.internal_id,
            name(&row.mirakl_refund_id),
            name(&row.mirakl_order_id)
        ),
        amount: of(row.shortfall),
        text: format!(
            "missing of {} from {}",
            of(row.wanted),
            name(&row.transfer_id)
        ),
        when: String::new(),
    }
}

fn account(row: &TroubledAccount) -> Note {
    let mut text = shortened(&row.status_reason, LONGEST_TEXT);
    if !row.candidates.is_empty() {
        let candidates = shortened(&row.candidates.join(", "), LONGEST_TEXT);
        text = format!("{text} (link-account, one of: {candidates})");
    }
    Note {
        head: format!("shop {} ({})", row.mirakl_shop_id, name(&row.status)),
        amount: String::new(),
        text,
        when: format!("since {}", shown(row.since)),
    }
}

fn given_up(row: &GivenUp) -> Note {
    let shop = of_shop(row.mirakl_shop_id);
    Note {
        head: format!(
            "notification {}, {}{shop}",
            row.internal_id,
            name(&row.r#type)
        ),
        amount: String::new(),
        text: shortened(&row.last_error, LONGEST_TEXT),
        when: format!("of {}", shown(row.created_at)),
    }
}

/// How many entries all lists have.
pub fn number(sections: &[Section]) -> usize {
    sections.iter().map(|section| section.count).sum()
}
