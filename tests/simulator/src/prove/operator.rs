//! The operator in front of what waits for a person: `list`, then `resolve`.

use serde::Deserialize;

use crate::drive::{Program, Result};

use super::market::Market;

/// A row that was refused, as `list` shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    internal_id: i64,
    next_look_at: Option<String>,
    mirakl_refund_id: Option<String>,
    stripe_refund_id: Option<String>,
}

/// Decides about every row that no run tries again by itself; how many there were.
pub async fn resolve(program: &Program, market: &Market) -> Result<usize> {
    let mut resolved = 0;
    for (subject, kind, status) in [
        ("transfers", "transfer", "TRANSFER_FAILED"),
        ("refunds", "refund", "REFUND_FAILED"),
        ("payouts", "payout", "PAYOUT_FAILED"),
    ] {
        let list = ["list", subject, "--status", status, "--output", "json"];
        let list = [list.as_slice(), &["--limit", "100000"]].concat();
        let rows: Vec<Failed> = serde_json::from_str(&program.tell(&list).await?)?;
        for row in rows.iter().filter(|row| row.next_look_at.is_none()) {
            let id = row.internal_id.to_string();
            let by_hand = made_by_hand(row, market);
            let decision = match &by_hand {
                Some(made) => vec!["--stripe-id", made],
                None => vec!["--retry"],
            };
            let command = [&["resolve", kind, &id], decision.as_slice()].concat();
            let ended = program.run(&command).await?;
            if ended.code != Some(0) {
                let command = command.join(" ");
                return Err(format!("`{command}` ended with {:?}", ended.code).into());
            }
            resolved += 1;
        }
    }
    Ok(resolved)
}

/// The refund that somebody made in the dashboard for a row that has none yet.
fn made_by_hand(row: &Failed, market: &Market) -> Option<String> {
    let id = row.mirakl_refund_id.as_ref()?;
    let refund = market.refunds.iter().find(|refund| refund.id == *id)?;
    let open = row.stripe_refund_id.is_none();
    refund.by_hand.clone().filter(|_| open)
}
