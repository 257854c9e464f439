//! Typed settings, from the environment, an env file, a config file and defaults; every mistake is
//! reported at once, each with its remedy.

mod alerts;
mod database;
mod dsn;
mod mirakl;
mod onboarding;
mod reader;
mod source;
mod stripe;
mod taxes;

pub use alerts::{AlertSettings, MailSettings};
pub use database::DatabaseSettings;
pub use dsn::{MailLogin, MailSecurity, MailServer};
pub use mirakl::{MiraklCredentials, MiraklSettings};
pub use onboarding::{NotificationSettings, OnboardingSettings};
pub use source::Source;
pub use stripe::{StripeKey, StripeSettings};
pub use taxes::TaxSettings;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use self::reader::Reader;

/// Everything a job needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the state is kept.
    pub database: DatabaseSettings,
    /// The marketplace.
    pub mirakl: MiraklSettings,
    /// The Stripe platform.
    pub stripe: StripeSettings,
    /// One try of one request, from connecting to the last byte of its answer.
    pub http_timeout: Duration,
    /// Orders debited before this are not ours.
    pub start_date: Option<DateTime<Utc>>,
    /// How far before its checkpoint a pass begins.
    pub checkpoint_overlap: TimeDelta,
    /// Mirakl's whole list of invoices is read again after this time.
    pub invoice_sweep: TimeDelta,
    /// `process-transfer` pays product orders.
    pub product_payment_split: bool,
    /// `process-transfer` pays service orders.
    pub service_payment_split: bool,
    /// Whether taxes go to an account of their own.
    pub taxes: TaxSettings,
    /// How debits are confirmed and captured.
    pub payments: PaymentSettings,
    /// Which refunds `process-refund` makes.
    pub refunds: RefundSettings,
    /// How sellers are onboarded.
    pub onboarding: OnboardingSettings,
    /// Where the operator's server is told; none when it is not.
    pub notifications: Option<NotificationSettings>,
    /// What is mailed, to whom.
    pub alerts: AlertSettings,
    /// How long run records and delivered notifications are kept.
    pub retention: TimeDelta,
}

/// Which refunds are made.
#[derive(Debug, Clone, Copy)]
pub struct RefundSettings {
    /// Of product orders (`ENABLE_PRODUCT_PAYMENT_REFUND`).
    pub products: bool,
    /// Of service orders (`ENABLE_SERVICE_PAYMENT_REFUND`).
    pub services: bool,
}

/// How debits are confirmed and captured.
#[derive(Debug, Clone, Copy)]
pub struct PaymentSettings {
    /// The money is taken before Mirakl is told.
    pub after_capture: bool,
    /// Orders whose every payment ended are refused at Mirakl, which cancels them.
    pub refuse_failed: bool,
    /// Debits of services are confirmed by this program.
    pub confirm_services: bool,
}

