//! Refunds that were found at Stripe: their orders tell what the seller bears, and whether Mirakl
//! already knows.

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::gather::READING;
use super::{Pass, facts};
use crate::domain::ids::OrderId;
use crate::domain::money::Money;
use crate::domain::refund::{
    AskedRefund, HoldReason, RefundAmounts, RefundType, Shown, refund_amounts,
};
use crate::domain::retry;
use crate::jobs::Result;
use crate::store::refunds::{self, Parts, WithoutParts};

/// Rows in one look: their orders are read by one call.
const PAGE: i64 = 100;

/// Reads the orders of refunds that were taken over.
pub(super) async fn of_adopted(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    for kind in &pass.kinds {
        let mut after = 0;
        loop {
            let now = app.clock.now();
            let rows = {
                let only = pass.options.only();
                let mut conn = app.db.acquire().await?;
                refunds::without_parts(&mut conn, &[*kind], only.as_deref(), now, after, PAGE)
                    .await?
            };
            let Some(last) = rows.last() else {
                break;
            };
            after = last.id;
            let parts = of_rows(pass, *kind, &rows, now).await?;
            let mut conn = app.db.acquire().await?;
            refunds::set_parts(&mut conn, &parts, now).await?;
        }
    }
    Ok(())
}

async fn of_rows(
    pass: &Pass<'_>,
    kind: RefundType,
    rows: &[WithoutParts],
    now: DateTime<Utc>,
) -> Result<Vec<Parts>> {
    let ids: Vec<OrderId> = rows.iter().map(|row| row.order_id.clone()).collect();
    let orders = facts::orders(pass.app, kind, &ids).await.context(READING)?;
    let parts = rows.iter().map(|row| {
        let order = orders.get(&row.order_id);
        let shown = order
            .clone()
            .and_then(|order| facts::shown(order, &row.refund_id));
        let amounts = shown.and_then(|shown| Ok((amounts(row, &shown)?, shown.confirmed)));
        let mut part = Parts {
            id: row.id,
            commercial_order_id: order
                .as_ref()
                .ok()
                .map(|order| facts::basket(order).clone()),
            shop_id: order.ok().map(facts::shop),
            seller_part: None,
            taxes: None,
            withheld: None,
            amount_explained: None,
            confirmed: false,
            hold_reason: None,
            hold_code: None,
            looks: 0,
            next_look_at: None,
        };
        match amounts {
            Ok((amounts, confirmed)) => {
                part.seller_part = Some(amounts.seller.minor());
                part.taxes = amounts.taxes.map(Money::minor);
                part.withheld = amounts.withheld.map(Money::minor);
                part.amount_explained = Some(amounts.explained);
                part.confirmed = confirmed;
            }
            Err(reason) => {
                let same = row.reason_code.as_deref() == Some(reason.code());
                (part.looks, part.next_look_at) =
                    retry::next_look(same.then_some((row.looks, None)), now);
                part.hold_reason = Some(reason.to_string());
                part.hold_code = Some(reason.code());
                pass.run.count(|counts| {
                    counts.waiting += 1;
                    counts.news += u64::from(!same);
                });
            }
        }
        part
    });
    Ok(parts.collect())
}

/// What the order makes of a refund of the amount that Stripe gave back.
fn amounts(row: &WithoutParts, shown: &Shown) -> Result<RefundAmounts, HoldReason> {
    let (id, order) = (&row.refund_id, &row.order_id);
    let asked = AskedRefund::remembered(row.kind, id, order, row.amount, None);
    refund_amounts(&asked, shown)
}
