//! Writes to the shops at Mirakl: the onboarding link while a seller is under way, the dashboard's
//! address afterwards, and the KYC status when the account changes. [`send`](super::send) carries
//! them out.

use std::collections::HashMap;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use secrecy::SecretString;

use super::send::{self, Ends};
use super::{Pass, gather};
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::onboarding::UNDER_WAY;
use crate::domain::shop::{FieldState, Shop};
use crate::jobs::{Result, adopting};
use crate::mirakl::{MOST_IDS, ShopUpdate};
use crate::store::Connection;
use crate::store::shops::{self, Part, RefusedWrite, Writable, WritableQuery, Written};
use crate::stripe::{NewLink, OnboardingLink, StripeError};

/// Links that one run renews.
const RENEWALS: i64 = 100;
/// What a shop's field held so long ago is read again before it is written to.
const STILL_KNOWN: TimeDelta = TimeDelta::seconds(20);
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Writes everything that is due, a call's worth of shops at a time: links age quickly.
pub(super) async fn write(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    {
        let mut conn = app.db.acquire().await?;
        let since = changed_since(&mut conn).await?;
        shops::agreed(&mut conn, since, app.clock.now()).await?;
    }
    let due = due(app, pass.options.only()).await?;
    let mut all = pass.options.only().is_none();
    for shops in due.chunks(MOST_IDS) {
        pass.run.check_lock().await?;
        let mut shops = shops.to_vec();
        if app.clock.now() - pass.read_at > STILL_KNOWN {
            shops = still_ours(app, shops).await?;
        }
        let ends = write_some(app, &shops).await?;
        for refused in &ends.refused {
            tracing::warn!(
                shop = %refused.shop_id,
                why = refused.why,
                "a shop could not be written to; tried again later"
            );
        }
        let failed = u64::try_from(ends.refused.len() + ends.open.len()).unwrap_or(0);
        pass.run.count(|counts| {
            counts.failed += failed;
            counts.news += failed;
        });
        if !ends.open.is_empty() {
            // What does not answer now is not asked a hundred times more.
            tracing::warn!(
                shops = ends.open.len(),
                cause = ends.cause.as_deref().unwrap_or("no answer"),
                "some shops were not written to; the next run goes on"
            );
            all = false;
            break;
        }
    }
    if all {
        let mut conn = app.db.acquire().await?;
        shops::all_told(&mut conn, pass.run.started_at).await?;
    }
    Ok(())
}

/// Makes the links that some shops want, writes what they want, and notes what came of it.
async fn write_some(app: &App, shops: &[Writable]) -> Result<Ends> {
    let now = app.clock.now();
    let mut links = make_links(app, shops).await?;
    let made = std::mem::take(&mut links.made);
    let updates: Vec<ShopUpdate> = shops
        .iter()
        .filter_map(|shop| update(app, shop, &made))
        .collect();
    let mut ends = send::updates(app, &updates).await?;
    ends.refused.append(&mut links.refused);
    ends.open.append(&mut links.open);
    ends.cause = ends.cause.or(links.cause);
    let written: Vec<Written> = ends
        .done
        .iter()
        .map(|(shop, parts)| written(app, shop, *parts, &updates, &made, now))
        .collect();
    let mut tx = app.db.begin().await?;
    shops::written(&mut tx, &written, now).await?;
    shops::refused(&mut tx, &ends.refused, now).await?;
    tx.commit().await?;
    Ok(ends)
}

/// What a run has told needs no second look: what changed later does, with a margin for clocks and for
/// transactions that took their time.
async fn changed_since(conn: &mut Connection) -> Result<Option<DateTime<Utc>>> {
    let until = shops::told_until(conn).await?;
    Ok(until.map(|until| until - MARGIN))
}

/// The shops to which something is to be written.
pub(super) async fn due(app: &App, only: Option<&[ShopId]>) -> Result<Vec<Writable>> {
    let settings = &app.settings.onboarding;
    let now = app.clock.now();
    let mut conn = app.db.acquire().await?;
    let distrusts = adopting::distrusts(&mut conn, now).await?;
    let query = WritableQuery {
        only,
        distrusts,
        enabled: settings.enabled,
        link_before: now - settings.link_refresh,
        under_way_since: now - UNDER_WAY,
        now,
        renewals: RENEWALS,
        changed_since: match distrusts {
            true => None,
            false => changed_since(&mut conn).await?,
        },
    };
    Ok(shops::writable(&mut conn, &query).await?)
}

/// Of these shops, those that are still open to us: a value may have come into the field while many
/// accounts and links were made. What has changed is noted by the next run, which sees the change.
async fn still_ours(app: &App, shops: Vec<Writable>) -> Result<Vec<Writable>> {
    let ids: Vec<ShopId> = shops.iter().map(|shop| shop.shop_id).collect();
    let now: HashMap<ShopId, Shop> = read(app, &ids).await?;
    let ours = |shop: &Writable| now.get(&shop.shop_id).is_some_and(|now| is_ours(app, now));
    Ok(shops.into_iter().filter(ours).collect())
}

async fn read(app: &App, ids: &[ShopId]) -> Result<HashMap<ShopId, Shop>> {
    let seen = gather::read_ids(&app.mirakl, ids).await?;
    let read = seen.read.into_iter().filter_map(std::result::Result::ok);
    Ok(read.map(|shop| (shop.id, shop)).collect())
}

