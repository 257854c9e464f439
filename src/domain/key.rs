//! The idempotency key of a request that makes something at Stripe.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// Stripe takes keys of at most 255 characters.
const LONGEST: usize = 255;

/// `ms1:<mirakl host>:<operation>:<type>:<mirakl id>:<attempt>`.
///
/// It depends on nothing of the database, so that a restored or lost one sends the same key; the
/// attempt rises only after a definite refusal, because Stripe replays a stored answer for a
/// reused key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Builds the key; one that is too long or not printable ASCII is hashed.
    pub fn new(host: &str, operation: &str, kind: &str, mirakl_id: &str, attempt: u32) -> Self {
        let plain = format!("ms1:{host}:{operation}:{kind}:{mirakl_id}:{attempt}");
        if plain.len() <= LONGEST && plain.bytes().all(|b| b.is_ascii_graphic()) {
            return Self(plain);
        }
        let digest = Sha256::digest(plain.as_bytes());
        Self(format!("ms1:sha256:{}", hex(&digest)))
    }

    /// The key as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, attempt: u32) -> String {
        IdempotencyKey::new("m.example", "transfer", "PRODUCT_ORDER", id, attempt).to_string()
    }

    #[test]
    fn a_key_names_host_operation_type_id_and_attempt() {
        assert_eq!(
            key("C1-A", 2),
            "ms1:m.example:transfer:PRODUCT_ORDER:C1-A:2"
        );
    }

    #[test]
    fn a_key_that_stripe_would_not_take_is_hashed_and_stays_distinct() {
        let long = "x".repeat(300);
        for id in ["Bestellung-ä", "C 1", "a\nb", long.as_str()] {
            let hashed = key(id, 1);
            assert!(hashed.starts_with("ms1:sha256:") && hashed.len() <= LONGEST);
            assert_ne!(hashed, key(id, 2));
        }
        assert_eq!(key(&"x".repeat(200), 1).len(), 239);
    }
}
