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
    /// A hundred new shops.
    Onboarding,
    /// Ten thousand shops that have their accounts, fifty of them under way.
    OnboardingIdle,
    /// Five hundred baskets to be confirmed and captured.
    Debits,
    /// A run after it, with nothing new.
    DebitsIdle,
    /// Five hundred service orders, whose taxes go an own way.
    Services,
    /// Two hundred refunds, two of each of a hundred orders.
    Refunds,
    /// A run after it, with nothing new.
    RefundsIdle,
    /// A hundred invoices of a hundred sellers, each a payout.
    Payouts,
    /// The same, each with three transfers before.
    PayoutsMoved,
    /// Ten thousand payouts that were made, and nothing due.
    PayoutsIdle,
}

/// What a scenario is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Transfers of orders.
    Orders,
    /// Accounts of sellers.
    Sellers,
    /// Captures of baskets.
    Baskets,
    /// Refunds of orders.
    Refunds,
    /// Payouts of invoices.
    Payouts,
}

impl Name {
    /// What it is about.
    pub fn subject(self) -> Subject {
        match self {
            Self::Thousand
            | Self::Idle
            | Self::Foreign
            | Self::HundredThousand
            | Self::HundredThousandSlow
            | Self::DefaultPace
            | Self::Services => Subject::Orders,
            Self::Onboarding | Self::OnboardingIdle => Subject::Sellers,
            Self::Debits | Self::DebitsIdle => Subject::Baskets,
            Self::Refunds | Self::RefundsIdle => Subject::Refunds,
            Self::Payouts | Self::PayoutsMoved | Self::PayoutsIdle => Subject::Payouts,
        }
    }

    /// The word on the command line.
    pub fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What the marketplace holds.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// Paid orders of a hundred shops, and charges of somebody else for each of them.
    Orders(usize, usize),
    /// Shops.
    Shops(i64),
    /// Baskets of two orders each, authorised.
    Baskets(i64),
    /// Paid service orders of a hundred shops.
    Services(usize),
    /// Paid and transferred orders, each with two refunds that wait.
    Refunds(usize),
    /// Invoices of a hundred shops; whether each moves something before its payout.
    Invoices(i64, bool),
    /// Invoices of a hundred shops that were paid out weeks ago.
    PaidInvoices(i64),
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: Name,
    /// In words.
    pub title: &'static str,
    /// What there is.
    pub load: Load,
    /// Of Mirakl and of Stripe.
    pub latency: (Duration, Duration),
    /// `STRIPE_MAX_REQUESTS_PER_SECOND`; the program's default without.
    pub per_second: Option<u32>,
    /// What else is set.
    pub settings: &'static [(&'static str, &'static str)],
    /// What it may cost.
    pub targets: Targets,
}

/// The most that is meant to be needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Targets {
    pub wall_ms: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub peak_kb: Option<u64>,
    /// All of them.
    pub stripe_calls: Option<u64>,
    /// Stripe calls per hundred transfers, baskets, refunds or payouts.
    pub stripe_per_hundred: Option<u64>,
    pub mirakl_calls: Option<u64>,
}

const INTERNET: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(50));
const UNLIMITED: Option<u32> = Some(10_000);

/// The account that taxes go to.
pub const TAX_ACCOUNT: &str = "acct_taxes";

/// A run with nothing to do may take this, and the time that its calls take.
pub const IDLE: Targets = Targets {
    wall_ms: Some(50),
    cpu_ms: Some(30),
    peak_kb: Some(20 * 1024),
    stripe_calls: None,
    stripe_per_hundred: None,
    mirakl_calls: Some(1),
};

/// A run among ten thousand known shops with nothing new: one page of shops, the newest page of
/// accounts, those under way singly, and two pages as the share of the sweep.
const KNOWN: Targets = Targets {
    wall_ms: Some(2000),
    cpu_ms: None,
    peak_kb: Some(40 * 1024),
    stripe_calls: Some(1 + 50 + 2),
    stripe_per_hundred: None,
    mirakl_calls: Some(1),
};

/// The same with a link for each seller under way, written in one call.
pub const RENEWAL: Targets = Targets {
    stripe_calls: Some(1 + 50 + 2 + 50),
    mirakl_calls: Some(2),
    ..KNOWN
};

/// For each invoice a payout, a balance and two lists.
const PAYOUTS: Targets = Targets {
    wall_ms: Some(3000),
    cpu_ms: None,
    peak_kb: Some(40 * 1024),
    stripe_calls: None,
    stripe_per_hundred: Some(400),
    mirakl_calls: Some(1),
};

/// Three transfers more for each, and for all of them the operator's own list.
const PAYOUTS_MOVED: Targets = Targets {
    wall_ms: None,
    stripe_calls: Some(100 * (4 + 3) + 1),
    stripe_per_hundred: None,
    ..PAYOUTS
};

