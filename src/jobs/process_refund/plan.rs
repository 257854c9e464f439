//! `--dry-run`: gathers and decides like a run, and writes nothing.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Serialize;

use super::page::{self, Decided, Item, Verdict};
use super::{Options, adopt, gather, kinds, reverse};
use crate::app::App;
use crate::domain::ids::{ChargeId, OrderId, RefundId, ShopId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::refund::{Decision, RefundAmounts, RefundStatus, RefundType, ReversalDecision};
use crate::domain::retry::DECISION_LIFE;
use crate::domain::transfer::TransferType;
use crate::jobs::Result;
use crate::jobs::adopting::list_from;
use crate::jobs::payments::Payments;
use crate::mirakl::MOST_IDS;
use crate::store::adoptions::{self, Listed};
use crate::store::refunds::{self, OrderTransfer, ToReverse};
use crate::stripe::RefundsQuery;

/// What a run would do about one refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRefund {
    /// The refund.
    pub mirakl_refund_id: String,
    /// Its order.
    pub mirakl_order_id: String,
    /// `PRODUCT` or `SERVICE`.
    pub order_type: &'static str,
    /// The shop, where it is known.
    pub mirakl_shop_id: Option<ShopId>,
    /// `refund`, `refundAgain`, `takeOver`, `confirm`, `reverse`, `hold`, `person` or `abort`.
    pub action: &'static str,
    /// What the customer gets back, in minor units.
    pub amount: Option<i64>,
    /// Of the amounts.
    pub currency: Option<Currency>,
    /// The charge it would come out of.
    pub transaction_id: Option<String>,
    /// What of it the seller bears, in minor units.
    pub seller_part: Option<i64>,
    /// What would come back from the order's transfers.
    pub reversals: Vec<PlannedReversal>,
    /// The arithmetic, or the reason.
    pub reason: String,
}

/// What would come back of one transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedReversal {
    /// `TRANSFER_ORDER` or `TRANSFER_TAX`.
    pub r#type: &'static str,
    /// The transfer.
    pub transfer_id: TransferId,
    /// What the refund asks for, in minor units.
    pub wanted: i64,
    /// What is left for it, in minor units.
    pub amount: i64,
}

