//! How each shop comes to its account: what was decided, sent, and what came of it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Connection, Result, rows};
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::onboarding::{AccountStatus, Known};

/// What is known of the accounts of these shops.
pub async fn known(conn: &mut Connection, shops: &[ShopId]) -> Result<HashMap<ShopId, Known>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let stored = sqlx::query!(
        "select shop_id, status, reason_code, looks, next_look_at, sent_at, updated_at, candidates
         from onboardings where shop_id = any($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    let known = stored.into_iter().map(|row| {
        let known = Known {
            status: row.status,
            reason_code: row.reason_code,
            looks: u32::try_from(row.looks).unwrap_or(0),
            next_look_at: row.next_look_at,
            sent_at: row.sent_at,
            updated_at: row.updated_at,
            candidates: row.candidates.into_iter().map(AccountId).collect(),
        };
        (ShopId(row.shop_id), known)
    });
    Ok(known.collect())
}

/// A decision as a row.
#[derive(Debug, Clone, Serialize)]
pub struct NewDecision {
    /// The shop.
    pub shop_id: ShopId,
    /// Where it stands from now on: on hold, pending or ignored.
    pub status: AccountStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The kind of reason.
    pub reason_code: Option<&'static str>,
    /// Accounts at Stripe that were made for the shop.
    pub candidates: Vec<AccountId>,
    /// The encoded request.
    pub request_body: Option<String>,
    /// Looks in a row that found the same, or refusals in a row.
    pub looks: u32,
    /// The next look, for a row that waits.
    pub next_look_at: Option<DateTime<Utc>>,
}

/// Writes a page of decisions; a row that meanwhile was sent or settled is left as it is.
pub async fn record(
    conn: &mut Connection,
    decisions: &[NewDecision],
    now: DateTime<Utc>,
) -> Result<()> {
    if decisions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into onboardings (shop_id, status, status_reason, reason_code, candidates,
                                  request_body, looks, next_look_at, created_at, updated_at)
         select r.shop_id, r.status, r.status_reason, r.reason_code, r.candidates, r.request_body,
                r.looks, r.next_look_at, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, status account_status, status_reason text, reason_code text,
             candidates text[], request_body text, looks integer, next_look_at timestamptz)
         on conflict (shop_id) do update
         set status = excluded.status, status_reason = excluded.status_reason,
             reason_code = excluded.reason_code, candidates = excluded.candidates,
             request_body = excluded.request_body, looks = excluded.looks,
             next_look_at = excluded.next_look_at,
             updated_at = case when (onboardings.status, onboardings.status_reason)
                                    is distinct from (excluded.status, excluded.status_reason)
                                    or excluded.status = 'ACCOUNT_PENDING'
                               then excluded.updated_at else onboardings.updated_at end
         where onboardings.status in ('ACCOUNT_ON_HOLD', 'ACCOUNT_FAILED', 'ACCOUNT_IGNORED')
            or (onboardings.status = 'ACCOUNT_PENDING' and onboardings.sent_at is null)",
        rows(decisions)?,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An account that a shop has, and how it came to it.
#[derive(Debug, Clone, Serialize)]
pub struct Settled {
    /// The shop.
    pub shop_id: ShopId,
    /// Its account.
    pub stripe_account_id: AccountId,
    /// How it came to it, where it was not made by this row's request.
    pub status_reason: Option<&'static str>,
    /// The kind of that.
    pub reason_code: Option<&'static str>,
    /// The id under which Stripe knows the request.
    pub stripe_request_id: Option<String>,
}

/// Settles or creates the rows of shops that have their account; the account itself is written by
/// [`super::accounts::put`] in the same transaction. Returns the shops that were written: a shop that
/// already has an account keeps it, unless a person said otherwise (`replace`).
pub async fn created(
    conn: &mut Connection,
    settled: &[Settled],
    replace: bool,
    now: DateTime<Utc>,
) -> Result<HashSet<ShopId>> {
    if settled.is_empty() {
        return Ok(HashSet::new());
    }
    let written = sqlx::query_scalar!(
        "insert into onboardings (shop_id, status, status_reason, reason_code, stripe_account_id,
                                  stripe_request_id, created_at, updated_at)
         select r.shop_id, 'ACCOUNT_CREATED', r.status_reason, r.reason_code, r.stripe_account_id,
                r.stripe_request_id, $2, $2
         from jsonb_to_recordset($1::text::jsonb) as r(
             shop_id bigint, status_reason text, reason_code text, stripe_account_id text,
             stripe_request_id text)
         on conflict (shop_id) do update
         set status = 'ACCOUNT_CREATED', status_reason = excluded.status_reason,
             reason_code = excluded.reason_code, candidates = '{}', looks = 0, next_look_at = null,
             stripe_account_id = excluded.stripe_account_id,
             stripe_request_id = coalesce(excluded.stripe_request_id, onboardings.stripe_request_id),
             updated_at = excluded.updated_at
         where $3 or onboardings.status <> 'ACCOUNT_CREATED'
         returning shop_id",
        rows(settled)?,
        now,
        replace
    )
    .fetch_all(conn)
    .await?;
    Ok(written.into_iter().map(ShopId).collect())
}

