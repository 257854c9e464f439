//! `--dry-run`: gathers and decides like a run, and writes nothing.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Serialize;

use super::page::{Decided, DecidedPage, Seen, decide_page};
use super::{Beginning, Options, Readers, adopt, gather};
use crate::app::App;
use crate::domain::ids::{OrderId, ShopId};
use crate::domain::money::{Currency, Money};
use crate::domain::retry::{DECISION_LIFE, KEY_LIFE};
use crate::domain::transfer::{Decision, TransferType};
use crate::jobs::Result;
use crate::jobs::orders::READING;
use crate::mirakl::OrdersQuery;
use crate::store::adoptions::{self, Listed};
use crate::store::transfers;
use crate::stripe::TransfersQuery;

/// What a run would do about one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTransfer {
    /// The order; none for an element that names none.
    pub mirakl_id: Option<String>,
    /// Its shop.
    pub mirakl_shop_id: Option<ShopId>,
    /// `send`, `sendAgain`, `takeOver`, `hold`, `abort`, `ignore`, `flag` or `unreadable`.
    pub action: &'static str,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The account that would receive it.
    pub stripe_account_id: Option<String>,
    /// The charge it would come from.
    pub transaction_id: Option<String>,
    /// The arithmetic, or the reason.
    pub reason: String,
}

impl PlannedTransfer {
    fn new(mirakl_id: &str, action: &'static str, reason: String) -> Self {
        Self {
            mirakl_id: Some(mirakl_id.to_owned()),
            mirakl_shop_id: None,
            action,
            amount: None,
            currency: None,
            stripe_account_id: None,
            transaction_id: None,
            reason,
        }
    }

    fn with_amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount.minor());
        self.currency = Some(amount.currency());
        self
    }
}

/// Everything a run would do now.
pub(super) async fn plan(
    app: &App,
    options: &Options,
    beginning: Beginning,
) -> Result<Vec<PlannedTransfer>> {
    let mut planner = Planner {
        app,
        asked: !options.orders.is_empty(),
        beginning,
        readers: Readers::new(false),
        at_stripe: at_stripe(app, beginning).await?,
        planned: Vec::new(),
    };
    planner.pending(options).await?;
    if planner.asked {
        for ids in options.orders.chunks(100) {
            let seen = gather::read_ids(&app.mirakl, ids).await?;
            planner.page(seen).await?;
        }
        return Ok(planner.planned);
    }
    let query = OrdersQuery::UpdatedSince(beginning.read_from);
    let mut page = Some(app.mirakl.orders(&query).await.context(READING)?);
    while let Some(current) = page {
        planner
            .page(Seen {
                read: current.items,
                gone: Vec::new(),
            })
            .await?;
        page = match current.next {
            Some(next) => Some(app.mirakl.orders_at(next).await.context(READING)?),
            None => None,
        };
    }
    planner.due().await?;
    Ok(planner.planned)
}

/// Transfers of ours at Stripe that the store may not know, by order.
async fn at_stripe(app: &App, beginning: Beginning) -> Result<HashMap<String, String>> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let mut query = TransfersQuery {
        from: Some(adopt::list_from(covered, beginning.start)),
        ..TransfersQuery::default()
    };
    let mut found = HashMap::new();
    loop {
        let page = app
            .stripe
            .transfers(&query)
            .await
            .context("Stripe's transfers could not be listed")?;
        let ours = page.data.into_iter().filter_map(|t| adopt::ours(app, t));
        found.extend(ours.map(|adopted| (adopted.mirakl_id, adopted.transfer_id.0)));
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(found),
        }
    }
}

struct Planner<'a> {
    app: &'a App,
    asked: bool,
    beginning: Beginning,
    readers: Readers,
    at_stripe: HashMap<String, String>,
    planned: Vec<PlannedTransfer>,
}

