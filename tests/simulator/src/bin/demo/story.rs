//! The steps of the demo, in the order they are told.

use std::time::Duration;

use simulator::{Effect, Fault, Mailbox, Receiver, Simulator, When};

use super::market::Market;
use super::page::{command, heading, quote, say};
use super::shops::{self, BLOCKED, OWN_TEXT};
use super::told::{self, Told};
use super::{orders, report, sellers};
use crate::common::agreement::Row;
use crate::common::{Result, agreed};
use simulator::drive::Psql;
use simulator::drive::{Finished, Program};

/// Latencies of a small marketplace at hand.
pub const LATENCY: Duration = Duration::from_millis(25);
/// The call at which the first run dies: in the middle of its transfers.
const DEADLY_CALL: usize = 90;
const JOB: &str = "process-transfer";

/// Everything that the steps share.
pub struct Story<'a> {
    /// The fakes.
    pub simulator: &'a Simulator,
    /// The operator's server.
    pub receiver: &'a Receiver,
    /// Where the operator's mails arrive.
    pub mailbox: &'a Mailbox,
    /// The program.
    pub program: &'a Program,
    /// Where minutes are skipped.
    pub psql: &'a Psql,
    /// Of the program.
    pub database: &'a str,
    /// The marketplace and its own books.
    pub market: Market,
}

