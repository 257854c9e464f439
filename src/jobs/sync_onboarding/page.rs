//! One page of shops: decide and record all of them at once, then send what is pending.

use std::collections::HashMap;

use super::candidates::{self, Candidates};
use super::row::row;
use super::{Pass, create};
use crate::app::App;
use crate::domain::ids::ShopId;
use crate::domain::onboarding::{AccountStatus, Decision, HoldReason, Known, decide};
use crate::domain::shop::{FieldState, Profile, Shop};
use crate::jobs::{Result, Run};
use crate::mirakl::{ReadShop, UnreadShop};
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::onboardings::{NewDecision, Settled};
use crate::store::shops::{KnownShop, SeenShop};
use crate::store::{accounts, onboardings, payouts, shops, transfers};
use crate::stripe::ConnectedAccount;

/// Shops as they were read.
pub(super) struct Seen {
    /// What Mirakl returned.
    pub read: Vec<ReadShop>,
    /// What was asked for by id and not returned.
    pub gone: Vec<ShopId>,
    /// Each of them was asked for by id, because something is due for it.
    pub asked: bool,
}

impl Seen {
    /// A page of the list.
    pub fn listed(read: Vec<ReadShop>) -> Self {
        Self {
            read,
            gone: Vec::new(),
            asked: false,
        }
    }
}

/// A shop that may be decided, and what was decided.
pub(super) struct Decided {
    pub shop: ShopId,
    pub decision: Decision,
    /// What the shop says of itself, for an account that is to be created.
    pub profile: Option<Profile>,
    /// The accounts at Stripe that were made for it.
    pub candidates: Vec<ConnectedAccount>,
}

/// A page, decided.
#[derive(Default)]
pub(super) struct DecidedPage {
    pub decided: Vec<Decided>,
    /// Shops that changed, as they are now.
    pub changed: Vec<SeenShop>,
    /// Shops that are excluded from now on.
    pub excluded: Vec<ShopId>,
    /// Shops of which no more than the id could be read.
    pub unread: Vec<ShopId>,
    /// What is wrong with elements that name no shop.
    pub unidentified: Vec<String>,
    /// Shops that a person named and that nobody knows.
    pub unheard_of: Vec<ShopId>,
    pub known: HashMap<ShopId, Known>,
}

/// Decides and records a page, then sends what is pending.
pub(super) async fn process(
    pass: &mut Pass<'_>,
    seen: Seen,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let number = seen.read.len();
    let by_person = pass.options.only().is_some();
    let page = decide_page(pass.app, &pass.candidates, by_person, seen).await?;
    record(pass, &page, checkpoint).await?;
    pass.bar.inc(u64::try_from(number).unwrap_or(0));
    create::send_pending(pass).await
}

/// Decides every shop of a page that may be decided. Writes nothing.
pub(super) async fn decide_page(
    app: &App,
    candidates: &Candidates,
    by_person: bool,
    seen: Seen,
) -> Result<DecidedPage> {
    let now = app.clock.now();
    let mut page = DecidedPage::default();
    let mut readable = Vec::with_capacity(seen.read.len());
    let mut held = Vec::new();
    for item in seen.read {
        match item {
            Ok(shop) => readable.push(shop),
            Err(UnreadShop {
                id: Some(id),
                cause,
            }) => {
                if !page.unread.contains(&id) {
                    page.unread.push(id);
                    held.push((id, HoldReason::Unreadable(cause)));
                }
            }
            Err(UnreadShop { id: None, cause }) => page.unidentified.push(cause),
        }
    }
    let mut readable = each_once(readable);
    // One that could not be read is not concluded from another element of the same id.
    readable.retain(|shop| !page.unread.contains(&shop.id));
    let ids = readable
        .iter()
        .map(|shop| shop.id)
        .chain(page.unread.clone());
    let ids: Vec<ShopId> = ids.chain(seen.gone.iter().copied()).collect();
    let stored = {
        let mut conn = app.db.acquire().await?;
        page.known = onboardings::known(&mut conn, &ids).await?;
        shops::known(&mut conn, &ids).await?
    };
    for id in seen.gone {
        if page.known.contains_key(&id) || !candidates.of(id).is_empty() {
            held.push((id, HoldReason::Gone));
        } else {
            page.unheard_of.push(id);
        }
    }
    // An account that turned up at Stripe ends a refusal at once, as a person's wish does.
    let may_decide = |id: ShopId, known: &HashMap<ShopId, Known>| {
        let asked = by_person || !candidates.of(id).is_empty();
        known.get(&id).is_none_or(|row| row.may_decide(now, asked))
    };
    for (shop, reason) in held {
        if may_decide(shop, &page.known) {
            page.decided.push(Decided {
                shop,
                decision: Decision::Hold(reason),
                profile: None,
                candidates: candidates.of(shop).to_vec(),
            });
        }
    }
    for shop in readable {
        let before = stored.get(&shop.id);
        let now_seen = seen_shop(app, &shop);
        let unchanged = before.is_some_and(|known| is_same(known, &now_seen));
        if !unchanged {
            let was_excluded = before.is_some_and(|known| known.ignored);
            if shop.excluded && !was_excluded {
                page.excluded.push(shop.id);
            }
            page.changed.push(now_seen);
        }
        let is_news = !unchanged || seen.asked || !candidates.of(shop.id).is_empty();
        if is_news && may_decide(shop.id, &page.known) {
            let decided = decide_shop(app, candidates, page.known.get(&shop.id), shop).await?;
            page.decided.push(decided);
        }
    }
    Ok(page)
}

