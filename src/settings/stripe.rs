//! The Stripe platform: its key, and how fast and how wide it may be asked.

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::reader::Reader;
use crate::stripe::StripeLimits;

/// The Stripe platform.
#[derive(Debug)]
pub struct StripeSettings {
    /// The platform's key.
    pub key: StripeKey,
    /// Stripe's address.
    pub base: Url,
    /// How fast and how wide it may be asked.
    pub limits: StripeLimits,
    /// The metadata key in which the checkout puts the commercial order id.
    pub metadata_key: String,
}

/// A secret or restricted key, known to be of one mode.
#[derive(Debug)]
pub struct StripeKey {
    /// The key.
    pub secret: SecretString,
    /// Live mode, by its prefix.
    pub livemode: bool,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<StripeSettings> {
    let key = stripe_key(reader);
    let base = reader.address(
        "STRIPE_API_BASE",
        Some("https://api.stripe.com"),
        "the address of Stripe's API with its scheme",
    );
    let live = key.as_ref().is_some_and(|key| key.livemode);
    let pace = if live { 20 } else { 10 };
    let per_second = reader.number("STRIPE_MAX_REQUESTS_PER_SECOND", pace, 1, 10_000);
    let concurrency = reader.number("STRIPE_MAX_CONCURRENCY", 16, 1, 256);
    let metadata_key = reader
        .text("PAYMENT_METADATA_COMMERCIAL_ORDER_ID")
        .unwrap_or_else(|| "mirakl_commercial_order_id".to_owned());
    Some(StripeSettings {
        key: key?,
        base: base?,
        limits: StripeLimits {
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            per_second,
        },
        metadata_key,
    })
}

fn stripe_key(reader: &mut Reader<'_>) -> Option<StripeKey> {
    const REMEDY: &str = "the platform's secret key (sk_live_…, sk_test_…) or a restricted one (rk_live_…, rk_test_…)";
    let Some(secret) = reader.secret("STRIPE_CLIENT_SECRET") else {
        reader.missing("STRIPE_CLIENT_SECRET", REMEDY);
        return None;
    };
    let mode = |prefixes: [&str; 2]| {
        let key = secret.expose_secret();
        let known = prefixes.iter().any(|prefix| key.starts_with(prefix));
        known && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let livemode = match (
        mode(["sk_live_", "rk_live_"]),
        mode(["sk_test_", "rk_test_"]),
    ) {
        (true, _) => true,
        (_, true) => false,
        _ => {
            reader.mistake(&format!("STRIPE_CLIENT_SECRET is not {REMEDY}"));
            return None;
        }
    };
    Some(StripeKey { secret, livemode })
}
