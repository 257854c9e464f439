//! Which span of Stripe's own list of transfers the store is known to hold.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// A span of Stripe's creation times in which no transfer of ours is unknown to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
}

/// The span; `None` as long as no list has been taken over completely.
pub async fn get(conn: &mut Connection) -> Result<Option<Covered>> {
    let covered = sqlx::query_as!(
        Covered,
        r#"select covered_from as "from", covered_until as "until"
           from adoptions where stream = 'transfers'"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(covered)
}

/// Widens the span.
pub async fn cover(conn: &mut Connection, covered: Covered, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into adoptions (stream, covered_from, covered_until, updated_at)
         values ('transfers', $1, $2, $3)
         on conflict (stream) do update
         set covered_from = least(adoptions.covered_from, excluded.covered_from),
             covered_until = greatest(adoptions.covered_until, excluded.covered_until),
             updated_at = excluded.updated_at",
        covered.from,
        covered.until,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