/// A list may show a shop twice, when it changes while the list is read: the newest counts.
fn each_once(mut shops: Vec<Shop>) -> Vec<Shop> {
    shops.sort_by_key(|shop| (shop.id, std::cmp::Reverse(shop.updated_at)));
    shops.dedup_by_key(|shop| shop.id);
    shops
}

/// A shop as it is noted.
fn seen_shop(app: &App, shop: &Shop) -> SeenShop {
    let dashboard = app.settings.onboarding.dashboard_url.as_str();
    SeenShop {
        shop_id: shop.id,
        terminated: shop.terminated,
        ignored: shop.excluded,
        field: FieldState::of(shop.field.as_ref(), dashboard),
        kyc_shown: shop.kyc.clone(),
        mirakl_created_at: shop.created_at,
        mirakl_updated_at: shop.updated_at,
    }
}

/// Whether a shop is as it was left. The date alone does not tell: somebody may have changed the shop
/// in the same instant in which we wrote to it.
fn is_same(known: &KnownShop, seen: &SeenShop) -> bool {
    known.mirakl_updated_at == seen.mirakl_updated_at
        && known.terminated == seen.terminated
        && known.ignored == seen.ignored
        && known.field == seen.field
        && known.kyc_shown == seen.kyc_shown
}

async fn decide_shop(
    app: &App,
    candidates: &Candidates,
    known: Option<&Known>,
    shop: Shop,
) -> Result<Decided> {
    let listed = candidates.of(shop.id);
    let remembered = known.map_or(&[][..], |known| known.candidates.as_slice());
    let found = candidates::remembered(app, shop.id, remembered, listed).await;
    let (decision, candidates) = match found {
        Ok(found) => {
            let fit = candidates::fit(app, shop.id, &found).await?;
            (decide(&shop, &fit, app.settings.onboarding.enabled), found)
        }
        Err(error) => {
            let reason = HoldReason::AccountUnread(error.to_string());
            (Decision::Hold(reason), listed.to_vec())
        }
    };
    Ok(Decided {
        shop: shop.id,
        decision,
        profile: Some(shop.profile),
        candidates,
    })
}

/// Writes a page's decisions and, with the last page, the checkpoint: all or nothing.
async fn record(
    pass: &mut Pass<'_>,
    page: &DecidedPage,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    let mut decisions = Vec::new();
    let mut settled = Vec::new();
    let mut mapped = Vec::new();
    for decided in &page.decided {
        let known = page.known.get(&decided.shop);
        match &decided.decision {
            Decision::Adopt(id) => {
                let account = decided.candidates.iter().find(|account| account.id == *id);
                mapped.extend(account.map(|account| (decided.shop, account)));
                settled.extend(account.map(|account| adopted(decided.shop, account)));
            }
            Decision::Create | Decision::Hold(_) | Decision::Ignore(_) => {
                let row = row(app, decided, known, now);
                count(pass.run, &row, known);
                decisions.push(row);
            }
        }
        pass.candidates.record(decided.shop);
    }
    report(pass.run, page);
    let mut tx = app.db.begin().await?;
    shops::seen(&mut tx, &page.changed, now).await?;
    shops::unread(&mut tx, &page.unread, now).await?;
    onboardings::record(&mut tx, &decisions, now).await?;
    let adopted = onboardings::created(&mut tx, &settled, false, now).await?;
    mapped.retain(|(shop, _)| adopted.contains(shop));
    accounts::put(&mut tx, &mapped, now).await?;
    let adopted: Vec<ShopId> = adopted.into_iter().collect();
    for shops in [&adopted, &page.excluded] {
        transfers::shops_are_due(&mut tx, shops, now).await?;
        payouts::shops_are_due(&mut tx, shops, now).await?;
    }
    if let Some(checkpoint) = checkpoint {
        checkpoints::advance(&mut tx, Stream::Shops, checkpoint, now).await?;
    }
    tx.commit().await?;
    if !adopted.is_empty() {
        tracing::info!(
            accounts = adopted.len(),
            "taken over from Stripe: accounts that the store did not know"
        );
        let adopted = u64::try_from(adopted.len()).unwrap_or(0);
        pass.run.count(|counts| {
            counts.created += adopted;
            counts.news += adopted;
        });
    }
    Ok(())
}

/// How a shop came to an account that Stripe already had.
pub(super) fn adopted(shop: ShopId, account: &ConnectedAccount) -> Settled {
    let ours = account
        .made_for
        .as_ref()
        .is_some_and(|made_for| made_for.host.is_some());
    Settled {
        shop_id: shop,
        stripe_account_id: account.id.clone(),
        status_reason: Some(match ours {
            true => "made by mirakl-stripe, found at Stripe",
            false => "made by the old connector, found at Stripe",
        }),
        reason_code: Some("adopted"),
        stripe_request_id: None,
    }
}

fn report(run: &Run, page: &DecidedPage) {
    for cause in &page.unidentified {
        tracing::error!(
            cause,
            "Mirakl sent a shop without an id; the checkpoint stays where it is"
        );
        run.count_failed();
    }
    for shop in &page.unheard_of {
        tracing::error!(%shop, "Mirakl has no such shop");
        run.count(|counts| counts.failed += 1);
    }
}

fn count(run: &Run, row: &NewDecision, known: Option<&Known>) {
    let same = known.is_some_and(|known| {
        known.status == row.status && known.reason_code.as_deref() == row.reason_code
    });
    run.count(|counts| {
        match row.status {
            AccountStatus::AccountOnHold => counts.waiting += 1,
            AccountStatus::AccountIgnored => counts.ignored += 1,
            // Counted when Stripe has answered.
            AccountStatus::AccountPending
            | AccountStatus::AccountCreated
            | AccountStatus::AccountFailed => return,
        }
        counts.news += u64::from(!same);
    });
}
