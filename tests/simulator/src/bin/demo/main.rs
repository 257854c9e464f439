//! A small marketplace from end to end: sellers on their way to an account, 200 orders in every
//! state, a crash in the middle of three jobs' first runs, refunds, payouts, a mail, and the books compared.
#![allow(clippy::print_stderr)] // what went wrong is said to whoever started the demo

mod baskets;
#[path = "../common/mod.rs"]
mod common;
mod debits;
mod invoices;
mod mails;
mod market;
mod money;
mod oddities;
mod onboarding;
mod orders;
mod page;
mod payouts;
mod refunds;
mod report;
mod returns;
mod sale;
mod sellers;
mod shops;
mod story;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Parser;
use simulator::{Mailbox, Receiver, Simulator};

use common::Result;
use market::Market;
use simulator::drive::Program;
use simulator::drive::Psql;
use story::Story;

/// Shows the program at work on a small simulated marketplace
#[derive(Parser)]
#[command(name = "demo")]
struct Arguments {
    /// The built program
    #[arg(long, value_name = "PATH")]
    program: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match show(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(arguments: &Arguments) -> Result<()> {
    let database = std::env::var("DATABASE_URL")
        .map_err(|_| "DATABASE_URL is not set: `make demo` brings an empty database of its own")?;
    let simulator = Simulator::start().await?;
    let receiver = Receiver::start().await?;
    let mailbox = Mailbox::start().await?;
    let start = simulator.clock().now() - TimeDelta::days(30);
    let start = start.format("%Y-%m-%d").to_string();
    let program = Program::new(&arguments.program, &simulator, &database, &start)?
        .with("STRIPE_MAX_REQUESTS_PER_SECOND", "200")
        .with("OPERATOR_NOTIFICATION_URL", &receiver.url())
        .with("OPERATOR_NOTIFICATION_SECRET", told::SECRET)
        .with("MAILER_DSN", &mailbox.dsn())
        .with("TECHNICAL_ALERT_EMAIL", mails::TO)
        .with("TECHNICAL_ALERT_EMAIL_FROM", mails::FROM);
    let mut story = Story {
        simulator: &simulator,
        receiver: &receiver,
        mailbox: &mailbox,
        program: &program,
        psql: &Psql::find()?,
        database: &database,
        market: Market::open(&simulator),
    };
    story.tell().await
}
