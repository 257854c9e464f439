//! How sellers are onboarded, and where the operator's server is told of it.

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::SecretString;

use super::reader::Reader;

const DASHBOARD: &str = "https://connect.stripe.com/express_login";
/// The shop's own page in the seller's back office.
const SHOP_PAGE: &str = "/mmp/shop/account/shop";
const PAGE: &str = "the address of a page, such as https://mymarketplace.example/sellers";

/// How sellers are onboarded.
#[derive(Debug)]
pub struct OnboardingSettings {
    /// Accounts and links are made.
    pub enabled: bool,
    /// Stripe's form is filled with what Mirakl knows.
    pub prefill: bool,
    /// The shops' custom field for the link.
    pub link_field: String,
    /// The shops' custom field that excludes a shop.
    pub ignored_field: String,
    /// Where the seller is sent after Stripe's form.
    pub return_url: Url,
    /// Where the seller is sent from a link that is used or too old.
    pub refresh_url: Url,
    /// What the field holds once details are submitted.
    pub dashboard_url: Url,
    /// A link older than this is renewed while the seller is under way.
    pub link_refresh: TimeDelta,
    /// Every account is read at least this often.
    pub account_sweep: TimeDelta,
}

/// Where the operator's server takes notifications.
#[derive(Debug)]
pub struct NotificationSettings {
    /// The endpoint.
    pub url: Url,
    /// Signs each notification.
    pub secret: Option<SecretString>,
}

pub(super) fn onboarding(
    reader: &mut Reader<'_>,
    mirakl: Option<&Url>,
) -> Option<OnboardingSettings> {
    let enabled = reader.flag("ENABLE_SELLER_ONBOARDING", true);
    let prefill = reader.flag("STRIPE_PREFILL_ONBOARDING", false);
    let link_field = reader.field_code("MIRAKL_CUSTOM_FIELD_CODE", "stripe-url");
    let ignored_field = reader.field_code("MIRAKL_IGNORED_SHOP_FIELD_CODE", "stripe-ignored");
    if link_field == ignored_field {
        reader.mistake(
            "MIRAKL_CUSTOM_FIELD_CODE and MIRAKL_IGNORED_SHOP_FIELD_CODE name the same custom \
             field: a link in it and an exclusion would be taken for each other",
        );
    }
    let shop_page = mirakl.map(|base| {
        let mut page = base.clone();
        page.set_path(SHOP_PAGE);
        page
    });
    let return_url = reader
        .page("REDIRECT_ONBOARDING", PAGE)
        .or(shop_page.clone());
    let refresh_url = reader.page("ONBOARDING_REFRESH_URL", PAGE).or(shop_page);
    let dashboard_url = reader
        .page("EXPRESS_DASHBOARD_URL", PAGE)
        .or_else(|| Url::parse(DASHBOARD).ok());
    let minutes = |n: u32| TimeDelta::minutes(i64::from(n));
    let link_refresh = minutes(reader.number("ONBOARDING_LINK_REFRESH_MINUTES", 3, 1, 24 * 60));
    let account_sweep = minutes(reader.number("ACCOUNT_SWEEP_MINUTES", 60, 1, 7 * 24 * 60));
    Some(OnboardingSettings {
        enabled,
        prefill,
        link_field,
        ignored_field,
        return_url: return_url?,
        refresh_url: refresh_url?,
        dashboard_url: dashboard_url?,
        link_refresh,
        account_sweep,
    })
}

pub(super) fn notifications(reader: &mut Reader<'_>) -> Option<NotificationSettings> {
    let url = reader.page(
        "OPERATOR_NOTIFICATION_URL",
        "the address of an endpoint of your server, such as https://shop.example/stripe, or leave it empty",
    );
    let secret = reader.secret("OPERATOR_NOTIFICATION_SECRET");
    url.map(|url| NotificationSettings { url, secret })
}