/// Every mistake in the settings; the message lists them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.len();
        let noun = if number == 1 { "mistake" } else { "mistakes" };
        write!(f, "{number} {noun} in the settings:")?;
        for mistake in &self.0 {
            write!(f, "\n  - {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Settings {
    /// Reads everything, or reports everything that is wrong.
    pub fn read(source: &Source) -> Result<Self, Mistakes> {
        let mut reader = Reader::new(source);
        let database = database::read(&mut reader);
        let mirakl = mirakl::read(&mut reader);
        let stripe = stripe::read(&mut reader);
        let payments = PaymentSettings {
            after_capture: reader.flag("PA01_AFTER_CAPTURE", false),
            refuse_failed: reader.flag("REFUSE_FAILED_PAYMENTS", false),
            confirm_services: reader.flag("CONFIRM_SERVICE_DEBITS", true),
        };
        let base = mirakl.as_ref().map(|mirakl| &mirakl.base);
        let onboarding = onboarding::onboarding(&mut reader, base);
        let notifications = onboarding::notifications(&mut reader);
        let alerts = alerts::read(&mut reader);
        let http_timeout = reader.number("HTTP_TIMEOUT_SECONDS", 60, 1, 600);
        let start_date = reader.parsed("START_DATE", parse_date, DATE_HINT);
        let overlap = reader.number("CHECKPOINT_OVERLAP_MINUTES", 5, 0, 24 * 60);
        let retention = reader.number("RETENTION_DAYS", 90, 1, 3650);
        let sweep = reader.number("INVOICE_SWEEP_HOURS", 23, 1, 24 * 31);
        let product_payment_split = reader.flag("ENABLE_PRODUCT_PAYMENT_SPLIT", false);
        let service_payment_split = reader.flag("ENABLE_SERVICE_PAYMENT_SPLIT", false);
        let taxes = taxes::read(&mut reader);
        let refunds = RefundSettings {
            products: reader.flag("ENABLE_PRODUCT_PAYMENT_REFUND", false),
            services: reader.flag("ENABLE_SERVICE_PAYMENT_REFUND", false),
        };
        let (Some(database), Some(mirakl), Some(stripe), Some(onboarding)) =
            (database, mirakl, stripe, onboarding)
        else {
            return Err(reader.into_mistakes());
        };
        let settings = Self {
            database,
            mirakl,
            stripe,
            http_timeout: Duration::from_secs(u64::from(http_timeout)),
            start_date,
            checkpoint_overlap: TimeDelta::minutes(i64::from(overlap)),
            invoice_sweep: TimeDelta::hours(i64::from(sweep)),
            product_payment_split,
            service_payment_split,
            taxes,
            payments,
            refunds,
            onboarding,
            notifications,
            alerts,
            retention: TimeDelta::days(i64::from(retention)),
        };
        reader.finish(settings)
    }

    /// Reads only what a command needs that looks at the store and nothing else.
    pub fn read_database(source: &Source) -> Result<DatabaseSettings, Mistakes> {
        let mut reader = Reader::new(source);
        match database::read(&mut reader) {
            Some(database) => reader.finish(database),
            None => Err(reader.into_mistakes()),
        }
    }
}

const DATE_HINT: &str = "a date such as 2026-01-31 or 2026-01-31T08:00:00Z";

/// A day (its midnight in UTC) or an instant.
pub fn parse_date(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    text.parse()
        .map_err(|_| format!("{text:?} is not {DATE_HINT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("DATABASE_URL", "postgres://u:pw-secret@localhost/db"),
        ("STRIPE_CLIENT_SECRET", "sk_test_verysecret"),
        ("MIRAKL_HOST_NAME", "https://m.example"),
        ("MIRAKL_API_KEY", "mirakl-secret"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Settings, Mistakes> {
        Settings::read(&Source::of(GOOD.iter().chain(changes)))
    }

    #[test]
    fn four_settings_are_enough() {
        let settings = read(&[]).expect("good settings");
        assert_eq!(settings.stripe.base.as_str(), "https://api.stripe.com/");
        assert_eq!(settings.stripe.limits.per_second, 10);
        assert!(!settings.stripe.key.livemode && !settings.product_payment_split);
        let live = read(&[("STRIPE_CLIENT_SECRET", "rk_live_1")]).expect("good settings");
        assert_eq!(live.stripe.limits.per_second, 20);
        assert!(live.stripe.key.livemode);
    }

    #[test]
    fn one_message_lists_every_mistake() {
        let mistakes = read(&[
            ("DATABASE_URL", "mysql://u@localhost/db"),
            ("STRIPE_CLIENT_SECRET", "pk_test_1"),
            ("MIRAKL_HOST_NAME", "m.example"),
            ("MIRAKL_API_KEY", ""),
            ("START_DATE", "yesterday"),
            ("STRIPE_MAX_CONCURRENCY", "many"),
            ("ENABLE_PRODUCT_PAYMENT_SPLIT", "perhaps"),
            ("ENABLE_PAYMENT_TAX_SPLIT", "true"),
        ])
        .expect_err("mistakes");
        assert_eq!(mistakes.0.len(), 8, "{mistakes}");
        let text = mistakes.to_string();
        for name in [
            "DATABASE_URL",
            "STRIPE_CLIENT_SECRET",
            "MIRAKL_HOST_NAME",
            "MIRAKL_API_KEY",
            "START_DATE",
            "STRIPE_MAX_CONCURRENCY",
            "ENABLE_PRODUCT_PAYMENT_SPLIT",
            "STRIPE_TAX_ACCOUNT",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains("pk_test_1"), "{text}");
    }

    #[test]
    fn each_mistake_is_found() {
        for (name, value) in [
            ("MIRAKL_HOST_NAME", "http://m.example"),
            ("MIRAKL_HOST_NAME", "https://m.example/api"),
            ("MIRAKL_HOST_NAME", "https://user:pw@m.example"),
            ("STRIPE_API_BASE", "http://stripe.example"),
            ("STRIPE_CLIENT_SECRET", "sk_test_with space"),
            ("MIRAKL_CLIENT_ID", "half"),
            ("HTTP_TIMEOUT_SECONDS", "0"),
            ("RETENTION_DAYS", "-1"),
            ("STRIPE_TAX_ACCOUNT", "tax"),
            ("ENABLE_PAYMENT_TAX_SPLIT", "true"),
            (
                "DATABASE_URL",
                "postgres://u:p@db.example/db?sslmode=disable",
            ),
        ] {
            let mistakes = read(&[(name, value)]).expect_err(value);
            assert_eq!(mistakes.0.len(), 1, "{name}={value}: {mistakes}");
        }
        read(&[("MIRAKL_HOST_NAME", "http://127.0.0.1:8080")]).expect("loopback needs no TLS");
    }

    #[test]
    fn what_follows_the_host_of_an_address_appears_in_no_mistake() {
        let name = "OPERATOR_NOTIFICATION_URL";
        let mistakes = read(&[(name, "http://shop.example/hook/T0KEN?key=s3cret")]);
        let text = mistakes.expect_err("no TLS").to_string();
        assert!(text.contains("http://shop.example"), "{text}");
        assert!(
            !text.contains("T0KEN") && !text.contains("s3cret"),
            "{text}"
        );
    }

    #[test]
    fn no_secret_appears_in_debug() {
        let shown = format!("{:?}", read(&[]).expect("good settings"));
        for secret in ["pw-secret", "verysecret", "mirakl-secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn dates_are_days_or_instants() {
        let day = parse_date("2026-01-31").expect("a day");
        assert_eq!(day.to_rfc3339(), "2026-01-31T00:00:00+00:00");
        let instant = parse_date("2026-01-31T08:00:00+02:00").expect("an instant");
        assert_eq!(instant.to_rfc3339(), "2026-01-31T06:00:00+00:00");
        for wrong in ["", "yesterday", "2026-02-30", "31.01.2026"] {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
    }
}
