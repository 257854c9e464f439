//! What was measured, for people.

use std::fs;
use std::path::Path;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::scenario::Name;
use super::world::Measured;

const HEADER: [&str; 7] = [
    "scenario",
    "wall ms",
    "CPU ms",
    "peak KB",
    "Stripe\ncalls",
    "calls per\ntransfer",
    "Mirakl\ncalls",
];

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

/// All figures, each above what it was to be at most.
pub fn print(results: &[Measured]) {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(HEADER);
    for (column, _) in HEADER.iter().enumerate().skip(1) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The memory of many orders is that of few, give or take a fifth.
    let few = results.iter().find(|result| result.name == Name::Thousand);
    let few = few.map(|result| result.usage.peak_kb / 5 * 6);
    for result in results {
        let targets = &result.targets;
        let many = matches!(
            result.name,
            Name::HundredThousand | Name::HundredThousandSlow
        );
        let peak = targets.peak_kb.or(few.filter(|_| many));
        let usage = &result.usage;
        // Rounded up: a figure never looks better than it is.
        let stripe =
            (result.transfers > 0).then(|| (result.stripe_calls * 100).div_ceil(result.transfers));
        table.add_row(vec![
            Cell::new(result.title),
            figure(usage.wall_ms, targets.wall_ms, grouped),
            figure(usage.cpu_ms, targets.cpu_ms, grouped),
            figure(usage.peak_kb, peak, grouped),
            figure(result.stripe_calls, None, grouped),
            stripe.map_or_else(
                || Cell::new("–"),
                |n| figure(n, targets.stripe_per_hundred, hundredths),
            ),
            figure(result.mirakl_calls, targets.mirakl_calls, grouped),
        ]);
    }
    table.add_row(PHP);
    println!("{table}");
}

/// The calls of each run by endpoint, and the command that measures it again.
pub fn print_commands(program: &Path, results: &[Measured]) {
    for result in results {
        let calls = result.calls.iter();
        let calls: Vec<String> = calls
            .map(|(endpoint, n)| format!("{n} {endpoint}"))
            .collect();
        println!(
            "\n{}: {} transfers, each order exactly once",
            result.title,
            grouped(result.transfers)
        );
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
