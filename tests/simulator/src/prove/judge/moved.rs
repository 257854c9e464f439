//! What moved, by Stripe's ledger: at no time anything twice, or anything but what is due.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Refund, Simulator, Transfer};

use super::{Invariant, Violation};
use crate::prove::market::{Market, Order, Shop};
use crate::prove::story::TAX_ACCOUNT;

/// Metadata that names what a movement is for.
pub(super) const MIRAKL_ID: &str = "miraklId";
pub(super) const MIRAKL_TYPE: &str = "miraklType";
pub(super) const REFUND_ID: &str = "miraklRefundId";
pub(super) const INVOICE_ID: &str = "invoiceId";

/// The only account of a shop.
pub(super) fn account_of(shop: &Shop, simulator: &Simulator) -> Option<String> {
    let accounts = simulator.stripe().accounts_for(shop.id);
    accounts.into_iter().next().map(|account| account.id)
}

/// Each transfer is one of an order or an invoice, and the only one of its kind.
pub fn transfers(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for transfer in simulator.stripe().transfers() {
        let of = |key: &str| transfer.metadata.get(key).map_or("", String::as_str);
        let (id, kind) = (of(MIRAKL_ID), of(MIRAKL_TYPE));
        if !seen.insert((id.to_owned(), kind.to_owned())) {
            found.push(Invariant::Once.broken(format!("a second {kind} of {id}: {transfer:?}")));
        }
        let due = match market.order(id) {
            Some(order) => of_order(market, order, &transfer, simulator),
            None => of_invoice(market, id, kind, simulator),
        };
        let made = (transfer.amount, Some(transfer.destination.clone()));
        match due {
            None => found.push(Invariant::Once.broken(format!("nobody is due {transfer:?}"))),
            Some(due) if due == made => {}
            Some(due) => {
                let what = format!("{kind} of {id} is {made:?} instead of {due:?}");
                found.push(Invariant::ToTheCent.broken(what));
            }
        }
    }
    found
}

/// The amount and the account.
type Due = (i64, Option<String>);

fn of_order(
    market: &Market,
    order: &Order,
    transfer: &Transfer,
    simulator: &Simulator,
) -> Option<Due> {
    let charge = Some(&market.basket_of(order).charge);
    let due = if transfer.destination == TAX_ACCOUNT {
        (market.taxes_part(order), Some(TAX_ACCOUNT.to_owned()))
    } else {
        let account = account_of(market.shop_of(order), simulator);
        (market.sellers_part(order), account)
    };
    let right = transfer.source_transaction.as_ref() == charge && due.0 > 0;
    right.then_some(due)
}

fn of_invoice(market: &Market, id: &str, kind: &str, simulator: &Simulator) -> Option<Due> {
    let id: i64 = id.parse().ok()?;
    let invoice = market.invoices.iter().find(|invoice| invoice.id == id)?;
    let platform = Some(simulator.stripe().platform_id());
    let due = match kind {
        "EXTRA_CREDITS" => {
            let account = account_of(&market.shops[invoice.shop], simulator);
            (invoice.credits, account)
        }
        "SUBSCRIPTION" => (invoice.subscription, platform),
        "EXTRA_INVOICES" => (invoice.other_invoices, platform),
        _ => return None,
    };
    (market.settles(invoice) && due.0 > 0).then_some(due)
}

/// The refunds of Mirakl that Stripe has made and that did not fail, by their ids.
pub(super) fn live_refunds(simulator: &Simulator) -> BTreeMap<String, Vec<Refund>> {
    let mut live: BTreeMap<String, Vec<Refund>> = BTreeMap::new();
    for refund in simulator.stripe().refunds() {
        let of = refund.metadata.get(REFUND_ID).cloned();
        if let Some(of) = of.filter(|_| refund.status != "failed") {
            live.entry(of).or_default().push(refund);
        }
    }
    live
}

