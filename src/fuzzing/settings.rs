//! Settings: whatever is set, no message shows a secret, and what is accepted is what was said.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgSslMode;

use super::check;
use crate::settings::{MailSecurity, Settings, Source, parse_date};

/// Stands in secrets, and in what an address holds besides its host.
const MARK: &str = "S3cret";

const GOOD: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://u:pw@localhost/db"),
    ("STRIPE_CLIENT_SECRET", "sk_test_1"),
    ("MIRAKL_HOST_NAME", "https://m.example"),
    ("MIRAKL_API_KEY", "key"),
    ("TECHNICAL_ALERT_EMAIL", "ops@example.com"),
    ("TECHNICAL_ALERT_EMAIL_FROM", "connector@example.com"),
];

/// Settings whose whole value may be told when it is wrong: a number, a flag, a code.
const PLAIN: &[&str] = &[
    "START_DATE",
    "STRIPE_TAX_ACCOUNT",
    "MIRAKL_CUSTOM_FIELD_CODE",
    "MIRAKL_IGNORED_SHOP_FIELD_CODE",
    "MIRAKL_CLIENT_ID",
    "PAYMENT_METADATA_COMMERCIAL_ORDER_ID",
];

fn is_address(name: &str) -> bool {
    let ends = ["_HOST_NAME", "_BASE", "_URL", "REDIRECT_ONBOARDING"];
    name != "DATABASE_URL" && ends.iter().any(|end| name.ends_with(end))
}

fn is_plain(name: &str) -> bool {
    let is_number = [
        "_DAYS",
        "_HOURS",
        "_MINUTES",
        "_SECONDS",
        "_SECOND",
        "_CONCURRENCY",
        "_COOLDOWN",
    ];
    let is_flag = ["ENABLE_", "MAIL_ON_", "REFUSE_", "CONFIRM_", "PA01_"];
    PLAIN.contains(&name)
        || name.ends_with("_FILE")
        || name == "STRIPE_PREFILL_ONBOARDING"
        || is_number.iter().any(|end| name.ends_with(end))
        || is_flag.iter().any(|start| name.starts_with(start))
}

/// Lines of `NAME=value`, as the environment holds them, over settings that work.
pub(super) fn environment(text: &str) {
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, value) in GOOD {
        values.push(((*name).to_owned(), (*value).to_owned()));
    }
    for line in text.lines().take(64) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        // Files are none of this target's business.
        if name.is_empty() || name.ends_with("_FILE") || value.contains('\0') {
            continue;
        }
        // A name alone, where an address belongs, is told too.
        let is_name = is_address(name) && !value.contains(['@', '/', '?', '#']);
        let value = match is_plain(name) || is_name {
            true => value.replace(MARK, "x"),
            false => value.to_owned(),
        };
        values.push((name.to_owned(), value));
    }
    read(&values);
}

fn read(values: &[(String, String)]) -> Option<Settings> {
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let source = Source::of(values.iter());
    match Settings::read(&source) {
        Ok(settings) => {
            accepted(&settings);
            let secrets = [
                "STRIPE_CLIENT_SECRET",
                "MIRAKL_API_KEY",
                "MIRAKL_CLIENT_SECRET",
                "OPERATOR_NOTIFICATION_SECRET",
            ];
            let shown = format!("{settings:?}");
            let is_secret = |name: &&str| secrets.contains(name);
            for (_, secret) in values.iter().filter(|(name, _)| is_secret(name)) {
                let elsewhere = values
                    .iter()
                    .any(|(name, value)| !is_secret(name) && value.contains(MARK));
                let hidden = !secret.contains(MARK) || !shown.contains(secret.trim());
                assert!(hidden || elsewhere, "{shown}");
            }
            Some(settings)
        }
        Err(mistakes) => {
            assert!(!mistakes.0.is_empty());
            let shown = format!("{mistakes} {mistakes:?}");
            assert!(!shown.contains(MARK), "{shown}");
            None
        }
    }
}

/// What must be true of settings that a run starts with.
fn accepted(settings: &Settings) {
    let pages = [
        &settings.mirakl.base,
        &settings.stripe.base,
        &settings.onboarding.return_url,
        &settings.onboarding.refresh_url,
        &settings.onboarding.dashboard_url,
    ];
    let endpoint = settings.notifications.as_ref().map(|n| &n.url);
    for url in pages.into_iter().chain(endpoint) {
        let host = url.host_str().unwrap_or_default();
        assert!(
            url.scheme() == "https" || is_here(host),
            "{url} goes without TLS"
        );
        assert!(url.username().is_empty() && url.password().is_none());
    }
    for base in [&settings.mirakl.base, &settings.stripe.base] {
        assert_eq!((base.path(), base.query()), ("/", None), "{base}");
    }
    protected(&settings.database.options);
    let key = settings.stripe.key.secret.expose_secret();
    assert_eq!(
        settings.stripe.key.livemode,
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    );
    assert!(
        settings.stripe.key.livemode || key.starts_with("sk_test_") || key.starts_with("rk_test_")
    );
    assert!(!settings.taxes.split || settings.taxes.account.is_some());
    check::dates(settings.start_date, "START_DATE");
    if let Some(mail) = &settings.alerts.mail {
        assert!(!mail.to.is_empty());
        let local = is_here(&mail.server.host);
        assert!(local || (mail.server.security != MailSecurity::Plain && mail.server.verified));
        let login = mail.server.login.as_ref();
        let texts = login.map(|login| [login.user.expose_secret(), login.password.expose_secret()]);
        // A line break would begin a command of its own.
        let texts = texts
            .into_iter()
            .flatten()
            .chain([mail.server.host.as_str()]);
        for text in texts.chain(mail.server.hello.as_deref()) {
            assert!(
                !text.chars().any(char::is_control),
                "a login of several lines"
            );
        }
    }
}

