//! Whatever happens in whichever order: kills, lost answers, time, backups that are restored, databases
//! that are lost, payouts that come back. In the end each is moved once, and is at the bank once.

use chrono::TimeDelta;
use simulator::{Effect, Fault, When};

use crate::support::{Database, Finished, Settled, World};

const ENDPOINTS: [&str; 6] = [
    "POST /v1/payouts",
    "POST /v1/transfers",
    "GET /v1/payouts",
    "GET /v1/transfers",
    "GET /v1/balance",
    "GET /api/invoices",
];

struct Story {
    world: World,
    random: fastrand::Rng,
    invoices: Vec<Settled>,
    backups: Vec<Database>,
    /// What happened, for a failure.
    told: Vec<String>,
}

impl Story {
    async fn begun(seed: u64) -> Self {
        let mut world = World::with_sellers(2).await;
        world.set("STRIPE_MAX_CONCURRENCY", "2");
        let mut story = Self {
            world,
            random: fastrand::Rng::with_seed(seed),
            invoices: Vec::new(),
            backups: Vec::new(),
            told: vec![format!("seed {seed}")],
        };
        story.new_invoice();
        story.new_invoice();
        story
    }

    fn new_invoice(&mut self) {
        let invoice = i64::try_from(self.invoices.len()).unwrap() + 1;
        let mut amount = || match self.random.bool() {
            true => self.random.i64(1..500),
            false => 0,
        };
        let settled = Settled {
            invoice,
            shop: 2000 + invoice % 2,
            credits: amount(),
            subscription: amount(),
            other_invoices: amount(),
            payout: 1000 + invoice,
        };
        self.world.mirakl.put_invoice(settled.seed());
        self.invoices.push(settled);
    }

    async fn step(&mut self) {
        let what = self.random.u8(0..12);
        let n = self.random.usize(1..22);
        match what {
            0..=3 => {
                let when = [When::Before, When::After][self.random.usize(0..2)];
                self.told.push(format!("killed {when:?} call {n}"));
                let switch = self.world.sim.faults().kill_at_call(n, when);
                let child = self.world.program(&["process-payout"]).spawn();
                switch.arm(child.id().unwrap());
                Finished::of(child).await;
                self.world.sim.faults().clear();
            }
            4 | 5 => {
                let endpoint = ENDPOINTS[self.random.usize(0..ENDPOINTS.len())];
                let effects = [
                    Effect::EmptyBody,
                    Effect::StatusAfter(500),
                    Effect::StatusStored(500),
                    Effect::CutAfter,
                ];
                let effect = effects[self.random.usize(0..effects.len())].clone();
                let nth = self.random.usize(1..4);
                self.told.push(format!("{effect:?} at {endpoint} {nth}"));
                let fault = Fault::on(endpoint).nth(nth).then(effect);
                self.world.sim.faults().add(fault);
                self.world.payout().await;
                self.world.sim.faults().clear();
            }
            6 => {
                self.told.push("run".to_owned());
                self.world.payout().await;
            }
            7 => {
                self.told.push("backup".to_owned());
                self.backups.push(self.world.db.backup().await);
            }
            8 if !self.backups.is_empty() => {
                let at = self.random.usize(0..self.backups.len());
                self.told.push(format!("backup {at} restored"));
                let backup = self.backups.swap_remove(at);
                self.world.use_database(backup);
            }
            9 if self.random.bool() => {
                self.told.push("database lost".to_owned());
                self.world.use_database(Database::migrated().await);
                self.world.shop(2000).await;
                self.world.shop(2001).await;
            }
            10 => {
                let payouts = self.world.sim.stripe().payouts();
                let live = payouts.iter();
                let live = live.filter(|of| matches!(of.status.as_str(), "pending" | "in_transit"));
                let live: Vec<_> = live.collect();
                if let Some(payout) = self.random.choice(live) {
                    self.told.push(format!("{} fails", payout.id));
                    let stripe = self.world.sim.stripe();
                    stripe.fail_payout(&payout.id, "account_closed");
                }
            }
            _ => {
                self.told.push("new invoice".to_owned());
                self.new_invoice();
            }
        }
        let minutes = [0, 0, 7, 70, 25 * 60, 50 * 60][self.random.usize(0..6)];
        self.told.push(format!("{minutes} minutes"));
        self.world.pass(TimeDelta::minutes(minutes));
        self.never_twice();
    }

    /// At no time is anything moved twice, or at the bank twice.
    fn never_twice(&self) {
        for settled in &self.invoices {
            let paid = self.world.paid_out(settled.invoice);
            let moved = ["EXTRA_CREDITS", "SUBSCRIPTION", "EXTRA_INVOICES"]
                .map(|kind| self.world.moved_for(settled.invoice, kind).len());
            let once = paid.len() <= 1 && moved.iter().all(|times| *times <= 1);
            assert!(once, "{settled:?}: {paid:?}, {moved:?}, {:#?}", self.told);
        }
    }

    async fn ends_well(mut self) {
        for _ in 0..4 {
            self.world.pass(TimeDelta::hours(26));
            self.world.payout().await;
            self.never_twice();
        }
        let rows = self.world.payout_rows().await;
        for settled in &self.invoices {
            let moved = ["EXTRA_CREDITS", "SUBSCRIPTION", "EXTRA_INVOICES"].map(|kind| {
                let moved = self.world.moved_for(settled.invoice, kind).into_iter();
                moved.map(|(amount, _)| amount).sum::<i64>()
            });
            let asked = [
                settled.credits,
                settled.subscription,
                settled.other_invoices,
            ];
            let told = &self.told;
            assert_eq!(moved, asked, "{settled:?}: {told:#?}, {rows:#}");
            let paid = self.world.paid_out(settled.invoice);
            assert_eq!(paid, [settled.payout], "{settled:?}: {told:#?}, {rows:#}");
            let mut listed = rows.as_array().unwrap().iter();
            let row = listed.find(|row| row["miraklInvoiceId"] == settled.invoice);
            let row = row.unwrap_or_else(|| panic!("no {settled:?}: {told:#?}"));
            assert_eq!(row["status"], "PAYOUT_CREATED", "{told:#?}, {row:#}");
        }
    }
}

async fn story(seed: u64) {
    let mut story = Story::begun(seed).await;
    for _ in 0..10 {
        story.step().await;
    }
    story.ends_well().await;
}

/// Three stories; as many as the variable `STORIES` says, to look for more.
#[tokio::test]
async fn whatever_happens_each_is_moved_once_and_at_the_bank_once() {
    let stories = std::env::var("STORIES").map_or(3, |number| number.parse().unwrap());
    for seed in 1..=stories {
        story(seed).await;
    }
}