/// Each refund that carries our name is one that Mirakl asks for, and the only one of it that reaches
/// the customer; where somebody made it by hand, that very one.
pub fn refunds(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, made) in live_refunds(simulator) {
        let due = market.refunds.iter().find(|refund| refund.id == id);
        let (Some(due), [made]) = (due, made.as_slice()) else {
            found.push(Invariant::Once.broken(format!("refund {id}: {due:?} is due, {made:?}")));
            continue;
        };
        if due
            .by_hand
            .as_ref()
            .is_some_and(|by_hand| *by_hand != made.id)
        {
            found.push(Invariant::Once.broken(format!("refund {id}: {due:?}, and {made:?}")));
        }
        let charge = &market.basket_of(&market.orders[due.order]).charge;
        if (made.amount, &made.charge) != (due.given, charge) {
            let what = format!("refund {id}: {due:?} is due of {charge}, {made:?}");
            found.push(Invariant::ToTheCent.broken(what));
        }
    }
    found
}

/// Each reversal of ours is one of a refund, and the only one of its transfer.
pub fn reversals(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let transfers = simulator.stripe().transfers().into_iter();
    let transfers: BTreeMap<String, Transfer> =
        transfers.map(|one| (one.id.clone(), one)).collect();
    for reversal in simulator.stripe().reversals() {
        let Some(id) = reversal.metadata.get(REFUND_ID) else {
            continue;
        };
        if !seen.insert((id.clone(), reversal.transfer.clone())) {
            found.push(Invariant::Once.broken(format!("a second reversal of {id}: {reversal:?}")));
        }
        let refund = market.refunds.iter().find(|refund| refund.id == *id);
        let transfer = transfers.get(&reversal.transfer);
        let due = refund.zip(transfer).and_then(|(refund, transfer)| {
            let order = transfer.metadata.get(MIRAKL_ID)?;
            let amount = match transfer.destination.as_str() {
                TAX_ACCOUNT => market.reversed_taxes(refund),
                _ => market.reversed(refund),
            };
            (market.orders[refund.order].id == *order).then_some(amount)
        });
        if due != Some(reversal.amount) {
            let what = format!("refund {id}: {due:?} is due back, {reversal:?}");
            found.push(Invariant::ToTheCent.broken(what));
        }
    }
    found
}

/// Each payment is captured or cancelled once, for what was accepted.
pub fn payments(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut captured: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for capture in simulator.stripe().captures() {
        captured
            .entry(capture.payment)
            .or_default()
            .push(capture.amount);
    }
    let cancelled = simulator.stripe().cancellations().into_iter();
    let cancelled: BTreeSet<String> = cancelled.map(|one| one.payment).collect();
    for (at, basket) in market.baskets.iter().enumerate() {
        let due = market.captured(at);
        let made = captured.remove(&basket.intent).unwrap_or_default();
        let right = match made.as_slice() {
            [] => true,
            [amount] => *amount == due && !basket.captured_at_once,
            _ => false,
        };
        if !right {
            let what = format!("{}: {due} is due, captured {made:?}", basket.id);
            found.push(Invariant::ToTheCent.broken(what));
        }
        if cancelled.contains(&basket.intent) && due > 0 {
            let what = format!("{}: cancelled, {due} was due", basket.id);
            found.push(Invariant::Once.broken(what));
        }
    }
    found
}

/// Each payout of ours is one of an invoice, and the only one of it that is not sent back.
pub fn payouts(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for payout in simulator.stripe().payouts() {
        let Some(id) = payout.metadata.get(INVOICE_ID) else {
            continue;
        };
        let gone = !matches!(payout.status.as_str(), "failed" | "canceled");
        if gone && !seen.insert(id.clone()) {
            found.push(Invariant::Once.broken(format!("a second payout of {id}: {payout:?}")));
        }
        let mut invoices = market.invoices.iter();
        let due = invoices.find(|invoice| invoice.id.to_string() == *id && market.settles(invoice));
        let due = due.map(|invoice| {
            let account = account_of(&market.shops[invoice.shop], simulator);
            (invoice.paid, account)
        });
        if due != Some((payout.amount, Some(payout.account.clone()))) {
            let what = format!("invoice {id}: {due:?} is due, {payout:?}");
            found.push(Invariant::ToTheCent.broken(what));
        }
    }
    found
}

/// No shop has two accounts.
pub fn accounts(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let shops = market.shops.iter();
    let several = shops.filter_map(|shop| {
        let accounts = simulator.stripe().accounts_for(shop.id);
        let what = format!("shop {} has {accounts:?}", shop.id);
        (accounts.len() > 1).then(|| Invariant::Once.broken(what))
    });
    several.collect()
}