impl PlannedRefund {
    fn new(
        kind: RefundType,
        id: &RefundId,
        order: &OrderId,
        action: &'static str,
        reason: String,
    ) -> Self {
        Self {
            mirakl_refund_id: id.to_string(),
            mirakl_order_id: order.to_string(),
            order_type: kind.order_kind().as_str(),
            mirakl_shop_id: None,
            action,
            amount: None,
            currency: None,
            transaction_id: None,
            seller_part: None,
            reversals: Vec::new(),
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
pub(super) async fn plan(app: &App, options: &Options) -> Result<Vec<PlannedRefund>> {
    let kinds = kinds(app);
    let at_stripe = at_stripe(app).await?;
    let mut planned = under_way(app, options, &kinds).await?;
    let (mut asked, unread) = gather::read(app, &kinds).await?;
    for unread in unread {
        tracing::error!(
            cause = unread.cause,
            "Mirakl sent a refund that cannot be read"
        );
    }
    asked.retain(|refund| options.wants(&refund.id));
    let mut payments = Payments::new(false);
    for kind in kinds {
        let of_kind: Vec<Item> = asked
            .extract_if(.., |refund| refund.kind == kind)
            .map(Item::Asked)
            .collect();
        for items in of_kind.chunks(MOST_IDS) {
            let is_asked = !options.refunds.is_empty();
            let items = items.to_vec();
            let unstored = &at_stripe.by_others;
            let page =
                page::decide_page(app, &mut payments, kind, is_asked, items, unstored).await?;
            let mut transfers = page.transfers;
            for decided in page.decided {
                let known_at_stripe = at_stripe.ours.get(&(kind, decided.item.id().clone()));
                planned.push(one(app, &decided, known_at_stripe, &mut transfers));
            }
        }
    }
    Ok(planned)
}

/// What Stripe's list holds that the store may not know.
struct AtStripe {
    /// Refunds of ours.
    ours: HashMap<(RefundType, RefundId), String>,
    /// What others refunded of each charge, in minor units.
    by_others: HashMap<ChargeId, i64>,
}

async fn at_stripe(app: &App) -> Result<AtStripe> {
    let covered = {
        let mut conn = app.db.acquire().await?;
        adoptions::get(&mut conn, Listed::Refunds).await?
    };
    let mut query = RefundsQuery {
        from: Some(list_from(covered, super::start(app))),
        ..RefundsQuery::default()
    };
    let mut found = AtStripe {
        ours: HashMap::new(),
        by_others: HashMap::new(),
    };
    loop {
        let page = app
            .stripe
            .refunds(&query)
            .await
            .context("Stripe's refunds could not be listed")?;
        let (ours, others) = adopt::sort(app, page.data);
        let ours = ours.into_iter();
        found
            .ours
            .extend(ours.map(|ours| ((ours.kind, ours.mirakl_id), ours.stripe_refund_id.0)));
        let known = {
            let mut conn = app.db.acquire().await?;
            refunds::known_others(&mut conn, &others).await?
        };
        for other in others {
            if other.is_nobodys() && !known.contains(&other.stripe_refund_id) {
                *found.by_others.entry(other.charge_id).or_default() += other.amount;
            }
        }
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(found),
        }
    }
}

/// What earlier runs left to be done.
async fn under_way(
    app: &App,
    options: &Options,
    kinds: &[RefundType],
) -> Result<Vec<PlannedRefund>> {
    let now = app.clock.now();
    let only = options.only();
    let only = only.as_deref();
    let mut planned = Vec::new();
    let mut conn = app.db.acquire().await?;
    let all = i64::MAX;
    for row in refunds::pending(&mut conn, kinds, now - DECISION_LIFE, only, 0, all).await? {
        let (action, reason) = match row.sent_at {
            Some(at) => ("refundAgain", format!("sent on {at} without an answer")),
            None => ("refund", "decided by an earlier run".to_owned()),
        };
        planned.push(PlannedRefund {
            mirakl_shop_id: row.shop_id,
            transaction_id: Some(row.charge.0),
            ..PlannedRefund::new(row.kind, &row.refund_id, &row.order_id, action, reason)
                .with_amount(row.amount)
        });
    }
    for kind in kinds {
        for row in refunds::to_confirm(&mut conn, *kind, only, now, 0, all).await? {
            let reason = format!("refunded as {}; Mirakl is to be told", row.stripe_refund_id);
            planned.push(PlannedRefund {
                mirakl_shop_id: row.shop_id,
                ..PlannedRefund::new(*kind, &row.refund_id, &row.order_id, "confirm", reason)
                    .with_amount(row.amount)
            });
        }
    }
    let rows = refunds::to_reverse(&mut conn, kinds, only, now, 0, all).await?;
    let ids: Vec<&str> = rows.iter().map(|row| row.order_id.as_str()).collect();
    let transfers = refunds::order_transfers(&mut conn, &ids).await?;
    for row in rows {
        let decision = reverse::decide(app, &row, &transfers);
        let planned_one = PlannedRefund::new(
            row.kind,
            &row.refund_id,
            &row.order_id,
            "reverse",
            row.explained.clone(),
        );
        planned.push(with_reversal(
            PlannedRefund {
                mirakl_shop_id: row.shop_id,
                seller_part: Some(row.seller.minor()),
                currency: Some(row.seller.currency()),
                ..planned_one
            },
            decision,
        ));
    }
    Ok(planned)
}

fn one(
    app: &App,
    decided: &Decided,
    at_stripe: Option<&String>,
    transfers: &mut HashMap<(TransferType, OrderId), OrderTransfer>,
) -> PlannedRefund {
    let item = &decided.item;
    let shop_id = decided.order.as_ref().map(super::facts::shop);
    let planned = |action, reason| PlannedRefund {
        mirakl_shop_id: shop_id,
        ..PlannedRefund::new(item.kind(), item.id(), item.order_id(), action, reason)
    };
    if let Some(refund) = at_stripe {
        return planned("takeOver", format!("Stripe already made {refund}"));
    }
    match &decided.verdict {
        Verdict::Rules(Decision::Refund {
            amounts, charge, ..
        }) => {
            let planned = PlannedRefund {
                transaction_id: Some(charge.to_string()),
                seller_part: Some(amounts.seller.minor()),
                ..planned("refund", amounts.explained.clone()).with_amount(amounts.refund)
            };
            let row = unreversed(item, shop_id, amounts);
            let decision = reverse::decide(app, &row, transfers);
            if let ReversalDecision::Reverse(parts) = &decision {
                reverse::allocate(&row, parts, transfers);
            }
            with_reversal(planned, decision)
        }
        Verdict::Rules(Decision::TakeOver { refund, .. }) => {
            planned("takeOver", format!("the former connector made {refund}"))
        }
        Verdict::Rules(Decision::Hold(reason)) => planned("hold", reason.to_string()),
        Verdict::Rules(Decision::Person(reason)) => planned("person", reason.to_string()),
        Verdict::Abort(reason) => planned("abort", reason.to_string()),
    }
}

/// The refund as it would stand at its third step.
fn unreversed(item: &Item, shop_id: Option<ShopId>, amounts: &RefundAmounts) -> ToReverse {
    ToReverse {
        id: 0,
        kind: item.kind(),
        refund_id: item.id().clone(),
        order_id: item.order_id().clone(),
        shop_id,
        status: RefundStatus::RefundPending,
        reason_code: None,
        looks: 0,
        next_look_at: None,
        seller: amounts.seller,
        taxes: amounts.taxes,
        withheld: amounts.withheld,
        explained: amounts.explained.clone(),
        reversals: Vec::new(),
    }
}

fn with_reversal(mut planned: PlannedRefund, decision: ReversalDecision) -> PlannedRefund {
    match decision {
        ReversalDecision::Reverse(parts) => {
            let parts = parts.into_iter().map(|part| PlannedReversal {
                r#type: part.kind.notified_type(),
                transfer_id: part.transfer,
                wanted: part.wanted.minor(),
                amount: part.amount.minor(),
            });
            planned.reversals = parts.collect();
        }
        ReversalDecision::Hold(reason) => {
            planned.reason = format!("{}; {reason}", planned.reason);
        }
        ReversalDecision::Nothing(reason) => {
            planned.reason = format!("{}; {reason}", planned.reason);
        }
    }
    planned
}
