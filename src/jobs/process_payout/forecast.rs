//! What a dry run expects of the accounts: what Stripe has made already, and how far each balance goes.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::adopt;
use super::plan::{Draft, PlannedInvoice, PlannedMovement};
use crate::app::App;
use crate::domain::ids::{AccountId, InvoiceId};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::{Decision, Gate, HoldReason, gate};
use crate::domain::transfer::TransferType;
use crate::jobs::Result;
use crate::jobs::adopting::{list_from, ours};
use crate::store::adoptions::{self, Listed};
use crate::store::payouts::{self, OpenMovement, Wanted};
use crate::stripe::{Balance, StripeError, TransfersQuery};

type Moved = HashSet<(TransferType, String)>;

/// Completes the drafts, each seller's oldest first.
pub(super) async fn all(
    app: &App,
    start: DateTime<Utc>,
    drafts: Vec<Draft>,
) -> Result<Vec<PlannedInvoice>> {
    let mut planned = Vec::new();
    let mut accounts: BTreeMap<AccountId, Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        match draft.planned.stripe_account_id.clone() {
            Some(account) => accounts.entry(account).or_default().push(draft),
            None => planned.push(draft.planned),
        }
    }
    let is_credit = |draft: &Draft| draft.movements.iter().any(|m| !m.kind.is_charge());
    let credits = match accounts.values().flatten().any(is_credit) {
        true => credits_made(app, start).await?,
        false => Moved::new(),
    };
    let credits = &credits;
    let workers = app.settings.stripe.limits.concurrency;
    let forecasts = accounts.into_iter().map(|(account, drafts)| async move {
        Forecast::read(app, start, account, credits)
            .await?
            .complete(drafts)
            .await
    });
    let forecasts: Vec<Vec<PlannedInvoice>> = stream::iter(forecasts)
        .buffered(workers)
        .try_collect()
        .await?;
    planned.extend(forecasts.into_iter().flatten());
    Ok(planned)
}

/// Credits that the platform's list shows and the store may not know.
async fn credits_made(app: &App, start: DateTime<Utc>) -> Result<Moved> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let mut query = TransfersQuery {
        from: Some(list_from(covered, start)),
        ..TransfersQuery::default()
    };
    let mut found = Moved::new();
    loop {
        let page = app.stripe.transfers(&query).await;
        let page = page.context("Stripe's transfers could not be listed")?;
        let ours = page.data.into_iter().filter_map(|t| ours(app, None, t));
        found.extend(ours.map(|adopted| (adopted.kind, adopted.mirakl_id)));
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(found),
        }
    }
}

/// One account, as it would be after what the plan does before.
struct Forecast<'a> {
    app: &'a App,
    account: AccountId,
    made: HashMap<InvoiceId, String>,
    moved: Moved,
    balance: Result<Balance, HoldReason>,
    spent: HashMap<String, i64>,
    /// The oldest invoice of each shop that the plan lets wait.
    waiting: HashMap<i64, InvoiceId>,
}

impl<'a> Forecast<'a> {
    async fn read(
        app: &'a App,
        start: DateTime<Utc>,
        account: AccountId,
        credits: &Moved,
    ) -> Result<Self> {
        let mut moved = credits.clone();
        let mut made = HashMap::new();
        let from = list_from(adopt::covered(app, &account).await?, start);
        let balance = match adopt::lists(app, &account, from).await {
            Err(error) => Err(unread(error, |e| {
                HoldReason::AccountUnread(account.clone(), e)
            })?),
            Ok((payouts, transfers)) => {
                let listed = transfers.into_iter();
                let listed = listed.filter_map(|t| ours(app, Some(&account), t));
                moved.extend(listed.map(|adopted| (adopted.kind, adopted.mirakl_id)));
                let host = app.mirakl.host();
                let live = payouts
                    .into_iter()
                    .filter(|payout| !payout.life.has_ended());
                made.extend(live.filter_map(|payout| {
                    let origin = payout.origin.filter(|origin| origin.is_of(&host))?;
                    Some((origin.invoice, payout.id.0))
                }));
                match app.stripe.balance(&account).await {
                    Err(error) => Err(unread(error, |e| {
                        HoldReason::BalanceUnread(account.clone(), e)
                    })?),
                    Ok(balance) => Ok(balance),
                }
            }
        };
        Ok(Self {
            app,
            account,
            made,
            moved,
            balance,
            spent: HashMap::new(),
            waiting: HashMap::new(),
        })
    }

