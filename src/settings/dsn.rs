//! `MAILER_DSN`: the address of a mail server, in the forms that Symfony and the mailer before it knew.
//! What is wrong is told without any part of the value: all of it may be secret.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::SecretString;

use super::reader::is_loopback;

const REMEDY: &str = "is no address of a mail server: set it to smtp://user:password@host:port (STARTTLS) or \
     smtps://user:password@host:port (TLS from the start), with characters such as @ : / # in user \
     and password percent-encoded, or leave it empty to send no mails";

/// A mail server.
#[derive(Debug)]
pub struct MailServer {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Its certificate is checked; only a server on this machine goes without.
    pub verified: bool,
    /// Who signs in; none where nobody has to.
    pub login: Option<MailLogin>,
    /// The name that this program says it has; none for that of the machine.
    pub hello: Option<String>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Implicit,
    /// TLS after a first word, and nothing else without it.
    StartTls,
    /// None: a server on this machine.
    Plain,
}

/// Who signs in to a mail server.
#[derive(Debug)]
pub struct MailLogin {
    /// The user; as secret as the password with some providers.
    pub user: SecretString,
    /// The password.
    pub password: SecretString,
}

/// Reads it; `None` when it switches mails off. The errors are ends of sentences that begin with the
/// setting's name.
pub(super) fn parse(text: &str) -> Result<Option<MailServer>, Vec<String>> {
    let not_one = || vec![REMEDY.to_owned()];
    let url = Url::parse(text).map_err(|_| not_one())?;
    let scheme = url.scheme();
    if scheme == "null" || (scheme == "smtp" && url.host_str() == Some("null")) {
        return Ok(None);
    }
    let host = match (scheme, url.host_str()) {
        ("smtp" | "smtps", Some(host)) if !host.is_empty() => decoded(host).ok_or_else(not_one)?,
        _ => return Err(not_one()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(not_one());
    }
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let local = is_loopback(&host);
    let mut options = Options::default();
    let mut mistakes = Vec::new();
    for (name, value) in url.query_pairs() {
        if let Err(mistake) = options.take(&name, value, local) {
            mistakes.push(mistake);
        }
    }
    let (security, port) = protected(scheme, options.encryption, url.port(), local);
    let user = match url.username() {
        "" => options.user,
        user => Some(decoded(user).ok_or_else(not_one)?),
    };
    let password = match url.password() {
        None => options.password,
        Some(password) => Some(decoded(password).ok_or_else(not_one)?),
    };
    let login = match (user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some(MailLogin {
            user: user.into(),
            password: password.into(),
        }),
        _ => {
            mistakes.push("names a user without a password, or the reverse: give both".to_owned());
            None
        }
    };
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Some(MailServer {
        host,
        port,
        security,
        verified: options.verified,
        login,
        hello: options.hello,
    }))
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    is_one_line(&decoded).then(|| decoded.into_owned())
}

/// A line break would begin a command of its own.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// As Symfony does: port 465, and no port at all, mean TLS from the start.
fn protected(
    scheme: &str,
    encryption: Option<MailSecurity>,
    port: Option<u16>,
    local: bool,
) -> (MailSecurity, u16) {
    let security = match (encryption, scheme, port) {
        (Some(encryption), _, _) => encryption,
        (None, "smtps", _) | (None, _, Some(465)) => MailSecurity::Implicit,
        (None, _, _) if local => MailSecurity::Plain,
        (None, _, None) => MailSecurity::Implicit,
        (None, _, Some(_)) => MailSecurity::StartTls,
    };
    let usual = match security {
        MailSecurity::Implicit => 465,
        MailSecurity::StartTls => 587,
        MailSecurity::Plain => 25,
    };
    (security, port.unwrap_or(usual))
}

/// What stands behind the question mark.
struct Options {
    encryption: Option<MailSecurity>,
    verified: bool,
    user: Option<String>,
    password: Option<String>,
    hello: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encryption: None,
            verified: true,
            user: None,
            password: None,
            hello: None,
        }
    }
}

