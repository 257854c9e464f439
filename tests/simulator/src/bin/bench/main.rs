//! What the built program costs: wall time, CPU time, memory and calls, by scenario.
//!
//! The same binary is also its own stopwatch: `bench measure` runs one child and tells what the
//! system says of it, so that the simulator in this process is in none of the figures.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a measurement is there to be read

#[path = "../common/mod.rs"]
mod common;
mod database;
mod debits;
mod invoices;
mod load;
mod measure;
mod refunds;
mod scenario;
mod sellers;
mod services;
mod shops;
mod table;
mod track;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use common::Result;
use database::Server;
use debits::Baskets;
use invoices::Invoices;
use refunds::Refunds;
use scenario::{Load, Name, Scenario};
use sellers::Sellers;
use table::Measured;
use world::World;

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

    /// Only this scenario, and what it is compared with
    #[arg(long, value_name = "NAME")]
    only: Option<Name>,

    /// Also a hundred thousand orders at the latencies of the internet; takes about ten minutes
    #[arg(long)]
    slow: bool,

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    table::print_machine();
    let mut results = Vec::new();
    for scenario in Scenario::chosen(arguments.only, arguments.slow) {
        eprintln!("{} …", scenario.title);
        let measured = runtime.block_on(measure(&server, program, &scenario));
        results.extend(measured.map_err(|error| format!("{}: {error}", scenario.title))?);
    }
    table::print(&results);
    table::print_commands(program, &results);
    Ok(())
}

async fn measure(server: &Server, program: &Path, scenario: &Scenario) -> Result<Vec<Measured>> {
    match scenario.load {
        Load::Orders(..) | Load::Services(_) => {
            let world = World::build(server, program, scenario).await?;
            world.measure(scenario).await
        }
        Load::Shops(number) => {
            let sellers = Sellers::build(server, program, scenario, number).await?;
            sellers.measure(scenario).await
        }
        Load::Baskets(number) => {
            let baskets = Baskets::build(server, program, scenario, number).await?;
            baskets.measure(scenario).await
        }
        Load::Refunds(orders) => {
            let refunds = Refunds::build(server, program, scenario, orders).await?;
            refunds.measure(scenario).await
        }
        Load::Invoices(number, moves) => {
            let invoices = Invoices::build(server, program, scenario, number, moves).await?;
            invoices.measure(scenario).await
        }
        Load::PaidInvoices(number) => {
            let invoices = Invoices::build_paid(server, program, scenario, number).await?;
            invoices.measure(scenario).await
        }
    }
}
