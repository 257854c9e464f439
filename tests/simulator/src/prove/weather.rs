//! What goes wrong with one run of a job.

use std::time::Duration;

use crate::{Effect, Fault, When};

use super::chance::Chance;

/// The jobs that cron starts by turns.
pub const JOBS: [&str; 5] = [
    "sync-onboarding",
    "validate-pending-debit",
    "process-transfer",
    "process-refund",
    "process-payout",
];

/// What each of them calls.
fn endpoints(job: &str) -> &'static [&'static str] {
    match job {
        "sync-onboarding" => &[
            "GET /api/shops",
            "PUT /api/shops",
            "GET /v1/accounts",
            "GET /v1/accounts/{id}",
            "POST /v1/accounts",
            "POST /v1/account_links",
        ],
        "validate-pending-debit" => &[
            "GET /api/payment/debit",
            "PUT /api/payment/debit",
            "GET /api/orders",
            "GET /api/mms/orders",
            "GET /api/mms/debits",
            "PUT /api/mms/debits",
            "GET /v1/charges",
            "GET /v1/payment_intents/search",
            "POST /v1/payment_intents/{id}/capture",
            "POST /v1/payment_intents/{id}/cancel",
        ],
        "process-transfer" => &[
            "GET /api/orders",
            "GET /api/mms/orders",
            "GET /api/mms/debits",
            "GET /v1/charges",
            "GET /v1/charges/{id}",
            "GET /v1/payment_intents/{id}",
            "GET /v1/transfers",
            "POST /v1/transfers",
        ],
        "process-refund" => &[
            "GET /api/payment/refund",
            "GET /api/mms/refunds",
            "PUT /api/payment/refund",
            "PUT /api/mms/refunds",
            "GET /api/orders",
            "GET /v1/refunds",
            "GET /v1/events",
            "POST /v1/refunds",
            "GET /v1/transfers/{id}/reversals",
            "POST /v1/transfers/{id}/reversals",
        ],
        _ => &[
            "GET /api/invoices",
            "GET /v1/balance",
            "GET /v1/transfers",
            "GET /v1/payouts",
            "GET /v1/payouts/{id}",
            "POST /v1/transfers",
            "POST /v1/payouts",
        ],
    }
}

/// What goes wrong with a run.
#[derive(Clone, Debug)]
pub enum Incident {
    /// Nothing.
    None,
    /// It is killed at this call.
    Killed(usize, When),
    /// Answers go wrong or astray.
    Faults(Vec<Fault>),
    /// Another job, or the same one, is started while this call is under way.
    Overlapped(usize, When, &'static str),
    /// The database server restarts while this call is under way.
    Disconnected(usize, When),
}

impl Incident {
    /// Of a run of this job.
    pub fn draw(chance: &mut Chance, job: &str) -> Self {
        // Most runs are short: most calls that are named come.
        let call = if chance.one_in(3) {
            chance.count(1..40)
        } else {
            chance.count(1..9)
        };
        let when = *chance.pick(&[When::Before, When::After]);
        match chance.of(0..20) {
            0..=4 => Self::Killed(call, when),
            5..=9 => {
                let number = chance.count(1..3);
                Self::Faults((0..number).map(|_| fault(chance, job)).collect())
            }
            10 | 11 => {
                let other = *chance.pick(&JOBS);
                let other = if chance.one_in(3) { same(job) } else { other };
                Self::Overlapped(call, when, other)
            }
            12 => Self::Disconnected(call, when),
            _ => Self::None,
        }
    }

    /// Its kind, for counting; none of what is no incident.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Killed(_, When::Before) => Some("killed before a call took effect"),
            Self::Killed(_, When::After) => Some("killed after a call took effect"),
            Self::Faults(_) => Some("answers wrong or lost"),
            Self::Overlapped(..) => Some("another run started meanwhile"),
            Self::Disconnected(..) => Some("database connections cut"),
        }
    }
}

fn same(job: &str) -> &'static str {
    let found = JOBS.iter().find(|known| **known == job);
    found.copied().unwrap_or(JOBS[0])
}

fn fault(chance: &mut Chance, job: &str) -> Fault {
    let endpoint = match chance.one_in(6) {
        true => "*",
        false => *chance.pick(endpoints(job)),
    };
    let trigger = Fault::on(endpoint).nth(chance.count(1..4));
    let trigger = match chance.of(0..10) {
        0 => trigger.always(),
        1..=3 => trigger.times(2),
        _ => trigger,
    };
    trigger.then(effect(chance))
}

fn effect(chance: &mut Chance) -> Effect {
    let status = *chance.pick(&[500, 502, 503, 504]);
    let refused = |status, code: Option<&str>, message: &str| Effect::Refusal {
        status,
        code: code.map(str::to_owned),
        param: None,
        message: message.to_owned(),
    };
    match chance.of(0..24) {
        0 | 1 => Effect::Status(status),
        2 => Effect::StatusStored(status),
        3 | 4 => Effect::StatusAfter(status),
        5 => Effect::TooManyRequests {
            retry_after: Some(1),
        },
        6 => Effect::LockTimeout,
        7 | 8 => Effect::CutBefore,
        9..=12 => Effect::CutAfter,
        13 => Effect::Html,
        14 => Effect::EmptyBody,
        15 => Effect::SlowBody(Duration::from_millis(200)),
        16 => Effect::Body(200, "{\"object\":".to_owned()),
        17 => refused(400, Some("balance_insufficient"), "Insufficient funds."),
        18 => refused(400, None, "Something that nobody has heard of."),
        19 => refused(403, Some("account_invalid"), "No access to that account."),
        20 => Effect::EndlessBody,
        21 => Effect::Delay(Duration::from_millis(500)),
        22 => Effect::Header("Stripe-Should-Retry".to_owned(), "true".to_owned()),
        _ => Effect::Header("Stripe-Should-Retry".to_owned(), "false".to_owned()),
    }
}
