//! What is measured, as data: which work, how much of it, at which pace, on which state.

use std::time::Duration;

use clap::ValueEnum;

/// The account that taxes go to.
pub const TAX_ACCOUNT: &str = "acct_taxes";

/// A kind of work, by the names of `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Shops without accounts: an account and a link each.
    Shops,
    /// Baskets of two orders each: confirmed and captured.
    Baskets,
    /// Paid orders.
    Orders,
    /// Paid orders, while nine of ten charges are somebody else's.
    OrdersAmongOthers,
    /// Paid service orders, whose taxes go an own way.
    Services,
    /// Refunds, two of each order.
    Refunds,
    /// Invoices, each a payout.
    Invoices,
    /// Invoices, each with three transfers before its payout.
    InvoicesWithTransfers,
    /// Transfers, refunds and payouts that failed: one mail.
    Failures,
}

impl Work {
    /// The job that does it.
    pub fn job(self) -> &'static str {
        match self {
            Self::Shops => "sync-onboarding",
            Self::Baskets => "validate-pending-debit",
            Self::Orders | Self::OrdersAmongOthers | Self::Services => "process-transfer",
            Self::Refunds => "process-refund",
            Self::Invoices | Self::InvoicesWithTransfers => "process-payout",
            Self::Failures => "notify-failed-operation",
        }
    }

    /// What is switched on besides transfers of product orders.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Services => &[
                ("ENABLE_SERVICE_PAYMENT_SPLIT", "true"),
                ("ENABLE_PAYMENT_TAX_SPLIT", "true"),
                ("STRIPE_TAX_ACCOUNT", TAX_ACCOUNT),
            ],
            Self::Refunds => &[("ENABLE_PRODUCT_PAYMENT_REFUND", "true")],
            Self::Shops
            | Self::Baskets
            | Self::Orders
            | Self::OrdersAmongOthers
            | Self::Invoices
            | Self::InvoicesWithTransfers
            | Self::Failures => &[],
        }
    }

    /// So many of it, in words.
    fn noun(self) -> &'static str {
        match self {
            Self::Shops => "new shops",
            Self::Baskets => "baskets of 2 orders",
            Self::Orders => "orders",
            Self::OrdersAmongOthers => "orders, 9 of 10 charges foreign",
            Self::Services => "service orders and their taxes",
            Self::Refunds => "refunds",
            Self::Invoices => "invoices",
            Self::InvoicesWithTransfers => "invoices, each with 3 transfers",
            Self::Failures => "failures in one mail",
        }
    }

    /// Calls to Stripe that one may take, in hundredths; a few more for a run are always allowed.
    pub fn stripe_calls_at_most(self) -> u64 {
        match self {
            Self::Shops | Self::Services => 205,
            Self::Baskets | Self::Orders => 105,
            Self::OrdersAmongOthers => 125,
            // With what reading the transfers' charges takes.
            Self::Refunds => 210,
            Self::Invoices => 400,
            Self::InvoicesWithTransfers => 700,
            Self::Failures => 0,
        }
    }
}

/// Who sets the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The program's limit is out of the way.
    Raised,
    /// Ten requests a second, as with a test key.
    Default,
}

impl Pace {
    /// `STRIPE_MAX_REQUESTS_PER_SECOND`; the program's default without.
    pub fn per_second(self) -> Option<u32> {
        match self {
            Self::Raised => Some(10_000),
            Self::Default => None,
        }
    }
}

/// How late Mirakl and Stripe answer.
pub type Latency = (Duration, Duration);

/// As over the internet.
pub const INTERNET: Latency = (Duration::from_millis(80), Duration::from_millis(50));
/// At once: what is left is the program's own, the simulator's and Postgres'.
pub const NONE: Latency = (Duration::ZERO, Duration::ZERO);

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What is done.
    pub work: Work,
    /// How much of it; 0 is a run with nothing new.
    pub items: i64,
    /// At whose pace.
    pub pace: Pace,
    /// Whether a hundred thousand rows are in each table before.
    pub filled: bool,
}

/// The rows of each table, where there are old ones.
pub const OLD_ROWS: i64 = 100_000;
const SIZES: [i64; 3] = [100, 1_000, 10_000];

impl Case {
    /// The line's title.
    pub fn title(&self) -> String {
        let number = super::table::grouped(self.items.unsigned_abs());
        let what = match self.items {
            0 => "nothing new".to_owned(),
            _ => format!("{number} {}", self.work.noun()),
        };
        let old = match (self.filled, self.work) {
            (true, Work::Shops) => ", 100,000 known and 50 of them under way",
            (true, _) => ", on 100,000 rows",
            (false, _) => "",
        };
        let pace = match self.pace {
            Pace::Raised => "",
            Pace::Default => ", default limits",
        };
        format!("{what}{old}{pace}")
    }

    /// At the default pace latency changes nothing: the pace is Stripe's.
    pub fn latencies(&self) -> &'static [Latency] {
        match self.pace {
            Pace::Raised => &[INTERNET, NONE],
            Pace::Default => &[INTERNET],
        }
    }

    fn of(work: Work, items: i64) -> Self {
        let (pace, filled) = (Pace::Raised, false);
        Self {
            work,
            items,
            pace,
            filled,
        }
    }

    /// All lines, job by job.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for work in [
            Work::Shops,
            Work::Baskets,
            Work::Orders,
            Work::Refunds,
            Work::Invoices,
            Work::Failures,
        ] {
            all.extend(SIZES.map(|items| Self::of(work, items)));
            let variants: &[Work] = match work {
                Work::Orders => &[Work::OrdersAmongOthers, Work::Services],
                Work::Invoices => &[Work::InvoicesWithTransfers],
                _ => &[],
            };
            all.extend(variants.iter().map(|work| Self::of(*work, 1_000)));
            let filled = |items| Self {
                filled: true,
                ..Self::of(work, items)
            };
            if work == Work::Orders {
                all.push(filled(1_000));
            }
            all.push(filled(0));
            let paced = |items| Self {
                pace: Pace::Default,
                ..Self::of(work, items)
            };
            match work {
                // Whoever mails is not limited.
                Work::Failures => {}
                Work::Orders => all.extend([100, 1_000].map(paced)),
                _ => all.push(paced(100)),
            }
        }
        all
    }
}
