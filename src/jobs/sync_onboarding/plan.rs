//! `--dry-run`: gathers and decides like a run, and writes nothing.

use std::collections::HashSet;

use anyhow::Context as _;
use serde::Serialize;

use super::candidates::{self, Candidates};
use super::page::{Decided, DecidedPage, Seen, decide_page};
use super::{Options, fields, gather};
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::{Decision, HoldReason, found_for};
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::Result;
use crate::mirakl::{MOST_IDS, ShopsQuery};
use crate::store::checkpoints::{self, Stream};
use crate::store::onboardings;

/// What a run would do about one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedShop {
    /// The shop; none for an element that names none.
    pub mirakl_shop_id: Option<ShopId>,
    /// `create`, `sendAgain`, `takeOver`, `hold`, `ignore`, `link`, `dashboard`, `kyc` or
    /// `unreadable`.
    pub action: &'static str,
    /// The account that is taken over or written about.
    pub stripe_account_id: Option<String>,
    /// Why.
    pub reason: String,
}

impl PlannedShop {
    fn new(shop: Option<ShopId>, action: &'static str, reason: String) -> Self {
        Self {
            mirakl_shop_id: shop,
            action,
            stripe_account_id: None,
            reason,
        }
    }
}

/// Everything a run would do now.
pub(super) async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedShop>> {
    let mut planner = Planner {
        app,
        options,
        candidates: candidates::read(app, false).await?,
        seen: HashSet::new(),
        planned: Vec::new(),
    };
    planner.pending().await?;
    planner.shops().await?;
    planner.due().await?;
    planner.found_at_stripe().await?;
    planner.writes().await?;
    Ok(planner.planned)
}

struct Planner<'a> {
    app: &'a App,
    options: &'a Options,
    candidates: Candidates,
    seen: HashSet<ShopId>,
    planned: Vec<PlannedShop>,
}

