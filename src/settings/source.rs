//! Where settings come from: environment, env file, config file; the first that has a value wins.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Every setting, and whether it is a secret.
const KNOWN: &[(&str, bool)] = &[
    ("DATABASE_URL", true),
    ("STRIPE_CLIENT_SECRET", true),
    ("STRIPE_API_BASE", false),
    ("MIRAKL_HOST_NAME", false),
    ("MIRAKL_API_KEY", true),
    ("MIRAKL_CLIENT_ID", false),
    ("MIRAKL_CLIENT_SECRET", true),
    ("MIRAKL_TOKEN_URL", false),
    ("START_DATE", false),
    ("ENABLE_PRODUCT_PAYMENT_SPLIT", false),
    ("ENABLE_SERVICE_PAYMENT_SPLIT", false),
    ("ENABLE_PAYMENT_TAX_SPLIT", false),
    ("STRIPE_TAX_ACCOUNT", false),
    ("ENABLE_SELLER_ONBOARDING", false),
    ("STRIPE_PREFILL_ONBOARDING", false),
    ("MIRAKL_CUSTOM_FIELD_CODE", false),
    ("MIRAKL_IGNORED_SHOP_FIELD_CODE", false),
    ("REDIRECT_ONBOARDING", false),
    ("ONBOARDING_REFRESH_URL", false),
    ("EXPRESS_DASHBOARD_URL", false),
    ("ONBOARDING_LINK_REFRESH_MINUTES", false),
    ("ACCOUNT_SWEEP_MINUTES", false),
    ("OPERATOR_NOTIFICATION_URL", false),
    ("OPERATOR_NOTIFICATION_SECRET", true),
    ("MAILER_DSN", true),
    ("TECHNICAL_ALERT_EMAIL", false),
    ("TECHNICAL_ALERT_EMAIL_FROM", false),
    ("HOLD_ALERT_DAYS", false),
    ("MAIL_ON_NOTIFICATION_ENDPOINT_DOWN", false),
    ("MAIL_ON_NOTIFICATION_ENDPOINT_DOWN_COOLDOWN", false),
    ("PA01_AFTER_CAPTURE", false),
    ("REFUSE_FAILED_PAYMENTS", false),
    ("CONFIRM_SERVICE_DEBITS", false),
    ("PAYMENT_METADATA_COMMERCIAL_ORDER_ID", false),
    ("STRIPE_MAX_REQUESTS_PER_SECOND", false),
    ("STRIPE_MAX_CONCURRENCY", false),
    ("MIRAKL_MAX_CONCURRENCY", false),
    ("HTTP_TIMEOUT_SECONDS", false),
    ("CHECKPOINT_OVERLAP_MINUTES", false),
    ("INVOICE_SWEEP_HOURS", false),
    ("RETENTION_DAYS", false),
];

/// Variables of the old connector that mean nothing here.
const OLD: &[&str] = &[
    "APP_SECRET",
    "BASE_HOST",
    "CORS_ALLOW_ORIGIN",
    "ENABLES_AUTOMATIC_REFUND_CREATION",
    "ENABLES_AUTOMATIC_TRANSFER_CREATION",
    "MESSENGER_TRANSPORT_DSN",
    "OPERATOR_PASSWORD",
    "STRIPE_CLIENT_ID",
    "STRIPE_OPERATOR_WEBHOOK_SECRET",
    "STRIPE_SELLERS_WEBHOOK_SECRET",
];

const DEFAULT_CONFIG: &str = "config/connector.toml";
const DEFAULT_ENV_FILE: &str = ".env";

/// The values of all settings as text, before they are read.
#[derive(Default)]
pub struct Source {
    environment: HashMap<String, String>,
    env_file: HashMap<String, String>,
    config: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Source {
    /// Gathers the values. A file that is named must exist; a default one may.
    pub fn gather(config: Option<&Path>, env_file: Option<&Path>) -> Self {
        let mut source = Self {
            environment: env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            ..Self::default()
        };
        if let Some(path) = chosen(env_file, DEFAULT_ENV_FILE) {
            source.read_env_file(&path);
        }
        if let Some(path) = chosen(config, DEFAULT_CONFIG) {
            source.read_config(&path);
        }
        source
    }

    /// A source with these values; later ones win.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Self {
        Self {
            environment: values
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    /// The value of a setting; empty means unset.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = self
            .environment
            .get(name)
            .or_else(|| self.env_file.get(name))
            .or_else(|| self.config.get(name))?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(crate) fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// The old connector's variables that are set and mean nothing here.
    pub fn passed_over(&self) -> Vec<&'static str> {
        let set = |name: &&&str| self.get(name).is_some();
        OLD.iter().filter(set).copied().collect()
    }

    fn read_env_file(&mut self, path: &Path) {
        match fs::File::open(path) {
            Ok(file) => self.take_env_file(file, path),
            Err(error) => self.mistakes.push(format!(
                "--env-file: {} cannot be read: {error}",
                path.display()
            )),
        }
    }

    pub(crate) fn take_env_file(&mut self, file: impl Read, path: &Path) {
        let shown = path.display();
        for (index, entry) in dotenvy::from_read_iter(file).enumerate() {
            match entry {
                Ok((name, value)) => {
                    self.env_file.insert(name, value);
                }
                // The parser's message quotes the line, which may hold a secret.
                Err(_) => self.mistakes.push(format!(
                    "{shown}: entry {} is not NAME=value (quote values with spaces)",
                    index + 1
                )),
            }
        }
    }

    fn read_config(&mut self, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) => self.take_config(&text, path),
            Err(error) => self.mistakes.push(format!(
                "--config: {} cannot be read: {error}",
                path.display()
            )),
        }
    }

    pub(crate) fn take_config(&mut self, text: &str, path: &Path) {
        let shown = path.display();
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                let message = error.message();
                self.mistakes.push(format!("{shown} is no TOML: {message}"));
                return;
            }
        };
        for (key, value) in table {
            self.accept(&key, &value, path);
        }
    }

    fn accept(&mut self, key: &str, value: &toml::Value, path: &Path) {
        let shown = path.display();
        let name = key.to_ascii_uppercase();
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let text = match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(flag) => Some(flag.to_string()),
            toml::Value::Datetime(date) => Some(date.to_string()),
            toml::Value::Float(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
        };
        match (known, text) {
            (None, _) => self.mistakes.push(format!(
                "{shown}: {key} is no setting of this program; names are those of the environment in lower case"
            )),
            (Some((_, true)), _) => self.mistakes.push(format!(
                "{shown}: {key} is a secret: set {name} or {name}_FILE in the environment instead"
            )),
            (Some(_), None) => self
                .mistakes
                .push(format!("{shown}: {key} must be a text, a whole number or true or false")),
            (Some(_), Some(text)) => {
                self.config.insert(name, text);
            }
        }
    }
}

fn chosen(named: Option<&Path>, default: &str) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from(default)).filter(|path| path.is_file()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_explained_in_the_example_files() {
        let env_example = include_str!("../../.env.example");
        let config = include_str!("../../config/connector.toml");
        for (name, secret) in KNOWN {
            assert!(
                env_example.contains(&format!("{name}=")),
                "{name} in .env.example"
            );
            let in_config = config.contains(&format!("{} =", name.to_ascii_lowercase()));
            assert_eq!(in_config, !secret, "{name} in config/connector.toml");
        }
    }

    #[test]
    fn the_config_file_that_is_shipped_has_no_mistakes() {
        let mut source = Source::default();
        source.read_config(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/config/connector.toml"
        )));
        assert_eq!(source.mistakes, Vec::<String>::new());
    }
}
