//! What to do about one order: the rules of `process-transfer`, first match wins.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::amount::Parts;
use super::charged::{Charged, charged, other_currency};
use super::division::{Division, RowState, Rows};
use super::order::{Payable, Standing};
use super::reason::{AbortReason, HoldReason, IgnoreReason};
use crate::domain::account::Account;
use crate::domain::ids::{AccountId, ChargeId, PaymentRef, TransferId};
use crate::domain::money::Money;
use crate::domain::payment::PaymentFacts;

/// What is to happen with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Transfer `amount` to `destination`, out of charge `source`.
    Send {
        /// The part, above zero.
        amount: Money,
        /// The seller's account, or the tax account.
        destination: AccountId,
        /// The charge that the money comes from.
        source: ChargeId,
        /// The payment that the charge belongs to.
        payment: PaymentRef,
        /// The arithmetic behind the amount.
        explained: String,
    },
    /// Wait and look again.
    Hold(HoldReason),
    /// End without a transfer.
    Abort(AbortReason),
    /// Not ours to pay.
    Ignore(IgnoreReason),
}

/// What is to happen with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// The seller's part; none when its row stays as it is.
    pub seller: Option<Decision>,
    /// The taxes; none when their row stays as it is, or there is none.
    pub taxes: Option<Decision>,
    /// What the order comes to, where that can be told.
    pub parts: Option<Parts>,
}

/// Everything that a decision rests on, but the payment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The order as Mirakl shows it.
    pub order: &'a Payable,
    /// What is known of its rows.
    pub rows: &'a Rows,
    /// How it is divided, by those rows and the setting.
    pub division: &'a Division,
    /// The shop's account, if it has one.
    pub account: Option<&'a Account>,
    /// The operator has excluded the shop.
    pub excluded: bool,
    /// Orders debited before this are not ours.
    pub start: DateTime<Utc>,
    /// Where taxes go; none where nothing names it.
    pub tax_account: Option<&'a AccountId>,
    /// A transfer of the old connector that may have paid this order.
    pub old_transfer: Option<&'a TransferId>,
}

impl Facts<'_> {
    /// Whether anything about the order is decided now.
    pub fn are_open(&self) -> bool {
        self.rows.decides_seller()
            || self.rows.decides_taxes()
            || self.rows.may_begin_taxes(self.division)
    }
}

/// Decides about both rows as far as the payment need not be known; `None` when it must be.
pub fn before_payment(facts: Facts<'_>) -> Option<Decision> {
    let Facts { order, start, .. } = facts;
    if let Some(debited) = order.debited_at
        && debited < start
    {
        return Some(Decision::Ignore(IgnoreReason::BeforeStart {
            debited,
            start,
        }));
    }
    if order.customer_pays_seller {
        return Some(Decision::Ignore(IgnoreReason::CustomerPaysSeller));
    }
    if let Standing::Ended(state) = &order.standing {
        return Some(Decision::Abort(AbortReason::OrderEnded(state.clone())));
    }
    if facts.excluded {
        return Some(Decision::Ignore(IgnoreReason::ShopExcluded(order.shop_id)));
    }
    if let Some(transfer) = facts.old_transfer {
        return Some(Decision::Hold(HoldReason::OldTransfer(transfer.clone())));
    }
    let hold = match facts.account {
        // A seller whose part is settled needs no account any more.
        _ if !facts.rows.decides_seller() => not_payable_yet(order),
        None => Some(HoldReason::NoAccount(order.shop_id)),
        Some(account) if !account.transfers_active => {
            Some(HoldReason::AccountCannotReceive(account.id.clone()))
        }
        Some(_) => not_payable_yet(order),
    };
    hold.map(Decision::Hold)
}

/// Why an order of a seller who can be paid is not payable yet, by its own state.
fn not_payable_yet(order: &Payable) -> Option<HoldReason> {
    match &order.standing {
        Standing::NotAccepted(state) => Some(HoldReason::NotAccepted(state.clone())),
        Standing::Unknown(state) => Some(HoldReason::UnknownState(state.clone())),
        Standing::Accepted | Standing::Ended(_) => order.unpaid.clone(),
    }
}

/// Decides with everything known.
pub fn decide(facts: Facts<'_>, payment: &PaymentFacts) -> Decisions {
    let ready = ready(facts, payment);
    let seller = facts.rows.decides_seller().then(|| match &ready {
        Ok(ready) => seller(facts, ready),
        Err(decision) => decision.clone(),
    });
    Decisions {
        seller,
        taxes: taxes(facts, &ready),
        parts: divided(facts).ok(),
    }
}

