//! The step about customers: their orders are accepted, confirmed on Mirakl and captured at Stripe.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use simulator::{DebitSeed, LineSeed, OrderSeed, PaymentSeed, ServiceSeed};

use super::money::{major, shown};
use super::page::{WIDTH, command, fitted, heading, say, table};
use super::shops::{READY, SERVICE};
use super::story::Story;
use crate::common::captures::{Due, Row, compare};
use crate::common::{Result, agreed};

const JOB: &str = "validate-pending-debit";
/// What the dry run is shown of.
const SHOWN: [(&str, &str); 4] = [
    ("C902", "confirm"),
    ("C902", "capture"),
    ("C904", "cancel"),
    ("C905", "hold"),
];

/// One line of the dry run's plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    commercial_order_id: String,
    mirakl_id: Option<String>,
    action: String,
    amount: Option<i64>,
    currency: Option<String>,
    reason: String,
}

/// The baskets of this step, and what is to become of them.
#[derive(Default)]
struct Counter {
    /// Of each basket in words.
    stories: BTreeMap<&'static str, &'static str>,
    /// Of each payment.
    due: BTreeMap<String, Due>,
    /// Each order that Mirakl is to be told of, and the payment that covers it.
    told: Vec<(String, String)>,
    /// Orders of products.
    orders: Vec<String>,
}

impl Story<'_> {
    /// Accepted orders are confirmed and captured.
    pub(super) async fn confirm_and_capture(&self) -> Result<()> {
        heading(
            4,
            "Customers have paid: accepted orders are confirmed and captured",
        );
        let mut counter = self.eight_baskets()?;
        say(
            "Eight baskets are authorised at Stripe, and their sellers have decided. What would happen, of three of them:",
        );
        self.plan_debits().await?;
        self.run_as_cron(JOB).await?;
        let rows = Row::all(self.psql, self.database)?;
        self.show_captures(&counter, &rows);
        let differences = compare(self.simulator.stripe(), &rows, &counter.due);
        agreed(
            "Customers were not debited as their orders are due",
            &differences,
        )?;
        let mut told = self.told_mirakl();
        told.sort();
        counter.told.sort();
        if told != counter.told {
            let due = counter.told;
            return Err(format!("Mirakl was told {told:?} instead of {due:?}").into());
        }
        say(&format!(
            "Mirakl was told of {} orders and services, each once, and of none that is held. Stripe's ledger and the store\n\
             agree to the cent. These baskets are put aside: the sellers of the next step sold others, debited before.",
            told.len(),
        ));
        for order in &counter.orders {
            self.simulator.mirakl().remove(order);
        }
        Ok(())
    }

    /// One basket of each kind.
    fn eight_baskets(&self) -> Result<Counter> {
        let mut counter = Counter::default();
        let at = self.simulator.clock().now() - TimeDelta::hours(6);
        let line = LineSeed::new;
        let held = |code| Due {
            status: "CAPTURE_ON_HOLD",
            action: None,
            captured: 0,
            code: Some(code),
        };
        let released = Due {
            action: Some("CANCEL"),
            ..Due::captured(0)
        };
        let waits = OrderSeed::waiting_debit;
        let mut sell = |basket, story, due: Due, (amount, currency), orders: Vec<Vec<_>>| {
            self.authorise(&mut counter, (basket, story), due, (amount, currency), at)?;
            let letters = ["A", "B"].into_iter().zip(READY);
            for ((letter, shop), lines) in letters.zip(orders) {
                let id = format!("{basket}-{letter}");
                let seed = OrderSeed::new(&id, basket, shop).created_at(at);
                let seed = lines.into_iter().fold(seed, OrderSeed::line);
                let seed = match due.action {
                    Some("CANCEL") => seed.state("REFUSED").unpaid(),
                    _ => waits(seed),
                };
                counter.orders.push(self.simulator.mirakl().put(seed));
            }
            Result::Ok(())
        };
        let all = Due::captured;
        sell("C901", "two orders, accepted", all(8000), (8000, "EUR"), vec![
            vec![line("49.90")],
            vec![line("30.10")],
        ])?;
        sell("C902", "one line refused", all(6000), (7550, "EUR"), vec![vec![
            line("60.00"),
            line("15.50").state("REFUSED"),
        ]])?;
        sell("C903", "a part cancelled", all(3600), (4800, "EUR"), vec![vec![
            line("36.00").canceled_part("12.00", "0.00"),
        ]])?;
        sell("C904", "every order refused", released, (2500, "EUR"), vec![vec![
            line("25.00").state("REFUSED"),
        ]])?;
        sell("C905", "paid in dollars", held("other_currency"), (4000, "USD"), vec![vec![
            line("40.00"),
        ]])?;
        sell("C906", "paid too little", held("covers_less"), (2000, "EUR"), vec![vec![
            line("29.99"),
        ]])?;
        let declined = PaymentSeed::new(5500, "eur").basket("C907").failed();
        self.simulator.stripe().pay(declined.created_at(at));
        sell("C907", "first card declined", all(5500), (5500, "EUR"), vec![vec![
            line("55.00"),
        ]])?;
        sell("C908", "a product and a service", all(5000), (5000, "EUR"), vec![vec![
            line("18.00"),
        ]])?;
        Ok(counter)
    }
}
