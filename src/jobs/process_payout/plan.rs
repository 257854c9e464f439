//! `--dry-run`: gathers and decides like a run, and writes nothing.

use std::collections::HashSet;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::forecast;
use super::gather::{self, READING};
use super::page::{Decided, Fate, Seen, decide_page};
use super::{Beginning, Options};
use crate::app::App;
use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::{Decision, Movement};
use crate::domain::retry::DECISION_LIFE;
use crate::jobs::Result;
use crate::jobs::accounts::Accounts;
use crate::mirakl::InvoicesQuery;
use crate::store::payouts as store;

/// What a run would do about one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedInvoice {
    /// The invoice; none for an element that names none.
    pub mirakl_invoice_id: Option<String>,
    /// The shop, where it is known.
    pub mirakl_shop_id: Option<ShopId>,
    /// What would become of the payout: `pay`, `hold`, `abort`, `ignore`, `takeOver` (Stripe has made
    /// it), `none` (the invoice asks for transfers alone) or `unreadable`.
    pub action: &'static str,
    /// What the seller is to get, in minor units.
    pub amount: Option<i64>,
    /// Of all amounts.
    pub currency: Option<Currency>,
    /// The seller's account.
    pub stripe_account_id: Option<AccountId>,
    /// The transfers that would be made before.
    pub movements: Vec<PlannedMovement>,
    /// Minor units that the account would dispose of when it comes to the payout, after the transfers and
    /// earlier payouts of the plan; where the balance was read.
    pub available: Option<i64>,
    /// Minor units that it lacks.
    pub missing: Option<i64>,
    /// The reason, or what a person should know.
    pub reason: Option<String>,
}

/// A transfer that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMovement {
    /// As notified.
    pub r#type: &'static str,
    /// Minor units.
    pub amount: i64,
}

/// An invoice of the plan, with what the forecast needs.
pub(super) struct Draft {
    pub planned: PlannedInvoice,
    pub invoice: InvoiceId,
    pub created_at: Option<DateTime<Utc>>,
    pub decision: Decision,
    pub movements: Vec<Movement>,
}

/// Everything that a run would do now.
pub(super) async fn plan(
    app: &App,
    options: &Options,
    beginning: Beginning,
) -> Result<Vec<PlannedInvoice>> {
    let mut gathering = Gathering {
        app,
        options,
        beginning,
        accounts: Accounts::new(false),
        seen: HashSet::new(),
        drafts: Vec::new(),
        unidentified: Vec::new(),
    };
    if let Some(from) = beginning.sweep_from {
        gathering.sweep(from).await?;
    }
    gathering.due().await?;
    let mut planned = gathering.in_doubt().await?;
    planned.extend(forecast::all(app, beginning.start, gathering.drafts).await?);
    planned.extend(gathering.unidentified.into_iter().map(unreadable));
    Ok(planned)
}

struct Gathering<'a> {
    app: &'a App,
    options: &'a Options,
    beginning: Beginning,
    accounts: Accounts,
    seen: HashSet<InvoiceId>,
    drafts: Vec<Draft>,
    unidentified: Vec<String>,
}

