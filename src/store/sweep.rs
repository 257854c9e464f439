//! How far the sweep over Stripe's whole list of accounts has come.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// Where the sweep stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// The last account of the last page that was read; none before the first page.
    pub after: Option<String>,
    /// Pages read in this sweep.
    pub pages: i32,
    /// Pages of the sweep before it.
    pub last_pages: i32,
    /// When a page was last read.
    pub stepped_at: DateTime<Utc>,
}

/// The sweep; `None` before the first.
pub async fn get(conn: &mut Connection) -> Result<Option<Sweep>> {
    let sweep = sqlx::query_as!(
        Sweep,
        "select after, pages, last_pages, stepped_at from account_sweep"
    )
    .fetch_optional(conn)
    .await?;
    Ok(sweep)
}

/// Notes where the sweep stands now.
pub async fn put(conn: &mut Connection, sweep: &Sweep) -> Result<()> {
    sqlx::query!(
        "insert into account_sweep (after, pages, last_pages, stepped_at) values ($1, $2, $3, $4)
         on conflict (only_row) do update
         set after = excluded.after, pages = excluded.pages, last_pages = excluded.last_pages,
             stepped_at = excluded.stepped_at",
        sweep.after,
        sweep.pages,
        sweep.last_pages,
        sweep.stepped_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
