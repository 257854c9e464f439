//! The scenario of baskets: what `validate-pending-debit` takes to confirm and capture them, and
//! what a run with nothing new takes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{LineSeed, OrderSeed, PaymentSeed, Simulator};

use super::database::Server;
use super::load::{customer, euros};
use super::scenario::{Name, Scenario, Targets};
use super::table::Measured;
use super::track::Track;
use crate::common::captures::{Due, compare};
use crate::common::{Result, agreed};

const JOB: &str = "validate-pending-debit";
/// The two shops of every basket.
const SHOPS: [(i64, &str); 2] = [(2000, "A"), (2001, "B")];

/// A marketplace that is ready to be run on.
pub struct Baskets<'a> {
    track: Track<'a>,
    /// What is to be captured of each payment: all of it.
    payments: BTreeMap<String, Due>,
    /// The transaction number that each order is to be confirmed with.
    orders: HashMap<String, String>,
}

impl<'a> Baskets<'a> {
    /// This many baskets of two accepted orders each, authorised and neither confirmed nor captured.
    pub async fn build(
        server: &'a Server,
        path: &Path,
        scenario: &Scenario,
        number: i64,
    ) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        let (mut payments, mut orders) = (BTreeMap::new(), HashMap::new());
        let newest = track.simulator.clock().now() - TimeDelta::hours(1);
        for place in 1..=number {
            // An authorisation holds for a week.
            let at = newest - TimeDelta::minutes(10 * (number - place));
            let (intent, amount, sold) = sell(&track.simulator, place, at)?;
            orders.extend(sold.into_iter().map(|order| (order, intent.clone())));
            payments.insert(intent, Due::captured(amount));
        }
        track.slow_down(scenario);
        Ok(Self {
            track,
            payments,
            orders,
        })
    }

    /// Runs the job, then five times more with nothing new.
    pub async fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let (name, title) = (scenario.name, scenario.title);
        let first = self.run(name, title, scenario.targets).await?;
        let title = "the same, nothing new (median of 5)";
        let mut runs = Vec::new();
        for _ in 0..5 {
            let idle = self.run(Name::DebitsIdle, title, Targets::default());
            runs.push(idle.await?);
        }
        Ok(vec![first, Measured::median(runs)])
    }

    /// One run; an error if not everything is confirmed and captured exactly once after it.
    async fn run(&self, name: Name, title: &'static str, targets: Targets) -> Result<Measured> {
        let stripe = self.track.simulator.stripe();
        let before = stripe.captures().len();
        let run = self.track.run(JOB).await?;
        let mut differences = self.not_confirmed();
        let rows = self.track.database.captures()?;
        differences.extend(compare(stripe, &rows, &self.payments));
        agreed(
            "orders were not confirmed, or payments not captured, exactly once",
            &differences,
        )?;
        Ok(Measured {
            name,
            title,
            made: u64::try_from(stripe.captures().len() - before)?,
            run,
            targets,
        })
    }

    /// Orders that were not confirmed exactly once, by the payment of their basket.
    fn not_confirmed(&self) -> Vec<String> {
        let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for told_once in self.track.simulator.mirakl().confirmations() {
            let of_order = told.entry(told_once.order_id.clone()).or_default();
            of_order.push(told_once);
        }
        let mut differences = Vec::new();
        for (order, number) in &self.orders {
            let told = told.remove(order).unwrap_or_default();
            let good = |only: &simulator::Confirmation| {
                only.applied
                    && only.status == "OK"
                    && only.transaction_number.as_ref() == Some(number)
            };
            if !matches!(told.as_slice(), [only] if good(only)) {
                differences.push(format!("{order}: paid by {number}, Mirakl knows {told:?}"));
            }
        }
        differences.extend(told.keys().map(|order| format!("{order}: was not asked")));
        differences
    }
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
