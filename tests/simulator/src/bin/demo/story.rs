//! The steps of the demo, in the order they are told.

use std::time::Duration;

use simulator::{Effect, Fault, Simulator, When};

use super::market::{BLOCKED, Market, READY, UNLINKED};
use super::page::{heading, quote, say};
use super::{orders, report};
use crate::common::program::{Finished, Program};
use crate::common::{Result, account_of};

/// Latencies of a small marketplace at hand.
const LATENCY: Duration = Duration::from_millis(25);
/// The call at which the first run dies: in the middle of its transfers.
const DEADLY_CALL: usize = 90;

/// Everything that the steps share.
pub struct Story<'a> {
    /// The fakes.
    pub simulator: &'a Simulator,
    /// The program.
    pub program: &'a Program,
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
        self.get_ready().await?;
        self.plan().await?;
        self.die_half_way().await?;
        self.go_on().await?;
        let rows = self.program.transfers().await?;
        heading(5, "What was transferred");
        let agreement = report::transferred(self, &rows);
        heading(6, "What was not, and why");
        report::not_transferred(&rows);
        report::verdict(&agreement, self.simulator.stripe().transfers().len())
    }

    /// Schema, accounts, orders.
    async fn get_ready(&mut self) -> Result<()> {
        heading(1, "Getting ready: migrate, link-account");
        self.program.tell(&["migrate"]).await?;
        for shop in READY.chain([BLOCKED]) {
            self.program.link(shop, &account_of(shop)).await?;
        }
        let blocked = account_of(BLOCKED);
        let stripe = self.simulator.stripe();
        stripe.set_capability(&blocked, "transfers", "inactive");
        orders::fill(&mut self.market);
        for api in [simulator::Api::Mirakl, simulator::Api::Stripe] {
            self.simulator.faults().latency(api, LATENCY);
        }
        say(&format!(
            "Ten shops: {} are linked to accounts that can be paid, {blocked} has since lost its capability,\n\
             shop {UNLINKED} has no account. {} orders in EUR, USD, JPY and KWD; {} of them are ready to be paid out.",
            READY.end - READY.start,
            self.market.orders(),
            self.market.due.len(),
        ));
        Ok(())
    }

    /// The dry run.
    async fn plan(&self) -> Result<()> {
        heading(2, "process-transfer --dry-run: what would happen");
        let asked = ["process-transfer", "--dry-run", "--output", "json"];
        let planned = self.program.tell(&asked).await?;
        report::plan(&planned)?;
        say(&format!(
            "Five of the orders to be sent are those of {}: what happened to it only Stripe knows.",
            account_of(BLOCKED)
        ));
        let sent = self.simulator.count("POST /v1/transfers");
        if sent > 0 {
            return Err(format!("the dry run sent {sent} requests").into());
        }
        Ok(())
    }

    /// The first run, killed in the middle.
    async fn die_half_way(&self) -> Result<()> {
        heading(3, "process-transfer, killed half way");
        let faults = self.simulator.faults();
        let busy = |retry_after| Effect::TooManyRequests { retry_after };
        faults.add(Fault::on("GET /api/orders").then(busy(Some(1))));
        faults.add(Fault::on("POST /v1/transfers").nth(20).then(busy(None)));
        let before = self.simulator.calls().len();
        let switch = faults.kill_at_call(DEADLY_CALL, When::After);
        let child = self.program.spawn(&["process-transfer"])?;
        switch.arm(child.id().ok_or("the run ended before it began")?);
        let finished = Finished::of(child).await?;
        if !switch.fired() || finished.code.is_some() {
            return Err("the first run ended before it could be killed".into());
        }
        // What had left the dead process is still carried out.
        tokio::time::sleep(LATENCY * 8).await;
        let made = self.simulator.stripe().transfers().len();
        let rows = self.program.transfers().await?;
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
        heading(4, "process-transfer, twice more");
        let faults = self.simulator.faults();
        let post = || Fault::on("POST /v1/transfers");
        faults.add(post().nth(5).then(Effect::StatusAfter(500)));
        faults.add(post().nth(12).then(Effect::CutAfter));
        faults.add(post().nth(19).then(Effect::CutBefore));
        say(
            "The next run meets an answer 500 to a transfer that was made, a connection cut after another was made,\n\
             and a third request that never arrived. What it cannot know it leaves to the run after it:",
        );
        self.run_as_cron().await?;
        self.market.debit(2, self.simulator.clock().now());
        say(
            "Then two waiting customers are debited on Mirakl, and cron comes round again. It finds at Stripe what was in\n\
             doubt, takes it over, and pays the two:",
        );
        self.run_as_cron().await
    }

    async fn run_as_cron(&self) -> Result<()> {
        let finished = self.program.run(&["process-transfer"]).await?;
        quote(finished.stdout.trim_end());
        let meaning = match finished.code {
            Some(0) => "nothing failed",
            Some(3) => "some items failed or are in doubt, and will be tried again",
            code => return Err(format!("process-transfer ended with {code:?}").into()),
        };
        quote(&format!(
            "exit code {}: {meaning}",
            finished.code.unwrap_or_default()
        ));
        Ok(())
    }
}
