//! The stopwatch: runs one child and writes what the system says that it took.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde::{Deserialize, Serialize};

use crate::common::Result;

/// What is measured, and where the answer goes.
#[derive(Args)]
pub struct Arguments {
    /// The file that is written
    #[arg(long, value_name = "FILE")]
    into: PathBuf,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// What one process took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// From its start to its end.
    pub wall_ms: u64,
    /// Of the user and of the system.
    pub cpu_ms: u64,
    /// The most memory that was resident at once.
    pub peak_kb: u64,
    /// None if it was killed.
    pub code: Option<i32>,
}

/// Runs the child: the only one that this process ever has.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (program, rest) = arguments.command.split_first().ok_or("nothing to run")?;
    let started = Instant::now();
    let status = Command::new(program).args(rest).status()?;
    let wall = started.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu: TimeVal = usage.user_time() + usage.system_time();
    let peak = u64::try_from(usage.max_rss())?;
    let usage = Usage {
        wall_ms: u64::try_from(wall.as_millis())?,
        cpu_ms: u64::try_from(cpu.num_milliseconds())?,
        // Linux counts in kilobytes, macOS in bytes.
        peak_kb: if cfg!(target_os = "macos") {
            peak / 1024
        } else {
            peak
        },
        code: status.code(),
    };
    fs::write(&arguments.into, serde_json::to_vec(&usage)?)?;
    Ok(ExitCode::SUCCESS)
}
