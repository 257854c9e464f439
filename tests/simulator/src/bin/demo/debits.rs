//! The step about customers: accepted orders are confirmed on Mirakl and captured at Stripe.

use serde::Deserialize;
use serde_json::Value;

use super::baskets::{self, Books, MIXED};
use super::money::shown;
use super::page::{WIDTH, command, fitted, heading, say, table};
use super::story::Story;
use crate::common::captures::{Row, compare};
use crate::common::{Result, agreed};

const JOB: &str = "validate-pending-debit";
/// What is shown of the dry run: baskets, and what would happen with them.
const EXAMPLES: [(&str, &str); 4] = [
    ("C902", "confirm"),
    ("C902", "capture"),
    ("C904", "cancel"),
    ("C905", "hold"),
];

/// The calls that a dry run does not make.
const WRITES: [&str; 4] = [
    "PUT /api/payment/debit",
    "PUT /api/mms/debits",
    "POST /v1/payment_intents/{id}/capture",
    "POST /v1/payment_intents/{id}/cancel",
];

/// One line of the dry run's plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    commercial_order_id: String,
    action: String,
    amount: Option<i64>,
    currency: Option<String>,
    reason: String,
}

impl Story<'_> {
    /// Each basket is captured once, for what its sellers accepted. Returns the product that was sold
    /// with a service, as Mirakl shows it.
    pub(super) async fn confirm_and_capture(&self) -> Result<Value> {
        heading(
            4,
            "Customers have paid: accepted orders are confirmed and captured",
        );
        let books = baskets::open(self.simulator)?;
        say(
            "Eight baskets are authorised at Stripe, and their sellers have decided. What would happen with three of them:",
        );
        self.plan_debits().await?;
        self.run_as_cron(JOB).await?;
        let rows = Row::all(self.psql, self.database)?;
        self.show_captures(&books, &rows);
        let stripe = self.simulator.stripe();
        agreed(
            "Customers were not debited for what is due",
            &compare(stripe, &rows, &books.due),
        )?;
        let told = self.told_mirakl();
        if told != books.told {
            let due = books.told;
            return Err(format!("Mirakl was told {told:?} instead of {due:?}").into());
        }
        say(&format!(
            "Mirakl was told of {} orders, each once, and of none that is held. Stripe's ledger and the store agree to\n\
             the cent. These baskets are put aside here: what follows is about orders that were debited before.",
            told.len(),
        ));
        let mixed = self.simulator.mirakl().order(&format!("{}-A", MIXED.0));
        for order in &books.orders {
            self.simulator.mirakl().remove(order);
        }
        Ok(mixed.ok_or("the product that was sold with a service is gone")?)
    }

    /// The dry run, which leaves everything as it is.
    async fn plan_debits(&self) -> Result<()> {
        let asked = [JOB, "--dry-run", "--output", "json"];
        command(&asked);
        let planned: Vec<Planned> = serde_json::from_str(&self.program.tell(&asked).await?)?;
        let examples = EXAMPLES.iter().filter_map(|(basket, action)| {
            let mut planned = planned.iter();
            planned.find(|one| one.commercial_order_id == *basket && one.action == *action)
        });
        let lines: Vec<Vec<String>> = examples
            .map(|one| {
                let amount = one.amount.zip(one.currency.as_deref());
                let amount = amount.map(|(amount, currency)| shown(amount, currency));
                vec![
                    one.commercial_order_id.clone(),
                    one.action.clone(),
                    amount.unwrap_or_default(),
                    one.reason.clone(),
                ]
            })
            .collect();
        table(&[], &[2], &lines);
        if lines.len() != EXAMPLES.len() {
            return Err(format!("the dry run shows {} of {EXAMPLES:?}", lines.len()).into());
        }
        let sent: usize = WRITES.iter().map(|call| self.simulator.count(call)).sum();
        if sent > 0 {
            return Err(format!("the dry run sent {sent} requests").into());
        }
        Ok(())
    }

    /// What was authorised and taken by Stripe's ledger, and why by the store.
    fn show_captures(&self, books: &Books, rows: &[Row]) {
        let lines: Vec<Vec<String>> = rows
            .iter()
            .filter_map(|row| {
                let held = self.simulator.stripe().payment(&row.payment)?;
                let currency = held.currency.to_uppercase();
                let story = books.stories.get(row.basket.as_str()).copied();
                Some(vec![
                    row.basket.clone(),
                    story.unwrap_or_default().to_owned(),
                    shown(held.amount, &currency),
                    shown(held.captured, &currency),
                    fitted(row.why(), WIDTH - 56),
                ])
            })
            .collect();
        let header = ["basket", "", "authorised", "captured", "why"];
        table(&header, &[2, 3], &lines);
    }

    /// The orders that Mirakl was told of, and by which payments, in order.
    fn told_mirakl(&self) -> Vec<(String, String)> {
        let mirakl = self.simulator.mirakl();
        let products = mirakl.confirmations().into_iter();
        let products = products.map(|told| (told.order_id, told.transaction_number, told.status));
        let services = mirakl.service_confirmations().into_iter();
        let services = services.map(|told| (told.order_id, told.transaction_number, told.state));
        let mut told: Vec<(String, String)> = products
            .chain(services)
            .map(|(order, number, status)| match status.as_str() {
                "OK" => (order, number.unwrap_or_default()),
                other => (order, other.to_owned()),
            })
            .collect();
        told.sort();
        told
    }
}
