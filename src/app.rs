//! Everything a command works with, built once and passed by reference.

use sqlx::PgPool;

use crate::clock::Clock;
use crate::http;
use crate::mirakl::{Auth, Mirakl, OAuth, ShopFields};
use crate::notify::Notifier;
use crate::notify::mail::{Mailer, Origin};
use crate::settings::{MiraklCredentials, Settings};
use crate::store;
use crate::stripe::Stripe;

/// Statements at once; answers of Stripe are settled through these connections.
const CONNECTIONS: u32 = 4;

/// The program's parts, connected.
#[derive(Debug)]
pub struct App {
    /// The state.
    pub db: PgPool,
    /// The marketplace.
    pub mirakl: Mirakl,
    /// The platform.
    pub stripe: Stripe,
    /// The operator's server; none when it is not told.
    pub notifier: Option<Notifier>,
    /// Mails to the people who run this; none when there are none.
    pub mailer: Option<Mailer>,
    /// How it was set up.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// Say nothing but errors.
    pub quiet: bool,
}

impl App {
    /// Builds the parts; nothing is contacted yet.
    ///
    /// Errors when the TLS stack cannot be set up.
    pub fn new(mut settings: Settings, quiet: bool) -> reqwest::Result<Self> {
        let client = http::client(settings.http_timeout)?;
        let auth = match &settings.mirakl.credentials {
            MiraklCredentials::ApiKey(key) => Auth::ApiKey(key.clone()),
            MiraklCredentials::OAuth {
                token_url,
                client_id,
                client_secret,
            } => Auth::OAuth(Box::new(OAuth::new(
                token_url.clone(),
                client_id.clone(),
                client_secret.clone(),
            ))),
        };
        let mirakl = Mirakl::new(
            client.clone(),
            settings.mirakl.base.clone(),
            auth,
            settings.mirakl.concurrency,
            ShopFields {
                link: settings.onboarding.link_field.clone(),
                ignored: settings.onboarding.ignored_field.clone(),
            },
        );
        let notifier = settings.notifications.as_ref().map(|notifications| {
            Notifier::new(
                client.clone(),
                notifications.url.clone(),
                notifications.secret.clone(),
            )
        });
        let stripe = Stripe::new(
            client,
            settings.stripe.base.clone(),
            settings.stripe.key.secret.clone(),
            settings.stripe.metadata_key.clone(),
            settings.stripe.limits,
        );
        Ok(Self {
            db: store::pool(settings.database.options.clone(), CONNECTIONS),
            mirakl,
            stripe,
            notifier,
            mailer: settings.alerts.mail.take().map(Mailer::new),
            settings,
            clock: Clock::system(),
            quiet,
        })
    }

    /// What mails say of where they come from.
    pub fn origin(&self) -> Origin {
        Origin {
            marketplace: self.mirakl.host(),
            livemode: self.settings.stripe.key.livemode,
        }
    }
}