impl Gathering<'_> {
    async fn sweep(&mut self, from: DateTime<Utc>) -> Result<()> {
        let query = InvoicesQuery::CreatedSince(from, self.options.shop);
        let mirakl = &self.app.mirakl;
        let mut page = mirakl.invoices(&query).await.context(READING)?;
        loop {
            let shown = gather::names(&page.items);
            let next = page.next.take();
            let seen = Seen {
                read: page.items,
                gone: Vec::new(),
            };
            self.add(seen).await?;
            let Some(next) = next else {
                return Ok(());
            };
            page = mirakl.invoices_at(next).await.context(READING)?;
            if !shown.is_empty() && gather::names(&page.items) == shown {
                return Err(gather::again_and_again().into());
            }
        }
    }

    async fn due(&mut self) -> Result<()> {
        let mut after = String::new();
        loop {
            let ids = gather::due_after(self.app, &after, self.options.shop).await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            last.as_str().clone_into(&mut after);
            let ids: Vec<_> = ids
                .into_iter()
                .filter(|id| !self.seen.contains(id))
                .collect();
            if !ids.is_empty() {
                let seen = gather::by_ids(self.app, &ids).await?;
                self.add(seen).await?;
            }
        }
    }

    async fn add(&mut self, seen: Seen) -> Result<()> {
        let asked = self.options.shop.is_some();
        let start = self.beginning.start;
        let page = decide_page(self.app, &mut self.accounts, start, asked, seen).await?;
        for decided in page.decided {
            self.seen.insert(decided.id.clone());
            let draft = draft(decided);
            if draft.planned.action != "none" || !draft.movements.is_empty() {
                self.drafts.push(draft);
            }
        }
        self.unidentified.extend(page.unidentified);
        Ok(())
    }

    /// What an earlier run sent without an answer.
    async fn in_doubt(&self) -> Result<Vec<PlannedInvoice>> {
        let fresh = self.app.clock.now() - DECISION_LIFE;
        let mut conn = self.app.db.acquire().await?;
        let rows = store::pending(&mut conn, fresh, self.options.shop, None).await?;
        let planned = rows.into_iter().map(|row| PlannedInvoice {
            mirakl_invoice_id: Some(row.invoice.0),
            mirakl_shop_id: row.shop_id,
            action: "pay",
            amount: Some(row.amount.minor()),
            currency: Some(row.amount.currency()),
            stripe_account_id: Some(row.account),
            movements: Vec::new(),
            available: None,
            missing: None,
            reason: Some(
                "left by an earlier run: sent again under the same key, or looked up".into(),
            ),
        });
        Ok(planned.collect())
    }
}

fn unreadable(cause: String) -> PlannedInvoice {
    PlannedInvoice {
        mirakl_invoice_id: None,
        mirakl_shop_id: None,
        action: "unreadable",
        amount: None,
        currency: None,
        stripe_account_id: None,
        movements: Vec::new(),
        available: None,
        missing: None,
        reason: Some(cause),
    }
}

fn draft(decided: Decided) -> Draft {
    let movements: Vec<Movement> = decided
        .movements
        .into_iter()
        .filter_map(|(_, fate)| match fate {
            Fate::Send(movement) => Some(movement),
            Fate::Wait(_) | Fate::Leave(_) | Fate::End => None,
        })
        .collect();
    let decisions = decided.decisions;
    let (action, reason) = match &decisions.payout {
        Decision::Pay(_) => ("pay", None),
        Decision::Hold(reason) => ("hold", Some(reason.to_string())),
        Decision::Abort(reason) => ("abort", Some(reason.to_string())),
        Decision::Ignore(reason) => ("ignore", Some(reason.to_string())),
        Decision::Nothing => ("none", None),
    };
    let currency = decisions.amount.map(Money::currency);
    let moved = movements.first();
    let planned = PlannedInvoice {
        mirakl_invoice_id: Some(decided.id.to_string()),
        mirakl_shop_id: decided.shop_id,
        action,
        amount: decisions.amount.map(Money::minor),
        currency: currency.or(moved.map(|moved| moved.amount.currency())),
        stripe_account_id: decisions.account,
        available: None,
        missing: None,
        reason: reason.or(decisions.difference),
        movements: movements.iter().map(PlannedMovement::from).collect(),
    };
    Draft {
        planned,
        invoice: decided.id,
        created_at: decided.created_at,
        decision: decisions.payout,
        movements,
    }
}

impl From<&Movement> for PlannedMovement {
    fn from(movement: &Movement) -> Self {
        Self {
            r#type: movement.kind.notified_type(),
            amount: movement.amount.minor(),
        }
    }
}
