//! Sellers come, fill in Stripe's form, and are verified.

use crate::{ShopSeed, Simulator};

use super::chance::Chance;
use super::coin::Coin;
use super::market::{Exclusion, Market, Shop};

const EXCLUDED: &str = "stripe-ignored";

impl Market {
    /// One more shop on Mirakl.
    pub fn open_shop(&mut self, chance: &mut Chance, simulator: &Simulator) {
        let number = self.shops.len();
        let coin = match number % 6 {
            2 => Coin::Jpy,
            4 => Coin::Kwd,
            _ => Coin::Eur,
        };
        let excluded = match number % 5 {
            1 => Exclusion::AtTimes(false),
            3 if chance.one_in(2) => Exclusion::ForEver,
            _ => Exclusion::Never,
        };
        let id = 2000 + i64::try_from(number).unwrap_or_default();
        let shop = Shop {
            id,
            coin,
            submitted: false,
            verified: false,
            excluded,
        };
        let mut seed = ShopSeed::new(id).service().kyc("PENDING_SUBMISSION");
        if excluded == Exclusion::ForEver {
            seed = seed.field(EXCLUDED, "true");
        }
        simulator.mirakl().put_shop(seed);
        self.shops.push(shop);
    }

    /// A seller that has an account comes one step further.
    pub fn onboard(&mut self, chance: &mut Chance, simulator: &Simulator) -> Option<i64> {
        let stripe = simulator.stripe();
        let under_way = self.shops.iter_mut().filter(|shop| !shop.verified);
        let shop = chance.find(under_way.collect())?;
        let account = stripe.accounts_for(shop.id).into_iter().next()?;
        if shop.submitted {
            stripe.verify(&account.id);
            stripe.add_funds(&account.id, &shop.coin.lower(), 200_000);
            shop.verified = true;
        } else {
            stripe.submit_details(&account.id);
            shop.submitted = true;
        }
        Some(shop.id)
    }

    /// The operator excludes a shop, or includes it again.
    pub fn exclude(&mut self, chance: &mut Chance, simulator: &Simulator) -> Option<i64> {
        let at_times = self.shops.iter_mut().filter_map(|shop| {
            let Exclusion::AtTimes(now) = &mut shop.excluded else {
                return None;
            };
            Some((shop.id, now))
        });
        let (shop, now) = chance.find(at_times.collect())?;
        *now = !*now;
        let value = now.then_some("true");
        simulator.mirakl().set_shop_field(shop, EXCLUDED, value);
        Some(shop)
    }

    /// Every seller is verified and has enough, and nobody is excluded any more but those that always
    /// were.
    pub fn settle_shops(&mut self, simulator: &Simulator) {
        let stripe = simulator.stripe();
        for shop in &mut self.shops {
            if let Exclusion::AtTimes(now) = &mut shop.excluded {
                *now = false;
                simulator.mirakl().set_shop_field(shop.id, EXCLUDED, None);
            }
            if let Some(account) = stripe.accounts_for(shop.id).into_iter().next() {
                stripe.verify(&account.id);
                stripe.add_funds(&account.id, &shop.coin.lower(), 50_000_000);
                shop.submitted = true;
                shop.verified = true;
            }
        }
    }
}
