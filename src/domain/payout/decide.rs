//! What to do about one invoice: the rules of `process-payout`, first match wins.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::invoice::Invoice;
use super::reason::{AbortReason, HoldReason, IgnoreReason};
use crate::domain::account::{Account, Seller};
use crate::domain::ids::AccountId;
use crate::domain::money::{Currency, Money, MoneyError};
use crate::domain::transfer::TransferType;

/// A transfer that an invoice asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Which.
    pub kind: TransferType,
    /// How much, above zero.
    pub amount: Money,
}

/// What is to happen with the payout of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Pay it out, as soon as nothing stands in the way.
    Pay(Money),
    /// Wait and look again.
    Hold(HoldReason),
    /// End without a payout.
    Abort(AbortReason),
    /// Not ours to pay.
    Ignore(IgnoreReason),
    /// Nothing to pay and nothing to say: no row.
    Nothing,
}

/// What is to happen with an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// Its movements; empty while the invoice as a whole waits.
    pub movements: Vec<Movement>,
    /// Its payout.
    pub payout: Decision,
    /// The account of the seller, where movements or a payout are decided.
    pub account: Option<AccountId>,
    /// What the seller is to get, as far as that can be told.
    pub amount: Option<Money>,
    /// What of the invoice nothing carries out.
    pub difference: Option<String>,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The invoice as Mirakl shows it.
    pub invoice: &'a Invoice,
    /// The seller, as far as it is known.
    pub seller: Option<&'a Seller>,
    /// Invoices made before this are not ours.
    pub start: DateTime<Utc>,
    /// Movements that were sent or made already, with their amounts.
    pub settled: &'a [Movement],
    /// The reason for waiting that a person accepted.
    pub accepted: Option<&'a str>,
    /// A payout was made for it here, and came back: that Mirakl shows it as paid is no contradiction.
    pub came_back: bool,
}

/// Decides.
pub fn decide(facts: Facts<'_>) -> Decisions {
    let invoice = facts.invoice;
    let (movements, amount, account) = match whole(facts) {
        Ok(whole) => whole,
        Err(payout) => {
            let currency = Currency::parse(&invoice.currency).ok();
            let amount = currency.and_then(|c| Money::from_major(invoice.transferred, c).ok());
            return Decisions {
                movements: Vec::new(),
                payout,
                account: None,
                amount: amount.filter(|amount| amount.is_positive()),
                difference: None,
            };
        }
    };
    let difference = difference(invoice);
    let payout = match amount.minor() {
        1.. => match amount.can_be_paid_out() {
            true => Decision::Pay(amount),
            false => Decision::Hold(HoldReason::NotPayable(amount)),
        },
        0 if difference.is_some() => Decision::Abort(AbortReason::NothingToPay),
        0 => Decision::Nothing,
        ..0 => {
            let owed = Money::from_minor(amount.minor().saturating_neg(), amount.currency());
            Decision::Abort(AbortReason::SellerOwes(owed.to_string()))
        }
    };
    Decisions {
        movements,
        payout,
        account: Some(account),
        amount: Some(amount).filter(|amount| amount.is_positive()),
        difference,
    }
}

type Whole = (Vec<Movement>, Money, AccountId);

/// What the invoice comes to; or what becomes of it as a whole.
fn whole(facts: Facts<'_>) -> Result<Whole, Decision> {
    let Facts {
        invoice,
        seller,
        start,
        settled,
        accepted,
        came_back,
    } = facts;
    if invoice.created_at < start {
        return Err(Decision::Ignore(IgnoreReason::BeforeStart {
            created: invoice.created_at,
            start,
        }));
    }
    let shop = invoice.shop_id;
    if seller.is_some_and(|seller| seller.excluded) {
        return Err(Decision::Ignore(IgnoreReason::ShopExcluded(shop)));
    }
    shown_as_expected(invoice).map_err(Decision::Hold)?;
    unless_accepted(not_paid(invoice, came_back), accepted)?;
    let (movements, amount) = amounts(invoice).map_err(Decision::Hold)?;
    unless_accepted(unchanged(&movements, settled), accepted)?;
    if movements.is_empty() && amount.minor() == 0 && invoice.leftovers.is_empty() {
        return Err(Decision::Nothing);
    }
    let account = seller.and_then(|seller| seller.account.as_ref());
    let account = account.ok_or(Decision::Hold(HoldReason::NoAccount(shop)))?;
    let is_open = |movement: &&Movement| !settled.iter().any(|made| made.kind == movement.kind);
    let open = movements.iter().filter(is_open);
    can_receive(account, open).map_err(Decision::Hold)?;
    Ok((movements, amount, account.id.clone()))
}

