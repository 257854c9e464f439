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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (minor, currency, written, read) in [
            (5, "EUR", "0.05", "0.05 EUR"),
            (123_456, "EUR", "1234.56", "1,234.56 EUR"),
            (1_234_567, "JPY", "1234567", "1,234,567 JPY"),
            (751_810, "KWD", "751.810", "751.810 KWD"),
        ] {
            assert_eq!(major(minor, currency), written);
            assert_eq!(shown(minor, currency), read);
        }
    }
}
