//! Refunds at Stripe that this program did not make.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{ChargeId, RefundId, StripeRefundId};
use crate::store::{Connection, Result, rows};

/// A refund that somebody else made, as Stripe lists it.
#[derive(Debug, Clone, Serialize)]
pub struct OtherRefund {
    /// The refund.
    pub stripe_refund_id: StripeRefundId,
    /// The charge.
    pub charge_id: ChargeId,
    /// Minor units.
    pub amount: i64,
    /// It failed or was cancelled.
    pub ended: bool,
    /// What the old connector made it for.
    pub mirakl_refund_id: Option<RefundId>,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
}

impl OtherRefund {
    /// Whether it gave money back for nothing that is known at Mirakl.
    pub fn is_nobodys(&self) -> bool {
        !self.ended && self.mirakl_refund_id.is_none()
    }
}

/// Remembers them, and what became of those that are known.
pub async fn keep_others(
    conn: &mut Connection,
    refunds: &[OtherRefund],
    now: DateTime<Utc>,
) -> Result<()> {
    if refunds.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into other_refunds (stripe_refund_id, charge_id, amount, ended, mirakl_refund_id,
                                    stripe_created_at, updated_at)
         select distinct on (r.stripe_refund_id)
                r.stripe_refund_id, r.charge_id, r.amount, r.ended, r.mirakl_refund_id,
                r.stripe_created_at, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             stripe_refund_id text, charge_id text, amount bigint, ended boolean,
             mirakl_refund_id text, stripe_created_at timestamptz)
         order by r.stripe_refund_id
         on conflict (stripe_refund_id) do update
         set ended = excluded.ended, amount = excluded.amount, updated_at = excluded.updated_at",
        rows(refunds)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What others refunded of charges, as far as that is nobody's refund at Mirakl.
#[derive(Debug, Clone, Default)]
pub struct ByOthers(HashMap<ChargeId, Vec<(StripeRefundId, i64)>>);

impl ByOthers {
    /// Minor units of a charge, without the refunds that a person has accepted.
    pub fn besides(&self, charge: &ChargeId, accepted: &[StripeRefundId]) -> i64 {
        let others = self.0.get(charge).into_iter().flatten();
        let besides = others.filter(|(id, _)| !accepted.contains(id));
        besides.map(|(_, minor)| minor).sum()
    }
}

/// What others refunded of these charges.
pub async fn by_others(conn: &mut Connection, charges: &[ChargeId]) -> Result<ByOthers> {
    let charges: Vec<&str> = charges.iter().map(ChargeId::as_str).collect();
    let others = sqlx::query!(
        r#"select o.charge_id as "charge_id: ChargeId",
                  o.stripe_refund_id as "stripe_refund_id: StripeRefundId", o.amount
           from other_refunds o
           where o.charge_id = any($1::text[]) and not o.ended and o.mirakl_refund_id is null
             and not exists (select from refunds r where r.stripe_refund_id = o.stripe_refund_id)"#,
        &charges as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let mut found = ByOthers::default();
    for other in others {
        let of_charge = found.0.entry(other.charge_id).or_default();
        of_charge.push((other.stripe_refund_id, other.amount));
    }
    Ok(found)
}

/// Which of these are known.
pub async fn known_others(
    conn: &mut Connection,
    refunds: &[OtherRefund],
) -> Result<HashSet<StripeRefundId>> {
    let ids: Vec<&str> = refunds
        .iter()
        .map(|r| r.stripe_refund_id.as_str())
        .collect();
    let known = sqlx::query!(
        r#"select stripe_refund_id as "id!: StripeRefundId" from other_refunds
           where stripe_refund_id = any($1::text[])
           union select stripe_refund_id from refunds where stripe_refund_id = any($1::text[])"#,
        &ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().map(|row| row.id).collect())
}

/// A refund that the old connector made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRefund {
    /// The refund.
    pub stripe_refund_id: StripeRefundId,
    /// The charge.
    pub charge_id: ChargeId,
    /// Minor units, in the currency of the charge.
    pub amount: i64,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
}

/// What the old connector made for these refunds, as far as it reached the customer.
pub async fn old(conn: &mut Connection, ids: &[&str]) -> Result<HashMap<RefundId, Vec<OldRefund>>> {
    let found = sqlx::query!(
        r#"select mirakl_refund_id as "mirakl_refund_id!: RefundId",
                  stripe_refund_id as "stripe_refund_id: StripeRefundId",
                  charge_id as "charge_id: ChargeId", amount, stripe_created_at
           from other_refunds o
           where mirakl_refund_id = any($1::text[]) and not ended
             and not exists (select from refunds r where r.stripe_refund_id = o.stripe_refund_id)
           order by stripe_created_at"#,
        ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let mut old: HashMap<RefundId, Vec<OldRefund>> = HashMap::new();
    for row in found {
        old.entry(row.mirakl_refund_id)
            .or_default()
            .push(OldRefund {
                stripe_refund_id: row.stripe_refund_id,
                charge_id: row.charge_id,
                amount: row.amount,
                stripe_created_at: row.stripe_created_at,
            });
    }
    Ok(old)
}
