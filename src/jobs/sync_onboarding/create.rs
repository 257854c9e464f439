//! Creates the accounts that are pending, several at a time, and settles each answer at once. New
//! rows and rows left by a crash take the same way.

use std::collections::HashSet;

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::candidates::LISTING;
use super::page::adopted;
use super::{Pass, candidates};
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::onboarding::found_for;
use crate::domain::retry;
use crate::jobs::sending::{CLOCK_MARGIN, Doubts, in_chains};
use crate::jobs::{Result, Run};
use crate::store::onboardings::{self, Failed, Pending, Settled};
use crate::store::{StoreError, accounts, payouts, transfers};
use crate::stripe::{AccountsQuery, Class, ConnectedAccount, NewAccount, Refusal, StripeError};

const BATCH: i64 = 200;

/// Creates every account that is pending, and settles it.
pub(super) async fn send_pending(pass: &mut Pass<'_>) -> Result<()> {
    let mut after = 0;
    loop {
        let fresh_since = pass.app.clock.now() - retry::DECISION_LIFE;
        let mut batch = {
            let mut conn = pass.app.db.acquire().await?;
            let only = pass.options.only();
            onboardings::pending(&mut conn, fresh_since, only, after, BATCH).await?
        };
        let Some(last) = batch.last().map(|row| row.id) else {
            return Ok(());
        };
        after = last;
        batch.retain(|row| !pass.doubts.holds(row.id));
        pass.run.check_lock().await?;
        look_up_old(pass, &batch).await?;
        let batch = settle_found(pass, batch).await?;
        create_batch(pass, batch).await?;
    }
}

/// Looks for what was sent so long ago that Stripe may have forgotten the key.
async fn look_up_old(pass: &mut Pass<'_>, batch: &[Pending]) -> Result<()> {
    let now = pass.app.clock.now();
    let sent = batch.iter().filter_map(|row| row.sent_at);
    let Some(oldest) = sent.filter(|at| now - *at > retry::KEY_LIFE).min() else {
        return Ok(());
    };
    let shops: HashSet<ShopId> = batch.iter().map(|row| row.shop_id).collect();
    let found = look_up(pass.app, &shops, oldest - CLOCK_MARGIN).await;
    for (shop, account) in found.map_err(|error| anyhow!(error).context(LISTING))? {
        pass.candidates.add(shop, account);
    }
    Ok(())
}

