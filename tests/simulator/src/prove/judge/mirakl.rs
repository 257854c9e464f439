//! Whether Mirakl was told what Stripe did, once and with the right numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::Simulator;

use super::moved::REFUND_ID;
use super::{Invariant, Violation};
use crate::prove::market::Market;
use crate::prove::refunds::is_debited;

/// At no time Mirakl takes a confirmation of anything twice, or with another payment or amount.
pub fn confirmations(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    let mirakl = simulator.mirakl();
    let goods = mirakl.confirmations().into_iter();
    let goods = goods.filter(|told| told.applied).map(|told| {
        (
            told.order_id,
            told.status,
            told.transaction_number,
            told.amount,
        )
    });
    let services = mirakl.service_confirmations().into_iter();
    let services = services.filter(|told| told.applied).map(|told| {
        (
            told.order_id,
            told.state,
            told.transaction_number,
            told.amount,
        )
    });
    let mut seen = BTreeSet::new();
    for (id, status, number, amount) in goods.chain(services) {
        let order = market.order(&id);
        let right = order.is_some_and(|order| {
            let basket = market.basket_of(order);
            let paid = amount.as_deref().map(normal);
            let due = normal(&basket.coin.decimal(order.debited()));
            status == "OK" && number.as_deref() == Some(&basket.intent) && paid == Some(due)
        });
        if !right {
            let what = format!("{id}: told {status} by {number:?} of {amount:?}, {order:?}");
            found.push(Invariant::MiraklAgrees.broken(what));
        }
        if !seen.insert(id.clone()) {
            found.push(Invariant::MiraklAgrees.broken(format!("{id}: confirmed twice")));
        }
    }
    found
}

/// Decimals without the zeros at their ends.
fn normal(decimal: &str) -> String {
    match decimal.contains('.') {
        true => decimal
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => decimal.to_owned(),
    }
}

/// In the end every debit and every refund is confirmed, each refund by one that Stripe made for it.
pub fn told(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    for order in &market.orders {
        let due = order.is_sold() && !market.basket_of(order).dead;
        if due && !is_debited(order, simulator) {
            let what = format!("{}: Mirakl was never told of the debit", order.id);
            found.push(Invariant::MiraklAgrees.broken(what));
        }
    }
    let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for refund in simulator.stripe().refunds() {
        if let Some(of) = refund.metadata.get(REFUND_ID) {
            made.entry(of.clone()).or_default().insert(refund.id);
        }
    }
    let mirakl = simulator.mirakl();
    let goods = mirakl.refund_confirmations().into_iter();
    let goods = goods
        .filter(|told| told.applied)
        .map(|told| (told.refund_id, told.transaction_number));
    let services = mirakl.service_refund_confirmations().into_iter();
    let services = services
        .filter(|told| told.applied)
        .map(|told| (told.refund_id, told.transaction_number));
    let told: Vec<(String, Option<String>)> = goods.chain(services).collect();
    for refund in &market.refunds {
        let mut numbers = told.iter().filter(|(id, _)| *id == refund.id);
        let (first, second) = (numbers.next(), numbers.next());
        let number = first.and_then(|(_, number)| number.as_ref());
        let known = match &refund.by_hand {
            Some(by_hand) => number == Some(by_hand),
            None => number.is_some_and(|number| {
                let made = made.get(&refund.id);
                made.is_some_and(|made| made.contains(number))
            }),
        };
        if !known || second.is_some() {
            let what = format!("{refund:?}: Mirakl was told {first:?}, {second:?}");
            found.push(Invariant::MiraklAgrees.broken(what));
        }
    }
    found
}

/// In the end the back office shows each seller the dashboard, and Mirakl knows that it is approved.
pub fn shops(market: &Market, simulator: &Simulator) -> Vec<Violation> {
    let mut found = Vec::new();
    for shop in market.shops.iter().filter(|shop| shop.verified) {
        let shown = simulator.mirakl().shop(shop.id);
        let status = shown.map(|shown| shown["kyc"]["status"].clone());
        let field = simulator.mirakl().shop_field(shop.id, "stripe-url");
        let ready = field.as_deref() == Some("https://connect.stripe.com/express_login");
        if !ready || status.as_ref().is_none_or(|status| status != "APPROVED") {
            let what = format!("shop {}: {status:?}, {field:?}", shop.id);
            found.push(Invariant::MiraklAgrees.broken(what));
        }
    }
    found
}
