//! Mirakl's shops as last seen, and what is to be written to them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Connection, Result, rows};
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::KycStatus;
use crate::domain::shop::FieldState;

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

/// A shop with an account, to which something may have to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Writable {
    /// The shop.
    pub shop_id: ShopId,
    /// Its account.
    pub account: AccountId,
    /// The account has submitted its details.
    pub details_submitted: bool,
    /// The field wants a link: none was ever made, or the one in it is too old.
    pub wants_link: bool,
    /// The field wants the dashboard's address.
    pub wants_dashboard: bool,
    /// The KYC status that Mirakl has not been told.
    pub kyc: Option<KycStatus>,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
}

/// Which writes are looked for.
#[derive(Debug, Clone, Copy)]
pub struct WritableQuery<'a> {
    /// Only these shops.
    pub only: Option<&'a [ShopId]>,
    /// Links and dashboard addresses are written.
    pub enabled: bool,
    /// A link made before this is too old.
    pub link_before: DateTime<Utc>,
    /// A shop that was made or changed by others since this is under way.
    pub under_way_since: DateTime<Utc>,
    /// Refused writes are tried again whose time has come.
    pub now: DateTime<Utc>,
    /// At most so many links are renewed, the oldest first.
    pub renewals: i64,
}

/// The shops to which something is to be written.
pub async fn writable(conn: &mut Connection, query: &WritableQuery<'_>) -> Result<Vec<Writable>> {
    let only: Option<Vec<i64>> = query
        .only
        .map(|shops| shops.iter().map(|shop| shop.0).collect());
    let found = sqlx::query!(
        r#"with open_shops as (
               select s.shop_id, s.field, s.link_made_at, a.stripe_account_id, a.details_submitted,
                      a.disabled_reason,
                      greatest(s.mirakl_created_at, s.changed_at) >= $4 as under_way,
                      $2 and a.express
                          and (s.write_next_at is null or s.write_next_at <= $5
                               or s.refused_part = 'KYC') as field_is_ours,
                      case when (s.write_next_at is null or s.write_next_at <= $5
                                 or s.refused_part = 'FIELD')
                                and s.kyc_shown is not null and s.kyc_shown <> 'NOT_REQUIRED'
                                and s.kyc_told is distinct from a.kyc
                                and s.kyc_shown is distinct from a.kyc::text
                           then a.kyc end as kyc
               from shops s join accounts a using (shop_id)
               where not s.terminated and not s.ignored
                 and ($1::bigint[] is null or s.shop_id = any($1))
           ), wishes as (
               select *,
                      field_is_ours and not details_submitted
                          and ((field = 'EMPTY' and link_made_at is null)
                               or (field <> 'FOREIGN' and under_way
                                   and coalesce(link_made_at < $3, true))) as wants_link,
                      field_is_ours and details_submitted
                          and field in ('EMPTY', 'ONBOARDING_LINK') as wants_dashboard
               from open_shops
           ), ranked as (
               select *, row_number() over (partition by wants_link and field <> 'EMPTY'
                                            order by link_made_at nulls first, shop_id) as place
               from wishes
               where wants_link or wants_dashboard or kyc is not null
           )
           select shop_id as "shop_id!", stripe_account_id as "stripe_account_id!",
                  details_submitted as "details_submitted!",
                  (wants_link and (field = 'EMPTY' or place <= $6)) as "wants_link!",
                  wants_dashboard as "wants_dashboard!", kyc as "kyc: KycStatus", disabled_reason
           from ranked order by link_made_at nulls first, shop_id"#,
        only.as_deref(),
        query.enabled,
        query.link_before,
        query.under_way_since,
        query.now,
        query.renewals
    )
    .fetch_all(conn)
    .await?;
    let found = found.into_iter().map(|row| Writable {
        shop_id: ShopId(row.shop_id),
        account: AccountId(row.stripe_account_id),
        details_submitted: row.details_submitted,
        wants_link: row.wants_link,
        wants_dashboard: row.wants_dashboard,
        kyc: row.kyc,
        disabled_reason: row.disabled_reason,
    });
    let wanted = found.filter(|row| row.wants_link || row.wants_dashboard || row.kyc.is_some());
    Ok(wanted.collect())
}

/// Notes which shops show the KYC status that their account amounts to: it counts as told, so that
/// whoever changes it by hand afterwards is not overruled.
pub async fn agreed(conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update shops s set kyc_told = a.kyc, updated_at = $1
         from accounts a
         where a.shop_id = s.shop_id and s.kyc_shown = a.kyc::text
           and s.kyc_told is distinct from a.kyc",
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A write that Mirakl carried out.
#[derive(Debug, Clone, Serialize)]
pub struct Written {
    /// The shop.
    pub shop_id: ShopId,
    /// What its field holds now.
    pub field: FieldState,
    /// When the link in it was made, if one was written.
    pub link_made_at: Option<DateTime<Utc>>,
    /// The KYC status, if one was told.
    pub kyc_told: Option<KycStatus>,
    /// Mirakl's KYC status now.
    pub kyc_shown: Option<String>,
    /// The date that our own write has left.
    pub mirakl_updated_at: DateTime<Utc>,
}

/// Notes what was written, and the dates that our own writes left.
pub async fn written(conn: &mut Connection, shops: &[Written], now: DateTime<Utc>) -> Result<()> {
    if shops.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update shops
         set field = r.field, link_made_at = coalesce(r.link_made_at, shops.link_made_at),
             kyc_told = coalesce(r.kyc_told, shops.kyc_told), kyc_shown = r.kyc_shown,
             mirakl_updated_at = r.mirakl_updated_at, write_refused = null, refused_part = null,
             write_refusals = 0, write_next_at = null, updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, field shop_field, link_made_at timestamptz, kyc_told kyc_status,
             kyc_shown text, mirakl_updated_at timestamptz)
         where shops.shop_id = r.shop_id",
        rows(shops)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What of a shop is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, Serialize)]
#[sqlx(type_name = "shop_part", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Part {
    /// The field for the link.
    Field,
    /// The KYC status.
    Kyc,
    /// Both.
    Both,
}

/// A write that was refused.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedWrite {
    /// The shop.
    pub shop_id: ShopId,
    /// What of it.
    pub part: Part,
    /// Why.
    pub why: String,
}

/// Notes refused writes; the next try of what was refused comes later and later.
pub async fn refused(
    conn: &mut Connection,
    refusals: &[RefusedWrite],
    now: DateTime<Utc>,
) -> Result<()> {
    if refusals.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update shops
         set write_refused = r.why, refused_part = r.part, write_refusals = write_refusals + 1,
             write_next_at = $2::timestamptz + least(interval '5 minutes' * power(2, least(write_refusals, 12)),
                                        interval '24 hours'),
             updated_at = $2
         from jsonb_to_recordset($1::text::jsonb) as r(shop_id bigint, part shop_part, why text)
         where shops.shop_id = r.shop_id",
        rows(refusals)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The account of one shop, for a person who asks for a fresh link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopLink {
    /// Its account.
    pub account: AccountId,
    /// The account has submitted its details.
    pub details_submitted: bool,
}

/// The account of a shop; `None` for a shop without one.
pub async fn link_of(conn: &mut Connection, shop: ShopId) -> Result<Option<ShopLink>> {
    let row = sqlx::query!(
        "select stripe_account_id, details_submitted from accounts where shop_id = $1",
        shop.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ShopLink {
        account: AccountId(row.stripe_account_id),
        details_submitted: row.details_submitted,
    }))
}
