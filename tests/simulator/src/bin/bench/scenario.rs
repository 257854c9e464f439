//! What is measured, and what it is to cost at most.

use std::time::Duration;

use clap::ValueEnum;

/// The scenarios, by the names of `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// A thousand orders.
    Thousand,
    /// A run after it, with nothing to do.
    Idle,
    /// A thousand orders among ten thousand charges, most of which are not the marketplace's.
    Foreign,
    /// A hundred thousand orders, without latency.
    HundredThousand,
    /// The same with latency; only with `--slow`.
    HundredThousandSlow,
    /// Two hundred orders at the pace that is the default with a test key.
    DefaultPace,
}

impl Name {
    /// The word on the command line.
    pub fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: Name,
    /// In words.
    pub title: &'static str,
    /// Paid orders of a hundred shops.
    pub orders: usize,
    /// Charges of somebody else for each charge of the marketplace.
    pub foreign: usize,
    /// Of Mirakl and of Stripe.
    pub latency: (Duration, Duration),
    /// `STRIPE_MAX_REQUESTS_PER_SECOND`; the program's default without.
    pub per_second: Option<u32>,
    /// What it may cost.
    pub targets: Targets,
}

/// The most that is meant to be needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Targets {
    pub wall_ms: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub peak_kb: Option<u64>,
    /// Stripe calls per hundred transfers.
    pub stripe_per_hundred: Option<u64>,
    pub mirakl_calls: Option<u64>,
}

const INTERNET: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(50));
const UNLIMITED: Option<u32> = Some(10_000);

/// A run with nothing to do may take this, and the time that its calls take.
pub const IDLE: Targets = Targets {
    wall_ms: Some(50),
    cpu_ms: Some(30),
    peak_kb: Some(20 * 1024),
    stripe_per_hundred: None,
    mirakl_calls: Some(1),
};

impl Scenario {
    fn thousand() -> Self {
        Self {
            name: Name::Thousand,
            title: "1,000 orders",
            orders: 1000,
            foreign: 0,
            latency: INTERNET,
            per_second: UNLIMITED,
            targets: Targets {
                wall_ms: Some(6000),
                cpu_ms: Some(800),
                peak_kb: Some(40 * 1024),
                stripe_per_hundred: Some(105),
                mirakl_calls: Some(15),
            },
        }
    }

    fn of(name: Name) -> Self {
        let thousand = Self::thousand();
        match name {
            // The idle run follows the thousand orders.
            Name::Thousand | Name::Idle => thousand,
            Name::Foreign => Self {
                name,
                title: "1,000 orders, 9 of 10 charges foreign",
                foreign: 9,
                targets: Targets {
                    stripe_per_hundred: Some(210),
                    ..Targets::default()
                },
                ..thousand
            },
            Name::HundredThousand => Self {
                name,
                title: "100,000 orders, no latency",
                orders: 100_000,
                latency: (Duration::ZERO, Duration::ZERO),
                targets: Targets::default(),
                ..thousand
            },
            Name::HundredThousandSlow => Self {
                name,
                title: "100,000 orders",
                orders: 100_000,
                targets: Targets::default(),
                ..thousand
            },
            Name::DefaultPace => Self {
                name,
                title: "200 orders, 10 Stripe calls a second",
                orders: 200,
                per_second: None,
                targets: Targets::default(),
                ..thousand
            },
        }
    }

    /// All of them, or one after the thousand that it is compared with.
    pub fn chosen(only: Option<Name>, slow: bool) -> Vec<Self> {
        let all = [
            Name::Thousand,
            Name::Foreign,
            Name::DefaultPace,
            Name::HundredThousand,
            Name::HundredThousandSlow,
        ];
        let large = [Name::HundredThousand, Name::HundredThousandSlow];
        let wanted = all.into_iter().filter(|name| match only {
            None => slow || *name != Name::HundredThousandSlow,
            Some(Name::Idle) => *name == Name::Thousand,
            Some(only) if large.contains(&only) => *name == only || *name == Name::Thousand,
            Some(only) => *name == only,
        });
        wanted.map(Self::of).collect()
    }
}
