//! `mirakl-stripe` connects a marketplace run on Mirakl with Stripe Connect: cron starts one job at
//! a time, which does what is due and exits. ARCHITECTURE.md follows one order through these files.

/// Everything a command works with.
pub mod app;
/// The commands and flags; their help is the operator's manual.
pub mod cli;
/// The one clock.
mod clock;
/// What operators do by hand: migrate, list, link accounts, ask for links, resolve.
pub mod commands;
/// The rules about money: pure functions and types.
pub mod domain;
/// Bytes as text.
mod hex;
/// One HTTP request with limits and retries.
mod http;
/// The jobs that cron starts.
pub mod jobs;
/// Mirakl's operator API.
mod mirakl;
/// What the operator's server is told, and what is mailed.
mod notify;
/// How a run ended: summary and exit code.
pub mod outcome;
/// Everything that is printed on standard output.
pub mod output;
/// Typed settings.
pub mod settings;
/// All SQL.
pub mod store;
/// Stripe's API.
mod stripe;
/// Logs and the progress bar.
pub mod telemetry;