impl Options {
    fn take(&mut self, name: &str, value: Cow<'_, str>, local: bool) -> Result<(), String> {
        let off = matches!(&*value, "0" | "false" | "off" | "no");
        match name {
            "encryption" => match &*value {
                "ssl" => self.encryption = Some(MailSecurity::Implicit),
                "tls" => self.encryption = Some(MailSecurity::StartTls),
                "" => {}
                _ => return Err("has an encryption that is not known: tls or ssl".to_owned()),
            },
            "verify_peer" | "verify_peer_name" if off && local => self.verified = false,
            "verify_peer" | "verify_peer_name" if off => {
                return Err(format!(
                    "switches {name} off, which only a server on this machine may: leave {name} out, \
                     and let the server show a certificate that this machine trusts"
                ));
            }
            "auto_tls" if off && !local => {
                return Err(
                    "switches auto_tls off: leave it out, everything that is not on this machine needs TLS"
                        .to_owned(),
                );
            }
            "username" | "password" if !is_one_line(&value) => return Err(REMEDY.to_owned()),
            "username" => self.user = Some(value.into_owned()),
            "password" => self.password = Some(value.into_owned()),
            "local_domain" => {
                let plain =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
                if value.is_empty() || !value.chars().all(plain) {
                    return Err("has a local_domain that is no name of a machine".to_owned());
                }
                self.hello = Some(value.into_owned());
            }
            // What is so anyway, or means nothing for a program that sends one mail and ends.
            "verify_peer"
            | "verify_peer_name"
            | "auto_tls"
            | "require_tls"
            | "auth_mode"
            | "restart_threshold"
            | "restart_threshold_sleep"
            | "ping_threshold"
            | "max_per_second"
            | "timeout" => {}
            _ => {
                return Err(
                    "has an option that is not known here: encryption, username, password, verify_peer \
                     and local_domain are"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::MailSecurity::{Implicit, Plain, StartTls};
    use super::*;

    fn server(text: &str) -> MailServer {
        let read = parse(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"));
        read.unwrap_or_else(|| panic!("{text}: off"))
    }

    #[test]
    fn everything_that_is_not_on_this_machine_has_tls() {
        for (text, host, port, security) in [
            ("smtp://m.example:587", "m.example", 587, StartTls),
            ("smtp://m.example:25", "m.example", 25, StartTls),
            ("smtp://m.example:465", "m.example", 465, Implicit),
            ("smtp://m.example", "m.example", 465, Implicit),
            ("smtps://m.example", "m.example", 465, Implicit),
            ("smtps://m.example:2465", "m.example", 2465, Implicit),
            ("smtp://0.0.0.0:25", "0.0.0.0", 25, StartTls),
            (
                "smtp://m.example?encryption=tls",
                "m.example",
                587,
                StartTls,
            ),
            (
                "smtp://m.example:25?encryption=ssl&auth_mode=login",
                "m.example",
                25,
                Implicit,
            ),
            ("smtp://localhost", "localhost", 25, Plain),
            (
                "smtp://127.0.0.1:1025?verify_peer=0",
                "127.0.0.1",
                1025,
                Plain,
            ),
            ("smtp://[::1]:1025", "::1", 1025, Plain),
            (
                "smtp://localhost:1025?encryption=tls",
                "localhost",
                1025,
                StartTls,
            ),
        ] {
            let read = server(text);
            assert_eq!(
                (read.host.as_str(), read.port, read.security),
                (host, port, security),
                "{text}"
            );
        }
        assert!(server("smtp://m.example:587").verified);
        assert!(!server("smtps://localhost?verify_peer=0").verified);
    }

    #[test]
    fn user_and_password_are_decoded_wherever_they_stand() {
        for text in [
            "smtp://u%40x:p%2Fw%3A%25+@m.example:587",
            "smtp://m.example:587?username=u%40x&password=p%2Fw%3A%25%2B",
        ] {
            let login = server(text).login.expect("a login");
            assert_eq!(login.user.expose_secret(), "u@x", "{text}");
            assert_eq!(login.password.expose_secret(), "p/w:%+", "{text}");
        }
        assert!(server("smtp://m.example:587").login.is_none());
    }

    #[test]
    fn some_forms_switch_mails_off() {
        for text in [
            "smtp://null",
            "null://null",
            "null://default",
            "smtp://null:25",
        ] {
            assert!(parse(text).expect(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_mistake_tells_nothing_of_the_value() {
        for text in [
            "S3cret",
            "smtp://",
            "smtp://S3cret:S3cret@",
            "smtp://u:S3cret/x@m.example",
            "smtp://u:S3cret#x@m.example:587",
            "smtp://u:S3cret@m.example:99999",
            "smtp://u:S3cret%0d%0aRSET@m.example:587",
            "smtp://m.example:587?username=S3cret%0d%0aRSET&password=S3cret",
            "smtp://m.example:587?username=u&password=S3cret%00",
            "smtp://S3cret@m.example:587",
            "smtp://u:S3cret@m.example:587?verify_peer=0",
            "smtp://u:S3cret@m.example:587?auto_tls=false",
            "smtp://u:S3cret@m.example:587?encryption=S3cret",
            "smtp://u:S3cret@m.example:587?S3cret=1",
            "smtp://u:S3cret@m.example:587?local_domain=S3cret%0aX",
            "sendmail://S3cret",
            "ses+smtp://S3cret:S3cret@default",
        ] {
            let mistakes = parse(text).expect_err(text).join("\n");
            assert!(
                !mistakes.is_empty() && !mistakes.contains("S3cret"),
                "{text}: {mistakes}"
            );
        }
        let shown = format!("{:?}", server("smtp://S3cret:S3cret@m.example:587"));
        assert!(!shown.contains("S3cret"), "{shown}");
    }
}
