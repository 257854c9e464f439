//! What the operator's server is told: an outbox, written with the change that it tells of.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Connection, Result, one, rows};
use crate::domain::ids::ShopId;
use crate::notify::Event;

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "notification_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationStatus {
    /// To be delivered.
    Waiting,
    /// The operator's server took it.
    Delivered,
    /// Not delivered for three days.
    GivenUp,
}

impl NotificationStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::GivenUp];

    /// The word that is stored and listed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Delivered => "DELIVERED",
            Self::GivenUp => "GIVEN_UP",
        }
    }
}

/// Adds notifications, in their order; call it in the transaction of the change they tell of.
pub async fn add(conn: &mut Connection, events: &[Event], now: DateTime<Utc>) -> Result<()> {
    #[derive(Serialize)]
    struct Row {
        number: usize,
        r#type: &'static str,
        shop_id: Option<ShopId>,
        body: String,
    }
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<Row> = events
        .iter()
        .enumerate()
        .map(|(number, event)| Row {
            number,
            r#type: event.name(),
            shop_id: event.shop(),
            body: event.body(),
        })
        .collect();
    sqlx::query!(
        "insert into notifications (type, shop_id, body, next_try_at, created_at, updated_at)
         select r.type, r.shop_id, r.body, $2, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             number bigint, type text, shop_id bigint, body text)
         order by r.number",
        rows(&events)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A notification that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotification {
    /// Its internal id.
    pub id: i64,
    /// Its id towards the operator's server.
    pub notification_id: String,
    /// What it tells.
    pub kind: String,
    /// The document.
    pub body: String,
    /// Earlier tries.
    pub tries: u32,
}

/// The oldest notifications that are due; none of a shop that has an older one which waits.
pub async fn due(
    conn: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueNotification>> {
    let due = sqlx::query!(
        "select id, notification_id, type as kind, body, tries
         from notifications n
         where status = 'WAITING' and next_try_at <= $1
           and not exists (select from notifications older
                           where older.shop_id = n.shop_id and older.id < n.id
                             and older.status = 'WAITING' and older.next_try_at > $1)
         order by id limit $2",
        now,
        limit
    )
    .fetch_all(conn)
    .await?;
    let due = due.into_iter().map(|row| DueNotification {
        id: row.id,
        notification_id: row.notification_id,
        kind: row.kind,
        body: row.body,
        tries: u32::try_from(row.tries).unwrap_or(0),
    });
    Ok(due.collect())
}

/// Notes that the operator's server took a notification.
pub async fn delivered(conn: &mut Connection, id: i64, now: DateTime<Utc>) -> Result<()> {
    let changed = sqlx::query!(
        "update notifications
         set status = 'DELIVERED', tries = tries + 1, next_try_at = null, last_error = null,
             delivered_at = $2, updated_at = $2
         where id = $1 and status = 'WAITING'",
        id,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "notification", id)
}

/// Notes that a try failed, and when the next one is due.
pub async fn failed(
    conn: &mut Connection,
    id: i64,
    error: &str,
    next_try_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = sqlx::query!(
        "update notifications
         set tries = tries + 1, next_try_at = $3, last_error = $2, updated_at = $4
         where id = $1 and status = 'WAITING'",
        id,
        error,
        next_try_at,
        now
    )
    .execute(conn)
    .await?;
    one(changed.rows_affected(), "notification", id)
}

/// Gives up what was tried and is older than `created_before`; returns how many.
pub async fn give_up(
    conn: &mut Connection,
    created_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let changed = sqlx::query!(
        "update notifications
         set status = 'GIVEN_UP', next_try_at = null, updated_at = $2
         where status = 'WAITING' and tries > 0 and created_at < $1",
        created_before,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}

/// What waits for the operator's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: i64,
    /// Since when the oldest waits.
    pub oldest: Option<DateTime<Utc>>,
    /// How many of each type, as it is notified.
    pub types: Vec<(String, i64)>,
    /// Ids towards the operator's server, of the oldest.
    pub ids: Vec<String>,
}

/// What waits for the operator's server, with the ids of at most `most`.
pub async fn waiting(conn: &mut Connection, most: i64) -> Result<Waiting> {
    let types = sqlx::query!(
        r#"select type as kind, count(*) as "count!", min(created_at) as "oldest!"
           from notifications where status = 'WAITING' group by type order by type"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids = sqlx::query_scalar!(
        "select notification_id from notifications where status = 'WAITING' order by id limit $1",
        most
    )
    .fetch_all(conn)
    .await?;
    Ok(Waiting {
        count: types.iter().map(|row| row.count).sum(),
        oldest: types.iter().map(|row| row.oldest).min(),
        types: types.into_iter().map(|row| (row.kind, row.count)).collect(),
        ids,
    })
}

/// One row of `list notifications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedNotification {
    /// Its number.
    pub internal_id: i64,
    /// Its id towards the operator's server.
    pub notification_id: String,
    /// What it tells.
    pub r#type: String,
    /// The shop it concerns.
    pub mirakl_shop_id: Option<i64>,
    /// Where it stands.
    pub status: NotificationStatus,
    /// Tries so far.
    pub tries: i32,
    /// When it is tried again, in UTC.
    pub next_try_at: Option<DateTime<Utc>>,
    /// What the last try met.
    pub last_error: Option<String>,
    /// The number of the oldest one that waits, of one that was not tried yet: delivery is in order.
    pub waits_behind: Option<i64>,
    /// When the operator's server took it, in UTC.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The document, as it is sent.
    pub body: String,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// In UTC.
    pub updated_at: DateTime<Utc>,
}

/// The newest notifications. `id` is an internal id or the id towards the operator's server.
pub async fn list(
    conn: &mut Connection,
    status: Option<NotificationStatus>,
    shop: Option<ShopId>,
    id: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedNotification>> {
    let rows = sqlx::query_as!(
        ListedNotification,
        r#"select id as internal_id, notification_id, type as "type", shop_id as mirakl_shop_id,
                  status, tries, next_try_at, last_error,
                  case when status = 'WAITING' and tries = 0 then (
                      select min(older.id) from notifications older
                      where older.status = 'WAITING' and older.id < notifications.id) end as waits_behind,
                  delivered_at, body, created_at, updated_at
           from notifications
           where ($1::notification_status is null or status = $1)
             and ($2::bigint is null or shop_id = $2)
             and ($3::text is null or notification_id = $3 or id::text = $3)
           order by id desc limit $4"#,
        status as Option<NotificationStatus>,
        shop.map(|shop| shop.0),
        id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
