//! What of a shop's profile is fit to be shown to the seller in Stripe's form. Sellers type what they
//! like: a field that Stripe would refuse is left out, so that it never costs the seller the account.

use reqwest::Url;

use crate::domain::shop::Profile;

const LONGEST_NAME: usize = 100;
const LONGEST_EMAIL: usize = 254;

/// The fields that fill Stripe's form in advance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefill {
    /// `company` or `individual`.
    pub business_type: &'static str,
    /// The business's name.
    pub name: Option<String>,
    /// Its web site.
    pub url: Option<String>,
    /// Where customers write to.
    pub support_email: Option<String>,
    /// Where customers call.
    pub support_phone: Option<String>,
}

impl From<&Profile> for Prefill {
    fn from(profile: &Profile) -> Self {
        Self {
            business_type: match profile.professional {
                true => "company",
                false => "individual",
            },
            name: profile.name.as_deref().and_then(name),
            url: profile.web_site.as_deref().and_then(url),
            support_email: profile.email.as_deref().and_then(email),
            support_phone: profile.phone.as_deref().and_then(phone),
        }
    }
}

fn name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

fn url(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let whole = match typed.contains("://") {
        true => typed.to_owned(),
        false => format!("https://{typed}"),
    };
    let url = Url::parse(&whole).ok()?;
    let host = url.domain()?;
    let fits = matches!(url.scheme(), "http" | "https")
        && host.contains('.')
        && !host.ends_with('.')
        && url.username().is_empty()
        && url.password().is_none();
    fits.then(|| url.to_string())
}

fn email(typed: &str) -> Option<String> {
    let email = typed.trim();
    let (name, domain) = email.split_once('@')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    let fits = email.len() <= LONGEST_EMAIL && plain(name) && plain(domain) && domain.contains('.');
    fits.then(|| email.to_owned())
}

fn phone(typed: &str) -> Option<String> {
    let phone = typed.trim();
    let digits = phone.bytes().filter(u8::is_ascii_digit).count();
    let plain = phone
        .bytes()
        .all(|b| b.is_ascii_digit() || b" +-().".contains(&b));
    (plain && (5..=15).contains(&digits) && phone.len() <= 30).then(|| phone.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stripe_would_refuse_is_left_out() {
        let long = "x".repeat(500);
        for (typed, kept) in [
            ("Café \"Ö'Neil\" & 🎉 <b>", true),
            ("  ", false),
            (long.as_str(), false),
            ("a\u{0}b", false),
            ("a\nb", false),
        ] {
            assert_eq!(name(typed).is_some(), kept, "{typed:?}");
        }
        for (typed, kept) in [
            ("https://shop.example/a?b=c", true),
            ("www.shop.example", true),
            ("ftp://shop.example", false),
            ("localhost", false),
            ("https://user:pw@shop.example", false),
            ("https://10.0.0.1/", false),
            ("my shop", false),
            ("", false),
        ] {
            assert_eq!(url(typed).is_some(), kept, "{typed:?}");
        }
        for (typed, kept) in [
            ("a.b+c@shop.example", true),
            ("none", false),
            ("a@b", false),
            ("a b@shop.example", false),
            ("a@shop..example", false),
            ("a@shop.example\r\nBcc: x@y.example", false),
            ("@shop.example", false),
        ] {
            assert_eq!(email(typed).is_some(), kept, "{typed:?}");
        }
        for (typed, kept) in [
            ("+33 1 23 45 67 89", true),
            ("(0)30-123.456", true),
            ("call me", false),
            ("123", false),
            ("1234567890123456", false),
        ] {
            assert_eq!(phone(typed).is_some(), kept, "{typed:?}");
        }
    }
}
