//! One seed: days of trade in bad weather, then calm ones until everything is done.

use std::path::PathBuf;

use chrono::TimeDelta;

use crate::drive::{Database, Program, Result, Server};
use crate::{AccountSeed, BatchRule, Behaviour, Mailbox, Receiver, Simulator};

use super::chance::Chance;
use super::climate::{Climate, Size};
use super::judge::{self, Violation};
use super::market::Market;
use super::run::run;
use super::tally::Tally;
use super::weather::{Incident, JOBS};
use super::{operator, people};

/// Where taxes go.
pub const TAX_ACCOUNT: &str = "acct_taxes";
/// Signs notifications.
pub const NOTIFICATION_SECRET: &str = "whsec_of_the_operator";
/// Calm rounds until everything has to be done: what is refused is tried again within a day.
const PATIENCE: usize = 16;

/// Where a proof takes place.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The built program, with the feature `test-clock`.
    pub program: PathBuf,
    /// The address of a Postgres server on which databases may be made.
    pub server: String,
    /// How much happens.
    pub size: Size,
    /// `STRIPE_MAX_CONCURRENCY` and `MIRAKL_MAX_CONCURRENCY`; by default the seed draws them.
    pub concurrency: Option<usize>,
}

/// What came of a seed.
#[derive(Debug, Default)]
pub struct Proof {
    /// What happened.
    pub tally: Tally,
    /// What should not have.
    pub violations: Vec<Violation>,
    /// What the seed drew for each run, in order.
    pub plan: Vec<String>,
    /// Everything in order, one line each: what was planned, and what was met.
    pub told: Vec<String>,
    /// The calls of the program: endpoint and status, in order of arrival.
    pub calls: Vec<String>,
}

/// Everything that a seed needs.
pub struct Story<'a> {
    pub(super) simulator: Simulator,
    pub(super) receiver: Receiver,
    pub(super) market: Market,
    pub(super) program: Program,
    mailbox: Mailbox,
    server: &'a Server,
    database: Database<'a>,
    backups: Vec<Database<'a>>,
    size: Size,
    climate: Climate,
    trade: Chance,
    weather: Chance,
    hands: Chance,
    fate: Chance,
    proof: Proof,
}

/// Tells the story of a seed.
///
/// # Errors
/// When it cannot be told: no server, no program.
pub async fn prove(setup: &Setup, seed: u64) -> Result<Proof> {
    let server = Server::at(&setup.server)?;
    let mut story = Story::begin(setup, seed, &server).await?;
    for _ in 0..setup.size.days {
        story.day().await?;
        if !story.proof.violations.is_empty() {
            return Ok(story.end());
        }
    }
    story.clear_up().await?;
    Ok(story.end())
}

impl<'a> Story<'a> {
    async fn begin(setup: &Setup, seed: u64, server: &'a Server) -> Result<Self> {
        let simulator = Simulator::start().await?;
        let receiver = Receiver::start().await?;
        let mailbox = Mailbox::start().await?;
        let climate = Climate::new(seed, setup.concurrency);
        let database = server.create()?;
        let start = simulator.clock().now() - TimeDelta::days(2);
        let start = start.format("%Y-%m-%d").to_string();
        let program = Program::new(&setup.program, &simulator, &database.url, &start)?;
        let mut story = Self {
            market: Market {
                splits_taxes: climate.splits_taxes,
                ..Market::default()
            },
            simulator,
            receiver,
            program,
            mailbox,
            server,
            database,
            backups: Vec::new(),
            size: setup.size,
            climate,
            trade: Chance::new(seed, "trade"),
            weather: Chance::new(seed, "weather"),
            hands: Chance::new(seed, "hands"),
            fate: Chance::new(seed, "fate"),
            proof: Proof::default(),
        };
        story.set_up().await?;
        Ok(story)
    }

