//! Who is calling: the key, its mode and the account acted for.

use super::book::PLATFORM;
use super::errors::Refusal;
use crate::api::Incoming;

/// A test key with every permission.
pub const STRIPE_KEY: &str = "sk_test_simulator";
/// A live key of the same platform, whose live mode is empty.
pub const STRIPE_LIVE_KEY: &str = "sk_live_simulator";
/// A restricted test key, with every permission that the endpoints here need.
pub const STRIPE_RESTRICTED_KEY: &str = "rk_test_simulator";

/// A caller with a good key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    pub(super) live: bool,
    /// The connected account acted for.
    pub(super) account: Option<String>,
}

impl Caller {
    /// Reads the key and `Stripe-Account`, which is not yet checked.
    pub(super) fn read(call: &Incoming) -> Result<Self, Refusal> {
        let key = given_key(call)
            .ok_or_else(|| Refusal::new("You did not provide an API key.").status(401))?;
        let live = match key.as_str() {
            STRIPE_KEY | STRIPE_RESTRICTED_KEY => false,
            STRIPE_LIVE_KEY => true,
            _ => {
                let message = format!("Invalid API Key provided: {}", mask(&key));
                return Err(Refusal::new(message).status(401));
            }
        };
        let account = call.header("stripe-account");
        // The platform may name itself: that is the same as naming nobody.
        let account = account.filter(|id| !id.is_empty() && *id != PLATFORM);
        Ok(Self {
            live,
            account: account.map(str::to_owned),
        })
    }
}

/// The key of the request, masked.
pub(super) fn masked_key(call: &Incoming) -> String {
    given_key(call).map(|key| mask(&key)).unwrap_or_default()
}

/// The prefix and the last four characters.
fn mask(key: &str) -> String {
    let prefix = key.rfind('_').map_or("", |at| &key[..=at]);
    let last = key.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    format!("{prefix}****{}", &key[last.max(prefix.len())..])
}

fn given_key(call: &Incoming) -> Option<String> {
    let (scheme, given) = call.header("authorization")?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(given.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(base64(given)?).ok()?;
    Some(pair.split_once(':')?.0.to_owned())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    Some(bytes)
}