impl Story<'_> {
    /// Tells it all; an error if the books do not agree in the end.
    pub async fn tell(&mut self) -> Result<()> {
        say(
            "A marketplace on Mirakl and a platform at Stripe, both played by a simulator on this machine.",
        );
        say(
            "The program is the real one, and each command below is started the way cron would start it.",
        );
        for api in [simulator::Api::Mirakl, simulator::Api::Stripe] {
            self.simulator.faults().latency(api, LATENCY);
        }
        self.open_shops().await?;
        self.come_to_the_form().await?;
        self.get_verified().await?;
        let mixed = self.confirm_and_capture().await?;
        orders::fill(&mut self.market);
        self.plan().await?;
        self.die_half_way().await?;
        self.go_on().await?;
        let rows: Vec<Row> = self.program.list("transfers").await?;
        heading(8, "What was transferred");
        let agreement = report::transferred(self, &rows);
        heading(9, "What was not, and why");
        report::not_transferred(&rows);
        self.judge(&rows, &agreement.differences).await?;
        let program = self.give_back(mixed).await?;
        self.pay_the_banks(&program).await?;
        self.mail_what_failed(&program).await
    }

    /// The last word on sellers and transfers; an error if anything does not agree.
    async fn judge(&self, rows: &[Row], transfers: &[String]) -> Result<()> {
        agreed("Stripe's ledger and the store differ", transfers)?;
        agreed(
            "Shops without exactly one account",
            &sellers::accounts(self).await?,
        )?;
        agreed("Transfers went astray", &sellers::astray(self))?;
        agreed(
            "The operator's server was told something else",
            &told::differences(self, rows).await?,
        )?;
        let told = Told::by(self);
        let (updated, failed): (usize, usize) =
            (told.updated.values().sum(), told.failed.values().sum());
        say(&format!(
            "\nBy Stripe's ledger and by the store, {} shops have one account each and the other two none.\n\
             The operator's server took {} notifications, each once and signed: {updated} account.updated, {failed} transfer.failed.\n\
             Stripe's ledger and the store agree to the cent: {} transfers, each made exactly once.",
            shops::with_account().len(),
            updated + failed,
            self.simulator.stripe().transfers().len()
        ));
        Ok(())
    }

    /// The dry run.
    async fn plan(&self) -> Result<()> {
        heading(5, "Orders: what would happen");
        say(&format!(
            "{} orders in EUR, USD, JPY and KWD; {} of them are ready to be paid out.",
            self.market.orders(),
            self.market.due.len(),
        ));
        let asked = [JOB, "--dry-run", "--output", "json"];
        command(&asked);
        let planned = self.program.tell(&asked).await?;
        report::plan(&planned)?;
        say(&format!(
            "Five of the orders to be sent are those of {BLOCKED}: what happened to its account only Stripe knows.\n\
             Five of those on hold are those of {OWN_TEXT}, whose seller has not seen the form yet."
        ));
        let sent = self.simulator.count("POST /v1/transfers");
        if sent > 0 {
            return Err(format!("the dry run sent {sent} requests").into());
        }
        Ok(())
    }

    /// The first run, killed in the middle.
    async fn die_half_way(&self) -> Result<()> {
        heading(6, "A run that is killed half way");
        let faults = self.simulator.faults();
        let busy = |retry_after| Effect::TooManyRequests { retry_after };
        faults.add(Fault::on("GET /api/orders").then(busy(Some(1))));
        faults.add(Fault::on("POST /v1/transfers").nth(20).then(busy(None)));
        let before = self.simulator.calls().len();
        let switch = faults.kill_at_call(DEADLY_CALL, When::After);
        command(&[JOB]);
        let child = self.program.spawn(&[JOB])?;
        switch.arm(child.id().ok_or("the run ended before it began")?);
        let finished = Finished::of(child).await?;
        if !switch.fired() || finished.code.is_some() {
            return Err("the first run ended before it could be killed".into());
        }
        // What had left the dead process is still carried out.
        tokio::time::sleep(LATENCY * 8).await;
        let made = self.simulator.stripe().transfers().len();
        let rows = self.program.list::<Row>("transfers").await?;
        let known = rows.iter().filter(|row| row.is_created()).count();
        let intended = rows
            .iter()
            .filter(|row| row.status == "TRANSFER_PENDING")
            .count();
        say(&format!(
            "Mirakl and Stripe each answered one call with 429. At call {} the run got SIGKILL, after Stripe had\n\
             carried that call out and before it could answer. By then Stripe had made {made} transfers. The store\n\
             knew of {known}; {intended} more were written down as intended, each with its key and its exact request.",
            self.simulator.calls().len().min(before + DEADLY_CALL) - before,
        ));
        Ok(())
    }

    /// Two more runs, as cron would start them.
    async fn go_on(&mut self) -> Result<()> {
        heading(7, "Two more runs");
        let faults = self.simulator.faults();
        let post = || Fault::on("POST /v1/transfers");
        faults.add(post().nth(5).then(Effect::StatusAfter(500)));
        faults.add(post().nth(12).then(Effect::CutAfter));
        faults.add(post().nth(19).then(Effect::CutBefore));
        say(
            "The next run meets an answer 500 to a transfer that was made, a connection cut after another was made,\n\
             and a third request that never arrived. What it cannot know it leaves to the run after it:",
        );
        self.run_as_cron(JOB).await?;
        self.market.debit(2, self.simulator.clock().now());
        say(
            "Then two waiting customers are debited on Mirakl, and cron comes round again. It finds at Stripe what was in\n\
             doubt, takes it over, and pays the two:",
        );
        self.run_as_cron(JOB).await
    }

    /// Runs a job and shows what cron would mail, if anything.
    pub(super) async fn run_as_cron(&self, job: &str) -> Result<()> {
        run_as_cron(self.program, job).await
    }
}

/// Runs a job of a program with settings of its own.
pub async fn run_as_cron(program: &Program, job: &str) -> Result<()> {
    command(&[job]);
    let finished = program.run(&[job]).await?;
    let silent = finished.stdout.is_empty();
    quote(finished.stdout.trim_end());
    let meaning = match finished.code {
        Some(0) if silent => "nothing to tell",
        Some(0) => "nothing failed",
        Some(3) => "some items failed or are in doubt, and will be tried again",
        code => return Err(format!("{job} ended with {code:?}").into()),
    };
    let code = finished.code.unwrap_or_default();
    quote(&format!("exit code {code}: {meaning}"));
    Ok(())
}
