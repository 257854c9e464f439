//! `--dry-run`: gathers and decides like a run, and writes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::page::{Decided, DecidedPage, Missing, decide_page};
use super::{Options, Readers, Reading, gather, kinds};
use crate::app::App;
use crate::domain::ids::{OrderId, ShopId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::retry::{DECISION_LIFE, KEY_LIFE};
use crate::domain::transfer::{Decision, HoldReason, OrderKind, TransferType};
use crate::jobs::orders::READING;
use crate::jobs::orders::stream::{self, Seen};
use crate::jobs::{Result, adopting};
use crate::mirakl::MOST_IDS;
use crate::store::adoptions::{self, Listed};
use crate::store::transfers::{self, MADE_BY_OLD, TransferKey};
use crate::stripe::TransfersQuery;

/// What a run would do about one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTransfer {
    /// What it pays; none where that is not known.
    #[serde(skip)]
    pub kind: Option<TransferType>,
    /// As notified: `TRANSFER_ORDER`, or `TRANSFER_TAX` for the taxes.
    pub r#type: Option<&'static str>,
    /// As notified: `PRODUCT` or `SERVICE`.
    pub order_type: Option<&'static str>,
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
            kind: None,
            r#type: None,
            order_type: None,
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

    fn of(mut self, kind: TransferType) -> Self {
        self.kind = Some(kind);
        self.r#type = Some(kind.notified_type());
        self.order_type = kind.order_type();
        self
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
    readings: Vec<Reading>,
) -> Result<Vec<PlannedTransfer>> {
    let start = super::start(&readings, app.clock.now());
    let mut planner = Planner {
        app,
        asked: !options.orders.is_empty(),
        readers: Readers::new(false),
        at_stripe: at_stripe(app, start).await?,
        planned: Vec::new(),
    };
    planner.pending(options, &kinds(&readings)).await?;
    if planner.asked {
        planner.asked(options, &readings).await?;
        return Ok(planner.planned);
    }
    for reading in readings {
        planner.pages(reading).await?;
        planner.due(reading).await?;
    }
    Ok(planner.planned)
}

/// A transfer of ours at Stripe that the store may not know.
struct AtStripe {
    id: TransferId,
    by_old_connector: bool,
}

async fn at_stripe(app: &App, start: DateTime<Utc>) -> Result<HashMap<TransferKey, AtStripe>> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Transfers).await?
    };
    let mut query = TransfersQuery {
        from: Some(adopting::list_from(covered, start)),
        ..TransfersQuery::default()
    };
    let mut found = HashMap::new();
    loop {
        let page = app
            .stripe
            .transfers(&query)
            .await
            .context("Stripe's transfers could not be listed")?;
        let ours = page
            .data
            .into_iter()
            .filter_map(|t| adopting::ours(app, None, t));
        found.extend(ours.map(|adopted| {
            let transfer = AtStripe {
                id: adopted.transfer_id,
                by_old_connector: adopted.status_reason == MADE_BY_OLD,
            };
            ((adopted.kind, adopted.mirakl_id), transfer)
        }));
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(found),
        }
    }
}

struct Planner<'a> {
    app: &'a App,
    asked: bool,
    readers: Readers,
    at_stripe: HashMap<TransferKey, AtStripe>,
    planned: Vec<PlannedTransfer>,
}

