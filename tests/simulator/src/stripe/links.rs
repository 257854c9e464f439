//! Account links: how they are made and what a browser meets on them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::book::Book;
use super::checks;
use super::errors::Refusal;
use super::form::Form;

const LIFE: TimeDelta = TimeDelta::minutes(5);

/// A link to the form of a seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLink {
    /// Where the seller is sent.
    pub url: String,
    /// `acct_…`
    pub account: String,
    /// In whole seconds.
    pub created: DateTime<Utc>,
    /// From here on it is of no use.
    pub expires_at: DateTime<Utc>,
    /// Where a browser is sent if the link is of no use any more.
    pub refresh_url: String,
    /// Where a browser is sent from the form.
    pub return_url: String,
    /// The key it was made under; `None` if it was made without one.
    pub idempotency_key: Option<String>,
    /// Whether a browser has been there.
    pub used: bool,
}

/// What a browser meets on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visit {
    /// The form of an account.
    Form {
        /// `acct_…`
        account: String,
    },
    /// The link was used or has expired: the browser is sent to its `refresh_url`.
    SentTo(String),
    /// There is no such link, or its account is not connected any more.
    Unknown,
}

/// A link asked for.
#[derive(Clone, Debug)]
pub(super) struct LinkWish {
    pub(super) account: String,
    kind: String,
    refresh_url: String,
    return_url: String,
}

impl LinkWish {
    /// Reads and validates the parameters, without regard to the account.
    pub(super) fn read(form: &Form, live: bool) -> Result<Self, Refusal> {
        form.allow_nested(&[
            "account",
            "type",
            "refresh_url",
            "return_url",
            "collect",
            "collection_options[fields]",
            "collection_options[future_requirements]",
        ])?;
        form.expand(&[])?;
        let account = form.required("account")?;
        form.required("type")?;
        let kind = form.one_of("type", &["account_onboarding", "account_update"])?;
        let fields = ["currently_due", "eventually_due"];
        form.one_of("collect", &fields)?;
        form.one_of("collection_options[fields]", &fields)?;
        let future = "collection_options[future_requirements]";
        form.one_of(future, &["omit", "include"])?;
        let address = |name: &str| {
            let url = form.required(name)?;
            checks::redirect(url, live, name)?;
            Ok(url.to_owned())
        };
        Ok(Self {
            account: account.to_owned(),
            kind: kind.unwrap_or_default().to_owned(),
            refresh_url: address("refresh_url")?,
            return_url: address("return_url")?,
        })
    }

    /// Whether an account of this kind has links of this type.
    pub(super) fn check_kind(&self, account_kind: &str) -> Result<(), Refusal> {
        if self.kind == "account_onboarding" || account_kind == "custom" {
            return Ok(());
        }
        let message = format!(
            "You cannot create `{}` type Account Links for this account. Valid types are: \
             `account_onboarding`.",
            self.kind
        );
        Err(Refusal::new(message).param("type"))
    }
}

impl Book {
    /// Makes a link.
    pub(super) fn create_link(
        &mut self,
        wish: &LinkWish,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Value {
        let created = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        let (account, suffix) = (&wish.account, self.ids.suffix(12));
        let link = AccountLink {
            url: format!("https://connect.stripe.com/setup/e/{account}/{suffix}"),
            account: account.clone(),
            created,
            expires_at: created + LIFE,
            refresh_url: wish.refresh_url.clone(),
            return_url: wish.return_url.clone(),
            idempotency_key: key.map(str::to_owned),
            used: false,
        };
        let shown = json!({
            "object": "account_link",
            "created": link.created.timestamp(),
            "expires_at": link.expires_at.timestamp(),
            "url": link.url,
        });
        self.links.push(link);
        shown
    }

    /// A browser opens a link.
    pub(super) fn visit(&mut self, url: &str, now: DateTime<Utc>) -> Visit {
        let Some(link) = self.links.iter_mut().find(|link| link.url == url) else {
            return Visit::Unknown;
        };
        if self.accounts.get(&link.account).is_none() {
            return Visit::Unknown;
        }
        if link.used || now >= link.expires_at {
            return Visit::SentTo(link.refresh_url.clone());
        }
        link.used = true;
        Visit::Form {
            account: link.account.clone(),
        }
    }
}