/// A database elsewhere is reached over TLS or not at all.
fn protected(options: &sqlx::postgres::PgConnectOptions) {
    let tls = matches!(
        options.get_ssl_mode(),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
    );
    let local = options.get_socket().is_some() || is_here(options.get_host());
    assert!(tls || local, "{} without TLS", options.get_host());
}

/// This machine, by a reading of its own.
fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let v4 = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| ip.octets()[0] == 127);
    let v6 = host
        .parse::<std::net::Ipv6Addr>()
        .is_ok_and(|ip| ip == std::net::Ipv6Addr::LOCALHOST);
    host == "localhost" || v4 || v6
}

/// A config file, by its text.
pub(super) fn config_file(text: &str) {
    let mut source = Source::of([].iter());
    source.take_config(text, Path::new("connector.toml"));
    let keys_are_safe = text
        .parse::<toml::Table>()
        .map_or(true, |table| !table.keys().any(|key| key.contains(MARK)));
    let shown = source.mistakes().join("\n");
    assert!(!keys_are_safe || !shown.contains(MARK), "{shown}");
    let _ = Settings::read(&source);
}

/// An env file, by its text.
pub(super) fn env_file(text: &str) {
    let mut source = Source::of([].iter());
    source.take_env_file(text.as_bytes(), Path::new(".env"));
    let shown = source.mistakes().join("\n");
    assert!(!shown.contains(MARK), "{shown}");
}

/// User, password, host, port and database become an address in both forms, and come back.
pub(super) fn database(text: &str) {
    // As it is: whatever is accepted is protected.
    let raw = [("DATABASE_URL".to_owned(), text.to_owned())];
    let raw: Vec<(&str, &str)> = raw.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    match Settings::read_database(&Source::of(raw.iter())) {
        Ok(database) => protected(&database.options),
        Err(mistakes) => assert!(!mistakes.to_string().contains(MARK), "{mistakes}"),
    }
    let mut parts = text.split('\n');
    let mut next = || parts.next().unwrap_or_default();
    let (user, password, name) = (next(), next(), next());
    let usable = |text: &str| !text.is_empty() && !text.contains('\0');
    if ![user, password, name].into_iter().all(usable) {
        return;
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let rest = format!(
        "://{}:{}@db.example:5433/{}",
        encoded(user),
        encoded(password),
        encoded(name)
    );
    for (scheme, query) in [
        ("postgres", ""),
        ("postgresql", ""),
        ("pgsql", "?charset=UTF-8&serverVersion=13"),
    ] {
        let url = format!("{scheme}{rest}{query}");
        let values = [("DATABASE_URL", url.as_str())];
        let read = Settings::read_database(&Source::of(values.iter()));
        let database = read.unwrap_or_else(|mistakes| panic!("{url}: {mistakes}"));
        let options = &database.options;
        assert_eq!(
            (options.get_host(), options.get_port()),
            ("db.example", 5433)
        );
        assert_eq!(
            (options.get_username(), options.get_database()),
            (user, Some(name))
        );
        protected(options);
        let shown = format!("{database:?}");
        assert!(
            !password.contains(MARK) || name.contains(MARK) || !shown.contains(MARK),
            "{shown}"
        );
    }
}

/// User, password and port become an address of a mail server in both forms, and come back.
pub(super) fn mail_server(text: &str) {
    let with = |dsn: &str| {
        let mut values: Vec<(String, String)> = Vec::new();
        for (name, value) in GOOD {
            values.push(((*name).to_owned(), (*value).to_owned()));
        }
        values.push(("MAILER_DSN".to_owned(), dsn.to_owned()));
        read(&values)
    };
    with(text);
    let mut parts = text.split('\n');
    let mut next = || parts.next().unwrap_or_default();
    let (user, password, port) = (next(), next(), next().parse::<u16>().unwrap_or(587));
    let usable = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    if !usable(user) || !usable(password) {
        return;
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (u, p) = (encoded(user), encoded(password));
    for dsn in [
        format!("smtp://{u}:{p}@mail.example:{port}"),
        format!("smtps://{u}:{p}@mail.example:{port}?verify_peer=1"),
        format!("smtp://mail.example:{port}?username={u}&password={p}"),
    ] {
        let settings = with(&dsn).unwrap_or_else(|| panic!("{dsn}"));
        let server = settings
            .alerts
            .mail
            .unwrap_or_else(|| panic!("{dsn}"))
            .server;
        assert_eq!((server.host.as_str(), server.port), ("mail.example", port));
        let login = server.login.as_ref().unwrap_or_else(|| panic!("{dsn}"));
        assert_eq!(
            (login.user.expose_secret(), login.password.expose_secret()),
            (user, password)
        );
        assert_ne!(server.security, MailSecurity::Plain);
        let shown = format!("{server:?}");
        assert!(
            !format!("{user}{password}").contains(MARK) || !shown.contains(MARK),
            "{shown}"
        );
    }
}

/// A day or an instant.
pub(super) fn date(text: &str) {
    if let Ok(at) = parse_date(text) {
        check::date(at, "a date");
        let again = parse_date(&at.to_rfc3339());
        assert_eq!(again.as_ref(), Ok(&at), "{text}");
    }
}