/// An order that can be paid.
struct Ready<'a> {
    charged: Charged<'a>,
    parts: Parts,
}

impl Ready<'_> {
    fn send(&self, amount: Money, destination: &AccountId, explained: String) -> Decision {
        Decision::Send {
            amount,
            destination: destination.clone(),
            source: self.charged.charge.clone(),
            payment: self.charged.reference.clone(),
            explained,
        }
    }
}

fn divided(facts: Facts<'_>) -> Result<Parts, HoldReason> {
    let amounts = facts.order.amounts.as_ref().map_err(Clone::clone)?;
    match facts.division {
        Division::Whole => amounts.whole(),
        Division::Split | Division::Unclear(_) => amounts.split(),
    }
}

/// What both parts need, or what happens with both of them instead.
fn ready<'a>(facts: Facts<'_>, payment: &'a PaymentFacts) -> Result<Ready<'a>, Decision> {
    if let Some(decision) = before_payment(facts) {
        return Err(decision);
    }
    let charged = charged(&facts.order.commercial_id, payment).map_err(Decision::Hold)?;
    let parts = divided(facts).map_err(Decision::Hold)?;
    if let Some(hold) = other_currency(charged.payment, parts.seller.currency()) {
        return Err(Decision::Hold(hold));
    }
    if charged.payment.fully_refunded() {
        let reference = charged.reference.to_string();
        return Err(Decision::Abort(AbortReason::FullyRefunded(reference)));
    }
    if let RowState::Made { amount, .. } | RowState::Going(amount) = &facts.rows.taxes
        && *amount != Some(parts.taxes)
    {
        let gone = amount.map_or_else(|| "an unknown amount".to_owned(), |gone| gone.to_string());
        return Err(Decision::Hold(HoldReason::CannotAddUp(format!(
            "{gone} of taxes was transferred, and its taxes now come to {}",
            parts.taxes
        ))));
    }
    let total = parts.total().map_err(Decision::Hold)?;
    let captured = Money::from_minor(charged.payment.captured, total.currency());
    for debited in [parts.customer, captured] {
        if total.is_positive() && total.minor() > debited.minor() {
            return Err(Decision::Hold(HoldReason::AboveDebited {
                parts: total,
                debited,
            }));
        }
    }
    Ok(Ready { charged, parts })
}

fn seller(facts: Facts<'_>, ready: &Ready<'_>) -> Decision {
    let Parts {
        seller, explained, ..
    } = &ready.parts;
    if !seller.is_positive() {
        return Decision::Abort(AbortReason::NothingToTransfer {
            explained: explained.clone(),
        });
    }
    match facts.account {
        Some(account) => ready.send(*seller, &account.id, explained.clone()),
        None => Decision::Hold(HoldReason::NoAccount(facts.order.shop_id)),
    }
}

/// What happens with the taxes, if they have a row or get one now.
fn taxes(facts: Facts<'_>, ready: &Result<Ready<'_>, Decision>) -> Option<Decision> {
    if facts.rows.may_begin_taxes(facts.division) {
        return match ready {
            Ok(ready) if ready.parts.taxes.is_positive() => Some(tax_part(facts, ready)),
            Ok(_) => None,
            Err(decision) => owes_taxes(facts, decision).then(|| decision.clone()),
        };
    }
    if !facts.rows.decides_taxes() {
        return None;
    }
    Some(match (facts.division, ready) {
        (Division::Whole, _) => Decision::Abort(AbortReason::NotSplit),
        (Division::Split | Division::Unclear(_), Err(decision)) => decision.clone(),
        (Division::Unclear(reason), Ok(_)) => Decision::Hold(reason.clone()),
        (Division::Split, Ok(ready)) => tax_part(facts, ready),
    })
}

fn tax_part(facts: Facts<'_>, ready: &Ready<'_>) -> Decision {
    let Parts { taxes, .. } = ready.parts;
    let explained = ready.parts.taxes_explained();
    match facts.tax_account {
        _ if !taxes.is_positive() => Decision::Abort(AbortReason::NothingToTransfer { explained }),
        Some(account) => ready.send(taxes, account, explained),
        None => Decision::Hold(HoldReason::NoTaxAccount),
    }
}

/// Whether an order that cannot be paid yet has taxes that wait with it: it has some, or that cannot
/// be told and is what it waits for.
fn owes_taxes(facts: Facts<'_>, decision: &Decision) -> bool {
    match divided(facts) {
        Ok(parts) => parts.taxes.is_positive(),
        Err(reason) => facts.order.amounts.is_ok() && *decision == Decision::Hold(reason),
    }
}