impl Planner<'_> {
    /// What an earlier run left to be sent.
    async fn pending(&mut self, options: &Options) -> Result<()> {
        let now = self.app.clock.now();
        let orders: Vec<&str> = options.orders.iter().map(OrderId::as_str).collect();
        let only = self.asked.then_some(orders.as_slice());
        let mut after = 0;
        loop {
            let mut conn = self.app.db.acquire().await?;
            let kind = TransferType::ProductOrder;
            let fresh = now - DECISION_LIFE;
            let rows = transfers::pending(&mut conn, kind, fresh, only, after, 200).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            for row in rows {
                let (action, reason) = match (self.at_stripe.get(&row.mirakl_id), row.sent_at) {
                    (Some(transfer), _) => ("takeOver", format!("Stripe already made {transfer}")),
                    (None, Some(at)) if now - at > KEY_LIFE => (
                        "sendAgain",
                        format!("sent on {at} without an answer; looked up first"),
                    ),
                    (None, Some(at)) => ("sendAgain", format!("sent on {at} without an answer")),
                    (None, None) => ("send", "decided by an earlier run".to_owned()),
                };
                let planned = PlannedTransfer {
                    stripe_account_id: Some(row.destination.0),
                    transaction_id: Some(row.source.0),
                    ..PlannedTransfer::new(&row.mirakl_id, action, reason)
                };
                self.planned.push(planned.with_amount(row.amount));
            }
        }
    }

    async fn due(&mut self) -> Result<()> {
        let now = self.app.clock.now();
        let mut after = 0;
        loop {
            let rows = {
                let mut conn = self.app.db.acquire().await?;
                let kind = TransferType::ProductOrder;
                let stale = now - DECISION_LIFE;
                transfers::due(&mut conn, kind, now, stale, after, 100).await?
            };
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            let planned = &self.planned;
            let ids: Vec<OrderId> = rows
                .into_iter()
                .filter(|row| {
                    !planned
                        .iter()
                        .any(|p| p.mirakl_id.as_ref() == Some(&row.mirakl_id))
                })
                .map(|row| OrderId(row.mirakl_id))
                .collect();
            if !ids.is_empty() {
                let seen = gather::read_ids(&self.app.mirakl, &ids).await?;
                self.page(seen).await?;
            }
        }
    }

    async fn page(&mut self, seen: Seen) -> Result<()> {
        let start = self.beginning.start;
        let page = decide_page(self.app, &mut self.readers, start, self.asked, seen).await?;
        let DecidedPage {
            decided,
            compared,
            known,
            unidentified,
            unheard_of,
        } = page;
        for one in decided {
            let planned = self.one(one);
            self.planned.push(planned);
        }
        for (id, difference) in compared {
            let Some(difference) = difference else {
                continue;
            };
            let order = known.iter().find(|(_, row)| row.id == id);
            let name = order.map_or("", |(name, _)| name.as_str());
            self.planned
                .push(PlannedTransfer::new(name, "flag", difference));
        }
        for id in unheard_of {
            let reason = "Mirakl has no such order".to_owned();
            let planned = PlannedTransfer::new(id.as_str(), "unreadable", reason);
            self.planned.push(planned);
        }
        for cause in unidentified {
            self.planned.push(PlannedTransfer {
                mirakl_id: None,
                ..PlannedTransfer::new("", "unreadable", cause)
            });
        }
        Ok(())
    }

    fn one(&self, decided: Decided) -> PlannedTransfer {
        let id = decided.id.as_str();
        let planned = match (self.at_stripe.get(id), decided.decision) {
            (Some(transfer), _) => {
                PlannedTransfer::new(id, "takeOver", format!("Stripe already made {transfer}"))
            }
            (
                None,
                Decision::Send {
                    amount,
                    destination,
                    source,
                    explained,
                    ..
                },
            ) => PlannedTransfer {
                stripe_account_id: Some(destination.0),
                transaction_id: Some(source.0),
                ..PlannedTransfer::new(id, "send", explained)
            }
            .with_amount(amount),
            (None, Decision::Hold(reason)) => PlannedTransfer::new(id, "hold", reason.to_string()),
            (None, Decision::Abort(reason)) => {
                PlannedTransfer::new(id, "abort", reason.to_string())
            }
            (None, Decision::Ignore(reason)) => {
                PlannedTransfer::new(id, "ignore", reason.to_string())
            }
        };
        PlannedTransfer {
            mirakl_shop_id: decided.order.map(|order| order.shop_id),
            ..planned
        }
    }
}
