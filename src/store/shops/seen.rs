//! Shops as last seen at Mirakl.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::ShopId;
use crate::domain::shop::FieldState;
use crate::store::{Connection, Result, rows};

/// What the store knows of a shop when it is seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownShop {
    /// Ended for ever.
    pub terminated: bool,
    /// The operator has excluded the shop.
    pub ignored: bool,
    /// What its field for the link held.
    pub field: FieldState,
    /// Mirakl's KYC status.
    pub kyc_shown: Option<String>,
    /// `last_updated_date` as last seen, our own writes included.
    pub mirakl_updated_at: DateTime<Utc>,
}

/// By which settings the shops' fields are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBy<'a> {
    /// The custom field for the link.
    pub link_field: &'a str,
    /// The custom field that excludes a shop.
    pub ignored_field: &'a str,
    /// What the link's field holds once details are submitted.
    pub dashboard_url: &'a str,
}

/// Forgets what the shops' fields held if they were read by other settings; returns whether they
/// were. Nothing is written to a shop before it has been read anew, so the caller must start over.
pub async fn read_by(
    conn: &mut Connection,
    settings: ReadBy<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let others = sqlx::query_scalar!(
        r#"with before as (
               select (link_field, ignored_field, dashboard_url) is distinct from ($1, $2, $3) as other
               from shop_settings
           ), stored as (
               insert into shop_settings (link_field, ignored_field, dashboard_url)
               values ($1, $2, $3)
               on conflict (only_row) do update
               set link_field = excluded.link_field, ignored_field = excluded.ignored_field,
                   dashboard_url = excluded.dashboard_url
           )
           select coalesce((select other from before), false) as "other!""#,
        settings.link_field,
        settings.ignored_field,
        settings.dashboard_url
    )
    .fetch_one(&mut *conn)
    .await?;
    if others {
        sqlx::query!(
            "update shops set field = 'FOREIGN', mirakl_updated_at = 'epoch', updated_at = $1",
            now
        )
        .execute(conn)
        .await?;
    }
    Ok(others)
}

/// What is known of these shops.
pub async fn known(conn: &mut Connection, shops: &[ShopId]) -> Result<HashMap<ShopId, KnownShop>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let known = sqlx::query!(
        "select shop_id, terminated, ignored, field, kyc_shown, mirakl_updated_at
         from shops where shop_id = any($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    let known = known.into_iter().map(|row| {
        let shop = KnownShop {
            terminated: row.terminated,
            ignored: row.ignored,
            field: row.field,
            kyc_shown: row.kyc_shown,
            mirakl_updated_at: row.mirakl_updated_at,
        };
        (ShopId(row.shop_id), shop)
    });
    Ok(known.collect())
}

/// A shop as S20 shows it.
#[derive(Debug, Clone, Serialize)]
pub struct SeenShop {
    /// The shop.
    pub shop_id: ShopId,
    /// Ended for ever.
    pub terminated: bool,
    /// Excluded by the operator.
    pub ignored: bool,
    /// What its field for the link holds.
    pub field: FieldState,
    /// Mirakl's KYC status.
    pub kyc_shown: Option<String>,
    /// When it was made.
    pub mirakl_created_at: DateTime<Utc>,
    /// When it last changed.
    pub mirakl_updated_at: DateTime<Utc>,
}

/// Writes a page of shops that were seen, changed by others since the last time.
///
/// A change by others lets a refused write be tried again at once: it may be the remedy.
pub async fn seen(conn: &mut Connection, shops: &[SeenShop], now: DateTime<Utc>) -> Result<()> {
    if shops.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into shops (shop_id, terminated, ignored, field, kyc_shown, mirakl_created_at,
                            mirakl_updated_at, changed_at, created_at, updated_at)
         select distinct on (r.shop_id)
                r.shop_id, r.terminated, r.ignored, r.field, r.kyc_shown, r.mirakl_created_at,
                r.mirakl_updated_at, r.mirakl_updated_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, terminated boolean, ignored boolean, field shop_field, kyc_shown text,
             mirakl_created_at timestamptz, mirakl_updated_at timestamptz)
         order by r.shop_id, r.mirakl_updated_at desc
         on conflict (shop_id) do update
         set terminated = excluded.terminated, ignored = excluded.ignored, field = excluded.field,
             kyc_shown = excluded.kyc_shown, mirakl_updated_at = excluded.mirakl_updated_at,
             changed_at = excluded.changed_at, write_refused = null, refused_part = null,
             write_refusals = 0, write_next_at = null, unread_next_at = null, unread_looks = 0,
             updated_at = excluded.updated_at",
        rows(shops)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets nothing be written to shops that could not be read, because what their fields hold is not
/// known, and lets them be read again later and later.
pub async fn unread(conn: &mut Connection, shops: &[ShopId], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    sqlx::query!(
        "update shops
         set field = 'FOREIGN', mirakl_updated_at = 'epoch', unread_looks = unread_looks + 1,
             unread_next_at = $2::timestamptz
                 + least(interval '5 minutes' * power(2, least(unread_looks, 12)), interval '6 hours'),
             updated_at = $2
         where shop_id = any($1)",
        &ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next shops after shop `after` that could not be read and are to be read again.
pub async fn unread_due(
    conn: &mut Connection,
    now: DateTime<Utc>,
    after: ShopId,
    limit: i64,
) -> Result<Vec<ShopId>> {
    let due = sqlx::query_scalar!(
        "select shop_id from shops where unread_next_at <= $1 and shop_id > $2
         order by shop_id limit $3",
        now,
        after.0,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().map(ShopId).collect())
}
