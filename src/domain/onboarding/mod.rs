//! How a shop comes to its Stripe account, and what that account amounts to.

mod decide;
mod kyc;
mod prefill;
mod reason;

pub use decide::{Candidate, Decision, decide, found_for};
pub use kyc::{KycStatus, Standing};
pub use prefill::Prefill;
pub use reason::{HoldReason, IgnoreReason};

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::{AccountId, ShopId};
use super::retry::DECISION_LIFE;

/// A shop that was made, or changed by others, so long ago is no longer under way: it keeps the link
/// it has until somebody asks for a fresh one.
pub const UNDER_WAY: TimeDelta = TimeDelta::days(14);

/// Where the account of a shop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "account_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountStatus {
    /// Waits; looked at again.
    AccountOnHold,
    /// To be created, or sent without an answer.
    AccountPending,
    /// The shop has its account.
    AccountCreated,
    /// Stripe refused it; tried again.
    AccountFailed,
    /// Terminated or excluded.
    AccountIgnored,
}

impl AccountStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 5] = [
        Self::AccountOnHold,
        Self::AccountPending,
        Self::AccountCreated,
        Self::AccountFailed,
        Self::AccountIgnored,
    ];

    /// The word that is stored and listed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountOnHold => "ACCOUNT_ON_HOLD",
            Self::AccountPending => "ACCOUNT_PENDING",
            Self::AccountCreated => "ACCOUNT_CREATED",
            Self::AccountFailed => "ACCOUNT_FAILED",
            Self::AccountIgnored => "ACCOUNT_IGNORED",
        }
    }
}

/// What the store knows of a shop's account when the shop is seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub status: AccountStatus,
    /// The code of the reason it stands there.
    pub reason_code: Option<String>,
    /// Earlier looks that found the same reason, or refusals in a row.
    pub looks: u32,
    /// When it is due for another look.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When its request first left; none when it never did.
    pub sent_at: Option<DateTime<Utc>>,
    /// Since when it stands there.
    pub updated_at: DateTime<Utc>,
    /// Accounts at Stripe that were made for the shop.
    pub candidates: Vec<AccountId>,
}

impl Known {
    /// Whether it may be decided anew: never once its request has left. `asked` is a person's wish.
    pub fn may_decide(&self, now: DateTime<Utc>, asked: bool) -> bool {
        match self.status {
            AccountStatus::AccountOnHold | AccountStatus::AccountIgnored => true,
            AccountStatus::AccountFailed => asked || self.is_due(now),
            AccountStatus::AccountPending => {
                self.sent_at.is_none() && now - self.updated_at > DECISION_LIFE
            }
            AccountStatus::AccountCreated => false,
        }
    }

    /// Whether its next look is due.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_look_at.is_some_and(|at| at <= now)
    }
}

/// For which shop of which marketplace an account was made, by its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFor {
    /// The shop.
    pub shop_id: ShopId,
    /// The marketplace; none where the old connector made it, which did not say.
    pub host: Option<String>,
}

impl MadeFor {
    /// Reads an account's metadata; `None` if neither this program nor the old connector made it.
    pub fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let shop_id = field("miraklShopId")?.parse().ok().map(ShopId)?;
        match field("pluginName") {
            Some("mirakl-stripe") => Some(Self {
                shop_id,
                host: Some(field("miraklHost")?.to_owned()),
            }),
            Some("MiraklConnector") => Some(Self {
                shop_id,
                host: None,
            }),
            _ => None,
        }
    }

    /// Whether it belongs to the marketplace at `host`.
    pub fn is_of(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|of| of == host)
    }
}

#[cfg(test)]
mod tests {
    use super::AccountStatus::{
        AccountCreated, AccountFailed, AccountIgnored, AccountOnHold, AccountPending,
    };
    use super::*;

    #[test]
    fn an_account_is_ours_by_host_and_shop_and_the_old_connectors_by_shop() {
        let of = |fields: &[(&str, &'static str)]| {
            MadeFor::read(|name| {
                let found = fields.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| *value)
            })
        };
        let ours = [
            ("pluginName", "mirakl-stripe"),
            ("miraklHost", "m.example"),
            ("miraklShopId", "2000"),
        ];
        let made = of(&ours).expect("ours");
        assert_eq!(made.shop_id, ShopId(2000));
        assert!(made.is_of("m.example") && !made.is_of("other.example"));
        let old = of(&[("pluginName", "MiraklConnector"), ("miraklShopId", "7")]);
        assert!(old.expect("the old connector's").is_of("anywhere"));
        for fields in [
            &ours[1..],
            &ours[..2],
            &[("pluginName", "mirakl-stripe"), ("miraklShopId", "2000")],
            &[("pluginName", "MiraklConnector"), ("miraklShopId", "x")],
            &[("miraklShopId", "2000")],
        ] {
            assert_eq!(of(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn what_was_sent_is_never_decided_again() {
        let now = DateTime::from_timestamp(1_770_000_000, 0).expect("a date");
        let known = |status, age_minutes, sent, due: Option<i64>| Known {
            status,
            reason_code: None,
            looks: 0,
            next_look_at: due.map(|minutes| now + TimeDelta::minutes(minutes)),
            sent_at: sent,
            updated_at: now - TimeDelta::minutes(age_minutes),
            candidates: Vec::new(),
        };
        for (row, asked, may) in [
            (known(AccountOnHold, 0, None, Some(5)), false, true),
            (known(AccountIgnored, 0, None, None), false, true),
            (known(AccountFailed, 0, None, Some(5)), false, false),
            (known(AccountFailed, 0, None, Some(5)), true, true),
            (known(AccountFailed, 9, None, Some(-1)), false, true),
            (known(AccountPending, 5, None, None), false, false),
            (known(AccountPending, 11, None, None), false, true),
            (known(AccountPending, 99, Some(now), None), true, false),
            (known(AccountCreated, 99, None, None), true, false),
        ] {
            assert_eq!(row.may_decide(now, asked), may, "{row:?}");
        }
    }
}
