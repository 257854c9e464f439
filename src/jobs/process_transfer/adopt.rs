//! Taking over what Stripe has and the store does not know, before anything is sent: so a restored,
//! lost or second database heals itself before it can pay.

use super::Pass;
use crate::jobs::{Result, adopting};
use crate::store::adoptions::{self, Covered, Listed};

/// Whether the store has never been compared with Stripe's list back to where orders are ours.
pub(super) async fn is_needed_first(pass: &Pass<'_>) -> Result<bool> {
    let mut conn = pass.app.db.acquire().await?;
    let covered = adoptions::get(&mut conn, Listed::Transfers).await?;
    Ok(covered.is_none_or(|covered| covered.from > pass.start()))
}

/// Takes over what Stripe's list shows.
pub(super) async fn adopt(pass: &mut Pass<'_>) -> Result<()> {
    adopting::platform_transfers(pass.app, pass.run, pass.start()).await?;
    pass.sender.adopted = true;
    Ok(())
}

/// After a run whose every answer came: the store knows all up to the newest transfer it made.
pub(super) async fn close(pass: &Pass<'_>) -> Result<()> {
    let sender = &pass.sender;
    // A run of single orders leaves doubts of others as they are.
    let whole = pass.options.orders.is_empty();
    let sure = whole && sender.adopted && sender.doubts.is_empty();
    let (true, Some(newest)) = (sure, sender.newest()) else {
        return Ok(());
    };
    let span = Covered {
        from: newest,
        until: newest,
    };
    let mut conn = pass.app.db.acquire().await?;
    adoptions::cover(&mut conn, Listed::Transfers, span, pass.app.clock.now()).await?;
    Ok(())
}
