//! What was measured, for people.

use std::fs;
use std::path::Path;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::scenario::{Name, Subject, Targets};
use super::track::Run;

/// What a run took, and what came of it.
pub struct Measured {
    /// What was run.
    pub name: Name,
    /// In words.
    pub title: &'static str,
    /// Transfers, accounts of sellers, captures of baskets, refunds, or payouts that the run made.
    pub made: u64,
    /// What it took.
    pub run: Run,
    /// What it was to take at most.
    pub targets: Targets,
}

impl Measured {
    /// The one in the middle, by wall time.
    pub fn median(mut runs: Vec<Self>) -> Self {
        runs.sort_by_key(|measured| measured.run.usage.wall_ms);
        runs.swap_remove(runs.len() / 2)
    }
}

/// What the connector that this program replaces takes for a thousand orders, as published.
const PHP: [&str; 7] = [
    "PHP connector (published measurement)",
    "78,000",
    "4,700",
    "109 MB",
    "2,000",
    "2.00",
    "100",
];

/// Where it is measured, and how busy that is.
pub fn print_machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let load = load.join(" ");
    println!("{cores} cores, which the simulator and Postgres share; load average before: {load}");
}

/// All figures, each above what it was to be at most: of orders, of sellers, of baskets, of refunds,
/// then of payouts.
pub fn print(results: &[Measured]) {
    let about = |subject| -> Vec<&Measured> {
        let about = results.iter().filter(|r| r.name.subject() == subject);
        about.collect()
    };
    let (orders, sellers) = (about(Subject::Orders), about(Subject::Sellers));
    let (baskets, refunds) = (about(Subject::Baskets), about(Subject::Refunds));
    if !orders.is_empty() {
        let mut table = table("calls per\ntransfer", &orders);
        table.add_row(PHP);
        println!("{table}");
    }
    if !sellers.is_empty() {
        println!("{}", table("calls per\naccount", &sellers));
    }
    if !baskets.is_empty() {
        println!("{}", table("calls per\nbasket", &baskets));
    }
    if !refunds.is_empty() {
        println!("{}", table("calls per\nrefund", &refunds));
    }
    let payouts = about(Subject::Payouts);
    if !payouts.is_empty() {
        println!("{}", table("calls per\npayout", &payouts));
    }
}

fn table(calls_per_one: &str, results: &[&Measured]) -> Table {
    let mut table = Table::new();
    let header = [
        "scenario",
        "wall ms",
        "CPU ms",
        "peak KB",
        "Stripe\ncalls",
        calls_per_one,
        "Mirakl\ncalls",
    ];
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(header);
    for column in 1..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The memory of many orders is that of few, give or take a fifth.
    let few = results.iter().find(|result| result.name == Name::Thousand);
    let few = few.map(|result| result.run.usage.peak_kb / 5 * 6);
    for result in results {
        let Measured { targets, run, .. } = result;
        let many = matches!(
            result.name,
            Name::HundredThousand | Name::HundredThousandSlow
        );
        let peak = targets.peak_kb.or(few.filter(|_| many));
        let usage = &run.usage;
        // Rounded up: a figure never looks better than it is.
        let stripe = (result.made > 0).then(|| (run.stripe_calls * 100).div_ceil(result.made));
        table.add_row(vec![
            Cell::new(result.title),
            figure(usage.wall_ms, targets.wall_ms, grouped),
            figure(usage.cpu_ms, targets.cpu_ms, grouped),
            figure(usage.peak_kb, peak, grouped),
            figure(run.stripe_calls, targets.stripe_calls, grouped),
            stripe.map_or_else(
                || Cell::new("–"),
                |n| figure(n, targets.stripe_per_hundred, hundredths),
            ),
            figure(run.mirakl_calls, targets.mirakl_calls, grouped),
        ]);
    }
    table
}

/// The calls of each run by endpoint, and the command that measures it again.
pub fn print_commands(program: &Path, results: &[Measured]) {
    for result in results {
        let calls = result.run.calls.iter();
        let calls: Vec<String> = calls
            .map(|(endpoint, n)| format!("{n} {endpoint}"))
            .collect();
        let what = match result.name.subject() {
            Subject::Orders if result.name == Name::Services => {
                "transfers, each order and its taxes exactly once"
            }
            Subject::Orders => "transfers, each order exactly once",
            Subject::Sellers => "accounts made, each shop has exactly one",
            Subject::Baskets => {
                "captures, each basket exactly once and whole, each order confirmed once"
            }
            Subject::Refunds => {
                "refunds, each exactly once, confirmed once, reversed once to the cent"
            }
            Subject::Payouts => {
                "payouts, each exactly once and after its transfers, each of them once to the cent"
            }
        };
        println!("\n{}: {} {what}", result.title, grouped(result.made));
        println!("  {}", calls.join(" · "));
        println!(
            "  tests/with-postgres {} --program {} --only {}",
            std::env::args().next().unwrap_or_default(),
            program.display(),
            result.name.word()
        );
    }
}

/// A figure with its target below it.
fn figure(value: u64, target: Option<u64>, show: impl Fn(u64) -> String) -> Cell {
    let shown = show(value);
    Cell::new(match target {
        None => shown,
        Some(most) if value <= most => format!("{shown}\n≤ {}", show(most)),
        Some(most) => format!("{shown}\nMISSED ≤ {}", show(most)),
    })
}

/// 12345 as `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups
        .filter_map(|digits| str::from_utf8(digits).ok())
        .collect();
    groups.join(",")
}

/// 103 as `1.03`.
fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}
