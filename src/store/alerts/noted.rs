//! What stays as it is until somebody looks: it is mailed in full once, and counted from then on.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Alerts;
use crate::store::{Connection, Result, rows};

/// Something that does not agree with Mirakl or Stripe, or that Mirakl shows and no movement carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `transfer`, `refund`, `payout` or `capture`.
    pub subject: String,
    /// The row's number.
    pub internal_id: i64,
    /// The order, the refund, the invoice, or the customer's payment.
    pub mirakl_id: String,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// Minor units of the row.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<String>,
    /// What differs.
    pub difference: String,
    /// When it was last mailed, in UTC; null for news.
    pub mailed_at: Option<DateTime<Utc>>,
}

/// All differences, news first.
pub(super) async fn differences(conn: &mut Connection) -> Result<Vec<Difference>> {
    let rows = sqlx::query_as!(
        Difference,
        r#"with flagged as (
               select 'transfer' as subject, id, mirakl_id, shop_id, amount, currency::text, difference
               from transfers where difference is not null
               union all
               select 'refund', id, mirakl_id, shop_id, amount, currency::text, difference
               from refunds where difference is not null
               union all
               select 'payout', id, mirakl_invoice_id, shop_id, amount, currency::text, difference
               from payouts where difference is not null
               union all
               select 'capture', id, payment_id, null, amount, currency::text, difference
               from captures where difference is not null and status = 'CAPTURE_CREATED'
           )
           select f.subject as "subject!", f.id as "internal_id!", f.mirakl_id as "mirakl_id!",
                  f.shop_id as mirakl_shop_id, f.amount, f.currency, f.difference as "difference!",
                  m.mailed_at as "mailed_at?"
           from flagged f
                left join mailed m on m.subject = f.subject and m.subject_id = f.id
                                  and m.fact = f.difference
           order by m.mailed_at desc nulls first, f.subject, f.id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Money that a refund should have taken back from a seller, and of which the transfer had no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortfall {
    /// The refund's number.
    pub internal_id: i64,
    /// The refund at Mirakl.
    pub mirakl_refund_id: String,
    /// Its order.
    pub mirakl_order_id: String,
    /// The shop.
    pub mirakl_shop_id: Option<i64>,
    /// The transfer.
    pub transfer_id: String,
    /// What the refund asks for, in minor units.
    pub wanted: i64,
    /// What is missing, in minor units.
    pub shortfall: i64,
    /// Of both.
    pub currency: String,
    /// The reversal's number.
    #[serde(skip)]
    pub reversal: i64,
    /// When it was last mailed, in UTC; null for news.
    pub mailed_at: Option<DateTime<Utc>>,
}

/// All shortfalls, news first.
pub(super) async fn shortfalls(conn: &mut Connection) -> Result<Vec<Shortfall>> {
    let rows = sqlx::query_as!(
        Shortfall,
        r#"select r.id as internal_id, r.mirakl_id as mirakl_refund_id, r.order_id as mirakl_order_id,
                  r.shop_id as mirakl_shop_id, v.transfer_id, v.wanted, v.shortfall as "shortfall!",
                  v.currency as "currency: String", v.id as reversal, m.mailed_at as "mailed_at?"
           from reversals v join refunds r on r.id = v.refund_id
                left join mailed m on m.subject = 'reversal' and m.subject_id = v.id
                                  and m.fact = v.shortfall::text
           where v.shortfall > 0
           order by m.mailed_at desc nulls first, v.id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A notification that the operator's server never took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenUp {
    /// Its number.
    pub internal_id: i64,
    /// Its id towards the operator's server.
    pub notification_id: String,
    /// What it tells.
    pub r#type: String,
    /// The shop it concerns.
    pub mirakl_shop_id: Option<i64>,
    /// Tries.
    pub tries: i32,
    /// What the last try met.
    pub last_error: String,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// When it was last mailed, in UTC; null for news.
    pub mailed_at: Option<DateTime<Utc>>,
}

const GIVEN_UP: &str = "given up";

/// All notifications that were given up, news first.
pub(super) async fn given_up(conn: &mut Connection) -> Result<Vec<GivenUp>> {
    let rows = sqlx::query_as!(
        GivenUp,
        r#"select n.id as internal_id, n.notification_id, n.type as "type", n.shop_id as mirakl_shop_id,
                  n.tries, n.last_error as "last_error!", n.created_at, m.mailed_at as "mailed_at?"
           from notifications n
                left join mailed m on m.subject = 'notification' and m.subject_id = n.id
           where n.status = 'GIVEN_UP'
           order by m.mailed_at desc nulls first, n.id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Notes what a mail told that the mail server has taken: the first `most` news of each kind. What was
/// told before stays as it is noted, and what did not fit stays news.
pub async fn record_mailed(
    conn: &mut Connection,
    alerts: &Alerts,
    most: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    #[derive(Serialize)]
    struct Row<'a> {
        subject: &'a str,
        subject_id: i64,
        fact: String,
    }
    let differences = news(&alerts.differences, |row| row.mailed_at, most).map(|row| Row {
        subject: &row.subject,
        subject_id: row.internal_id,
        fact: row.difference.clone(),
    });
    let shortfalls = news(&alerts.shortfalls, |row| row.mailed_at, most).map(|row| Row {
        subject: "reversal",
        subject_id: row.reversal,
        fact: row.shortfall.to_string(),
    });
    let given_up = news(&alerts.notifications, |row| row.mailed_at, most).map(|row| Row {
        subject: "notification",
        subject_id: row.internal_id,
        fact: GIVEN_UP.to_owned(),
    });
    let told: Vec<Row<'_>> = differences.chain(shortfalls).chain(given_up).collect();
    if told.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into mailed (subject, subject_id, fact, mailed_at)
         select r.subject, r.subject_id, r.fact, $2
         from jsonb_to_recordset($1::text::jsonb) as r(subject text, subject_id bigint, fact text)
         on conflict (subject, subject_id) do update
         set fact = excluded.fact, mailed_at = excluded.mailed_at",
        rows(&told)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn news<T>(
    rows: &[T],
    mailed_at: impl Fn(&T) -> Option<DateTime<Utc>>,
    most: usize,
) -> impl Iterator<Item = &T> {
    rows.iter()
        .filter(move |row| mailed_at(row).is_none())
        .take(most)
}
