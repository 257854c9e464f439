//! The scenarios of sellers: what `sync-onboarding` takes for new shops, and for many known ones.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use simulator::Account;

use super::database::Server;
use super::scenario::{Name, RENEWAL, Scenario, Targets};
use super::shops::{self, FIELD};
use super::table::Measured;
use super::track::Track;
use crate::common::sellers::{Row, compare, made_for};
use crate::common::{Result, agreed};

const JOB: &str = "sync-onboarding";
/// As if cron had last come a minute ago: the sweep over all accounts goes on by a minute's share.
const A_MINUTE_LATER: &str = "update account_sweep set stepped_at = now() - interval '1 minute'";
/// As if the links had been made ten minutes ago: all of them are renewed.
const TEN_MINUTES_LATER: &str =
    "update shops set link_made_at = link_made_at - interval '10 minutes'";

/// A marketplace that is ready to be run on.
pub struct Sellers<'a> {
    track: Track<'a>,
    due: BTreeSet<i64>,
}

impl<'a> Sellers<'a> {
    /// This many shops: without accounts, or known for long.
    pub async fn build(
        server: &'a Server,
        path: &Path,
        scenario: &Scenario,
        number: i64,
    ) -> Result<Self> {
        let track = Track::open(server, path, scenario).await?;
        let is_new = scenario.name == Name::Onboarding;
        let due = shops::fill(&track.simulator, number, is_new);
        if !is_new {
            // The program itself takes them all over, makes links for those under way, and warms up.
            track.program.tell(&[JOB]).await?;
            track.program.tell(&[JOB]).await?;
        }
        track.slow_down(scenario);
        Ok(Self { track, due })
    }

    /// Runs the job; for known shops five times with nothing new, then once with links to renew.
    pub async fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let (name, title) = (scenario.name, scenario.title);
        if name == Name::Onboarding {
            return Ok(vec![self.run(name, title, scenario.targets).await?]);
        }
        let mut runs = Vec::new();
        for _ in 0..5 {
            self.track.database.execute(A_MINUTE_LATER)?;
            runs.push(self.run(name, title, scenario.targets).await?);
        }
        self.track.database.execute(A_MINUTE_LATER)?;
        self.track.database.execute(TEN_MINUTES_LATER)?;
        let title = "the same, all 50 links renewed";
        let renewal = self.run(name, title, RENEWAL).await?;
        Ok(vec![Measured::median(runs), renewal])
    }

    /// One run; an error if not every shop has its one account after it, and its newest link.
    async fn run(&self, name: Name, title: &'static str, targets: Targets) -> Result<Measured> {
        let stripe = self.track.simulator.stripe();
        let before = stripe.accounts().len();
        let run = self.track.run(JOB).await?;
        let ledger = stripe.accounts();
        let rows: Vec<Row> = self.track.program.list("accounts").await?;
        let mut differences = compare(&made_for(&ledger), &rows, &self.due);
        differences.extend(self.without_link(&ledger));
        agreed(
            "shops have not one account and its newest link",
            &differences,
        )?;
        Ok(Measured {
            name,
            title,
            made: u64::try_from(ledger.len() - before)?,
            run,
            targets,
        })
    }

    /// Shops under way whose field does not hold the newest link of their account.
    fn without_link(&self, ledger: &[Account]) -> Vec<String> {
        let simulator = &self.track.simulator;
        let links = simulator.stripe().links().into_iter();
        let newest: HashMap<String, String> = links.map(|link| (link.account, link.url)).collect();
        let under_way: Vec<Account> = ledger
            .iter()
            .filter(|account| !account.details_submitted)
            .cloned()
            .collect();
        let wrong = made_for(&under_way).into_iter().filter(|(shop, account)| {
            let field = simulator.mirakl().shop_field(*shop, FIELD);
            field.is_none() || field.as_ref() != newest.get(account)
        });
        wrong
            .map(|(shop, _)| format!("shop {shop} does not hold its newest link"))
            .collect()
    }
}
