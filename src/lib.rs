//! `mirakl-stripe` connects a marketplace run on Mirakl with Stripe Connect: cron starts one job at
//! a time, which does what is due and exits. ARCHITECTURE.md follows one order through these files.

/// Everything a command works with.
pub mod app;
/// The commands and flags; their help is the operator's manual.
pub mod cli;
/// The one clock.
pub mod clock;
/// What operators do by hand: migrate, link-account, list, resolve.
pub mod commands;
/// The rules about money: pure functions and types.
pub mod domain;
/// The decoders of what comes from outside, as the fuzz targets call them.
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
/// One HTTP request with limits and retries.
pub mod http;
/// The jobs that cron starts.
pub mod jobs;
/// Mirakl's operator API.
pub mod mirakl;
/// What the operator's server is told.
pub mod notify;
/// How a run ended: summary and exit code.
pub mod outcome;
/// Everything that is printed on standard output.
pub mod output;
/// Typed settings.
pub mod settings;
/// All SQL.
pub mod store;
/// Stripe's API.
pub mod stripe;
/// Logs and the progress bar.
pub mod telemetry;