    async fn set_up(&mut self) -> Result<()> {
        let stripe = self.simulator.stripe();
        for currency in ["eur", "jpy", "kwd"] {
            stripe.add_funds(&stripe.platform_id(), currency, 1_000_000_000);
        }
        stripe.add_account(AccountSeed::new().id(TAX_ACCOUNT));
        for (name, value) in [
            ("STRIPE_MAX_REQUESTS_PER_SECOND", "2000"),
            ("ENABLE_SERVICE_PAYMENT_SPLIT", "true"),
            ("ENABLE_PRODUCT_PAYMENT_REFUND", "true"),
            ("ENABLE_SERVICE_PAYMENT_REFUND", "true"),
            ("STRIPE_TAX_ACCOUNT", TAX_ACCOUNT),
            ("OPERATOR_NOTIFICATION_URL", &self.receiver.url()),
            ("OPERATOR_NOTIFICATION_SECRET", NOTIFICATION_SECRET),
            ("MAILER_DSN", &self.mailbox.dsn()),
            ("TECHNICAL_ALERT_EMAIL", "operations@example.com"),
            ("TECHNICAL_ALERT_EMAIL_FROM", "mirakl-stripe@example.com"),
        ] {
            self.program.set(name, value);
        }
        for (name, value) in &self.climate.settings {
            self.program.set(name, value);
        }
        for _ in 0..self.size.shops {
            self.market.open_shop(&mut self.trade, &self.simulator);
        }
        self.program.tell(&["migrate"]).await?;
        Ok(())
    }

    /// A day of trade, weather and people.
    async fn day(&mut self) -> Result<()> {
        let receives = *self.weather.pick(&[200, 200, 500, 404]);
        self.receiver.behave(match receives {
            200 => Behaviour::Accept,
            status => Behaviour::Status(status),
        });
        let rule = *self
            .weather
            .pick(&[BatchRule::Atomic, BatchRule::AppliesValid]);
        self.simulator.mirakl().batch_rule(rule);
        for _ in 0..self.size.rounds {
            self.trade_a_while();
            if self.hands.one_in(2) {
                let did = people::act(&mut self.market, &mut self.hands, &self.simulator);
                self.did("acts by hand", did);
            }
            self.come_round(true).await?;
            let found = judge::lists(self).await?;
            self.proof.violations.extend(found);
            if self.weather.one_in(4) {
                self.resolve().await?;
            }
            self.tempt_fate().await?;
            let minutes = *self.weather.pick(&[5, 20, 90, 240, 400, 400, 1500]);
            self.pass(TimeDelta::minutes(minutes));
            if !self.proof.violations.is_empty() {
                return Ok(());
            }
        }
        self.proof.tally.add("simulated days of bad weather");
        self.job("notify-failed-operation", &Incident::None).await
    }

    /// Customers, sellers and Mirakl go about their business.
    fn trade_a_while(&mut self) {
        let Self {
            market,
            trade,
            simulator,
            ..
        } = self;
        for _ in 0..trade.count(1..self.size.baskets + 1) {
            market.sell(trade, simulator);
        }
        for _ in 0..self.size.baskets {
            market.decide(trade, simulator);
            market.give_back(trade, simulator);
            market.onboard(trade, simulator);
        }
        for _ in 0..trade.count(0..4) {
            market.bill(trade, simulator);
        }
        if trade.one_in(5) {
            market.exclude(trade, simulator);
        }
    }

