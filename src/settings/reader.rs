//! Reads settings one by one and gathers what is wrong with them.

use std::fs;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Mistakes, Source};

/// Reads a [`Source`]; what is wrong is kept until [`Reader::finish`].
pub(super) struct Reader<'a> {
    source: &'a Source,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self {
            source,
            mistakes: source.mistakes().to_vec(),
        }
    }

    pub fn mistake(&mut self, mistake: &str) {
        self.mistakes.push(mistake.to_owned());
    }

    pub fn missing(&mut self, name: &str, remedy: &str) {
        // A value that was there but could not be used is a mistake of its own already.
        let noted = self.mistakes.iter().any(|m| m.starts_with(name));
        if !noted {
            self.mistakes
                .push(format!("{name} is missing: set it to {remedy}"));
        }
    }

    pub fn into_mistakes(self) -> Mistakes {
        Mistakes(self.mistakes)
    }

    pub fn finish<T>(self, settings: T) -> Result<T, Mistakes> {
        match self.mistakes.is_empty() {
            true => Ok(settings),
            false => Err(self.into_mistakes()),
        }
    }

    /// A text; empty means unset.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.source.get(name)
    }

    /// A secret: from the environment, or from the file that `NAME_FILE` names.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file = self.source.get(&format!("{name}_FILE"));
        match (self.source.get(name), file) {
            (Some(_), Some(_)) => {
                self.mistake(&format!(
                    "{name} and {name}_FILE are both set: keep one of them"
                ));
                None
            }
            (Some(secret), None) => Some(secret.into()),
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) if !text.trim().is_empty() => Some(text.trim().to_owned().into()),
                Ok(_) => {
                    self.mistake(&format!("{name}_FILE names {path}, which is empty"));
                    None
                }
                Err(error) => {
                    self.mistake(&format!(
                        "{name}_FILE names {path}, which cannot be read: {error}"
                    ));
                    None
                }
            },
            (None, None) => None,
        }
    }

    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self
            .source
            .get(name)
            .as_deref()
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(other) => {
                self.mistake(&format!("{name} is {other:?}: set it to true or false"));
                default
            }
        }
    }

    pub fn number(&mut self, name: &str, default: u32, least: u32, most: u32) -> u32 {
        let Some(text) = self.source.get(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.mistake(&format!(
                    "{name} is {text:?}: set it to a whole number from {least} to {most}"
                ));
                default
            }
        }
    }

    pub fn parsed<T, E>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        remedy: &str,
    ) -> Option<T> {
        let text = self.source.get(name)?;
        if let Ok(value) = parse(&text) {
            return Some(value);
        }
        self.mistake(&format!("{name} is {text:?}: set it to {remedy}"));
        None
    }

    /// An address of a host alone: https, or loopback.
    pub fn address(&mut self, name: &str, default: Option<&str>, remedy: &str) -> Option<Url> {
        let Some(text) = self.source.get(name).or(default.map(str::to_owned)) else {
            self.missing(name, remedy);
            return None;
        };
        let url = self.secure_url(name, &text, remedy)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare {
            let host = url.host_str().unwrap_or_default();
            self.mistake(&format!(
                "{name} names more than {host}: leave out everything after the host"
            ));
            return None;
        }
        Some(url)
    }

    /// The address of a page or an endpoint: https, or loopback.
    pub fn page(&mut self, name: &str, remedy: &str) -> Option<Url> {
        let text = self.source.get(name)?;
        self.secure_url(name, &text, remedy)
    }

    /// The code of a custom field at Mirakl.
    pub fn field_code(&mut self, name: &str, default: &str) -> String {
        let code = self.source.get(name).unwrap_or_else(|| default.to_owned());
        if code.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.mistake(&format!(
                "{name} is {code:?}: set it to the code of a custom field of shops"
            ));
        }
        code
    }

    pub fn token_url(&mut self, name: &str, default: &str) -> Option<Url> {
        let text = self.source.get(name).unwrap_or_else(|| default.to_owned());
        self.secure_url(name, &text, "the address of the OAuth 2 token endpoint")
    }

    fn secure_url(&mut self, name: &str, text: &str, remedy: &str) -> Option<Url> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            // A password, or a token behind the host, is not shown.
            let shown = match text.contains(['@', '/', '?', '#']) {
                true => "no address of http or https".to_owned(),
                false => format!("{text:?}"),
            };
            self.mistake(&format!("{name} is {shown}: set it to {remedy}"));
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.mistake(&format!("{name} holds a user or password: leave them out"));
            return None;
        }
        if url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or_default()) {
            // What follows the host may be a secret of whoever serves it.
            let host = url.host_str().unwrap_or_default();
            self.mistake(&format!(
                "{name} is http://{host}…: use https, everything that is not on this machine needs TLS"
            ));
            return None;
        }
        Some(url)
    }

    pub fn secret_text(secret: &SecretString) -> &str {
        secret.expose_secret()
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
