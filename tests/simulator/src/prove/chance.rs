//! What happens by chance, the same for the same seed.

use std::ops::Range;

/// One stream of chance. Each kind of event has its own, so that one more event of a kind changes
/// nothing of the others.
#[derive(Debug)]
pub struct Chance {
    random: fastrand::Rng,
}

impl Chance {
    /// The stream of this name for a seed.
    pub fn new(seed: u64, name: &str) -> Self {
        let name = name.bytes().fold(0, |sum: u64, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let random = fastrand::Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ name);
        Self { random }
    }

    /// Once in so many times.
    pub fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(0..times) == 0
    }

    /// A number of this range.
    pub fn of(&mut self, range: Range<i64>) -> i64 {
        self.random.i64(range)
    }

    /// A count of this range.
    pub fn count(&mut self, range: Range<usize>) -> usize {
        self.random.usize(range)
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.random.usize(0..among.len())]
    }

    /// One of these, if there is one; draws as often when there is none.
    pub fn find<T>(&mut self, mut among: Vec<T>) -> Option<T> {
        let drawn = self.random.usize(..);
        match among.len() {
            0 => None,
            number => Some(among.swap_remove(drawn % number)),
        }
    }

    /// In another order.
    pub fn shuffle<T>(&mut self, what: &mut [T]) {
        self.random.shuffle(what);
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_seed_and_name_are_the_same_chance() {
        let draws = |seed, name| {
            let mut chance = Chance::new(seed, name);
            (0..20).map(|_| chance.of(0..1000)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, "weather"), draws(1, "weather"));
        assert_ne!(draws(1, "weather"), draws(2, "weather"));
        assert_ne!(draws(1, "weather"), draws(1, "people"));
    }
}
