//! What the built program costs: wall time, CPU time, memory, calls and statements, case by case.
//!
//! The same binary is also its own stopwatch: `bench measure` runs one child and tells what the
//! system says of it, so that the simulator in this process is in none of the figures.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a measurement is there to be read

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod database;
mod debits;
mod failures;
mod invoices;
mod market;
mod measure;
mod orders;
mod refunds;
mod sellers;
mod services;
mod shops;
mod table;
mod track;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use cases::{Case, Latency, Work};
use common::{Result, agreed};
use database::Server;
use market::Market;
use table::Line;
use track::{Run, Templates, Track};

/// Measures the built program against the simulator
#[derive(Parser)]
#[command(
    name = "bench",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Arguments {
    /// The built program
    #[arg(long, value_name = "PATH", required = true)]
    program: Option<PathBuf>,

    /// Only this work
    #[arg(long, value_name = "NAME")]
    only: Option<Work>,

    /// Only this much of it; 0 is a run with nothing new
    #[arg(long, value_name = "NUMBER")]
    items: Option<i64>,

    /// As a table for a README
    #[arg(long)]
    markdown: bool,

    /// Also the statements that were executed most
    #[arg(long)]
    statements: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one program and writes what it took
    #[command(hide = true)]
    Measure(measure::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Command::Measure(wanted)) => measure::run(wanted),
        None => all(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn all(arguments: &Arguments) -> Result<()> {
    let program = arguments.program.as_deref().ok_or("give --program PATH")?;
    let server = Server::find()?;
    let templates = Templates::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut cases = Case::all();
    cases.retain(|case| {
        arguments.only.is_none_or(|only| only == case.work)
            && arguments.items.is_none_or(|items| items == case.items)
    });
    let began = Instant::now();
    table::print_machine();
    let mut lines = Vec::new();
    for case in cases {
        let title = format!("{}: {}", case.work.job(), case.title());
        eprintln!("{:4} s  {title}", began.elapsed().as_secs());
        let bench = Bench {
            server: &server,
            templates: &templates,
            program,
            case,
            statements: arguments.statements,
        };
        let line = runtime.block_on(bench.line());
        lines.push(line.map_err(|error| format!("{title}: {error}"))?);
    }
    match arguments.markdown {
        true => table::print_markdown(&lines),
        false => table::print(&lines),
    }
    let dear: Vec<String> = lines.iter().filter_map(Line::too_many_calls).collect();
    agreed("more calls to Stripe than are needed", &dear)
}

/// One case and what it is measured with.
struct Bench<'a, 'b> {
    server: &'a Server,
    templates: &'b Templates<'a>,
    program: &'b Path,
    case: Case,
    statements: bool,
}

impl Bench<'_, '_> {
    /// Each latency on a marketplace of its own; with nothing new all on one.
    async fn line(&self) -> Result<Line> {
        let mut measured = Vec::new();
        let mut last = None;
        for latency in self.case.latencies() {
            let (track, market) = match last.take() {
                Some(ready) if self.case.items == 0 => ready,
                _ => self.build().await?,
            };
            measured.push(self.measure(&track, &market, *latency).await?);
            last = Some((track, market));
        }
        let mut measured = measured.into_iter();
        Ok(Line {
            case: self.case,
            slow: measured.next().ok_or("no latency")?,
            fast: measured.next(),
        })
    }

    async fn build(&self) -> Result<(Track<'_>, Market)> {
        let track = Track::open(self.server, self.templates, self.program, &self.case).await?;
        let market = Market::fill(&track, &self.case).await?;
        Ok((track, market))
    }

    /// One run, or the one in the middle of five with nothing new.
    async fn measure(&self, track: &Track<'_>, market: &Market, latency: Latency) -> Result<Run> {
        if self.case.items > 0 {
            return self.run(track, market, latency).await;
        }
        // The first run after a restart looks at what it has not seen yet.
        track.program.tell(&[self.case.work.job()]).await?;
        let history = track.database.history()?;
        let mut runs = Vec::new();
        for _ in 0..5 {
            market.wait(track)?;
            runs.push(self.run(track, market, latency).await?);
        }
        if track.database.history()? != history {
            return Err("a run with nothing new changed something".into());
        }
        runs.sort_by_key(|run| run.usage.wall_ms);
        Ok(runs.swap_remove(runs.len() / 2))
    }

    /// One run; an error if not exactly what was due is done after it.
    async fn run(&self, track: &Track<'_>, market: &Market, latency: Latency) -> Result<Run> {
        let before = match self.case.items {
            0 => market.judge(track).await?.made,
            _ => 0,
        };
        track.slow_down(latency);
        let run = track.run(self.case.work.job()).await?;
        track.slow_down(cases::NONE);
        if self.statements {
            eprintln!("{}", track.database.most_frequent()?);
        }
        let judged = market.judge(track).await?;
        agreed("not exactly what was due was done", &judged.differences)?;
        let made = judged.made - before;
        match (made > 0) == (self.case.items > 0) {
            true => Ok(run),
            false => Err(format!("{made} were made of {}", self.case.items).into()),
        }
    }
}
