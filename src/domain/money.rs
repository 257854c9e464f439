//! Money as Stripe counts it: an integer of minor units in one currency.

use std::fmt;

use rust_decimal::Decimal;

/// A currency whose minor unit at Stripe is known.
///
/// Only such a currency can hold [`Money`], so that an amount is never guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// How Stripe counts one currency: its decimals, and the step that amounts must keep.
struct Rule {
    /// Decimals of a major unit as Stripe sends them: `12.34` with 2 is 1234.
    decimals: u32,
    /// Amounts must be multiples of this many minor units.
    step: i64,
}

/// What is wrong with an amount or a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// A currency without a known rule, or none at all.
    #[error("currency {0:?} is not one whose minor unit is known here")]
    UnknownCurrency(String),
    /// More decimals than the currency has at Stripe, or not a multiple of its smallest step.
    #[error("{amount} {currency} does not fit Stripe's smallest unit of {currency}")]
    Inexact {
        /// The amount in major units, as Mirakl gave it.
        amount: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// Beyond what an amount can be.
    #[error("an amount is too large")]
    Overflow,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added up")]
    Mixed(Currency, Currency),
}

/// Currencies that Mirakl can send and that follow the default rule of two decimals.
const TWO_DECIMALS: &[&str] = &[
    "AED", "ARS", "AUD", "BAM", "BGN", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "GEL", "GTQ", "HKD", "HRK", "HUF", "IDR", "ILS", "INR", "KES", "LKR", "MAD",
    "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
    "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "UYU", "UZS", "ZAR",
];

/// Currencies without decimals at Stripe.
const NO_DECIMALS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF", "XPF",
];

/// Three decimals of which Stripe takes two: amounts end in 0.
const THREE_DECIMALS: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// Sent with two decimals that must be 00.
const WHOLE_UNITS: &[&str] = &["ISK", "UGX"];

fn rule(code: &str) -> Option<Rule> {
    let (decimals, step) = if TWO_DECIMALS.contains(&code) {
        (2, 1)
    } else if NO_DECIMALS.contains(&code) {
        (0, 1)
    } else if THREE_DECIMALS.contains(&code) {
        (3, 10)
    } else if WHOLE_UNITS.contains(&code) {
        (2, 100)
    } else {
        // IQD ends here too: its decimals at Stripe are not established.
        return None;
    };
    Some(Rule { decimals, step })
}

