//! What has not moved although it is due, and the balances that all of it has to come to.

use std::collections::BTreeSet;

use crate::Simulator;

use super::moved::{INVOICE_ID, MIRAKL_ID, MIRAKL_TYPE, REFUND_ID, live_refunds};
use super::{Invariant, Violation};
use crate::prove::market::Market;
use crate::prove::story::TAX_ACCOUNT;

/// Everything that is due and has not moved.
pub fn movements(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut lost = Vec::new();
    of_orders(market, simulator, &mut lost);
    of_refunds(market, simulator, &mut lost);
    of_invoices(market, simulator, &mut lost);
    of_payments(market, simulator, &mut lost);
    lost.into_iter()
        .map(|what| Invariant::NothingLost.broken(what))
        .collect()
}

fn of_orders(market: &Market, simulator: &Simulator, lost: &mut Vec<String>) {
    let made: BTreeSet<(String, bool)> = simulator
        .stripe()
        .transfers()
        .into_iter()
        .filter_map(|transfer| {
            let order = transfer.metadata.get(MIRAKL_ID)?.clone();
            Some((order, transfer.destination == TAX_ACCOUNT))
        })
        .collect();
    for order in &market.orders {
        for (taxes, due) in [
            (false, market.sellers_part(order)),
            (true, market.taxes_part(order)),
        ] {
            if due > 0 && !made.contains(&(order.id.clone(), taxes)) {
                let part = if taxes { "taxes" } else { "seller" };
                lost.push(format!(
                    "{}: {due} for the {part} were never moved",
                    order.id
                ));
            }
        }
    }
}

fn of_refunds(market: &Market, simulator: &Simulator, lost: &mut Vec<String>) {
    let live = live_refunds(simulator);
    let reversals = simulator.stripe().reversals();
    for refund in &market.refunds {
        if refund.by_hand.is_none() && !live.contains_key(&refund.id) {
            lost.push(format!("{refund:?}: the customer never got it"));
        }
        let back = reversals.iter();
        let back = back.filter(|one| one.metadata.get(REFUND_ID) == Some(&refund.id));
        let back: i64 = back.map(|one| one.amount).sum();
        let due = market.reversed(refund) + market.reversed_taxes(refund);
        if back != due {
            lost.push(format!("{refund:?}: {back} came back of {due}"));
        }
    }
}

fn of_invoices(market: &Market, simulator: &Simulator, lost: &mut Vec<String>) {
    let transfers = simulator.stripe().transfers();
    let payouts = simulator.stripe().payouts();
    for invoice in market.invoices.iter().filter(|one| market.settles(one)) {
        let id = invoice.id.to_string();
        for (kind, due) in [
            ("EXTRA_CREDITS", invoice.credits),
            ("SUBSCRIPTION", invoice.subscription),
            ("EXTRA_INVOICES", invoice.other_invoices),
        ] {
            let made = transfers.iter().any(|transfer| {
                let of = |key: &str| transfer.metadata.get(key).map(String::as_str);
                of(MIRAKL_ID) == Some(&id) && of(MIRAKL_TYPE) == Some(kind)
            });
            if due > 0 && !made {
                lost.push(format!("invoice {id}: {kind} of {due} was never moved"));
            }
        }
        let paid = payouts.iter().any(|payout| {
            let live = !matches!(payout.status.as_str(), "failed" | "canceled");
            live && payout.metadata.get(INVOICE_ID) == Some(&id)
        });
        if !paid {
            lost.push(format!("invoice {id}: {} was never paid out", invoice.paid));
        }
    }
}

fn of_payments(market: &Market, simulator: &Simulator, lost: &mut Vec<String>) {
    for (at, basket) in market.baskets.iter().enumerate() {
        let due = market.captured(at);
        let Some(payment) = simulator.stripe().payment(&basket.intent) else {
            lost.push(format!("{}: no payment", basket.id));
            continue;
        };
        let kept = match due {
            0 => payment.canceled || payment.captured == payment.refunded,
            _ => payment.captured == due || (basket.captured_at_once && payment.captured > 0),
        };
        if !kept {
            lost.push(format!(
                "{}: {due} was to be captured, {payment:?}",
                basket.id
            ));
        }
    }
}
