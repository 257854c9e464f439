//! What is to be written to shops, and what came of it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::KycStatus;
use crate::domain::shop::FieldState;
use crate::store::{Connection, Result, rows};

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
    /// The store was put back or lost: what Mirakl shows may have been told by ourselves.
    pub distrusts: bool,
    /// What has not changed since then has nothing to tell; none: everything is looked at.
    pub changed_since: Option<DateTime<Utc>>,
}

/// The shops to which something is to be written.
pub async fn writable(conn: &mut Connection, query: &WritableQuery<'_>) -> Result<Vec<Writable>> {
    let only: Option<Vec<i64>> = query
        .only
        .map(|shops| shops.iter().map(|shop| shop.0).collect());
    let found = sqlx::query!(
        r#"with candidates as (
               select shop_id from shops where field in ('EMPTY', 'ONBOARDING_LINK')
               union
               select shop_id from shops join accounts using (shop_id)
               where not details_submitted and greatest(mirakl_created_at, changed_at) >= $4
               union
               select shop_id from shops where write_next_at is not null
               union
               select shop_id from shops where updated_at >= coalesce($7::timestamptz, '-infinity')
               union
               select shop_id from accounts where updated_at >= coalesce($7::timestamptz, '-infinity')
               union
               select unnest($1::bigint[])
           ), open_shops as (
               select s.shop_id, s.field, s.link_made_at, a.stripe_account_id, a.details_submitted,
                      a.disabled_reason,
                      greatest(s.mirakl_created_at, s.changed_at) >= $4 as under_way,
                      $2 and a.express
                          and (s.write_next_at is null or s.write_next_at <= $5
                               or s.refused_part = 'KYC') as field_is_ours,
                      case when (s.write_next_at is null or s.write_next_at <= $5
                                 or s.refused_part = 'FIELD')
                                and s.kyc_shown is not null and s.kyc_shown <> 'NOT_REQUIRED'
                                and ($8 or s.kyc_told is distinct from a.kyc)
                                and s.kyc_shown is distinct from a.kyc::text
                           then a.kyc end as kyc
               from candidates join shops s using (shop_id) join accounts a using (shop_id)
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
        query.renewals,
        query.changed_since,
        query.distrusts
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
/// whoever changes it by hand afterwards is not overruled. Without `changed_since` all are looked at.
pub async fn agreed(
    conn: &mut Connection,
    changed_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "with candidates as (
             select shop_id from shops where updated_at >= coalesce($1::timestamptz, '-infinity')
             union
             select shop_id from accounts where updated_at >= coalesce($1::timestamptz, '-infinity')
         )
         update shops s set kyc_told = a.kyc, updated_at = $2
         from candidates join accounts a using (shop_id)
         where a.shop_id = s.shop_id and s.kyc_shown = a.kyc::text
           and s.kyc_told is distinct from a.kyc",
        changed_since,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Since when changes may have something to tell that was not told; `None` before the first time.
pub async fn told_until(conn: &mut Connection) -> Result<Option<DateTime<Utc>>> {
    let until = sqlx::query_scalar!("select told_until from shop_settings")
        .fetch_optional(conn)
        .await?;
    Ok(until.flatten())
}

/// Notes that everything which had changed until then was told, or refused and noted so.
pub async fn all_told(conn: &mut Connection, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update shop_settings set told_until = $1", until)
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
