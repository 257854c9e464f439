//! `mirakl-stripe` connects a marketplace run on Mirakl with Stripe Connect: cron starts one job at
//! a time, which does what is due and exits. ARCHITECTURE.md follows one order through these files.

// The fuzz targets are built without what they never call.
#![cfg_attr(fuzzing, allow(dead_code, unused_imports))]

/// Everything a command works with.
#[cfg(not(fuzzing))]
pub mod app;
/// The commands and flags; their help is the operator's manual.
#[cfg(not(fuzzing))]
pub mod cli;
/// The one clock.
mod clock;
/// What operators do by hand: migrate, list, link accounts, ask for links, resolve.
#[cfg(not(fuzzing))]
pub mod commands;
/// The rules about money: pure functions and types.
pub mod domain;
/// The decoders of what comes from outside, as the fuzz targets call them.
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
/// Bytes as text.
mod hex;
/// One HTTP request with limits and retries.
mod http;
/// The jobs that cron starts.
#[cfg(not(fuzzing))]
pub mod jobs;
/// Mirakl's operator API.
mod mirakl;
/// What the operator's server is told, and what is mailed.
#[cfg(not(fuzzing))]
mod notify;
/// How a run ended: summary and exit code.
#[cfg(not(fuzzing))]
pub mod outcome;
/// Everything that is printed on standard output.
#[cfg(not(fuzzing))]
pub mod output;
/// Typed settings.
pub mod settings;
/// All SQL.
#[cfg(not(fuzzing))]
pub mod store;
/// Stripe's API.
mod stripe;
/// Logs and the progress bar.
#[cfg(not(fuzzing))]
pub mod telemetry;
