#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mirakl_stripe_fuzz::mutate(data, size, most, seed)
});
fuzz_target!(|data: &[u8]| mirakl_stripe::fuzzing::answers(data));
