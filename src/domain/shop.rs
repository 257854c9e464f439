//! A Mirakl shop, as far as onboarding decides by it.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::ids::ShopId;

/// What Stripe hosts for sellers: values that begin so are ours to replace.
const STRIPE_CONNECT: &str = "https://connect.stripe.com/";

/// A shop as S20 shows it.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its id.
    pub id: ShopId,
    /// Ended for ever.
    pub terminated: bool,
    /// The operator has excluded it, by the custom field for that.
    pub excluded: bool,
    /// What the custom field for the onboarding link holds; none when it is empty.
    pub field: Option<SecretString>,
    /// Mirakl's KYC status, an open word; none where that feature is off.
    pub kyc: Option<String>,
    /// What it says of itself.
    pub profile: Profile,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed, our own writes included.
    pub updated_at: DateTime<Utc>,
}

/// What a shop says of itself, as it was typed; see [`super::onboarding::Prefill`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// A company rather than a person.
    pub professional: bool,
    /// Its name.
    pub name: Option<String>,
    /// Its web site.
    pub web_site: Option<String>,
    /// Where customers write to.
    pub email: Option<String>,
    /// Where customers call.
    pub phone: Option<String>,
}

/// What the custom field for the onboarding link holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "shop_field", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldState {
    /// Nothing.
    Empty,
    /// A link of Stripe's, which may be renewed.
    OnboardingLink,
    /// The address of the dashboard.
    Dashboard,
    /// Somebody else's value, or one that could not be read: left alone.
    Foreign,
}

impl FieldState {
    /// Sorts a value; `dashboard` is the address that we write once details are submitted.
    pub fn of(value: Option<&SecretString>, dashboard: &str) -> Self {
        match value.map(|value| value.expose_secret().trim()) {
            None | Some("") => Self::Empty,
            Some(value) if value == dashboard => Self::Dashboard,
            Some(value) if value.starts_with(STRIPE_CONNECT) => Self::OnboardingLink,
            Some(_) => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_ours_when_it_is_empty_the_dashboard_or_a_page_of_stripe_connect() {
        let dashboard = "https://market.example/sellers";
        for (value, state) in [
            (None, FieldState::Empty),
            (Some("  "), FieldState::Empty),
            (Some(dashboard), FieldState::Dashboard),
            (
                Some("https://connect.stripe.com/setup/e/acct_1/x"),
                FieldState::OnboardingLink,
            ),
            (
                Some("https://connect.stripe.com/express_login"),
                FieldState::OnboardingLink,
            ),
            (
                Some("https://connect.stripe.com.evil.example/"),
                FieldState::Foreign,
            ),
            (Some("http://connect.stripe.com/setup"), FieldState::Foreign),
            (Some("see https://connect.stripe.com/"), FieldState::Foreign),
            (Some("call us"), FieldState::Foreign),
        ] {
            let value = value.map(SecretString::from);
            assert_eq!(
                FieldState::of(value.as_ref(), dashboard),
                state,
                "{value:?}"
            );
        }
    }
}