fn is_ours(app: &App, shop: &Shop) -> bool {
    let dashboard = app.settings.onboarding.dashboard_url.as_str();
    let field = FieldState::of(shop.field.as_ref(), dashboard);
    field != FieldState::Foreign && !shop.terminated && !shop.excluded
}

/// Links that were wanted.
#[derive(Default)]
struct Links {
    made: HashMap<ShopId, OnboardingLink>,
    refused: Vec<RefusedWrite>,
    open: Vec<ShopId>,
    cause: Option<String>,
}

/// Makes the links that are wanted; a refusal concerns one shop.
async fn make_links(app: &App, shops: &[Writable]) -> Result<Links> {
    let workers = app.settings.stripe.limits.concurrency;
    let wanted = shops.iter().filter(|shop| shop.wants_link);
    let made: Vec<_> = stream::iter(wanted)
        .map(|shop| async move {
            let link = make_link(app, shop.shop_id, &shop.account).await;
            (shop.shop_id, link)
        })
        .buffer_unordered(workers)
        .collect()
        .await;
    let mut links = Links::default();
    for (shop_id, link) in made {
        match link {
            Ok(link) => {
                links.made.insert(shop_id, link);
            }
            Err(StripeError::Stop(error)) => return Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ StripeError::Refused(_)) => links.refused.push(RefusedWrite {
                shop_id,
                part: Part::Field,
                why: format!("no onboarding link: {error}"),
            }),
            Err(error @ StripeError::Unknown(_)) => {
                links.open.push(shop_id);
                links.cause = Some(error.to_string());
            }
        }
    }
    Ok(links)
}

/// Makes a link for a shop's account.
pub async fn make_link(
    app: &App,
    shop: ShopId,
    account: &AccountId,
) -> Result<OnboardingLink, StripeError> {
    let settings = &app.settings.onboarding;
    let link = NewLink {
        account,
        return_url: &settings.return_url,
        refresh_url: &settings.refresh_url,
    };
    // Another key makes another link; there is nothing that must happen only once.
    let id = format!("{shop}:{}", app.clock.now().timestamp_micros());
    let key = IdempotencyKey::new(&app.mirakl.host(), "account_link", "SHOP", &id, 1);
    app.stripe.create_link(link, &key).await
}

fn update(
    app: &App,
    shop: &Writable,
    links: &HashMap<ShopId, OnboardingLink>,
) -> Option<ShopUpdate> {
    let dashboard = app.settings.onboarding.dashboard_url.as_str();
    let field = match links.get(&shop.shop_id) {
        Some(link) => Some(link.0.clone()),
        None if shop.wants_dashboard => Some(SecretString::from(dashboard)),
        None => None,
    };
    let kyc = shop.kyc.map(|kyc| (kyc, shop.disabled_reason.clone()));
    (field.is_some() || kyc.is_some()).then_some(ShopUpdate {
        id: shop.shop_id,
        field,
        kyc,
    })
}

/// What is noted of a shop that was written to.
fn written(
    app: &App,
    shop: &Shop,
    parts: Part,
    updates: &[ShopUpdate],
    links: &HashMap<ShopId, OnboardingLink>,
    now: DateTime<Utc>,
) -> Written {
    let dashboard = app.settings.onboarding.dashboard_url.as_str();
    let update = updates.iter().find(|update| update.id == shop.id);
    let kyc = update.and_then(|update| update.kyc.as_ref());
    let (field_written, kyc_written) = match parts {
        Part::Field => (true, false),
        Part::Kyc => (false, true),
        Part::Both => (true, true),
    };
    // Somebody ended or excluded the shop while it was written to: it is to be read as changed.
    let changed_meanwhile = shop.terminated || shop.excluded;
    Written {
        shop_id: shop.id,
        field: FieldState::of(shop.field.as_ref(), dashboard),
        link_made_at: (field_written && links.contains_key(&shop.id)).then_some(now),
        kyc_told: kyc.filter(|_| kyc_written).map(|(kyc, _)| *kyc),
        kyc_shown: shop.kyc.clone(),
        mirakl_updated_at: match changed_meanwhile {
            true => DateTime::UNIX_EPOCH,
            false => shop.updated_at,
        },
    }
}

/// Writes a fresh link that a person asked for; returns why it was not written.
///
/// Errors when Mirakl or the database cannot be used.
pub async fn write_link(app: &App, shop: ShopId, link: &OnboardingLink) -> Result<Option<String>> {
    let now = app.clock.now();
    let Some(before) = read(app, &[shop]).await?.remove(&shop) else {
        return Ok(Some("Mirakl does not return this shop".to_owned()));
    };
    if !is_ours(app, &before) {
        return Ok(Some(
            "its field holds something else, or the shop is excluded or terminated: it was left alone"
                .to_owned(),
        ));
    }
    let update = [ShopUpdate {
        id: shop,
        field: Some(link.0.clone()),
        kyc: None,
    }];
    let ends = send::updates(app, &update).await.context(send::WRITING)?;
    let links = HashMap::from([(shop, link.clone())]);
    if let Some((done, parts)) = ends.done.first() {
        let written = [written(app, done, *parts, &update, &links, now)];
        let mut conn = app.db.acquire().await?;
        shops::written(&mut conn, &written, now).await?;
        return Ok(None);
    }
    let refused = ends.refused.into_iter().next().map(|refused| refused.why);
    Ok(Some(refused.or(ends.cause).unwrap_or_else(|| {
        "Mirakl did not say whether the link was written".to_owned()
    })))
}
