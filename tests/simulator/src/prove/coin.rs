//! Currencies, each of another kind at Stripe.

use super::chance::Chance;

/// A currency of the marketplace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coin {
    /// Hundredths.
    Eur,
    /// No smaller unit.
    Jpy,
    /// Thousandths, of which the last digit is 0.
    Kwd,
}

impl Coin {
    /// As Mirakl writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Jpy => "JPY",
            Self::Kwd => "KWD",
        }
    }

    /// As Stripe writes it.
    pub fn lower(self) -> String {
        self.code().to_lowercase()
    }

    /// The smallest amount that there is, in minor units.
    pub fn step(self) -> i64 {
        match self {
            Self::Eur | Self::Jpy => 1,
            Self::Kwd => 10,
        }
    }

    /// Minor units as Mirakl's decimal.
    pub fn decimal(self, minor: i64) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        let minor = minor.abs();
        match self {
            Self::Eur => format!("{sign}{}.{:02}", minor / 100, minor % 100),
            Self::Jpy => format!("{sign}{minor}"),
            Self::Kwd => format!("{sign}{}.{:03}", minor / 1000, minor % 1000),
        }
    }

    /// An amount between these two, in minor units.
    pub fn amount(self, chance: &mut Chance, least: i64, most: i64) -> i64 {
        self.rounded(chance.of(least..most + 1))
    }

    /// Up to the next amount that there is.
    pub fn rounded(self, minor: i64) -> i64 {
        (minor + self.step() - 1) / self.step() * self.step()
    }
}

#[cfg(test)]
mod tests {
    use super::Coin;

    #[test]
    fn minor_units_are_written_as_decimals() {
        for (coin, minor, decimal) in [
            (Coin::Eur, 1205, "12.05"),
            (Coin::Eur, -5, "-0.05"),
            (Coin::Jpy, 1205, "1205"),
            (Coin::Kwd, 1050, "1.050"),
        ] {
            assert_eq!(coin.decimal(minor), decimal);
        }
        assert_eq!(Coin::Kwd.rounded(1001), 1010);
    }
}
