//! The step about payouts: invoices are settled, and sellers' banks get what is theirs.

use std::collections::BTreeMap;

use serde::Deserialize;
use simulator::{Effect, Fault, When};

use super::invoices::{self, Billed, SENT_BACK, SHORT, WHOLE};
use super::money::major;
use super::page::{command, heading, say, table};
use super::story::{LATENCY, Story, run_as_cron};
use super::told::{self, Told};
use crate::common::agreement::{self, compare};
use crate::common::payout_ledger::{Ledger, is_movement};
use crate::common::payouts::{self, Due, Row};
use crate::common::{Result, agreed};
use simulator::drive::{Finished, Program};

const JOB: &str = "process-payout";
/// The call at which the run dies: the one that charges a subscription.
const DEADLY_CALL: usize = 15;
/// The calls that a dry run does not make.
const WRITES: [&str; 2] = ["POST /v1/payouts", "POST /v1/transfers"];
/// As if three days had passed since the last run.
const THREE_DAYS: [&str; 2] = [
    "update payouts set next_look_at = next_look_at - interval '3 days', \
                        follow_at = follow_at - interval '3 days'",
    "update checkpoints set updated_at = updated_at - interval '3 days' where stream = 'invoices'",
];

/// One line of the dry run's plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    mirakl_invoice_id: String,
    action: String,
    amount: Option<i64>,
    movements: Vec<Moved>,
    available: Option<i64>,
    missing: Option<i64>,
}

#[derive(Deserialize)]
struct Moved {
    r#type: String,
    amount: i64,
}

