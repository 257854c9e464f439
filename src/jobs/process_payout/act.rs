//! Takes each seller's account in turn: compared with Stripe's lists, its movements sent, its payouts
//! sent. Accounts go side by side; what concerns one account goes one after another.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::adopt::Adoption;
use super::{Pass, adopt, movements, payouts};
use crate::domain::ids::{AccountId, InvoiceId};
use crate::domain::money::Currency;
use crate::domain::retry::{DECISION_LIFE, KEY_LIFE};
use crate::jobs::Result;
use crate::jobs::sending::in_chains;
use crate::store::payouts as store;
use crate::store::transfers;
use crate::stripe::{Balance, StripeError};

/// Accounts that are taken at once: the lock is checked before each batch.
const BATCH: usize = 200;

/// Sends everything that is pending or ready, and settles it.
pub(super) async fn all(pass: &Pass<'_>) -> Result<()> {
    let mut accounts: BTreeMap<AccountId, Vec<InvoiceId>> = BTreeMap::new();
    {
        let now = pass.app.clock.now();
        let fresh = now - DECISION_LIFE;
        let shop = pass.options.shop;
        let mut conn = pass.app.db.acquire().await?;
        for row in transfers::pending_movements(&mut conn, fresh, shop, None).await? {
            accounts.entry(row.seller().clone()).or_default();
        }
        for row in store::pending(&mut conn, fresh, shop, None).await? {
            accounts.entry(row.account).or_default();
        }
        let to_pay: Vec<&str> = pass.to_pay.iter().map(InvoiceId::as_str).collect();
        for row in store::ready(&mut conn, &to_pay, now).await? {
            accounts.entry(row.account).or_default().push(row.invoice);
        }
    }
    if accounts.is_empty() {
        return Ok(());
    }
    // Also for a run without credits: what an account's list shows as paid had its credits before.
    adopt::platform(pass).await?;
    let mut accounts: Vec<(AccountId, Vec<InvoiceId>)> = accounts.into_iter().collect();
    let workers = pass.app.settings.stripe.limits.concurrency;
    while !accounts.is_empty() {
        let rest = accounts.split_off(accounts.len().min(BATCH));
        pass.run.check_lock().await?;
        in_chains(
            accounts,
            |(account, _)| account.clone(),
            workers,
            &pass.doubts,
            async |(account, invoices): &(AccountId, Vec<InvoiceId>)| {
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

/// One account: compared with its lists, then credits, then invoice by invoice, oldest first, its
/// charges and its payout.
async fn one(pass: &Pass<'_>, account: &AccountId, to_pay: &[InvoiceId]) -> Result<()> {
    let refusal = adopt::account(pass, account).await?;
    let now = pass.app.clock.now();
    let (moves, pending, ready) = {
        let fresh = now - DECISION_LIFE;
        let shop = pass.options.shop;
        let mut conn = pass.app.db.acquire().await?;
        let moves = transfers::pending_movements(&mut conn, fresh, shop, Some(account)).await?;
        let pending = store::pending(&mut conn, fresh, shop, Some(account)).await?;
        let to_pay: Vec<&str> = to_pay.iter().map(InvoiceId::as_str).collect();
        let ready = store::ready(&mut conn, &to_pay, now).await?;
        (moves, pending, ready)
    };
    match refusal {
        Adoption::Done => {}
        Adoption::Unanswered => return Ok(()),
        Adoption::Refused(reason) => {
            let may_be_forgotten =
                |sent_at: Option<DateTime<Utc>>| sent_at.is_some_and(|at| now - at > KEY_LIFE);
            for row in pending.iter().filter(|row| may_be_forgotten(row.sent_at)) {
                payouts::give_up(pass, row, &reason).await?;
            }
            for row in &moves {
                if row.sent_at.is_none() {
                    movements::hold(pass, row, &reason).await?;
                } else if row.kind.is_charge() && may_be_forgotten(row.sent_at) {
                    movements::give_up(pass, row, &reason).await?;
                }
            }
            for row in &ready {
                payouts::hold(pass, row, &reason).await?;
            }
            return Ok(());
        }
    }
    let mut purse = Purse::new(account);
    // What left earlier comes first: its answer changes what is there.
    for row in &pending {
        payouts::send(pass, &mut purse, row).await?;
    }
    let is_paid = |invoice: &InvoiceId| ready.iter().any(|row| row.invoice == *invoice);
    for row in &moves {
        if !row.kind.is_charge() || !is_paid(&row.invoice) {
            movements::send(pass, &mut purse, row).await?;
        }
    }
    for row in &ready {
        let charges = moves.iter().filter(|moved| moved.kind.is_charge());
        for charge in charges.filter(|moved| moved.invoice == row.invoice) {
            movements::send(pass, &mut purse, charge).await?;
        }
        payouts::pay(pass, &mut purse, row).await?;
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
        let balance = if let Some(balance) = self.balance.take() {
            balance
        } else {
            self.moved.clear();
            pass.heard(pass.app.stripe.balance(self.account).await)?
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