impl Planner<'_> {
    /// What an earlier run left to be sent.
    async fn pending(&mut self) -> Result<()> {
        let fresh = self.app.clock.now() - DECISION_LIFE;
        let only = self.options.only();
        let mut after = 0;
        loop {
            let mut conn = self.app.db.acquire().await?;
            let rows = onboardings::pending(&mut conn, fresh, only, after, 200).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            drop(conn);
            for row in rows {
                self.seen.insert(row.shop_id);
                let shop = Some(row.shop_id);
                let found = self.candidates.of(row.shop_id);
                let fit = candidates::fit(self.app, row.shop_id, found).await?;
                let planned = match (fit.as_slice(), row.sent_at) {
                    ([], None) => {
                        let reason = "decided by an earlier run".to_owned();
                        PlannedShop::new(shop, "create", reason)
                    }
                    ([], Some(at)) => {
                        let reason = format!("sent on {at} without an answer");
                        PlannedShop::new(shop, "sendAgain", reason)
                    }
                    (fit, _) => taken_over(row.shop_id, found_for(fit)),
                };
                self.planned.push(planned);
            }
        }
    }

    async fn shops(&mut self) -> Result<()> {
        let mirakl = &self.app.mirakl;
        if let Some(shops) = self.options.only() {
            for ids in shops.chunks(MOST_IDS) {
                let seen = gather::read_ids(mirakl, ids).await?;
                self.page(seen).await?;
            }
            return Ok(());
        }
        let checkpoint = {
            let mut conn = self.app.db.acquire().await?;
            checkpoints::get(&mut conn, Stream::Shops).await?
        };
        let overlap = self.app.settings.checkpoint_overlap;
        let query = checkpoint.map_or(ShopsQuery::All, |checkpoint| {
            ShopsQuery::UpdatedSince(checkpoint.reached - overlap)
        });
        let mut page = Some(mirakl.shops(query).await.context(gather::READING)?);
        while let Some(current) = page {
            self.page(Seen::listed(current.items)).await?;
            page = match current.next {
                Some(next) => Some(mirakl.shops_at(next).await.context(gather::READING)?),
                None => None,
            };
        }
        Ok(())
    }

    async fn due(&mut self) -> Result<()> {
        if self.options.only().is_some() {
            return Ok(());
        }
        let now = self.app.clock.now();
        let enabled = self.app.settings.onboarding.enabled;
        let mut after = ShopId(i64::MIN);
        loop {
            let shops = {
                let mut conn = self.app.db.acquire().await?;
                let stale = now - DECISION_LIFE;
                onboardings::due(&mut conn, enabled, now, stale, after, 100).await?
            };
            let Some(last) = shops.last() else {
                return Ok(());
            };
            after = *last;
            let open = shops.into_iter().filter(|shop| !self.seen.contains(shop));
            let open: Vec<ShopId> = open.collect();
            if !open.is_empty() {
                let seen = gather::read_ids(&self.app.mirakl, &open).await?;
                self.page(seen).await?;
            }
        }
    }

    async fn found_at_stripe(&mut self) -> Result<()> {
        let found = self.candidates.unrecorded().into_iter();
        let open: Vec<ShopId> = found.filter(|shop| !self.seen.contains(shop)).collect();
        for ids in open.chunks(MOST_IDS) {
            let seen = gather::read_ids(&self.app.mirakl, ids).await?;
            self.page(seen).await?;
        }
        Ok(())
    }

    async fn page(&mut self, seen: Seen) -> Result<()> {
        let by_person = self.options.only().is_some();
        let page = decide_page(self.app, &self.candidates, by_person, seen).await?;
        let DecidedPage {
            decided,
            unidentified,
            unheard_of,
            ..
        } = page;
        for one in decided {
            if self.seen.insert(one.shop) {
                self.planned.push(planned(one));
            }
        }
        for shop in unheard_of {
            let reason = "Mirakl has no such shop".to_owned();
            self.planned
                .push(PlannedShop::new(Some(shop), "unreadable", reason));
        }
        for cause in unidentified {
            self.planned
                .push(PlannedShop::new(None, "unreadable", cause));
        }
        Ok(())
    }

    /// What would be written to shops whose accounts are known.
    async fn writes(&mut self) -> Result<()> {
        for shop in fields::due(self.app, self.options.only()).await? {
            let kyc = shop
                .kyc
                .map(|kyc| format!("the KYC status becomes {}", kyc.as_str()));
            for (wanted, action, reason) in [
                (
                    shop.wants_link,
                    "link",
                    "a fresh onboarding link".to_owned(),
                ),
                (
                    shop.wants_dashboard,
                    "dashboard",
                    "the details are submitted".to_owned(),
                ),
                (kyc.is_some(), "kyc", kyc.unwrap_or_default()),
            ] {
                if wanted {
                    self.planned.push(PlannedShop {
                        stripe_account_id: Some(shop.account.0.clone()),
                        ..PlannedShop::new(Some(shop.shop_id), action, reason)
                    });
                }
            }
        }
        Ok(())
    }
}

fn taken_over(shop: ShopId, found: Result<AccountId, HoldReason>) -> PlannedShop {
    match found {
        Ok(id) => PlannedShop {
            stripe_account_id: Some(id.0),
            ..PlannedShop::new(Some(shop), "takeOver", "Stripe already has it".to_owned())
        },
        Err(reason) => PlannedShop::new(Some(shop), "hold", reason.to_string()),
    }
}

fn planned(decided: Decided) -> PlannedShop {
    let shop = Some(decided.shop);
    match decided.decision {
        Decision::Create => {
            let reason = "no account yet; it gets one and an onboarding link".to_owned();
            PlannedShop::new(shop, "create", reason)
        }
        Decision::Adopt(id) => taken_over(decided.shop, Ok(id)),
        Decision::Hold(reason) => PlannedShop::new(shop, "hold", reason.to_string()),
        Decision::Ignore(reason) => PlannedShop::new(shop, "ignore", reason.to_string()),
    }
}
