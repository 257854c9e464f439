//! `list runs`.

use comfy_table::Cell;

use super::Format;
use super::table::{duration, json, number, show, table, text, time};
use crate::store::runs::ListedRun;

/// Prints runs.
pub fn runs(rows: &[ListedRun], format: Format) {
    if format == Format::Json {
        return json(rows);
    }
    let mut table = table(&[
        "id",
        "job",
        "outcome",
        "started",
        "took",
        "created",
        "waiting",
        "failed",
        "aborted",
        "ignored",
        "calls M/S",
        "error",
    ]);
    for row in rows {
        let took = row.finished_at.map(|end| duration(end - row.started_at));
        table.add_row(vec![
            number(row.internal_id),
            Cell::new(&row.job),
            Cell::new(row.outcome.map_or("running", |outcome| outcome.as_str())),
            time(Some(row.started_at)),
            text(took.as_deref()),
            number(row.created),
            number(row.waiting),
            number(row.failed),
            number(row.aborted),
            number(row.ignored),
            Cell::new(format!("{}/{}", row.mirakl_calls, row.stripe_calls)),
            text(row.error.as_deref()),
        ]);
    }
    show(&table, rows.is_empty(), "no runs");
}
