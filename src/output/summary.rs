//! How a job went: a line, or one object.

use std::io::{self, IsTerminal as _};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::line;
use super::table::{self, duration};
use crate::jobs::{Ending, Report};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonSummary<'a> {
    job: &'a str,
    outcome: &'a str,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    created: u64,
    waiting: u64,
    failed: u64,
    aborted: u64,
    ignored: u64,
    mirakl_calls: u64,
    stripe_calls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) fn json_summary(report: &Report) -> JsonSummary<'static> {
    let (outcome, reason) = match &report.ending {
        Ending::Ran(outcome) => (outcome.as_str(), None),
        Ending::Skipped(reason) => ("skipped", Some(reason.clone())),
        Ending::Stopped(error) => ("failed", Some(error.to_string())),
    };
    let counts = &report.counts;
    JsonSummary {
        job: report.job.name(),
        outcome,
        started_at: report.started_at,
        finished_at: report.finished_at,
        created: counts.created,
        waiting: counts.waiting,
        failed: counts.failed,
        aborted: counts.aborted,
        ignored: counts.ignored,
        mirakl_calls: report.mirakl_calls,
        stripe_calls: report.stripe_calls,
        reason,
    }
}

/// Prints how a job went: JSON always; a line only if something happened or somebody watches.
pub fn summary(report: &Report, json: bool, quiet: bool) {
    let name = report.job.name();
    let counts = &report.counts;
    if json {
        return table::json(&json_summary(report));
    }
    let watched = io::stdout().is_terminal();
    if quiet {
        return;
    }
    match &report.ending {
        Ending::Skipped(reason) if watched => line(&format!("{name}: skipped, {reason}")),
        Ending::Ran(_) | Ending::Stopped(_) if watched || counts.news > 0 => line(&format!(
            "{name}: {counts} (calls: Mirakl {}, Stripe {}; {})",
            report.mirakl_calls,
            report.stripe_calls,
            duration(report.finished_at - report.started_at)
        )),
        Ending::Ran(_) | Ending::Skipped(_) | Ending::Stopped(_) => {}
    }
}