/// Nothing is read from anybody.
const NOTHING_DUE: Targets = Targets {
    stripe_calls: Some(0),
    mirakl_calls: Some(0),
    ..IDLE
};

/// A hundred pages of invoices, all of them known.
pub const SWEEP: Targets = Targets {
    wall_ms: None,
    cpu_ms: None,
    mirakl_calls: Some(100),
    ..NOTHING_DUE
};

impl Scenario {
    fn thousand() -> Self {
        Self {
            name: Name::Thousand,
            title: "1,000 orders",
            load: Load::Orders(1000, 0),
            latency: INTERNET,
            per_second: UNLIMITED,
            settings: &[],
            targets: Targets {
                wall_ms: Some(6000),
                cpu_ms: Some(800),
                peak_kb: Some(40 * 1024),
                stripe_calls: None,
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
                load: Load::Orders(1000, 9),
                targets: Targets {
                    stripe_per_hundred: Some(210),
                    ..Targets::default()
                },
                ..thousand
            },
            Name::HundredThousand => Self {
                name,
                title: "100,000 orders, no latency",
                load: Load::Orders(100_000, 0),
                latency: (Duration::ZERO, Duration::ZERO),
                targets: Targets::default(),
                ..thousand
            },
            Name::HundredThousandSlow => {
                let load = Load::Orders(100_000, 0);
                thousand.but(name, "100,000 orders", load, Targets::default())
            }
            Name::DefaultPace => Self {
                name,
                title: "200 orders, 10 Stripe calls a second",
                load: Load::Orders(200, 0),
                per_second: None,
                targets: Targets::default(),
                ..thousand
            },
            Name::Onboarding => Self {
                name,
                title: "100 new shops",
                load: Load::Shops(100),
                targets: Targets {
                    wall_ms: Some(3000),
                    // An account and a link for each, and two lists.
                    stripe_calls: Some(2 * 100 + 2),
                    mirakl_calls: Some(5),
                    ..Targets::default()
                },
                ..thousand
            },
            Name::OnboardingIdle => {
                let title = "10,000 shops, 50 under way (median of 5)";
                thousand.but(name, title, Load::Shops(10_000), KNOWN)
            }
            // The idle runs follow the captures.
            Name::Debits | Name::DebitsIdle => Self {
                name: Name::Debits,
                title: "500 baskets of 2 orders",
                load: Load::Baskets(500),
                targets: Targets {
                    wall_ms: Some(5000),
                    stripe_per_hundred: Some(105),
                    ..Targets::default()
                },
                ..thousand
            },
            Name::Services => Self {
                name,
                title: "500 service orders and their taxes",
                load: Load::Services(500),
                settings: &[
                    ("ENABLE_SERVICE_PAYMENT_SPLIT", "true"),
                    ("ENABLE_PAYMENT_TAX_SPLIT", "true"),
                    ("STRIPE_TAX_ACCOUNT", TAX_ACCOUNT),
                ],
                targets: Targets::default(),
                ..thousand
            },
            // The idle runs follow the refunds.
            Name::Refunds | Name::RefundsIdle => Self {
                name: Name::Refunds,
                title: "200 refunds of 100 orders",
                load: Load::Refunds(100),
                settings: &[("ENABLE_PRODUCT_PAYMENT_REFUND", "true")],
                targets: Targets {
                    wall_ms: Some(4000),
                    stripe_per_hundred: Some(220),
                    ..Targets::default()
                },
                ..thousand
            },
            Name::Payouts => {
                let title = "100 invoices of 100 sellers";
                thousand.but(name, title, Load::Invoices(100, false), PAYOUTS)
            }
            Name::PayoutsMoved => {
                let title = "the same, each with 3 transfers";
                thousand.but(name, title, Load::Invoices(100, true), PAYOUTS_MOVED)
            }
            Name::PayoutsIdle => {
                let title = "10,000 payouts, nothing due (median of 5)";
                thousand.but(name, title, Load::PaidInvoices(10_000), NOTHING_DUE)
            }
        }
    }

    /// The same under this name, of other things.
    fn but(self, name: Name, title: &'static str, load: Load, targets: Targets) -> Self {
        Self {
            name,
            title,
            load,
            targets,
            ..self
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
            Name::Onboarding,
            Name::OnboardingIdle,
            Name::Debits,
            Name::Services,
            Name::Refunds,
            Name::Payouts,
            Name::PayoutsMoved,
            Name::PayoutsIdle,
        ];
        let large = [Name::HundredThousand, Name::HundredThousandSlow];
        let wanted = all.into_iter().filter(|name| match only {
            None => slow || *name != Name::HundredThousandSlow,
            Some(Name::Idle) => *name == Name::Thousand,
            Some(Name::DebitsIdle) => *name == Name::Debits,
            Some(Name::RefundsIdle) => *name == Name::Refunds,
            Some(only) if large.contains(&only) => *name == only || *name == Name::Thousand,
            Some(only) => *name == only,
        });
        wanted.map(Self::of).collect()
    }
}
