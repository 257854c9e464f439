//! Ids that look like Stripe's, the same in every run.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Makes ids: each its own, each the same in every simulator that does the same.
#[derive(Debug)]
pub(super) struct Ids {
    made: u64,
}

impl Ids {
    /// `start` keeps the ids of two makers apart.
    pub(super) fn new(start: u64) -> Self {
        Self { made: start << 48 }
    }

    /// `prefix_` and a suffix of this length, at most 24.
    pub(super) fn make(&mut self, prefix: &str, length: usize) -> String {
        format!("{prefix}_{}", self.suffix(length))
    }

    /// A suffix of this length, at most 24, that no id has.
    pub(super) fn suffix(&mut self, length: usize) -> String {
        self.made += 1;
        let mut id = String::with_capacity(length);
        let (mut high, mut low) = (mix(self.made), mix(!self.made));
        for at in 0..length {
            let bits = if at % 2 == 0 { &mut high } else { &mut low };
            let letter = usize::try_from(*bits % 62).unwrap_or_default();
            *bits /= 62;
            id.push(char::from(ALPHABET[letter]));
        }
        id
    }
}

/// The finisher of `splitmix64`: one to one, so that counts do not meet.
fn mix(count: u64) -> u64 {
    let mut bits = count.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