    async fn complete(mut self, mut drafts: Vec<Draft>) -> Result<Vec<PlannedInvoice>> {
        drafts.sort_by(|a, b| (a.created_at, &a.invoice).cmp(&(b.created_at, &b.invoice)));
        let mut planned = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            self.one(&mut draft).await?;
            planned.push(draft.planned);
        }
        Ok(planned)
    }

    async fn one(&mut self, draft: &mut Draft) -> Result<()> {
        let id = draft.invoice.to_string();
        draft
            .movements
            .retain(|movement| !self.moved.contains(&(movement.kind, id.clone())));
        for movement in &draft.movements {
            let minor = movement.amount.minor();
            let minor = if movement.kind.is_charge() {
                -minor
            } else {
                minor
            };
            self.note(movement.amount.currency(), minor);
        }
        let movements = draft.movements.iter();
        draft.planned.movements = movements.map(PlannedMovement::from).collect();
        let Decision::Pay(amount) = draft.decision else {
            return Ok(());
        };
        if let Some(made) = self.made.get(&draft.invoice) {
            draft.planned.action = "takeOver";
            draft.planned.reason = Some(format!("Stripe already made {made}"));
            return Ok(());
        }
        draft.planned.available = self.left(amount.currency());
        match self.in_the_way(draft, amount).await? {
            None => self.note(amount.currency(), -amount.minor()),
            Some(reason) => {
                draft.planned.action = "hold";
                draft.planned.missing = reason.missing().map(Money::minor);
                draft.planned.reason = Some(reason.to_string());
                if let Some(shop) = draft.planned.mirakl_shop_id {
                    let waiting = self.waiting.entry(shop.0);
                    waiting.or_insert_with(|| draft.invoice.clone());
                }
            }
        }
        Ok(())
    }

    async fn in_the_way(&self, draft: &Draft, amount: Money) -> Result<Option<HoldReason>> {
        let (Some(shop_id), Some(created_at)) = (draft.planned.mirakl_shop_id, draft.created_at)
        else {
            return Ok(None);
        };
        let balance = match &self.balance {
            Ok(balance) => balance,
            Err(reason) => return Ok(Some(reason.clone())),
        };
        let obstacles = {
            let mut conn = self.app.db.acquire().await?;
            let wanted = Wanted {
                invoice: &draft.invoice,
                invoice_created_at: created_at,
                shop_id,
                account: &self.account,
                currency: amount.currency(),
            };
            payouts::obstacles(&mut conn, &wanted).await?
        };
        // What the plan moves before the payout is not in its way.
        let moves = |open: &&OpenMovement| draft.movements.iter().any(|m| m.kind == open.kind);
        let open = obstacles.open.iter().filter(|open| !moves(open));
        let open: Vec<String> = open.map(ToString::to_string).collect();
        let earlier = self.waiting.get(&shop_id.0);
        Ok(gate(&Gate {
            amount,
            account: &self.account,
            open_transfers: &open,
            earlier,
            payouts_enabled: obstacles.payouts_enabled,
            available: self.left(amount.currency()),
            held: &balance.currencies(),
            reserved: obstacles.reserved,
        }))
    }

    fn note(&mut self, currency: Currency, minor: i64) {
        let spent = self.spent.entry(currency.code().to_owned()).or_insert(0);
        *spent = spent.saturating_add(minor);
    }

    fn left(&self, currency: Currency) -> Option<i64> {
        let available = self.balance.as_ref().ok()?.available(currency)?;
        let spent = self.spent.get(currency.code()).copied().unwrap_or(0);
        Some(available.saturating_add(spent))
    }
}

/// What a run would hold for, unless it would stop.
fn unread(error: StripeError, reason: impl Fn(String) -> HoldReason) -> Result<HoldReason> {
    match error {
        StripeError::Stop(_) => Err(anyhow!(error).into()),
        StripeError::Unknown(_) | StripeError::Refused(_) => Ok(reason(error.to_string())),
    }
}
