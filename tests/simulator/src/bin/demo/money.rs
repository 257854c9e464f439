//! Amounts in minor units, and how they are written.

/// How many decimals Stripe counts for a currency of this demo.
fn decimals(currency: &str) -> usize {
    match currency {
        "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

/// The smallest step that Stripe takes, in minor units.
pub fn step(currency: &str) -> i64 {
    if currency == "KWD" { 10 } else { 1 }
}

/// An amount as Mirakl writes it: 1234 EUR is `12.34`.
pub fn major(minor: i64, currency: &str) -> String {
    let decimals = decimals(currency);
    let digits = format!("{:0width$}", minor, width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// An amount for people: 123456 EUR is `1,234.56 EUR`.
pub fn shown(minor: i64, currency: &str) -> String {
    let text = major(minor, currency);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let groups: Vec<&str> = whole
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|digits| str::from_utf8(digits).ok())
        .collect();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction} {currency}", groups.join(","))
}
