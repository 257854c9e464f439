//! What a seed decides before its first day: how large the marketplace is, and how it is set up.

use super::chance::Chance;

/// How much happens.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Sellers.
    pub shops: usize,
    /// Simulated days of bad weather; the days until all is done come on top.
    pub days: usize,
    /// Times a day that cron comes round.
    pub rounds: usize,
    /// New baskets a round, at most.
    pub baskets: usize,
}

impl Size {
    /// Some hundred orders, for hours of proof.
    pub const LONG: Self = Self {
        shops: 14,
        days: 6,
        rounds: 6,
        baskets: 6,
    };
    /// A few dozen, for every run of the tests.
    pub const SHORT: Self = Self {
        shops: 5,
        days: 2,
        rounds: 5,
        baskets: 3,
    };
}

/// How the marketplace is set up.
#[derive(Clone, Debug)]
pub struct Climate {
    /// Of the program.
    pub settings: Vec<(&'static str, String)>,
    /// `ENABLE_PAYMENT_TAX_SPLIT`.
    pub splits_taxes: bool,
    /// Whether the database is put back and lost at times.
    pub disasters: bool,
}

impl Climate {
    /// Of a seed; `concurrency` wins over what the seed says.
    pub fn new(seed: u64, concurrency: Option<usize>) -> Self {
        let mut chance = Chance::new(seed, "climate");
        let disasters = !chance.one_in(3);
        let splits_taxes = chance.one_in(3);
        let drawn = *chance.pick(&[1, 2, 4, 16]);
        let stripe = concurrency.unwrap_or(drawn);
        let mirakl = concurrency.unwrap_or(4);
        let after_capture = chance.one_in(3);
        let sweep = *chance.pick(&[1, 6, 23]);
        let overlap = *chance.pick(&[0, 5, 30]);
        let settings = vec![
            ("STRIPE_MAX_CONCURRENCY", stripe.to_string()),
            ("MIRAKL_MAX_CONCURRENCY", mirakl.to_string()),
            ("PA01_AFTER_CAPTURE", after_capture.to_string()),
            ("INVOICE_SWEEP_HOURS", sweep.to_string()),
            ("CHECKPOINT_OVERLAP_MINUTES", overlap.to_string()),
            ("ENABLE_PAYMENT_TAX_SPLIT", splits_taxes.to_string()),
        ];
        Self {
            settings,
            splits_taxes,
            disasters,
        }
    }
}
