//! Baskets: what `validate-pending-debit` is to confirm and capture, and whether it did.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{LineSeed, OrderSeed, PaymentSeed, Simulator};

use super::market::Judged;
use super::orders::{customer, euros};
use super::track::Track;
use crate::common::Result;
use crate::common::captures::{Due, compare};

/// The two shops of every basket.
const SHOPS: [(i64, &str); 2] = [(2000, "A"), (2001, "B")];

/// What is due.
#[derive(Default)]
pub struct Baskets {
    /// What is to be captured of each payment: all of it.
    payments: BTreeMap<String, Due>,
    /// The transaction number that each order is to be confirmed with.
    orders: HashMap<String, String>,
}

/// This many baskets of two accepted orders each, authorised and neither confirmed nor captured.
pub fn fill(simulator: &Simulator, number: i64) -> Result<Baskets> {
    let mut baskets = Baskets::default();
    let newest = simulator.clock().now() - TimeDelta::hours(1);
    // An authorisation holds for a week.
    let apart = (6 * 24 * 3600 / number.max(1)).min(600);
    for place in 1..=number {
        let at = newest - TimeDelta::seconds(apart * (number - place));
        let (intent, amount, sold) = sell(simulator, place, at)?;
        let orders = sold.into_iter().map(|order| (order, intent.clone()));
        baskets.orders.extend(orders);
        baskets.payments.insert(intent, Due::captured(amount));
    }
    Ok(baskets)
}

/// Whether everything is confirmed and captured exactly once. Old rows are not looked at.
pub fn judge(track: &Track<'_>, due: &Baskets) -> Result<Judged> {
    let stripe = track.simulator.stripe();
    let mut differences = not_confirmed(&track.simulator, &due.orders);
    let mut rows = track.database.captures()?;
    rows.retain(|row| !row.basket.starts_with("old"));
    differences.extend(compare(stripe, &rows, &due.payments));
    Ok(Judged {
        made: stripe.captures().len(),
        differences,
    })
}

/// Orders that were not confirmed exactly once, by the payment of their basket.
fn not_confirmed(simulator: &Simulator, orders: &HashMap<String, String>) -> Vec<String> {
    let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for told_once in simulator.mirakl().confirmations() {
        let of_order = told.entry(told_once.order_id.clone()).or_default();
        of_order.push(told_once);
    }
    let mut differences = Vec::new();
    for (order, number) in orders {
        let told = told.remove(order).unwrap_or_default();
        let good = |only: &simulator::Confirmation| {
            only.applied && only.status == "OK" && only.transaction_number.as_ref() == Some(number)
        };
        if !matches!(told.as_slice(), [only] if good(only)) {
            differences.push(format!("{order}: paid by {number}, Mirakl knows {told:?}"));
        }
    }
    differences.extend(told.keys().map(|order| format!("{order}: was not asked")));
    differences
}

/// One authorised basket; its payment, the amount in cents, and its orders.
fn sell(
    simulator: &Simulator,
    place: i64,
    at: DateTime<Utc>,
) -> Result<(String, i64, Vec<String>)> {
    let basket = format!("C{place}");
    let price = 1000 + place % 5000;
    let prices = [price, price + 250];
    let amount = prices.iter().sum();
    let seed = PaymentSeed::new(amount, "eur").basket(&basket).authorized();
    let paid = simulator.stripe().pay(seed.created_at(at));
    let orders = SHOPS
        .into_iter()
        .zip(prices)
        .map(|((shop, letter), price)| {
            let line = LineSeed::new(&euros(price)).commission(&euros(price / 10));
            let seed = OrderSeed::new(&format!("{basket}-{letter}"), &basket, shop)
                .line(line)
                .waiting_debit()
                .created_at(at)
                .updated_at(at + TimeDelta::minutes(5))
                .set("customer", customer(place));
            simulator.mirakl().put(seed)
        });
    let orders = orders.collect();
    let intent = paid.intent.ok_or("the payment has no intent")?;
    Ok((intent, amount, orders))
}
