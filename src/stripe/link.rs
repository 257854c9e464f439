//! Account links: `POST /v1/account_links`. A link works once and for about five minutes.

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Stripe, StripeError};
use crate::domain::ids::AccountId;
use crate::domain::key::IdempotencyKey;

const PATH: &str = "/v1/account_links";

/// The address that leads one seller into Stripe's form; whoever holds it is taken for the seller.
#[derive(Debug, Clone)]
pub struct OnboardingLink(pub SecretString);

/// A link to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewLink<'a> {
    /// The seller's account.
    pub account: &'a AccountId,
    /// Where the seller is sent after the form.
    pub return_url: &'a Url,
    /// Where the seller is sent from a link that is used or too old.
    pub refresh_url: &'a Url,
}

#[derive(Deserialize)]
struct WireLink {
    url: String,
}

impl Stripe {
    /// Makes a link. Each key makes one: a link moves nothing, so a lost one is simply made again.
    pub async fn create_link(
        &self,
        link: NewLink<'_>,
        key: &IdempotencyKey,
    ) -> Result<OnboardingLink, StripeError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("account", link.account.as_str())
            .append_pair("type", "account_onboarding")
            .append_pair("return_url", link.return_url.as_str())
            .append_pair("refresh_url", link.refresh_url.as_str())
            .finish();
        let (made, _) = self.post::<WireLink>(PATH, &body, key).await?;
        Ok(OnboardingLink(made.url.into()))
    }
}
