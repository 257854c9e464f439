//! Orders that wait, end or are not ours to pay, each kind for a reason of its own.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use simulator::{LineSeed, OrderSeed, PaymentSeed};

use super::market::{Market, debited_after};
use super::sale::Sale;

/// Adds them all.
pub fn add(market: &mut Market) {
    by_their_state(market);
    by_their_payment(market);
    by_their_content(market);
}

/// Not debited, not accepted, or ended.
fn by_their_state(market: &mut Market) {
    for _ in 0..6 {
        let (sale, at) = market.plain_sale();
        market.show_undebited(sale, at);
    }
    odd(market, 4, |order, _| {
        order.state("WAITING_ACCEPTANCE").unpaid()
    });
    odd(market, 3, |order, _| order.state("REFUSED"));
    odd(market, 3, |order, _| order.state("CANCELED").unpaid());
    odd(market, 1, |order, _| order.state("WAITING_FOR_THE_TIDE"));
    odd(market, 2, |order, at| {
        let line = LineSeed::new("12.00").commission("1.20");
        let order = order.workflow("PAY_ON_SHIPMENT");
        order.line(line.debited_at(None)).debited_at(Some(at))
    });
    odd(market, 3, |order, at| {
        order.debited_at(Some(at - TimeDelta::days(60)))
    });
    odd(market, 3, |order, _| order.directly_paid());
}

/// Paid in a way that nothing can be transferred from, or not yet.
fn by_their_payment(market: &mut Market) {
    paid(market, 3, PaymentSeed::authorized);
    paid(market, 2, PaymentSeed::processing);
    paid(market, 1, PaymentSeed::canceled);
    paid(market, 1, |payment| payment.bare_charge().failed());
    paid(market, 1, |payment| payment.settlement("usd"));
    for _ in 0..2 {
        let (sale, at) = market.plain_sale();
        let dollars = PaymentSeed::new(sale.customer, "usd").created_at(at);
        let charge = market.stripe.pay(dollars).charge;
        market.show(debited(sale, at), at, Some(&charge));
    }
    for _ in 0..3 {
        let (sale, at) = market.plain_sale();
        let charge = market.pay(&sale, at, |payment| payment).charge;
        market.stripe.refund(&charge, sale.customer);
        market.show(debited(sale, at), at, Some(&charge));
    }
    for number in [
        Some("pi_3QnobodyKnowsThisOne"),
        Some("ch_3QnorThisOne"),
        Some("BANK-2026-0042"),
        Some("INVOICE 77"),
        None,
        None,
    ] {
        let (sale, at) = market.plain_sale();
        market.show(debited(sale, at), at, number);
    }
    let (sale, at) = market.plain_sale();
    for _ in 0..2 {
        market.pay(&sale, at, |payment| payment.basket(&sale.basket));
    }
    market.show(debited(sale, at), at, None);
}

/// Orders whose amounts or fields do not let them be paid.
fn by_their_content(market: &mut Market) {
    odd(market, 1, |order, _| order.without("currency_iso_code"));
    odd(market, 1, |order, _| {
        order.line(LineSeed::new("10.005").commission("1.00"))
    });
    odd(market, 1, |order, _| order.set("total_price", json!(1)));
    odd(market, 2, |order, _| {
        // The operator's commission is all of it.
        let order = order.set("/order_lines/0/total_commission", json!(44.44));
        order.set("total_commission", json!(44.44))
    });
}

/// Paid orders of which Mirakl shows something odd.
fn odd(market: &mut Market, number: usize, change: impl Fn(OrderSeed, DateTime<Utc>) -> OrderSeed) {
    for _ in 0..number {
        let (sale, at) = market.plain_sale();
        let sale = debited(sale, at);
        let intent = market.pay(&sale, at, |payment| payment).intent;
        let sale = sale.but(|order| change(order, at));
        market.show(sale, at, intent.as_deref());
    }
}

/// Plain orders whose payment is in some other stage than captured.
fn paid(market: &mut Market, number: usize, change: impl Fn(PaymentSeed) -> PaymentSeed) {
    for _ in 0..number {
        let (sale, at) = market.plain_sale();
        let paid = market.pay(&sale, at, &change);
        let number = paid.intent.unwrap_or(paid.charge);
        market.show(debited(sale, at), at, Some(&number));
    }
}

fn debited(sale: Sale, at: DateTime<Utc>) -> Sale {
    sale.but(|order| order.debited_at(Some(debited_after(at))))
}