/// The accounts that were made for these shops since then.
async fn look_up(
    app: &App,
    shops: &HashSet<ShopId>,
    from: DateTime<Utc>,
) -> Result<Vec<(ShopId, ConnectedAccount)>, StripeError> {
    let host = app.mirakl.host();
    let mut query = AccountsQuery {
        from: Some(from),
        starting_after: None,
    };
    let mut found = Vec::new();
    loop {
        let page = app.stripe.accounts(&query).await?;
        found.extend(page.data.into_iter().filter_map(|account| {
            let made_for = account.made_for.as_ref()?;
            let shop = made_for.shop_id;
            (made_for.is_of(&host) && shops.contains(&shop)).then_some((shop, account))
        }));
        match page.next {
            Some(next) => query.starting_after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Settles the rows for whose shops Stripe already has an account; returns the others.
async fn settle_found(pass: &mut Pass<'_>, batch: Vec<Pending>) -> Result<Vec<Pending>> {
    let (found, open): (Vec<Pending>, Vec<Pending>) = batch
        .into_iter()
        .partition(|row| !pass.candidates.of(row.shop_id).is_empty());
    let now = pass.app.clock.now();
    for row in found {
        let shop = row.shop_id;
        let accounts = pass.candidates.of(shop);
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
        let fit = candidates::fit(pass.app, shop, accounts).await?;
        let hold = match found_for(&fit) {
            Ok(id) => {
                if let Some(account) = accounts.iter().find(|account| account.id == id) {
                    let settled = adopted(shop, account);
                    settle(pass.app, pass.run, account, settled).await?;
                }
                pass.candidates.record(shop);
                continue;
            }
            Err(hold) => hold,
        };
        let mut conn = pass.app.db.acquire().await?;
        let reason = hold.to_string();
        let next = now + retry::hold_delay(0);
        onboardings::held(&mut conn, shop, (hold.code(), &reason), &ids, next, now).await?;
        pass.candidates.record(shop);
        pass.run.count(|counts| {
            counts.waiting += 1;
            counts.news += 1;
        });
    }
    Ok(open)
}

async fn create_batch(pass: &Pass<'_>, batch: Vec<Pending>) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let now = pass.app.clock.now();
    let ids: Vec<i64> = batch.iter().map(|row| row.id).collect();
    {
        let mut conn = pass.app.db.acquire().await?;
        onboardings::mark_sent(&mut conn, &ids, now).await?;
    }
    let creating = Creating {
        app: pass.app,
        run: pass.run,
        doubts: &pass.doubts,
        host: pass.app.mirakl.host(),
    };
    in_chains(
        batch,
        |row| row.id,
        pass.app.settings.stripe.limits.concurrency,
        &pass.doubts,
        async |row: &Pending| creating.create(row.clone()).await,
        |row| creating.doubt(row),
    )
    .await
}

/// One row's way to Stripe and back.
struct Creating<'a> {
    app: &'a App,
    run: &'a Run,
    doubts: &'a Doubts,
    host: String,
}

impl Creating<'_> {
    async fn create(&self, mut row: Pending) -> Result<()> {
        loop {
            let shop = row.shop_id.to_string();
            let key = IdempotencyKey::new(&self.host, "account", "SHOP", &shop, row.attempt);
            match self.app.stripe.create_account(&row.body, &key).await {
                Ok((account, request_id)) => {
                    self.doubts.answered();
                    return self.made(&row, &account, request_id).await;
                }
                Err(StripeError::Refused(refusal)) => {
                    self.doubts.answered();
                    match self.without_prefill(&row, &refusal) {
                        Some(bare) => match self.replace(row, &refusal, bare).await? {
                            Some(replaced) => row = replaced,
                            None => return Ok(()),
                        },
                        None => return self.refused(&row, &refusal).await,
                    }
                }
                Err(StripeError::Unknown(cause)) => {
                    self.doubts.unanswered(row.id, &cause);
                    tracing::warn!(
                        shop = %row.shop_id,
                        %cause,
                        "no answer to the creation of an account; the next run sends the same request again"
                    );
                    self.doubt(&row);
                    return Ok(());
                }
                Err(StripeError::Stop(error)) => {
                    self.doubt(&row);
                    return Err(anyhow!(StripeError::Stop(error)).into());
                }
            }
        }
    }

    /// The same request without what was filled in advance, if that is what Stripe refused.
    fn without_prefill(&self, row: &Pending, refusal: &Refusal) -> Option<String> {
        if !refusal.param.as_deref().is_some_and(NewAccount::is_prefill) {
            return None;
        }
        let bare = NewAccount {
            shop_id: row.shop_id,
            mirakl_host: &self.host,
            prefill: None,
        };
        Some(bare.encode()).filter(|bare| *bare != row.body)
    }

    /// None when a person has linked an account meanwhile.
    async fn replace(
        &self,
        row: Pending,
        refusal: &Refusal,
        bare: String,
    ) -> Result<Option<Pending>> {
        let param = refusal.param.as_deref().unwrap_or_default();
        tracing::warn!(
            shop = %row.shop_id,
            param,
            "Stripe refused a field of the shop's profile; the account is created without the profile"
        );
        let now = self.app.clock.now();
        let reason = format!("created without the shop's profile: Stripe refused its {param}");
        let failed = Failed {
            id: row.id,
            reason: &reason,
            code: "profile_refused",
            request_id: refusal.request_id.as_deref(),
            next_look_at: now,
        };
        let mut conn = self.app.db.acquire().await?;
        let replaced = onboardings::replaced(&mut conn, &failed, &bare, now).await?;
        Ok(replaced.then(|| Pending {
            attempt: row.attempt + 1,
            body: bare,
            sent_at: Some(now),
            ..row
        }))
    }

    async fn made(
        &self,
        row: &Pending,
        account: &ConnectedAccount,
        request_id: Option<String>,
    ) -> Result<()> {
        let settled = Settled {
            shop_id: row.shop_id,
            stripe_account_id: account.id.clone(),
            status_reason: None,
            reason_code: None,
            stripe_request_id: request_id,
        };
        settle(self.app, self.run, account, settled).await
    }

    async fn refused(&self, row: &Pending, refusal: &Refusal) -> Result<()> {
        if refusal.class == Class::MaybeDone {
            let shops = HashSet::from([row.shop_id]);
            let from = row.sent_at.unwrap_or_else(|| self.app.clock.now()) - CLOCK_MARGIN;
            match look_up(self.app, &shops, from).await {
                Ok(found) => {
                    if let Some((shop, account)) = found.first() {
                        return settle(self.app, self.run, account, adopted(*shop, account)).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(shop = %row.shop_id, %error, "the account could not be looked up");
                    self.doubt(row);
                    return Ok(());
                }
            }
        }
        let now = self.app.clock.now();
        let delay = refusal.class.delay(row.failures);
        let reason = refusal.to_string();
        tracing::warn!(
            shop = %row.shop_id,
            reason,
            request_id = refusal.request_id,
            "Stripe refused to create an account"
        );
        let failed = Failed {
            id: row.id,
            reason: &reason,
            code: &refusal.reason_code(),
            request_id: refusal.request_id.as_deref(),
            next_look_at: now + delay,
        };
        let mut conn = self.app.db.acquire().await.map_err(StoreError::from)?;
        if !onboardings::failed(&mut conn, &failed, now).await? {
            return Ok(());
        }
        self.run.count_failed();
        Ok(())
    }

    fn doubt(&self, row: &Pending) {
        self.doubts.add(row.id);
        self.run.count_in_doubt();
    }
}

/// Maps a shop to its account, unless a person has linked another one meanwhile.
async fn settle(app: &App, run: &Run, account: &ConnectedAccount, settled: Settled) -> Result<()> {
    let now = app.clock.now();
    let shop = settled.shop_id;
    let mut tx = app.db.begin().await?;
    let written = onboardings::created(&mut tx, &[settled], false, now).await?;
    if written.is_empty() {
        tx.rollback().await?;
        tracing::error!(
            %shop,
            account = %account.id,
            "a person has linked another account meanwhile; this one, made for the shop, stays unused at Stripe"
        );
        return Ok(());
    }
    accounts::put(&mut tx, &[(shop, account)], now).await?;
    transfers::shops_are_due(&mut tx, &[shop], now).await?;
    payouts::shops_are_due(&mut tx, &[shop], now).await?;
    tx.commit().await?;
    run.count_created();
    Ok(())
}
