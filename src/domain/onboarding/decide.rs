//! What to do about a shop without an account: the rules of `sync-onboarding`, first match wins.

use super::reason::{HoldReason, IgnoreReason};
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::shop::Shop;

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Create an account.
    Create,
    /// Take over the account that Stripe already has for the shop.
    Adopt(AccountId),
    /// Wait and look again.
    Hold(HoldReason),
    /// No account.
    Ignore(IgnoreReason),
}

/// An account at Stripe that was made for the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The account.
    pub id: AccountId,
    /// It is paid out only when somebody asks for it.
    pub manual_payouts: bool,
    /// Another shop has it: a person linked it there.
    pub linked_to: Option<ShopId>,
}

/// Decides about a shop that has no account. `enabled`: accounts may be created.
pub fn decide(shop: &Shop, candidates: &[Candidate], enabled: bool) -> Decision {
    if shop.terminated {
        return Decision::Ignore(IgnoreReason::Terminated);
    }
    if shop.excluded {
        return Decision::Ignore(IgnoreReason::Excluded);
    }
    match (candidates, enabled) {
        ([], true) => Decision::Create,
        ([], false) => Decision::Hold(HoldReason::SwitchedOff),
        (found, _) => match found_for(found) {
            Ok(id) => Decision::Adopt(id),
            Err(hold) => Decision::Hold(hold),
        },
    }
}

/// Of the accounts that Stripe has for a shop, at least one, the one that is taken over; or why none
/// is.
pub fn found_for(candidates: &[Candidate]) -> Result<AccountId, HoldReason> {
    let [only] = candidates else {
        let ids = candidates.iter().map(|candidate| candidate.id.clone());
        return Err(HoldReason::SeveralAccounts(ids.collect()));
    };
    if let Some(shop) = only.linked_to {
        return Err(HoldReason::LinkedElsewhere(only.id.clone(), shop));
    }
    match only.manual_payouts {
        true => Ok(only.id.clone()),
        // It would hand money out before the payout job has settled the seller's invoices.
        false => Err(HoldReason::PayoutsNotManual(only.id.clone())),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::shop::Profile;

    fn shop(terminated: bool, excluded: bool) -> Shop {
        Shop {
            id: ShopId(2000),
            terminated,
            excluded,
            field: None,
            kyc: None,
            profile: Profile::default(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_shop_gets_an_account_unless_it_ended_is_excluded_or_stripe_has_one_already() {
        let account = |id: &str, manual_payouts| Candidate {
            id: id.into(),
            manual_payouts,
            linked_to: None,
        };
        let elsewhere = [Candidate {
            linked_to: Some(ShopId(2500)),
            ..account("acct_1", true)
        }];
        let one = [account("acct_1", true)];
        let automatic = [account("acct_1", false)];
        let two = [account("acct_1", true), account("acct_2", true)];
        let both = vec![AccountId::from("acct_1"), AccountId::from("acct_2")];
        let good = shop(false, false);
        for (what, shop, candidates, enabled, decision) in [
            ("new", &good, &[][..], true, Decision::Create),
            (
                "new, switched off",
                &good,
                &[],
                false,
                Decision::Hold(HoldReason::SwitchedOff),
            ),
            (
                "known to Stripe",
                &good,
                &one,
                true,
                Decision::Adopt("acct_1".into()),
            ),
            (
                "known to Stripe, switched off",
                &good,
                &one,
                false,
                Decision::Adopt("acct_1".into()),
            ),
            (
                "paid out by Stripe",
                &good,
                &automatic,
                true,
                Decision::Hold(HoldReason::PayoutsNotManual("acct_1".into())),
            ),
            (
                "linked to another shop",
                &good,
                &elsewhere,
                true,
                Decision::Hold(HoldReason::LinkedElsewhere("acct_1".into(), ShopId(2500))),
            ),
            (
                "twice at Stripe",
                &good,
                &two,
                true,
                Decision::Hold(HoldReason::SeveralAccounts(both)),
            ),
            (
                "terminated",
                &shop(true, true),
                &one,
                true,
                Decision::Ignore(IgnoreReason::Terminated),
            ),
            (
                "excluded",
                &shop(false, true),
                &[],
                true,
                Decision::Ignore(IgnoreReason::Excluded),
            ),
        ] {
            assert_eq!(decide(shop, candidates, enabled), decision, "{what}");
        }
    }
}