/// The next shops after shop `after` whose look is due, or whose decision was never sent.
/// `enabled`: what waited for onboarding to be switched on is due at once; else it is not looked at.
pub async fn due(
    conn: &mut Connection,
    enabled: bool,
    now: DateTime<Utc>,
    stale_since: DateTime<Utc>,
    after: ShopId,
    limit: i64,
) -> Result<Vec<ShopId>> {
    let due = sqlx::query_scalar!(
        "select shop_id from onboardings
         where shop_id > $4
           and ((next_look_at is not null
                 and case when reason_code = 'switched_off' then $1 else next_look_at <= $2 end)
                or (status = 'ACCOUNT_PENDING' and sent_at is null and updated_at < $3))
         order by shop_id limit $5",
        enabled,
        now,
        stale_since,
        after.0,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().map(ShopId).collect())
}

/// Of these shops and accounts that were made for them, the shops for which that is news: no account
/// is mapped to them, and their row does not name this one yet.
pub async fn without_account(
    conn: &mut Connection,
    made_for: &[(ShopId, &AccountId)],
) -> Result<HashSet<ShopId>> {
    let shops: Vec<i64> = made_for.iter().map(|(shop, _)| shop.0).collect();
    let accounts: Vec<&str> = made_for.iter().map(|(_, id)| id.as_str()).collect();
    let open = sqlx::query_scalar!(
        r#"select distinct found.shop_id as "shop_id!"
           from unnest($1::bigint[], $2::text[]) as found(shop_id, account)
                left join onboardings o using (shop_id)
           where not exists (select from accounts a where a.shop_id = found.shop_id)
             and (o.id is null or o.status = 'ACCOUNT_PENDING'
                  or not found.account = any(o.candidates))"#,
        &shops,
        &accounts as &[&str]
    )
    .fetch_all(conn)
    .await?;
    Ok(open.into_iter().map(ShopId).collect())
}

/// A request that is to be sent, or sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its internal id.
    pub id: i64,
    /// The shop.
    pub shop_id: ShopId,
    /// Part of the idempotency key.
    pub attempt: u32,
    /// The request's body, byte for byte.
    pub body: String,
    /// When it first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Refusals in a row before this attempt.
    pub failures: u32,
}

/// The next requests after row `after`: in doubt, or decided since `fresh_since`.
pub async fn pending(
    conn: &mut Connection,
    fresh_since: DateTime<Utc>,
    only: Option<&[ShopId]>,
    after: i64,
    limit: i64,
) -> Result<Vec<Pending>> {
    let only: Option<Vec<i64>> = only.map(|shops| shops.iter().map(|shop| shop.0).collect());
    let stored = sqlx::query!(
        r#"select id, shop_id, attempt, request_body as "request_body!", sent_at, looks
           from onboardings
           where status = 'ACCOUNT_PENDING' and (sent_at is not null or updated_at >= $1)
             and ($2::bigint[] is null or shop_id = any($2))
             and id > $3
           order by id limit $4"#,
        fresh_since,
        only.as_deref(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let pending = stored.into_iter().map(|row| Pending {
        id: row.id,
        shop_id: ShopId(row.shop_id),
        attempt: u32::try_from(row.attempt).unwrap_or(1),
        body: row.request_body,
        sent_at: row.sent_at,
        failures: u32::try_from(row.looks).unwrap_or(0),
    });
    Ok(pending.collect())
}

/// Notes that these requests are about to leave; keeps the time of the first try.
pub async fn mark_sent(conn: &mut Connection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update onboardings set sent_at = $2
         where id = any($1) and status = 'ACCOUNT_PENDING' and sent_at is null",
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A definite refusal of a pending row.
#[derive(Debug, Clone)]
pub struct Failed<'a> {
    /// The row.
    pub id: i64,
    /// Why, for the operator.
    pub reason: &'a str,
    /// Stripe's code.
    pub code: &'a str,
    /// The id under which Stripe knows the request.
    pub request_id: Option<&'a str>,
    /// When it is tried again.
    pub next_look_at: DateTime<Utc>,
}

/// Settles a pending row as refused: the next try has a new key. False if it is no longer pending,
/// because a person has linked an account meanwhile.
pub async fn failed(conn: &mut Connection, row: &Failed<'_>, now: DateTime<Utc>) -> Result<bool> {
    let changed = sqlx::query!(
        "update onboardings
         set status = 'ACCOUNT_FAILED', status_reason = $2, reason_code = $3,
             stripe_request_id = $4, next_look_at = $5, attempt = attempt + 1, looks = looks + 1,
             sent_at = null, request_body = null, updated_at = $6
         where id = $1 and status = 'ACCOUNT_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        row.next_look_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Replaces a pending row's refused request by another one, under a new key, that is sent at once.
/// False if it is no longer pending.
pub async fn replaced(
    conn: &mut Connection,
    row: &Failed<'_>,
    body: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = sqlx::query!(
        "update onboardings
         set status_reason = $2, reason_code = $3, stripe_request_id = $4, attempt = attempt + 1,
             request_body = $5, sent_at = $6, updated_at = $6
         where id = $1 and status = 'ACCOUNT_PENDING'",
        row.id,
        row.reason,
        row.code,
        row.request_id,
        body,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Lets a pending row wait for a person, unless one has decided meanwhile.
pub async fn held(
    conn: &mut Connection,
    shop: ShopId,
    reason: (&str, &str),
    candidates: &[AccountId],
    next_look_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let candidates: Vec<String> = candidates.iter().map(|id| id.0.clone()).collect();
    let (code, text) = reason;
    sqlx::query!(
        "update onboardings
         set status = 'ACCOUNT_ON_HOLD', reason_code = $2, status_reason = $3, candidates = $4,
             next_look_at = $5, looks = 0, sent_at = null, request_body = null, updated_at = $6
         where shop_id = $1 and status = 'ACCOUNT_PENDING'",
        shop.0,
        code,
        text,
        &candidates,
        next_look_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
