//! How far each list that is read forward in time has been read.

use chrono::{DateTime, Utc};

use super::{Connection, Result};

/// A list of Mirakl's or Stripe's that is read forward in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// OR11 by update date.
    ProductOrders,
    /// S20 by update date.
    Shops,
    /// SOR11 by update date, for the debits.
    ServiceOrders,
    /// SOR11 by update date, for the transfers.
    PaidServices,
    /// Stripe's charges by creation.
    Charges,
    /// IV01 by creation.
    Invoices,
}

impl Stream {
    fn as_str(self) -> &'static str {
        match self {
            Self::ProductOrders => "product_orders",
            Self::Shops => "shops",
            Self::ServiceOrders => "service_orders",
            Self::PaidServices => "paid_services",
            Self::Charges => "charges",
            Self::Invoices => "invoices",
        }
    }
}

/// How far a stream has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to here has been recorded.
    pub reached: DateTime<Utc>,
    /// Where the first run began; what was debited earlier is not ours.
    pub begun_at: DateTime<Utc>,
}

/// The checkpoint; `None` before the first complete pass.
pub async fn get(conn: &mut Connection, stream: Stream) -> Result<Option<Checkpoint>> {
    let checkpoint = sqlx::query_as!(
        Checkpoint,
        "select reached, begun_at from checkpoints where stream = $1",
        stream.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(checkpoint)
}

/// As of when the checkpoint was last written: for [`Stream::Invoices`] when the run of the last whole
/// sweep began.
pub async fn written_at(conn: &mut Connection, stream: Stream) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!(
        "select updated_at from checkpoints where stream = $1",
        stream.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(at)
}

/// Moves the checkpoint forward; it never goes back, and keeps where the first run began.
pub async fn advance(
    conn: &mut Connection,
    stream: Stream,
    checkpoint: Checkpoint,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into checkpoints (stream, reached, begun_at, updated_at)
         values ($1, $2, $3, $4)
         on conflict (stream) do update
         set reached = greatest(checkpoints.reached, excluded.reached),
             updated_at = excluded.updated_at",
        stream.as_str(),
        checkpoint.reached,
        checkpoint.begun_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the checkpoint: the next pass reads everything.
pub async fn forget(conn: &mut Connection, stream: Stream) -> Result<()> {
    sqlx::query!("delete from checkpoints where stream = $1", stream.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
