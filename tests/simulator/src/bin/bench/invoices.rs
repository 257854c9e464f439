//! The scenarios of invoices: what `process-payout` takes to settle and pay them, and what a run takes
//! that knows ten thousand payouts and has nothing to do.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::{InvoiceSeed, Simulator};

use super::database::Server;
use super::load::{self, SHOPS, euros};
use super::scenario::{Name, SWEEP, Scenario, Targets};
use super::table::Measured;
use super::track::Track;
use crate::common::payout_ledger::Ledger;
use crate::common::payouts::{Due, Row, compare};
use crate::common::{Result, account_of, agreed, agreement};

const JOB: &str = "process-payout";
/// As if the last sweep over Mirakl's list had been made yesterday.
const A_DAY_LATER: &str =
    "update checkpoints set updated_at = updated_at - interval '1 day' where stream = 'invoices'";

/// A marketplace that is ready to be run on.
pub struct Invoices<'a> {
    track: Track<'a>,
    due: BTreeMap<i64, Due>,
}

impl<'a> Invoices<'a> {
    /// This many invoices that are new; each moves a credit, a subscription and a manual invoice before
    /// its payout, or nothing.
    pub async fn build(
        server: &'a Server,
        path: &Path,
        scenario: &Scenario,
        number: i64,
        moves: bool,
    ) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        load::open_shops(&track.simulator);
        track.link(SHOPS).await?;
        let simulator = &track.simulator;
        let newest = simulator.clock().now() - TimeDelta::hours(1);
        let invoices = (1..=number).map(|place| {
            let at = newest - TimeDelta::seconds(number - place);
            let (seed, due) = invoice(place, at, moves);
            simulator.mirakl().put_invoice(seed);
            let stripe = simulator.stripe();
            stripe.add_funds(&due.account, "eur", 50_000);
            stripe.add_funds(&stripe.platform_id(), "eur", 1_000);
            (place, due)
        });
        let due = invoices.collect();
        track.slow_down(scenario);
        Ok(Self { track, due })
    }

    /// This many invoices that were paid out weeks ago. The program itself takes their payouts over.
    pub async fn build_paid(
        server: &'a Server,
        path: &Path,
        scenario: &Scenario,
        number: i64,
    ) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        load::open_shops(&track.simulator);
        track.link(SHOPS).await?;
        let simulator = &track.simulator;
        // Within 24 and 12 days: none is followed any more.
        let newest = simulator.clock().now() - TimeDelta::days(12);
        let apart = 12 * 24 * 3600 / number.max(1);
        let invoices = (1..=number).map(|place| {
            let at = newest - TimeDelta::seconds(apart * (number - place));
            let (seed, due) = invoice(place, at, false);
            simulator.mirakl().put_invoice(seed);
            paid(simulator, place, &due, at + TimeDelta::minutes(10));
            (place, due)
        });
        let due = invoices.collect();
        track.program.tell(&[JOB]).await?;
        track.slow_down(scenario);
        Ok(Self { track, due })
    }

    /// Runs the job once on new invoices; on paid ones five times with nothing to do, then with the
    /// day's sweep over Mirakl's list.
    pub async fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let (name, title) = (scenario.name, scenario.title);
        if name != Name::PayoutsIdle {
            return Ok(vec![self.run(name, title, scenario.targets).await?]);
        }
        let mut runs = Vec::new();
        for _ in 0..5 {
            runs.push(self.run(name, title, scenario.targets).await?);
        }
        self.track.database.execute(A_DAY_LATER)?;
        let title = "the same, with the day's sweep";
        let sweep = self.run(name, title, SWEEP).await?;
        Ok(vec![Measured::median(runs), sweep])
    }

    /// One run; an error if not every invoice is settled and paid out exactly once after it.
    async fn run(&self, name: Name, title: &'static str, targets: Targets) -> Result<Measured> {
        let (_, before) = Ledger::of(&self.track.simulator).made();
        let run = self.track.run(JOB).await?;
        let ledger = Ledger::of(&self.track.simulator);
        let rows: Vec<Row> = self.track.program.list("payouts").await?;
        let transfers: Vec<agreement::Row> = self.track.program.list("transfers").await?;
        agreed(
            "invoices were not settled and paid out exactly once",
            &compare(&ledger, &rows, &transfers, &self.due),
        )?;
        let (_, after) = ledger.made();
        Ok(Measured {
            name,
            title,
            made: u64::try_from(after - before)?,
            run,
            targets,
        })
    }
}

/// An invoice of the next shop, and what is due of it.
fn invoice(place: i64, at: DateTime<Utc>, moves: bool) -> (InvoiceSeed, Due) {
    let shop = SHOPS.start + place % (SHOPS.end - SHOPS.start);
    let amount = 8_000 + place % 5_000;
    let seed = InvoiceSeed::new(place, shop).created_at(at);
    let seed = seed.transferred(&euros(amount));
    let mut due = Due {
        account: account_of(shop),
        paid: Some(amount),
        status: "PAYOUT_CREATED",
        ..Due::default()
    };
    if !moves {
        return (seed, due);
    }
    due.moved = vec![
        ("EXTRA_CREDITS", 500),
        ("EXTRA_INVOICES", 301),
        ("SUBSCRIPTION", 999),
    ];
    let seed = seed
        .other_credits("5.00")
        .other_invoices("-3.01")
        .subscription("-9.99");
    (seed, due)
}

/// The payout that the program made for an invoice before its database was lost.
fn paid(simulator: &Simulator, invoice: i64, due: &Due, at: DateTime<Utc>) {
    let id = invoice.to_string();
    let address = simulator.mirakl().url();
    let host = address.strip_prefix("http://").unwrap_or(&address);
    let names = [
        ("miraklHost", host),
        ("miraklId", id.as_str()),
        ("miraklType", "INVOICE"),
        ("invoiceId", id.as_str()),
        ("pluginName", "mirakl-stripe"),
    ];
    let amount = due.paid.unwrap_or_default();
    let stripe = simulator.stripe();
    stripe.old_payout(&due.account, amount, "eur", &names, at);
}
