//! What was measured, for people.

use std::fs;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::cases::Case;
use super::track::Run;

/// One line of the table.
pub struct Line {
    /// What was run.
    pub case: Case,
    /// With Mirakl and Stripe as late as over the internet.
    pub slow: Run,
    /// With both answering at once.
    pub fast: Option<Run>,
}

/// Calls that a run may make besides those for its items: lists, and a page for each hundred.
const CALLS_OF_A_RUN: u64 = 10;

const HEADER: [&str; 8] = [
    "work",
    "80/50 ms: wall",
    "CPU",
    "0 ms: wall",
    "CPU",
    "resident",
    "SQL statements per item",
    "calls per item",
];

impl Line {
    /// In words, if the run asked Stripe more often than the work needs.
    pub fn too_many_calls(&self) -> Option<String> {
        let items = self.case.items.unsigned_abs();
        let calls = self.slow.stripe_calls;
        let most = items * self.case.work.stripe_calls_at_most() / 100 + CALLS_OF_A_RUN;
        (items > 0 && calls > most)
            .then(|| format!("{}: {calls} instead of {most}", self.case.title()))
    }

    fn cells(&self) -> [String; HEADER.len()] {
        let (slow, fast) = (&self.slow, self.fast.as_ref());
        let none = || "–".to_owned();
        let peak = fast.map_or(0, |fast| fast.usage.peak_kb);
        let peak = peak.max(slow.usage.peak_kb);
        [
            self.case.title(),
            time(slow.usage.wall_ms),
            time(slow.usage.cpu_ms),
            fast.map_or_else(none, |fast| time(fast.usage.wall_ms)),
            fast.map_or_else(none, |fast| time(fast.usage.cpu_ms)),
            format!("{} MB", peak.div_ceil(1024)),
            slow.statements.map_or_else(none, |n| self.per_item(n)),
            self.calls(),
        ]
    }

    /// Of one item, rounded up: a figure never looks better than it is. With no items, of the run.
    fn per_item(&self, number: u64) -> String {
        match self.case.items.unsigned_abs() {
            0 => grouped(number),
            items => {
                let hundredths = (number * 100).div_ceil(items);
                format!("{}.{:02}", hundredths / 100, hundredths % 100)
            }
        }
    }

    /// By endpoint, the most frequent first; what is called but once in a while is counted together.
    fn calls(&self) -> String {
        let items = self.case.items.unsigned_abs();
        let mut calls: Vec<(&String, u64)> = Vec::new();
        let mut few = 0;
        for (endpoint, number) in &self.slow.calls {
            match number * 1000 < items * 5 {
                true => few += number,
                false => calls.push((endpoint, *number)),
            }
        }
        calls.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        let calls = calls.iter();
        let shown =
            calls.map(|(endpoint, number)| format!("{} {endpoint}", self.per_item(*number)));
        let others = (few > 0).then(|| format!("{few} others in all"));
        let all: Vec<String> = shown.chain(others).collect();
        match all.is_empty() {
            true => "none".to_owned(),
            false => all.join(", "),
        }
    }
}

/// Where it is measured, and how busy that is.
pub fn print_machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let load = load.join(" ");
    println!("{cores} cores, which the simulator and Postgres share; load average before: {load}");
}

/// For a terminal.
pub fn print(lines: &[Line]) {
    let mut table = Table::new();
    let header = HEADER.map(|name| name.replace(": ", "\n").replace("per item", "\nper item"));
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(header);
    for column in 1..HEADER.len() - 1 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in lines {
        let mut cells = line.cells();
        cells[0] = format!("{}\n{}", line.case.work.job(), cells[0]);
        if let Some(last) = cells.last_mut() {
            *last = last.replace(", ", "\n");
        }
        table.add_row(cells.map(Cell::new));
    }
    println!("{table}");
}

/// For a README: each job's name once, above its lines.
pub fn print_markdown(lines: &[Line]) {
    println!("| {} |", HEADER.join(" | "));
    println!("|---|--:|--:|--:|--:|--:|--:|---|");
    let mut job = "";
    for line in lines {
        if job != line.case.work.job() {
            job = line.case.work.job();
            println!("| **`{job}`** |{}", " |".repeat(HEADER.len() - 1));
        }
        println!("| {} |", line.cells().join(" | "));
    }
}

/// 1234 as `1.23 s`, 12345 as `12.3 s`, 123456 as `123 s`, 123 as `123 ms`; rounded up.
fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => {
            let hundredths = ms.div_ceil(10);
            format!("{}.{:02} s", hundredths / 100, hundredths % 100)
        }
        10_000..100_000 => {
            let tenths = ms.div_ceil(100);
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => format!("{} s", ms.div_ceil(1_000)),
    }
}

/// 12345 as `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups
        .filter_map(|digits| str::from_utf8(digits).ok())
        .collect();
    groups.join(",")
}
