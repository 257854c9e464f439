//! What may stand in the way of a payout that was decided.

use super::reason::HoldReason;
use crate::domain::ids::{AccountId, InvoiceId};
use crate::domain::money::Money;

/// Everything that may stand in the way.
#[derive(Debug, Clone)]
pub struct Gate<'a> {
    /// What is to be paid.
    pub amount: Money,
    /// Out of which account.
    pub account: &'a AccountId,
    /// Movements of the invoice that are not made, each with where it stands.
    pub open_transfers: &'a [String],
    /// The oldest earlier invoice of the seller that is not paid.
    pub earlier: Option<&'a InvoiceId>,
    /// Stripe pays out for the account.
    pub payouts_enabled: bool,
    /// Minor units that the account disposes of in the currency, less what this run has paid; none:
    /// it holds nothing in it.
    pub available: Option<i64>,
    /// The currencies that it holds.
    pub held: &'a [String],
    /// Minor units kept for reversals that are still to come.
    pub reserved: i64,
}

/// What stands in the way, first match wins; `None` when nothing does.
pub fn gate(gate: &Gate<'_>) -> Option<HoldReason> {
    let currency = gate.amount.currency();
    let money = |minor| Money::from_minor(minor, currency);
    if !gate.open_transfers.is_empty() {
        return Some(HoldReason::TransfersOpen(gate.open_transfers.join(", ")));
    }
    if let Some(earlier) = gate.earlier {
        return Some(HoldReason::EarlierInvoice(earlier.clone()));
    }
    if !gate.payouts_enabled {
        return Some(HoldReason::PayoutsDisabled(gate.account.clone()));
    }
    let Some(available) = gate.available else {
        return Some(HoldReason::OtherCurrency {
            invoice: currency,
            account: gate.account.clone(),
            held: gate.held.to_vec(),
        });
    };
    let missing = gate
        .amount
        .minor()
        .saturating_sub(available.saturating_sub(gate.reserved));
    (missing > 0).then(|| HoldReason::BalanceTooLow {
        needed: gate.amount,
        available: money(available),
        reserved: money(gate.reserved),
        missing: money(missing),
    })
}
