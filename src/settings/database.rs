//! `DATABASE_URL`, also in the form that the old connector used.

use std::fmt;
use std::str::FromStr as _;

use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::reader::{Reader, is_loopback};

const NAME: &str = "DATABASE_URL";
const REMEDY: &str =
    "the address of a Postgres database, such as postgres://user:password@host/name";

/// Where the state is kept. `Debug` shows no password.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// How to connect.
    pub options: PgConnectOptions,
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.options.get_host();
        let name = self.options.get_database().unwrap_or_default();
        write!(f, "DatabaseSettings({host}/{name})")
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<DatabaseSettings> {
    let Some(secret) = reader.secret(NAME) else {
        reader.missing(NAME, REMEDY);
        return None;
    };
    match connect_options(Reader::secret_text(&secret)) {
        Ok(options) => Some(DatabaseSettings { options }),
        Err(mistake) => {
            reader.mistake(&format!("{NAME} {mistake}"));
            None
        }
    }
}

fn connect_options(text: &str) -> Result<PgConnectOptions, String> {
    let not_one = || format!("is not {REMEDY}");
    let mut url = Url::parse(text).map_err(|_| not_one())?;
    match url.scheme() {
        "postgres" | "postgresql" => {}
        "pgsql" | "pdo-pgsql" => {
            // Url refuses to change an unknown scheme into a known one, so it is read again.
            let (_, rest) = text.split_once(':').ok_or_else(not_one)?;
            url = Url::parse(&format!("postgres:{rest}")).map_err(|_| not_one())?;
        }
        _ => return Err(not_one()),
    }
    // What the old connector's database library understood and Postgres does not.
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !matches!(&**name, "charset" | "serverVersion" | "driver"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let says_ssl_mode = kept
        .iter()
        .any(|(name, _)| name.replace('-', "") == "sslmode");
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    let options = PgConnectOptions::from_str(url.as_str())
        // The driver's message could quote the address.
        .map_err(|_| not_one())?
        .application_name("mirakl-stripe")
        // Not every pooler passes this start-up parameter on, and no float is ever asked for.
        .extra_float_digits(None);
    let local = options.get_socket().is_some() || is_loopback(options.get_host());
    match options.get_ssl_mode() {
        _ if local => Ok(options),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Ok(options),
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer if says_ssl_mode => Err(
            "names an sslmode that does without TLS: set sslmode=require, verify-ca or verify-full"
                .to_owned(),
        ),
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => {
            Ok(options.ssl_mode(PgSslMode::Require))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_connectors_form_is_understood() {
        let old = "pgsql://symfony:s%40cret@db.example:5433/shop?charset=UTF-8&serverVersion=13";
        let options = connect_options(old).expect("understood");
        assert_eq!(options.get_host(), "db.example");
        assert_eq!(options.get_port(), 5433);
        assert_eq!(options.get_username(), "symfony");
        assert_eq!(options.get_database(), Some("shop"));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
    }

    #[test]
    fn a_database_elsewhere_needs_tls_and_one_on_this_machine_does_not() {
        for (url, ok) in [
            ("postgres://u@localhost/d", true),
            ("postgres://u@127.0.0.1/d?sslmode=disable", true),
            ("postgres:///d?host=/run/postgresql", true),
            ("postgres://u@db.example/d?sslmode=verify-full", true),
            ("postgres://u@db.example/d?sslmode=prefer", false),
            ("mysql://u@localhost/d", false),
            ("localhost", false),
        ] {
            assert_eq!(connect_options(url).is_ok(), ok, "{url}");
        }
    }
}
