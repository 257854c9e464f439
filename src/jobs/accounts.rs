//! The accounts of a page of shops: from the store, and from Stripe where the store says that an
//! account cannot receive yet.

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;

use super::Result;
use crate::app::App;
use crate::domain::account::Seller;
use crate::domain::ids::{AccountId, ShopId};
use crate::store::accounts;
use crate::stripe::StripeError;

/// Reads accounts for one run, each at most once.
#[derive(Debug)]
pub(super) struct Accounts {
    /// Whether what Stripe says is stored; a dry run does not.
    store: bool,
    asked: HashSet<AccountId>,
    active: HashSet<AccountId>,
}

impl Accounts {
    pub fn new(store: bool) -> Self {
        Self {
            store,
            asked: HashSet::new(),
            active: HashSet::new(),
        }
    }

    /// Asks Stripe again for the accounts that could not receive when they were last seen.
    pub async fn refresh(
        &mut self,
        app: &App,
        mut known: HashMap<ShopId, Seller>,
    ) -> Result<HashMap<ShopId, Seller>> {
        let accounts = known.values_mut().filter_map(|seller| {
            let account = seller.account.as_mut()?;
            (!account.transfers_active && !seller.excluded).then_some(account)
        });
        for account in accounts {
            if self.asked.insert(account.id.clone()) {
                self.ask(app, &account.id).await?;
            }
            account.transfers_active = self.active.contains(&account.id);
        }
        Ok(known)
    }

    async fn ask(&mut self, app: &App, id: &AccountId) -> Result<()> {
        match app.stripe.account(id).await {
            Ok(Some(account)) => {
                if account.transfers_active {
                    self.active.insert(account.id.clone());
                }
                if self.store {
                    let now = app.clock.now();
                    let mut tx = app.db.begin().await?;
                    let told = app.notifier.is_some();
                    accounts::observe(&mut tx, &[account], now, told).await?;
                    tx.commit().await?;
                }
                Ok(())
            }
            Err(StripeError::Stop(error)) => Err(anyhow!(StripeError::Stop(error)).into()),
            // It stays as it was last seen: unable to receive.
            Ok(None) => Ok(()),
            Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                tracing::warn!(account = %id, %error, "the account could not be read");
                Ok(())
            }
        }
    }
}