    /// Cron starts every job, in bad weather or good.
    async fn come_round(&mut self, bad: bool) -> Result<()> {
        for job in JOBS {
            let incident = match bad {
                true => Incident::draw(&mut self.weather, job),
                false => Incident::None,
            };
            self.job(job, &incident).await?;
            if !self.proof.violations.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One run, and what it left in the ledgers.
    async fn job(&mut self, job: &str, incident: &Incident) -> Result<()> {
        let planned = format!("{job}: {incident:?}");
        self.proof.plan.push(planned.clone());
        self.proof.told.push(planned);
        let (program, simulator) = (&self.program, &self.simulator);
        let course = run(program, job, incident, simulator, &self.database).await?;
        let tally = &mut self.proof.tally;
        tally.many("runs of the program", course.ended.len());
        if let Some(kind) = incident.kind() {
            tally.many(kind, course.struck);
            tally.many("faults injected", course.struck);
        }
        for ended in &course.ended {
            let last = ended.said.trim_end().lines().last().unwrap_or_default();
            self.proof.told.push(format!(
                "  {} ended with {:?}: {last}",
                ended.job, ended.code
            ));
            let calm = incident.kind().is_none();
            self.proof.violations.extend(judge::process(ended, calm));
        }
        let calls = self.simulator.calls();
        let calls = calls.iter().map(|call| {
            let status = call
                .status
                .map_or("-".to_owned(), |status| status.to_string());
            format!("{} {status}", call.endpoint)
        });
        self.proof.calls.extend(calls);
        self.simulator.clear_calls();
        let found = judge::ledgers(&self.market, &self.simulator);
        self.proof.violations.extend(found);
        Ok(())
    }

    /// The operator decides about what waits for a person.
    async fn resolve(&mut self) -> Result<()> {
        let resolved = operator::resolve(&self.program, &self.market).await?;
        if resolved > 0 {
            let told = format!("the operator resolves {resolved}");
            self.proof.told.push(told);
        }
        self.proof
            .tally
            .many("rows resolved by the operator", resolved);
        Ok(())
    }

    /// The database is backed up, put back, or lost.
    async fn tempt_fate(&mut self) -> Result<()> {
        let what = self.fate.of(0..40);
        if !self.climate.disasters {
            return Ok(());
        }
        match what {
            0..=3 => {
                self.database.disconnect()?;
                self.backups.push(self.server.copy(&self.database)?);
                self.proof.told.push("backup".to_owned());
            }
            4..=5 => {
                let Some(at) = self.fate.find((0..self.backups.len()).collect()) else {
                    return Ok(());
                };
                let backup = self.backups.swap_remove(at);
                self.use_database(backup);
                self.did(
                    "databases put back to a backup",
                    Some(format!("backup {at} is put back")),
                );
            }
            6 => {
                self.use_database(self.server.create()?);
                self.program.tell(&["migrate"]).await?;
                self.did("databases lost", Some("the database is lost".to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn use_database(&mut self, database: Database<'a>) {
        self.program.set("DATABASE_URL", &database.url);
        self.database = database;
    }

    fn pass(&mut self, time: TimeDelta) {
        self.simulator.clock().advance(time);
        let offset = self.simulator.clock().offset().num_seconds().to_string();
        self.program
            .set("MIRAKL_STRIPE_CLOCK_OFFSET_SECONDS", &offset);
        let minutes = time.num_minutes();
        self.proof.told.push(format!("{minutes} minutes pass"));
        if time >= TimeDelta::hours(24) {
            self.proof
                .tally
                .add("jumps of the clock past the life of keys");
        }
    }

    /// The weather clears, and cron comes round until everything is done.
    async fn clear_up(&mut self) -> Result<()> {
        self.proof.told.push("the weather clears".to_owned());
        self.receiver.behave(Behaviour::Accept);
        self.market.settle_orders(&self.simulator);
        for basket in &self.market.baskets {
            self.simulator.stripe().end_dispute(&basket.charge);
        }
        let mut open = Vec::new();
        for _ in 0..PATIENCE {
            self.market.settle_shops(&self.simulator);
            self.pass(TimeDelta::hours(7));
            self.come_round(false).await?;
            self.resolve().await?;
            if !self.proof.violations.is_empty() {
                return Ok(());
            }
            open = judge::all(self).await?;
            if open.is_empty() {
                break;
            }
        }
        self.proof.violations.append(&mut open);
        // What is done stays done, also when every key is forgotten.
        self.simulator.stripe().forget_keys();
        self.pass(TimeDelta::hours(30));
        self.come_round(false).await?;
        self.job("notify-failed-operation", &Incident::None).await?;
        if self.proof.violations.is_empty() {
            self.proof.violations = judge::all(self).await?;
        }
        Ok(())
    }

    fn did(&mut self, kind: &'static str, what: Option<String>) {
        if let Some(what) = what {
            self.proof.told.push(what);
            self.proof.tally.add(kind);
        }
    }

    fn end(mut self) -> Proof {
        judge::count(&self.market, &self.simulator, &mut self.proof.tally);
        self.proof.tally.add("seeds");
        self.proof
            .tally
            .many("violations", self.proof.violations.len());
        self.proof
    }
}