impl Story<'_> {
    /// Each invoice is settled and paid out once, though a run is killed and a bank sends money back.
    pub(super) async fn pay_the_banks(&self, program: &Program) -> Result<()> {
        heading(11, "The billing cycle closes: payouts");
        let billed = invoices::close_the_cycle(self.simulator)?;
        say("Three invoices are made on Mirakl. What would happen with them, in euros:");
        self.plan_payouts(program, &billed).await?;
        self.die_among_payouts(program).await?;
        run_as_cron(program, JOB).await?;
        let due = |of: fn(&Billed) -> &Due| -> BTreeMap<i64, Due> {
            let due = billed.iter();
            due.map(|(id, one)| (*id, of(one).clone())).collect()
        };
        self.judge_payouts(program, &due(|one| &one.first)).await?;
        say(&format!(
            "Three days later, here by moving the clock and the store, the seller of {} has sold again, and a bank sends\n\
             back what it got for {}:",
            SHORT.0, SENT_BACK.0,
        ));
        invoices::three_days_later(self.simulator)?;
        for sql in THREE_DAYS {
            self.psql.execute(self.database, sql)?;
        }
        run_as_cron(program, JOB).await?;
        let rows: Vec<Row> = program.list("payouts").await?;
        let ledger = Ledger::of(self.simulator);
        show(&billed, &ledger, &rows);
        self.judge_payouts(program, &due(|one| &one.last)).await?;
        self.judge_what_was_told(program).await?;
        let (moved, paid) = ledger.made();
        say(&format!(
            "By the ledger and by the store, Stripe made {moved} transfers and {paid} payouts, each once and to the cent. What came\n\
             back is the seller's at Stripe; the operator's server was told of it once, and tomorrow it is tried again.",
        ));
        Ok(())
    }

    /// The dry run, which leaves everything as it is.
    async fn plan_payouts(&self, program: &Program, billed: &BTreeMap<i64, Billed>) -> Result<()> {
        let before: usize = WRITES.iter().map(|call| self.simulator.count(call)).sum();
        let asked = [JOB, "--dry-run", "--output", "json"];
        command(&asked);
        let planned: Vec<Planned> = serde_json::from_str(&program.tell(&asked).await?)?;
        let euros =
            |cents: Option<i64>| cents.map_or_else(String::new, |cents| major(cents, "EUR"));
        let lines = billed.iter().filter_map(|(id, one)| {
            let mut planned = planned.iter();
            let planned = planned.find(|one| one.mirakl_invoice_id == id.to_string())?;
            let moved = planned.movements.iter();
            let moved: Vec<String> = moved
                .map(|moved| format!("{} {}", moved.r#type, major(moved.amount, "EUR")))
                .collect();
            Some(vec![
                id.to_string(),
                format!("shop {}", one.shop),
                planned.action.clone(),
                euros(planned.amount),
                euros(planned.available),
                euros(planned.missing),
                moved.join(", "),
            ])
        });
        let lines: Vec<Vec<String>> = lines.collect();
        let header = [
            "",
            "",
            "",
            "payout",
            "available",
            "missing",
            "transfers before",
        ];
        table(&header, &[3, 4, 5], &lines);
        if lines.len() != billed.len() {
            return Err(format!("the dry run shows {} invoices", lines.len()).into());
        }
        let after: usize = WRITES.iter().map(|call| self.simulator.count(call)).sum();
        match after - before {
            0 => Ok(()),
            sent => Err(format!("the dry run sent {sent} requests").into()),
        }
    }

    /// The first run, killed when Stripe has just charged the seller.
    async fn die_among_payouts(&self, program: &Program) -> Result<()> {
        let faults = self.simulator.faults();
        // The other two sellers are done before the first transfer is.
        let slow = Fault::on("POST /v1/transfers").then(Effect::Delay(LATENCY * 16));
        faults.add(slow);
        let switch = faults.kill_at_call(DEADLY_CALL, When::After);
        command(&[JOB]);
        let child = program.spawn(&[JOB])?;
        switch.arm(child.id().ok_or("the run ended before it began")?);
        let finished = Finished::of(child).await?;
        if !switch.fired() || finished.code.is_some() {
            return Err("the first run ended before it could be killed".into());
        }
        // What had left the dead process is still carried out.
        tokio::time::sleep(LATENCY * 8).await;
        let (moved, paid) = Ledger::of(self.simulator).made();
        let rows: Vec<agreement::Row> = program.list("transfers").await?;
        let mut movements = rows.iter().filter(|row| payouts::is_movement(row));
        let in_doubt = movements.find(|row| row.status == "TRANSFER_PENDING");
        let in_doubt = in_doubt.ok_or("the killed run left nothing in doubt")?;
        say(&format!(
            "It got SIGKILL after Stripe had carried out {} of {} and before it could answer.\n\
             By then Stripe had made {moved} transfers and {paid} payout. Cron comes round again:",
            in_doubt.r#type, in_doubt.mirakl_id,
        ));
        if in_doubt.mirakl_id != WHOLE.0.to_string() || (moved, paid) != (2, 1) {
            return Err(format!("killed at another call: {moved}, {paid}, {in_doubt:?}").into());
        }
        Ok(())
    }

    /// An error if the ledger, the store and what is due differ.
    async fn judge_payouts(&self, program: &Program, due: &BTreeMap<i64, Due>) -> Result<()> {
        let rows: Vec<Row> = program.list("payouts").await?;
        let transfers: Vec<agreement::Row> = program.list("transfers").await?;
        agreed(
            "Payouts are not what is due",
            &payouts::compare(&Ledger::of(self.simulator), &rows, &transfers, due),
        )
    }

    /// Orders are as they were, and a further run has nothing new to tell the operator's server.
    async fn judge_what_was_told(&self, program: &Program) -> Result<()> {
        program.tell(&[JOB]).await?;
        let mut transfers = self.simulator.stripe().transfers();
        transfers.retain(|transfer| !is_movement(transfer));
        let mut rows: Vec<agreement::Row> = program.list("transfers").await?;
        rows.retain(|row| !payouts::is_movement(row));
        let mut differences = compare(&transfers, &rows, &self.market.due).differences;
        differences.extend(told::differences(self, &rows).await?);
        let told = Told::by(self).payouts;
        if told != BTreeMap::from([(SENT_BACK.0, 1)]) {
            differences.push(format!("failed payouts were told of {told:?}"));
        }
        agreed("Something else happened beside the payouts", &differences)
    }
}

/// Each invoice: the store's word on it, and what the ledger says of its money.
fn show(billed: &BTreeMap<i64, Billed>, ledger: &Ledger, rows: &[Row]) {
    command(&["list", "payouts", "--output", "json"]);
    let lines = billed.iter().filter_map(|(id, one)| {
        let row = rows.iter().find(|row| row.mirakl_invoice_id == *id)?;
        let moved: Vec<String> = ledger
            .moved(*id)
            .iter()
            .map(|moved| major(moved.amount, "EUR"))
            .collect();
        let paid = ledger.payouts(*id).iter();
        let paid = paid.filter(|payout| !Ledger::came_back(payout));
        let why = row.reason_code.as_ref();
        let why = why.filter(|_| row.status != "PAYOUT_CREATED");
        Some(vec![
            id.to_string(),
            one.story.to_owned(),
            row.status.clone(),
            moved.join(" + "),
            major(paid.map(|payout| payout.amount).sum(), "EUR"),
            row.stripe_status.clone().unwrap_or_default(),
            why.cloned().unwrap_or_default(),
        ])
    });
    let header = [
        "",
        "in EUR",
        "list payouts",
        "moved",
        "to the bank",
        "at Stripe",
        "why",
    ];
    table(&header, &[4], &lines.collect::<Vec<_>>());
}
