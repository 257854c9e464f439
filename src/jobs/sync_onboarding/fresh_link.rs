//! A link that a person asks for.

use super::fields;
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::jobs::Result;
use crate::stripe::{OnboardingLink, StripeError};

/// Makes a link for a shop's account.
pub async fn make(
    app: &App,
    shop: ShopId,
    account: &AccountId,
) -> Result<OnboardingLink, StripeError> {
    fields::make_link(app, shop, account).await
}

/// Writes it to the shop; returns why Mirakl did not take it.
///
/// Errors when Mirakl or the database cannot be used.
pub async fn write(app: &App, shop: ShopId, link: &OnboardingLink) -> Result<Option<String>> {
    fields::write_one(app, shop, link).await
}
