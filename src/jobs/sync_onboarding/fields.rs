//! Writes to the shops at Mirakl: the onboarding link while a seller is under way, the dashboard's
//! address afterwards, and the KYC status when the account changes.

use std::collections::HashMap;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Pass, gather};
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::onboarding::UNDER_WAY;
use crate::domain::shop::{FieldState, Shop};
use crate::jobs::Result;
use crate::mirakl::{MiraklError, ShopUpdate, Updated};
use crate::store::shops::{self, Writable, WritableQuery, Written};
use crate::stripe::{NewLink, OnboardingLink, StripeError};

/// Shops that one call writes, and links that one run renews.
const SHOPS_PER_CALL: usize = 100;
const RENEWALS: i64 = 100;

/// What became of the writes to some shops.
#[derive(Debug, Default)]
struct Ends {
    done: Vec<Shop>,
    refused: Vec<(ShopId, String)>,
    /// Not carried out, as far as reading again can tell: left to the next run.
    open: Vec<ShopId>,
}

/// Writes everything that is due, a call's worth of shops at a time: links age quickly.
pub(super) async fn write(pass: &Pass<'_>) -> Result<()> {
    let app = pass.app;
    {
        let mut conn = app.db.acquire().await?;
        shops::agreed(&mut conn, app.clock.now()).await?;
    }
    let due = due(app, pass.options.only()).await?;
    for shops in due.chunks(SHOPS_PER_CALL) {
        pass.run.check_lock().await?;
        let now = app.clock.now();
        let (links, mut refused) = make_links(app, shops).await?;
        let updates: Vec<ShopUpdate> = shops
            .iter()
            .filter_map(|shop| update(app, shop, &links))
            .collect();
        let mut ends = send(app, &updates).await?;
        refused.append(&mut ends.refused);
        for (shop, why) in &refused {
            tracing::warn!(%shop, why, "a shop could not be written to; tried again later");
        }
        for shop in &ends.open {
            tracing::warn!(%shop, "Mirakl did not say whether the shop was written to; the next run writes again");
        }
        let failed = u64::try_from(refused.len() + ends.open.len()).unwrap_or(0);
        pass.run.count(|counts| {
            counts.failed += failed;
            counts.news += failed;
        });
        let written: Vec<Written> = ends
            .done
            .iter()
            .map(|shop| written(app, shop, &updates, &links, now))
            .collect();
        let mut tx = app.db.begin().await?;
        shops::written(&mut tx, &written, now).await?;
        shops::refused(&mut tx, &refused, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The shops to which something is to be written.
pub(super) async fn due(app: &App, only: Option<&[ShopId]>) -> Result<Vec<Writable>> {
    let settings = &app.settings.onboarding;
    let now = app.clock.now();
    let query = WritableQuery {
        only,
        enabled: settings.enabled,
        link_before: now - settings.link_refresh,
        under_way_since: now - UNDER_WAY,
        now,
        renewals: RENEWALS,
    };
    let mut conn = app.db.acquire().await?;
    Ok(shops::writable(&mut conn, &query).await?)
}

/// Makes the links that are wanted; a refusal concerns one shop.
async fn make_links(
    app: &App,
    shops: &[Writable],
) -> Result<(HashMap<ShopId, OnboardingLink>, Vec<(ShopId, String)>)> {
    let workers = app.settings.stripe.limits.concurrency;
    let wanted = shops.iter().filter(|shop| shop.wants_link);
    let made: Vec<_> = stream::iter(wanted)
        .map(|shop| async move {
            (
                shop.shop_id,
                make_link(app, shop.shop_id, &shop.account).await,
            )
        })
        .buffer_unordered(workers)
        .collect()
        .await;
    let mut links = HashMap::with_capacity(made.len());
    let mut refused = Vec::new();
    for (shop, link) in made {
        match link {
            Ok(link) => {
                links.insert(shop, link);
            }
            Err(StripeError::Stop(error)) => return Err(anyhow!(StripeError::Stop(error)).into()),
            Err(error @ (StripeError::Refused(_) | StripeError::Unknown(_))) => {
                refused.push((shop, format!("no onboarding link: {error}")));
            }
        }
    }
    Ok((links, refused))
}

/// Makes a link for a shop's account.
pub(super) async fn make_link(
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

/// Sends writes to at most 100 shops. When Mirakl refuses a call as a whole, its halves are sent, so
/// that one shop does not harm the others; a call whose answer is lost is settled by reading.
async fn send(app: &App, updates: &[ShopUpdate]) -> Result<Ends> {
    let mut ends = Ends::default();
    let mut calls = vec![updates];
    while let Some(updates) = calls.pop() {
        if updates.is_empty() {
            continue;
        }
        match app.mirakl.update_shops(updates).await {
            Ok(mut answered) => {
                let mut silent = Vec::new();
                for update in updates {
                    match answered.remove(&update.id) {
                        Some(Updated::Done(shop)) => ends.done.push(*shop),
                        Some(Updated::Refused(why)) => {
                            ends.refused
                                .push((update.id, format!("Mirakl refused: {why}")));
                        }
                        None => silent.push(update),
                    }
                }
                read_again(app, &silent, &mut ends).await?;
            }
            Err(error @ MiraklError::Unauthorized(_)) => {
                return Err(anyhow!(error).context(WRITING).into());
            }
            Err(MiraklError::Status {
                status: 400..=499,
                message,
                ..
            }) => match updates {
                [only] => {
                    let why = format!("Mirakl refused: {message}");
                    ends.refused.push((only.id, why));
                }
                several => {
                    let (first, second) = several.split_at(several.len() / 2);
                    calls.push(second);
                    calls.push(first);
                }
            },
            Err(
                MiraklError::Failed(_) | MiraklError::Status { .. } | MiraklError::Malformed { .. },
            ) => {
                let all: Vec<&ShopUpdate> = updates.iter().collect();
                read_again(app, &all, &mut ends).await?;
            }
        }
    }
    Ok(ends)
}

const WRITING: &str = "the shops could not be written to at Mirakl";

/// Settles writes whose answer did not come by what the shops hold now.
async fn read_again(app: &App, updates: &[&ShopUpdate], ends: &mut Ends) -> Result<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let ids: Vec<ShopId> = updates.iter().map(|update| update.id).collect();
    let seen = gather::read_ids(&app.mirakl, &ids).await?;
    let read = seen.read.into_iter().filter_map(std::result::Result::ok);
    let mut shops: HashMap<ShopId, Shop> = read.map(|shop| (shop.id, shop)).collect();
    for update in updates {
        match shops.remove(&update.id) {
            Some(shop) if holds(&shop, update) => ends.done.push(shop),
            _ => ends.open.push(update.id),
        }
    }
    Ok(())
}

/// Whether a shop holds what was to be written.
fn holds(shop: &Shop, update: &ShopUpdate) -> bool {
    let text = |value: &SecretString| value.expose_secret().to_owned();
    let field = update
        .field
        .as_ref()
        .is_none_or(|value| shop.field.as_ref().map(text) == Some(text(value)));
    let kyc = update
        .kyc
        .as_ref()
        .is_none_or(|(kyc, _)| shop.kyc.as_deref() == Some(kyc.as_str()));
    field && kyc
}

/// What is noted of a shop that was written to.
fn written(
    app: &App,
    shop: &Shop,
    updates: &[ShopUpdate],
    links: &HashMap<ShopId, OnboardingLink>,
    now: DateTime<Utc>,
) -> Written {
    let dashboard = app.settings.onboarding.dashboard_url.as_str();
    let update = updates.iter().find(|update| update.id == shop.id);
    // Somebody ended or excluded the shop while it was written to: it is to be read as changed.
    let changed_meanwhile = shop.terminated || shop.excluded;
    Written {
        shop_id: shop.id,
        field: FieldState::of(shop.field.as_ref(), dashboard),
        link_made_at: links.contains_key(&shop.id).then_some(now),
        kyc_told: update
            .and_then(|update| update.kyc.as_ref())
            .map(|(kyc, _)| *kyc),
        kyc_shown: shop.kyc.clone(),
        mirakl_updated_at: match changed_meanwhile {
            true => DateTime::UNIX_EPOCH,
            false => shop.updated_at,
        },
    }
}

/// Writes a fresh link that a person asked for; returns why Mirakl did not take it.
///
/// Errors when Mirakl or the database cannot be used.
pub(super) async fn write_one(
    app: &App,
    shop: ShopId,
    link: &OnboardingLink,
) -> Result<Option<String>> {
    let now = app.clock.now();
    let update = [ShopUpdate {
        id: shop,
        field: Some(link.0.clone()),
        kyc: None,
    }];
    let ends = send(app, &update).await.context(WRITING)?;
    let links = HashMap::from([(shop, link.clone())]);
    if let Some(done) = ends.done.first() {
        let written = [written(app, done, &update, &links, now)];
        let mut conn = app.db.acquire().await?;
        shops::written(&mut conn, &written, now).await?;
        return Ok(None);
    }
    let refused = ends.refused.into_iter().next().map(|(_, why)| why);
    Ok(Some(refused.unwrap_or_else(|| {
        "Mirakl did not say whether the link was written".to_owned()
    })))
}