impl Currency {
    /// Reads an ISO 4217 code in either case.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let upper = code.to_ascii_uppercase();
        match <[u8; 3]>::try_from(upper.as_bytes()) {
            Ok(bytes) if rule(&upper).is_some() => Ok(Self(bytes)),
            _ => Err(MoneyError::UnknownCurrency(code.to_owned())),
        }
    }

    /// The upper-case ISO code, as Mirakl and the operator know it.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The lower-case code, as Stripe writes it.
    pub fn stripe_code(&self) -> String {
        self.code().to_ascii_lowercase()
    }

    /// Payouts must be multiples of this many minor units.
    pub fn payout_step(self) -> i64 {
        match self.code() {
            "HUF" | "TWD" => 100,
            _ => self.rule().step,
        }
    }

    fn rule(self) -> Rule {
        rule(self.code()).unwrap_or(Rule {
            decimals: 2,
            step: 1,
        })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units of one currency. Two currencies never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount that already is in minor units, as Stripe and the store hold it.
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Converts major units exactly; what does not fit is refused, never rounded.
    pub fn from_major(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let Rule { decimals, step } = currency.rule();
        let minor = amount
            .checked_mul(Decimal::from(10_i64.pow(decimals)))
            .ok_or(MoneyError::Overflow)?;
        if !minor.fract().is_zero() {
            return Err(MoneyError::Inexact { amount, currency });
        }
        let minor = i64::try_from(minor.trunc()).map_err(|_| MoneyError::Overflow)?;
        if minor % step != 0 {
            return Err(MoneyError::Inexact { amount, currency });
        }
        Ok(Self { minor, currency })
    }

    /// Whether it can be paid out: some currencies know no smaller coins than whole units.
    pub fn can_be_paid_out(self) -> bool {
        self.minor % self.currency.payout_step() == 0
    }

    /// The amount in minor units.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The amount in major units, with the currency's decimals.
    pub fn to_major(self) -> Decimal {
        Decimal::new(self.minor, self.currency.rule().decimals)
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum; refuses two currencies.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor);
        Ok(Self {
            minor: minor.ok_or(MoneyError::Overflow)?,
            ..self
        })
    }

    /// Whether there is anything to move.
    pub fn is_positive(self) -> bool {
        self.minor > 0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn major(amount: &str, currency: &str) -> Result<i64, MoneyError> {
        let amount = amount.parse().expect("a decimal");
        Money::from_major(amount, Currency::parse(currency)?).map(Money::minor)
    }

    #[test]
    fn major_units_become_minor_units_by_stripes_rule_of_the_currency() {
        for (amount, currency, minor) in [
            ("12.34", "EUR", 1234),
            ("12.340", "EUR", 1234),
            ("0.29", "USD", 29),
            ("1.15", "GBP", 115),
            ("500", "JPY", 500),
            ("500.00", "KRW", 500),
            ("1.230", "KWD", 1230),
            ("1.23", "BHD", 1230),
            ("7", "UGX", 700),
            ("99.50", "HUF", 9950),
            ("-3.5", "EUR", -350),
            ("92233720368547758.07", "EUR", i64::MAX),
        ] {
            assert_eq!(major(amount, currency), Ok(minor), "{amount} {currency}");
        }
    }

    #[test]
    fn what_does_not_fit_the_currency_is_refused_and_never_rounded() {
        for (amount, currency) in [
            ("12.345", "EUR"),
            ("0.001", "USD"),
            ("500.5", "JPY"),
            ("1.235", "KWD"),
            ("7.50", "UGX"),
        ] {
            let refused = major(amount, currency);
            assert!(
                matches!(refused, Err(MoneyError::Inexact { .. })),
                "{amount} {currency}: {refused:?}"
            );
        }
        assert_eq!(
            major("92233720368547758.08", "EUR"),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn a_currency_whose_decimals_are_not_known_is_no_currency() {
        for code in ["IQD", "XXX", "EU", "EURO", "", "€€€", "12A"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
        assert_eq!(
            Currency::parse("eur").map(|c| c.to_string()),
            Ok("EUR".into())
        );
    }

    #[test]
    fn an_amount_is_shown_with_the_decimals_of_its_currency() {
        for (minor, currency, shown) in [
            (5, "EUR", "0.05 EUR"),
            (-120, "EUR", "-1.20 EUR"),
            (500, "JPY", "500 JPY"),
            (1230, "KWD", "1.230 KWD"),
        ] {
            let currency = Currency::parse(currency).expect("known");
            assert_eq!(Money::from_minor(minor, currency).to_string(), shown);
        }
    }

    #[test]
    fn two_currencies_never_add_up() {
        let eur = Money::from_minor(1, Currency::parse("EUR").expect("known"));
        let usd = Money::from_minor(1, Currency::parse("USD").expect("known"));
        assert!(matches!(eur.checked_add(usd), Err(MoneyError::Mixed(..))));
    }

    fn any_currency() -> impl Strategy<Value = Currency> {
        let codes: Vec<&str> = [TWO_DECIMALS, NO_DECIMALS, THREE_DECIMALS, WHOLE_UNITS].concat();
        proptest::sample::select(codes).prop_map(|code| Currency::parse(code).expect("known"))
    }

    proptest! {
        #[test]
        fn minor_units_survive_the_way_to_major_units_and_back(
            units in -1_000_000_000_000_i64..1_000_000_000_000, currency in any_currency()
        ) {
            let minor = units * currency.rule().step;
            let shown = Money::from_minor(minor, currency).to_string();
            let (amount, _) = shown.split_once(' ').expect("amount and currency");
            let again = Money::from_major(amount.parse().expect("a decimal"), currency);
            prop_assert_eq!(again.map(Money::minor), Ok(minor));
        }

        #[test]
        fn a_conversion_is_exact_or_refused(mantissa in any::<i64>(), scale in 0_u32..12, currency in any_currency()) {
            let amount = Decimal::new(mantissa, scale);
            if let Ok(money) = Money::from_major(amount, currency) {
                prop_assert_eq!(Decimal::new(money.minor(), currency.rule().decimals), amount);
                prop_assert_eq!(money.minor() % currency.rule().step, 0);
            }
        }

        #[test]
        fn a_sum_does_not_depend_on_the_order(a in any::<i64>(), b in any::<i64>(), currency in any_currency()) {
            let (a, b) = (Money::from_minor(a, currency), Money::from_minor(b, currency));
            prop_assert_eq!(a.checked_add(b), b.checked_add(a));
        }
    }
}