impl Planner<'_> {
    /// What an earlier run left to be sent.
    async fn pending(&mut self, options: &Options, kinds: &[TransferType]) -> Result<()> {
        let now = self.app.clock.now();
        let orders: Vec<&str> = options.orders.iter().map(OrderId::as_str).collect();
        let only = self.asked.then_some(orders.as_slice());
        let mut after = 0;
        loop {
            let mut conn = self.app.db.acquire().await?;
            let fresh = now - DECISION_LIFE;
            let rows = transfers::pending(&mut conn, kinds, fresh, only, after, 200).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            for row in rows {
                let key = (row.kind, row.mirakl_id.clone());
                let (action, reason) = match (self.at_stripe.get(&key), row.sent_at) {
                    (Some(made), _) => ("takeOver", format!("Stripe already made {}", made.id)),
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
                self.planned
                    .push(planned.of(row.kind).with_amount(row.amount));
            }
        }
    }

    async fn asked(&mut self, options: &Options, readings: &[Reading]) -> Result<()> {
        let mut wanted = options.orders.clone();
        let mut heard_of = HashSet::new();
        for reading in readings {
            let mut elsewhere = Vec::new();
            for ids in wanted.chunks(MOST_IDS) {
                let seen = gather::read_ids(&self.app.mirakl, reading.kind, ids).await?;
                let missing = self.page(*reading, seen).await?;
                let known = missing.iter().filter(|missing| missing.known);
                heard_of.extend(known.map(|missing| missing.id.clone()));
                elsewhere.extend(missing.into_iter().map(|missing| missing.id));
            }
            wanted = elsewhere;
        }
        for id in wanted.into_iter().filter(|id| !heard_of.contains(id)) {
            let reason = "Mirakl has no such order".to_owned();
            let planned = PlannedTransfer::new(id.as_str(), "unreadable", reason);
            self.planned.push(planned);
        }
        Ok(())
    }

    async fn pages(&mut self, reading: Reading) -> Result<()> {
        let mirakl = &self.app.mirakl;
        let first = stream::first(mirakl, reading.kind, reading.beginning.read_from).await;
        let mut page = Some(first.context(READING)?);
        while let Some(current) = page {
            let seen = Seen {
                read: current.items,
                gone: Vec::new(),
            };
            self.page(reading, seen).await?;
            page = match current.next {
                Some(next) => {
                    let further = stream::further(mirakl, reading.kind, next).await;
                    Some(further.context(READING)?)
                }
                None => None,
            };
        }
        Ok(())
    }

    async fn due(&mut self, reading: Reading) -> Result<()> {
        let now = self.app.clock.now();
        let mut after = 0;
        loop {
            let rows = {
                let mut conn = self.app.db.acquire().await?;
                let kinds = reading.kind.transfers();
                let stale = now - DECISION_LIFE;
                transfers::due(&mut conn, &kinds, now, stale, after, 100).await?
            };
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            let planned = &self.planned;
            let ids: BTreeSet<OrderId> = rows
                .into_iter()
                .filter(|row| {
                    !planned
                        .iter()
                        .any(|p| p.mirakl_id.as_ref() == Some(&row.mirakl_id))
                })
                .map(|row| OrderId(row.mirakl_id))
                .collect();
            if !ids.is_empty() {
                let ids: Vec<OrderId> = ids.into_iter().collect();
                let seen = gather::read_ids(&self.app.mirakl, reading.kind, &ids).await?;
                self.page(reading, seen).await?;
            }
        }
    }

    /// Plans a page; returns the orders that the list does not hold.
    async fn page(&mut self, reading: Reading, seen: Seen) -> Result<Vec<Missing>> {
        let page = decide_page(self.app, &mut self.readers, reading, self.asked, seen).await?;
        let DecidedPage {
            decided,
            compared,
            known,
            unidentified,
            missing,
        } = page;
        for one in decided {
            let planned = self.one(one);
            self.planned.push(planned);
        }
        for (id, difference) in compared {
            let Some(difference) = difference else {
                continue;
            };
            let row = known.iter().find(|(_, row)| row.id == id);
            if let Some(((kind, order), _)) = row {
                let planned = PlannedTransfer::new(order, "flag", difference).of(*kind);
                self.planned.push(planned);
            }
        }
        for cause in unidentified {
            self.planned.push(PlannedTransfer {
                mirakl_id: None,
                ..PlannedTransfer::new("", "unreadable", cause)
            });
        }
        Ok(missing)
    }

    fn one(&self, decided: Decided) -> PlannedTransfer {
        let id = decided.id.as_str();
        let shop = decided.order.as_ref().map(|order| order.shop_id);
        let made = self.at_stripe.get(&decided.key());
        let old = self.of_old_connector(decided.kind, id);
        let planned = match (made, old, decided.decision) {
            (Some(made), _, _) => {
                PlannedTransfer::new(id, "takeOver", format!("Stripe already made {}", made.id))
            }
            (None, Some(old), Decision::Send { .. }) => {
                let reason = HoldReason::OldTransfer(old.clone());
                PlannedTransfer::new(id, "hold", reason.to_string())
            }
            (
                None,
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
            (None, _, Decision::Hold(reason)) => {
                PlannedTransfer::new(id, "hold", reason.to_string())
            }
            (None, _, Decision::Abort(reason)) => {
                PlannedTransfer::new(id, "abort", reason.to_string())
            }
            (None, _, Decision::Ignore(reason)) => {
                PlannedTransfer::new(id, "ignore", reason.to_string())
            }
        };
        PlannedTransfer {
            mirakl_shop_id: shop,
            ..planned.of(decided.kind)
        }
    }

    /// A transfer of the old connector that a run would find, and that may have paid this service
    /// order.
    fn of_old_connector(&self, kind: TransferType, id: &str) -> Option<&TransferId> {
        if kind.order_kind() != Some(OrderKind::Service) {
            return None;
        }
        let kinds = OrderKind::Product.transfers().into_iter();
        let mut found = kinds.filter_map(|kind| self.at_stripe.get(&(kind, id.to_owned())));
        let old = found.find(|made| made.by_old_connector);
        old.map(|made| &made.id)
    }
}
