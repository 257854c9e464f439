//! What Stripe wants of addresses, names and numbers.

use super::errors::Refusal;

/// An e-mail address.
pub(super) fn email(text: &str, param: &str) -> Result<(), Refusal> {
    let whole = |(name, host): (&str, &str)| !name.is_empty() && !host.is_empty();
    if is_unbroken(text) && text.split_once('@').is_some_and(whole) {
        return Ok(());
    }
    let message = format!("Invalid email address: {text}");
    Err(Refusal::new(message).code("email_invalid").param(param))
}

/// An address of a web site that others can reach.
pub(super) fn web_site(text: &str, param: &str) -> Result<(), Refusal> {
    let public = |host: &str| {
        let parts = host.split_once('.');
        parts.is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty())
    };
    match host(text) {
        Some((_, host)) if public(host) => Ok(()),
        _ => Err(not_a_url(param)),
    }
}

/// Any absolute web address; in live mode only a secure one.
pub(super) fn redirect(text: &str, live: bool, param: &str) -> Result<(), Refusal> {
    match host(text) {
        Some((false, _)) if live => {
            let message = "Livemode requests must always be redirected via HTTPS.";
            Err(Refusal::new(message).param(param))
        }
        Some(_) => Ok(()),
        None => Err(not_a_url(param)),
    }
}

/// A telephone number.
pub(super) fn phone(text: &str, param: &str) -> Result<(), Refusal> {
    let odd = |letter: char| letter.is_alphabetic() || letter.is_control();
    if !text.contains(odd) && text.contains(|letter: char| letter.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!("\"{text}\" is not a valid phone number");
    Err(Refusal::new(message).param(param))
}

/// A currency, in lower case.
pub(super) fn currency(text: &str, param: &str) -> Result<(), Refusal> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_lowercase()) {
        return Ok(());
    }
    let message = format!("Invalid currency: {text}");
    Err(Refusal::new(message).param(param))
}

/// One line of so many characters at most.
pub(super) fn line(text: &str, longest: usize, param: &str) -> Result<(), Refusal> {
    if text.chars().count() > longest {
        let message = format!("{param} can have up to {longest} characters.");
        return Err(Refusal::new(message).param(param));
    }
    if text.contains(char::is_control) {
        let message = format!("{param} contains invalid characters.");
        return Err(Refusal::new(message).param(param));
    }
    Ok(())
}

/// So many digits.
pub(super) fn digits(text: &str, count: usize, param: &str) -> Result<(), Refusal> {
    if text.len() == count && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!("{param} must have {count} digits.");
    Err(Refusal::new(message).param(param))
}

fn not_a_url(param: &str) -> Refusal {
    Refusal::new("Not a valid URL")
        .code("url_invalid")
        .param(param)
}

/// Whether a web address is secure, and its host.
fn host(url: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !is_unbroken(url) || !(secure || scheme.eq_ignore_ascii_case("http")) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    (!host.is_empty()).then_some((secure, host))
}

fn is_unbroken(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}