fn shown_as_expected(invoice: &Invoice) -> Result<(), HoldReason> {
    if invoice.kind != "AUTO_INVOICE" {
        return Err(HoldReason::OtherType(invoice.kind.clone()));
    }
    if !matches!(invoice.state.as_str(), "GENERATED" | "COMPLETE") {
        return Err(HoldReason::OtherState(invoice.state.clone()));
    }
    Ok(())
}

fn not_paid(invoice: &Invoice, came_back: bool) -> Result<(), HoldReason> {
    match invoice.payment_state.as_deref() {
        // What failed by other means, or was not tried, is ours to pay.
        None | Some("PENDING" | "FAILED") => Ok(()),
        Some("PAID") if came_back => Ok(()),
        Some("PAID") => Err(HoldReason::PaidElsewhere),
        Some(other) => Err(HoldReason::UnknownPaymentState(other.to_owned())),
    }
}

/// A person who asked for another try accepted the reason as it was told.
fn unless_accepted(result: Result<(), HoldReason>, accepted: Option<&str>) -> Result<(), Decision> {
    match result {
        Err(reason) if accepted == Some(reason.to_string().as_str()) => Ok(()),
        other => other.map_err(Decision::Hold),
    }
}

/// The movements by sign and size, and what the seller is to get.
fn amounts(invoice: &Invoice) -> Result<(Vec<Movement>, Money), HoldReason> {
    let currency = Currency::parse(&invoice.currency)
        .map_err(|_| HoldReason::UnknownCurrency(invoice.currency.clone()))?;
    let exact = |amount: Decimal| {
        Money::from_major(amount, currency).map_err(|error| match error {
            MoneyError::Inexact { amount, currency } => {
                HoldReason::InexactAmount { amount, currency }
            }
            MoneyError::Overflow | MoneyError::UnknownCurrency(_) | MoneyError::Mixed(..) => {
                HoldReason::Unreadable(error.to_string())
            }
        })
    };
    let mut movements = Vec::new();
    for (kind, field, amount, positive) in [
        (
            TransferType::ExtraCredits,
            "total_other_credits_incl_tax",
            invoice.credits,
            true,
        ),
        (
            TransferType::Subscription,
            "total_subscription_incl_tax",
            invoice.subscription,
            false,
        ),
        (
            TransferType::ExtraInvoices,
            "total_other_invoices_incl_tax",
            invoice.other_invoices,
            false,
        ),
    ] {
        if amount.is_zero() {
            continue;
        }
        if amount.is_sign_positive() != positive {
            return Err(HoldReason::UnexpectedSign {
                field,
                amount,
                positive,
            });
        }
        let amount = exact(amount.abs())?;
        movements.push(Movement { kind, amount });
    }
    Ok((movements, exact(invoice.transferred)?))
}

/// What was moved must still be what the invoice asks for: else a person decides.
fn unchanged(movements: &[Movement], settled: &[Movement]) -> Result<(), HoldReason> {
    for made in settled {
        let asked = movements.iter().find(|asked| asked.kind == made.kind);
        if asked != Some(made) {
            let asked =
                asked.map_or_else(|| "nothing".to_owned(), |asked| asked.amount.to_string());
            let kind = made.kind.notified_type();
            return Err(HoldReason::Changed(format!(
                "{kind} moved {}, the invoice now asks for {asked}",
                made.amount
            )));
        }
    }
    Ok(())
}

fn can_receive<'a>(
    account: &Account,
    mut movements: impl Iterator<Item = &'a Movement>,
) -> Result<(), HoldReason> {
    let receives = movements.any(|movement| !movement.kind.is_charge());
    match receives && !account.transfers_active {
        true => Err(HoldReason::AccountCannotReceive(account.id.clone())),
        false => Ok(()),
    }
}

fn difference(invoice: &Invoice) -> Option<String> {
    if invoice.leftovers.is_empty() {
        return None;
    }
    let items = invoice.leftovers.iter();
    let items: Vec<String> = items
        .map(|(name, amount)| format!("{name} {amount}"))
        .collect();
    let sum: Decimal = invoice.leftovers.iter().map(|(_, amount)| *amount).sum();
    Some(format!(
        "nothing moves these items of the invoice: {} (together {sum} {}); the seller's balance at \
         Stripe differs from Mirakl's by them",
        items.join(", "),
        invoice.currency
    ))
}
