//! Takes each seller's account in turn: compared with Stripe's lists, its movements sent, its payouts
//! sent. Accounts go side by side; what concerns one account goes one after another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Pass, adopt, movements, payouts};
use crate::domain::ids::{AccountId, InvoiceId};
use crate::domain::money::Currency;
use crate::domain::retry::DECISION_LIFE;
use crate::domain::transfer::TransferType;
use crate::jobs::Result;
use crate::jobs::sending::in_chains;
use crate::store::payouts::{self as store, Ready};
use crate::store::transfers;
use crate::stripe::{Balance, StripeError};

/// Accounts that are taken at once: the lock is checked before each batch.
const BATCH: usize = 200;

/// Sends everything that is pending or ready, and settles it.
pub(super) async fn all(pass: &Pass<'_>) -> Result<()> {
    let mut credits = false;
    let mut accounts: BTreeMap<AccountId, BTreeSet<InvoiceId>> = BTreeMap::new();
    {
        let fresh = pass.app.clock.now() - DECISION_LIFE;
        let shop = pass.options.shop;
        let mut conn = pass.app.db.acquire().await?;
        for row in transfers::pending_movements(&mut conn, fresh, shop, None).await? {
            credits |= row.kind == TransferType::ExtraCredits;
            accounts.entry(row.seller().clone()).or_default();
        }
        for row in store::pending(&mut conn, fresh, shop, None).await? {
            accounts.entry(row.account).or_default();
        }
        let ids: Vec<&str> = pass.to_pay.iter().map(InvoiceId::as_str).collect();
        for row in store::ready(&mut conn, &ids).await? {
            accounts.entry(row.account).or_default().insert(row.invoice);
        }
    }
    if credits {
        adopt::platform(pass).await?;
    }
    let mut accounts: Vec<(AccountId, BTreeSet<InvoiceId>)> = accounts.into_iter().collect();
    let workers = pass.app.settings.stripe.limits.concurrency;
    while !accounts.is_empty() {
        let rest = accounts.split_off(accounts.len().min(BATCH));
        pass.run.check_lock().await?;
        in_chains(
            accounts,
            |(account, _)| account.clone(),
            workers,
            &pass.doubts,
            async |(account, invoices): &(AccountId, BTreeSet<InvoiceId>)| {
                one(pass, account, invoices).await
            },
            // Decided, and not sent: the next run decides it anew.
            |_| pass.run.count(|counts| counts.waiting += 1),
        )
        .await?;
        accounts = rest;
    }
    Ok(())
}

async fn one(pass: &Pass<'_>, account: &AccountId, invoices: &BTreeSet<InvoiceId>) -> Result<()> {
    if !adopt::account(pass, account).await? {
        return Ok(());
    }
    let mut purse = Purse::new(account);
    movements::send(pass, &mut purse).await?;
    payouts::send_pending(pass, &mut purse).await?;
    let ids: Vec<&str> = invoices.iter().map(InvoiceId::as_str).collect();
    let ready: Vec<Ready> = {
        let mut conn = pass.app.db.acquire().await?;
        store::ready(&mut conn, &ids).await?
    };
    for row in ready {
        payouts::pay(pass, &mut purse, &row).await?;
    }
    Ok(())
}

/// What an account disposes of, read once a run, and what the run has moved since.
pub(super) struct Purse<'a> {
    pub account: &'a AccountId,
    balance: Option<Balance>,
    moved: BTreeMap<String, i64>,
}

impl<'a> Purse<'a> {
    pub fn new(account: &'a AccountId) -> Self {
        Self {
            account,
            balance: None,
            moved: BTreeMap::new(),
        }
    }

    /// The balance as Stripe told it in this run.
    pub async fn balance(&mut self, pass: &Pass<'_>) -> Result<&Balance, StripeError> {
        let balance = match self.balance.take() {
            Some(balance) => balance,
            None => {
                let balance = pass.app.stripe.balance(self.account).await?;
                self.moved.clear();
                balance
            }
        };
        Ok(self.balance.insert(balance))
    }

    /// Minor units that are left in a currency of which the account holds something, as far as the
    /// balance was read.
    pub fn left(&self, currency: Currency) -> Option<i64> {
        let moved = self.moved.get(currency.code()).copied();
        let available = self.balance.as_ref()?.available(currency);
        match (available, moved) {
            (None, None) => None,
            (available, moved) => Some(available.unwrap_or(0).saturating_add(moved.unwrap_or(0))),
        }
    }

    /// Notes what came in, or went out (below zero).
    pub fn note(&mut self, currency: Currency, minor: i64) {
        let moved = self.moved.entry(currency.code().to_owned()).or_insert(0);
        *moved = moved.saturating_add(minor);
    }
}
